/* The records that a system answered wrongly. */
#ifndef HM_ERRORS_H
#define HM_ERRORS_H

#include "stat/predictions.h"

/* Finds the records whose answer is not their label. `m` is made from one system alone, `s` from `m`. *at:
 * [*n] positions in the sample, the most confident wrong answer first, equally confident ones in the sample's
 * order. The caller frees *at with free(). 0 or HM_EDATA (memory). */
int hm_errors_find(const struct hm_matched *m, const struct hm_sample *s, size_t **at, size_t *n,
		   struct hm_err *e);

#endif
