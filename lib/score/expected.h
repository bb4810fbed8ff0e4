/* Compares the number of scored records with what --expect says. */
#ifndef HM_EXPECTED_H
#define HM_EXPECTED_H

#include "stat/predictions.h"

/* *expected: how many records with a label should be there. `spec` is a number or a file with a line per
 * record; NULL: as many as were seen, counting the `skipped` ones that an earlier tool left out. Records
 * known to have no label are taken off. HM_EDATA when fewer are expected than m holds, failed ones
 * included, or, unless `allow`, when one that is expected has no answer. */
int hm_expected_count(size_t *expected, const char *spec, const struct hm_matched *m, size_t skipped,
		      bool allow, struct hm_err *e);

#endif
