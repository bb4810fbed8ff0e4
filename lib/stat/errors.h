/* The records that a system answered wrongly. */
#ifndef HM_ERRORS_H
#define HM_ERRORS_H

#include "stat/predictions.h"

/* Of m, made from one system alone, and its sample s: the records whose answer is not their label, the most
 * confident wrong answer first, equal ones in the order of the sample. *n positions in the sample into *at,
 * which the caller frees with free(). 0 or HM_EDATA (memory). */
int hm_errors_find(const struct hm_matched *m, const struct hm_sample *s, size_t **at, size_t *n,
		   struct hm_err *e);

#endif
