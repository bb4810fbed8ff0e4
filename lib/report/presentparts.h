/* Parts of the report on one system. Only the files behind present.h, and tests, include it. */
#ifndef HM_PRESENTPARTS_H
#define HM_PRESENTPARTS_H

#include "report/present.h"

/* Of more than two classes: the rows of the averages for the table of metrics; a table of the classes and the
 * confusion matrix; notes on classes that are not there; the last line. */
int hm_classes_rows_text(const struct hm_classes *c, struct hm_buf *out, struct hm_err *e);
int hm_classes_text(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e);
int hm_classes_notes_text(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e);
int hm_classes_line_text(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e);

/* A row of the table of metrics: its name ("": none), the value, the interval and what it is by. No line end.
 */
void hm_metric_row_text(struct hm_buf *b, const char *name, double v, struct hm_interval ci, const char *by,
			struct hm_err *e);
/* Ends a row: takes off the spaces at its end. */
void hm_metric_end_text(struct hm_buf *b, struct hm_err *e);

/* A table of the scores per value of a column; a table of the pairs of confounders. */
int hm_groups_text(const struct hm_groups *g, struct hm_buf *out, struct hm_err *e);
int hm_pairscore_text(const struct hm_pairscore *s, struct hm_buf *out, struct hm_err *e);

#endif
