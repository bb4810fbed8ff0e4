/* Parts of the report on one system. Only the files behind present.h, and tests, include it. */
#ifndef HM_PRESENTPARTS_H
#define HM_PRESENTPARTS_H

#include "report/present.h"

/* A table of the scores per value of a column; a table of the pairs of confounders. */
int hm_groups_text(const struct hm_groups *g, struct hm_buf *out, struct hm_err *e);
int hm_pairscore_text(const struct hm_pairscore *s, struct hm_buf *out, struct hm_err *e);

#endif
