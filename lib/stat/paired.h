/* Two systems on the same examples: is one better? McNemar's exact test and an interval for accuracy,
 * DeLong's test for AUROC, and Holm's correction when many pairs are tried. */
#ifndef HM_PAIRED_H
#define HM_PAIRED_H

#include "stat/interval.h"

/* The p-value of the two-sided exact McNemar test. Only the first system gets b examples right, only the
 * second c. min(1, 2 P(X <= min(b,c))) with X ~ Binomial(b + c, 1/2). */
double hm_mcnemar(size_t b, size_t c);

struct hm_paired {
	size_t only_a, only_b;		/* examples that only one of them gets right */
	double accuracy;		/* difference, a - b */
	struct hm_interval accuracy_ci; /* Bonett and Price, BJMSP 2012: adjusted Wald */
	double mcnemar_p;
	double auroc;		     /* difference, a - b; NaN where AUROC is undefined */
	struct hm_interval auroc_ci; /* DeLong, Wald, clipped to [-1,1] */
	/* Two-sided. NaN, and so are the ends of auroc_ci, below two examples of each class; and where the
	 * estimated variance is 0, as for a perfect system and a constant one, but the AUROC is not the
	 * same: nothing is known of the error then. */
	double delong_p;
};
/* a and b hold the same n > 0 examples in the same order. 0 or HM_EDATA (memory). */
int hm_paired_compute(const struct hm_sample *a, const struct hm_sample *b, struct hm_paired *out,
		      struct hm_err *e);

/* out[n]: Holm's step-down adjusted p-values of p[n] (Scand. J. Stat. 1979). NaN stays NaN and does not
 * count. 0 or HM_EDATA (memory). */
int hm_holm(const double *p, size_t n, double *out, struct hm_err *e);

#endif
