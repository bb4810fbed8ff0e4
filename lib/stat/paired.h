/* Two systems on the same examples: is one better? McNemar's exact test and an interval for accuracy,
 * DeLong's test for AUROC, and Holm's correction when many pairs are tried. */
#ifndef HM_PAIRED_H
#define HM_PAIRED_H

#include "stat/interval.h"

/* Two-sided exact McNemar: b examples only the first gets right, c only the second; min(1, 2 P(X <=
 * min(b,c))) with X ~ Binomial(b + c, 1/2). */
double hm_mcnemar(size_t b, size_t c);

struct hm_paired {
	size_t only_a, only_b;		/* right in one of them alone */
	double accuracy;		/* difference, a - b */
	struct hm_interval accuracy_ci; /* Bonett and Price, BJMSP 2012: adjusted Wald */
	double mcnemar_p;
	double auroc;		     /* difference, a - b; NaN where AUROC is undefined */
	struct hm_interval auroc_ci; /* DeLong, Wald, clipped to [-1,1] */
	double delong_p; /* two-sided; with variance 0: 1 when equal, else 0. NaN without two of each class */
};
/* a and b hold the same n > 0 examples in the same order. 0 or HM_EDATA (memory). */
int hm_paired_compute(const struct hm_sample *a, const struct hm_sample *b, struct hm_paired *out,
		      struct hm_err *e);

/* Holm's step-down adjusted p values of p[0..n) into out[] (Scand. J. Stat. 1979); NaN stays NaN and is not
 * counted. 0 or HM_EDATA (memory). */
int hm_holm(const double *p, size_t n, double *out, struct hm_err *e);

#endif
