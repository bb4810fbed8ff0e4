/* A system's answers to all records, kept in memory until they are scored; and the records of several
 * systems, matched by id. */
#ifndef HM_PREDICTIONS_H
#define HM_PREDICTIONS_H

#include "stat/metrics.h"
#include "stat/kinds.h"

struct hm_prediction {
	const char *id, *text; /* NUL-terminated; text may be "" */
	int32_t label;	       /* -1: unknown */
	int group;	       /* index into `groups`, -1: not grouped */
	uint64_t place;	       /* in its file: the record's number from 0, or the line's from 1 */
	bool failed;	       /* no answer: probabilities are zero and mean nothing */
};

/* All zero except `name` and `classes` is an empty list. */
struct hm_predictions {
	const char *name;   /* the system's, for reports; borrowed */
	const char *unit;   /* what `place` counts: "record" or "line"; NULL: "record" */
	int classes;	    /* C >= 2 */
	const char **names; /* [C] the classes' words; NULL: they have none */
	bool submitted; /* the labels come from a CSV of predictions: they may be predictions themselves */
	size_t n, cap;
	struct hm_prediction *item; /* [n] */
	double *prob;		    /* [n, C] */
	struct hm_strmap ids;
	struct hm_kinds groups;
	struct hm_arena text;
};
/* Adds a record. prob[C]; NULL: the record failed. The texts are copied, `text` may be NULL. HM_EDATA when an
 * earlier record has the same id or the values are not probabilities (hm_prob_check); the caller puts file,
 * place and id before the sentence. */
int hm_predictions_add(struct hm_predictions *p, const char *id, size_t id_len, const char *text,
		       size_t text_len, int32_t label, const double *prob, uint64_t place, struct hm_err *e);
/* Puts the record that was added last into the group of this value. 0, or HM_EDATA: too many different
 * values. */
int hm_predictions_group(struct hm_predictions *p, const char *value, size_t len, struct hm_err *e);
/* How many of a's records are also in b, in any order: the same id, label and probabilities, these rounded to
 * F32, because a file of records and its CSV agree to that. */
size_t hm_predictions_shared(const struct hm_predictions *a, const struct hm_predictions *b);
/* Whether every label may be this system's answer: of the records with an answer and a label, at least
 * HM_ECHO_RECORDS of more than one class. Two classes: some threshold answers all of them so, a tie fitting
 * either label; more: the most probable class. In a challenge's submission the label is the prediction; then
 * scores say nothing. */
#define HM_ECHO_RECORDS 20
bool hm_predictions_echo(const struct hm_predictions *p);
/* echo[k]: whether a system is `submitted` and its labels are its answers, unless another system knows the
 * labels, too: records, or a CSV in which some answer is wrong. Returns the first such system's name; NULL:
 * there is none. */
const char *hm_predictions_echoes(const struct hm_predictions *s, int k, bool *echo);
/* Gives the classes their words, which are copied: word[0..n), of which those beyond C are left out; a class
 * beyond n is called by its number. p->classes is known. 0 or HM_EDATA (memory). */
int hm_predictions_call(struct hm_predictions *p, const char *const *word, int n, struct hm_err *e);
/* How many records this system has no answer to. */
size_t hm_predictions_failed(const struct hm_predictions *p);
void hm_predictions_clear(struct hm_predictions *p);

/* Whether k systems have the same ids, the same number of classes, and the same words for these where they
 * have any; else HM_EDATA names what differs. */
int hm_predictions_check(const struct hm_predictions *system, int k, struct hm_err *e);
/* Looks up record i of the first of k such systems in all of them. at[k]: its position in each; *label: the
 * known one, -1 if none knows it; *failed: some system has no answer. HM_EDATA: known labels differ. */
int hm_predictions_find(const struct hm_predictions *system, int k, size_t i, size_t *at, int32_t *label,
			bool *failed, struct hm_err *e);

/* The records that count: those with a label and an answer from every system, in the order of the first
 * system. */
struct hm_matched {
	size_t n, unlabelled;
	size_t failed, failed_label[2]; /* some system has no answer; those of them with label 0 and 1 */
	size_t *item;			/* [n] position in the first system */
	int32_t *label;			/* [n] */
	double **prob;			/* [systems] of [n, C] */
	int systems, classes;
};
/* The k systems must pass hm_predictions_check and have labels that agree where both know
 * them; else HM_EDATA names what differs. A failed record without a label counts as failed. Caller frees with
 * hm_matched_clear. */
int hm_matched_init(struct hm_matched *m, const struct hm_predictions *system, int k, struct hm_err *e);
void hm_matched_clear(struct hm_matched *m);
/* How many records the systems have, those that do not count among them. */
static inline size_t hm_matched_records(const struct hm_matched *m)
{
	return m->n + m->unlabelled + m->failed;
}

#endif
