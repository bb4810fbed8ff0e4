/* Checks of the two sets of a training run: what they must have in common, and what their labels say. */
#ifndef HM_SETCHECK_H
#define HM_SETCHECK_H

#include "train/setup.h"

/* Passes a sentence of at most 511 bytes to the user; a longer one is cut. */
void hm_setup_notice(const struct hm_setup *s, bool warning, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Checks that side k is prepared in `now` as `trained` says, which is the training set's or --init's
 * preparation. A difference is an error that begins with `where`, or with --allow-mismatch a warning.
 * 0 or HM_EDATA. */
int hm_setup_same_preparation(const struct hm_setup *s, const cJSON *trained, const cJSON *now, int k,
			      const char *where, struct hm_err *e);

/* Checks that side k's feature column in the input `in`, if its encoder is given too, was made with the
 * encoder's colours, activation and heads: the encoder is saved with the head. Else as above. 0 or
 * HM_EDATA. */
int hm_setup_check_settings(const struct hm_setup *s, const struct hm_examples *x, int k, const char *in,
			    struct hm_err *e);

/* Checks that --names and the training set call the classes as --init's model does, whose classes are theirs.
 * A difference as above. 0 or HM_EDATA. */
int hm_setup_same_init_names(const struct hm_setup *s, struct hm_err *e);

/* Checks that both sets have the same kind of features and preparation and the same words for the classes,
 * and warns of ids that are in both. Needs s->classes. 0 or HM_EDATA. */
int hm_setup_compare_sets(struct hm_setup *s, struct hm_err *e);

/* Sets s->classes, from --classes, from the labels or from --init. Checks that all labels are below it, and
 * warns of labels from which little can be learnt. 0 or HM_EDATA. */
int hm_setup_count_classes(struct hm_setup *s, struct hm_err *e);

#endif
