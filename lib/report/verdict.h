/* The scores of a row of several trainings, the difference between two rows, and whether a claim about rows
 * is supported. All rows are scored on the same examples. With several random seeds, an example counts by the
 * share of the seeds that get it right. */
#ifndef HM_VERDICT_H
#define HM_VERDICT_H

#include "report/runs.h"

struct hm_summary {
	double accuracy, auroc;		/* means over the trials */
	struct hm_interval accuracy_ci; /* over examples: Wilson; with several trials Wald, of the mean */
	struct hm_interval auroc_ci;	/* over examples: DeLong, of the mean of the trials' AUROCs */
	double deviation, least, most;	/* of the trials' accuracies; deviation: NaN for one trial */
	struct hm_interval over_seeds;	/* Student's t, of the mean accuracy; NaN for one trial */
	double loss, seconds;		/* means */
	bool constant; /* each trial gives every example the same probability (two classes) */
};
/* Summarises a row. 0 or HM_EDATA (memory). */
int hm_row_summary(const struct hm_row *row, struct hm_summary *out, struct hm_err *e);

/* The .975 quantile of Student's t with `df` > 0 degrees of freedom. */
double hm_student_975(double df);

/* Row a compared with row b. With one trial each: the exact McNemar test and Bonett and Price's interval
 * (paired.h). With more, equally many on both sides: the mean over examples of the difference of shares, its
 * Wald interval and z test. */
struct hm_difference {
	double accuracy;
	struct hm_interval ci;
	double p;
	double holm; /* p corrected for the claim's pairs */
};

enum hm_verdict { HM_UNDECIDABLE, HM_SUPPORTED, HM_NOT_SUPPORTED };

/* Compares the pairs of a claim into out[claim->n] and judges them:
 *   better     supported: a above b with p (Holm) < .05 in every pair; not supported: some pair is
 * significantly worse not-worse  supported: every interval lies above -margin; not supported: some pair is
 * significantly worse same       supported: every interval lies within +-margin; not supported: some pair
 * differs significantly Anything else is undecidable at this number of examples. 0 or HM_EDATA (memory). */
int hm_claim_judge(const struct hm_claim *claim, struct hm_difference *out, enum hm_verdict *verdict,
		   struct hm_err *e);
/* Only the judgement, from n differences. */
enum hm_verdict hm_verdict_of(enum hm_claim_kind kind, double margin, const struct hm_difference *d, int n);
/* "supported", "not supported", "undecidable at this n". Static storage. */
const char *hm_verdict_text(enum hm_verdict v);

#endif
