/* Scores as text to read, as JSON, and predictions as CSV. Appends to buffers, prints nothing. All return 0
 * or HM_EDATA (memory). */
#ifndef HM_REPORT_H
#define HM_REPORT_H

#include "stat/scores.h"

#include <cjson/cJSON.h>

/* The table of metrics with intervals and baselines, the confusion matrix, notes on what the numbers cannot
 * tell, and the last line: `accuracy 0.5580 [0.5142, 0.6010]  auroc 0.6123 [0.5631, 0.6615]  n 500`. */
int hm_report_text(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e);
/* The keys of --json; NaN is null. Canonical, one line. */
int hm_report_json(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e);

/* Several systems, at most HM_COMPARE_MAX, called A to Z in the tables, and all their pairs. */
#define HM_COMPARE_MAX 26
int hm_report_compare_text(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *out,
			   struct hm_err *e);
/* {"n":…,"systems":[…as hm_report_json, and "name"…],"pairs":[…]} */
int hm_report_compare_json(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *out,
			   struct hm_err *e);

/* id,proba,label (more than two classes: id,proba_0,…,label), probabilities by %.9g; a failed record's are
 * empty, so is a missing label. */
int hm_report_csv(const struct hm_predictions *p, struct hm_buf *out, struct hm_err *e);
/* The records answered wrongly, the most confident first: *n positions in the sample into *at. Caller frees
 * *at. */
int hm_errors_find(const struct hm_matched *m, const struct hm_sample *s, size_t **at, size_t *n,
		   struct hm_err *e);
/* The first `count` of them, one line each. */
int hm_report_errors(const struct hm_predictions *p, const struct hm_matched *m, const struct hm_sample *s,
		     size_t count, struct hm_buf *out, struct hm_err *e);

#endif
