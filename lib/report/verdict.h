/* What a row of several trainings is worth, how far two rows differ, and whether a claim about rows is borne
 * out. All numbers are on the same examples; with several seeds an example counts by the share of seeds that
 * get it right. */
#ifndef HM_VERDICT_H
#define HM_VERDICT_H

#include "report/runs.h"

struct hm_summary {
	double accuracy, auroc;		/* means over the trials */
	struct hm_interval accuracy_ci; /* over examples: Wilson; of several trials Wald, of the mean */
	struct hm_interval auroc_ci;	/* over examples: DeLong, of the mean of the trials' AUROCs */
	double deviation, least, most;	/* of the trials' accuracies; deviation NaN for one */
	struct hm_interval over_seeds;	/* Student's t, of the mean accuracy; NaN for one trial */
	double loss, seconds;		/* means */
};
/* 0 or HM_EDATA (memory). */
int hm_row_summary(const struct hm_row *row, struct hm_summary *out, struct hm_err *e);

/* The .975 quantile of Student's t with `df` > 0 degrees of freedom. */
double hm_student_975(double df);

/* Row a against row b. One trial each: exact McNemar and Bonett and Price's interval (paired.h). More, with
 * equally many on both sides: the mean over examples of the difference of shares, its Wald interval and z
 * test. */
struct hm_difference {
	double accuracy;
	struct hm_interval ci;
	double p;
	double holm; /* p corrected for the claim's pairs */
};

enum hm_verdict { HM_UNDECIDABLE, HM_SUPPORTED, HM_NOT_SUPPORTED };

/* out[claim->n], and what follows from them:
 *   better     supported: every p (Holm) < .05 and a above b; not supported: some pair significant the other
 * way not-worse  supported: every interval lies above -margin; not supported: some pair significantly worse
 *   same       supported: every interval lies within +-margin; not supported: some pair differs significantly
 * and undecidable at this number of examples otherwise. 0 or HM_EDATA (memory). */
int hm_claim_judge(const struct hm_claim *claim, struct hm_difference *out, enum hm_verdict *verdict,
		   struct hm_err *e);
/* The last step alone. */
enum hm_verdict hm_verdict_of(enum hm_claim_kind kind, double margin, const struct hm_difference *d, int n);
/* "supported", "not supported", "undecidable at this n". */
const char *hm_verdict_text(enum hm_verdict v);

#endif
