/* The small files that are read beside predictions: pairs of confounders, and one that says how many records
 * there should be. */
#ifndef HM_BESIDE_H
#define HM_BESIDE_H

#include "stat/confounders.h"

/* A CSV with the columns a and b, ids, and kind, in any order; others are ignored. Into an empty c, whose
 * name it sets. 0 or HM_EDATA, sentences name file and line. */
int hm_confounders_read(struct hm_confounders *c, const char *path, struct hm_err *e);

/* How many records with a label should be there, into *expected: as many as `spec` says, a number or a file
 * with a line each (NULL: as were seen, counting the `skipped` that an earlier tool left out), less those
 * known to have no label. HM_EDATA when that is less than what m holds, or more without `allow`. */
int hm_expected_count(size_t *expected, const char *spec, const struct hm_matched *m, size_t skipped,
		      bool allow, struct hm_err *e);

#endif
