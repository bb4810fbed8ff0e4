/* 95 % confidence intervals: Wilson and Clopper-Pearson for a share, DeLong for AUROC, a seeded bootstrap for
 * the rest. An interval that cannot be given is {NaN, NaN}. */
#ifndef HM_INTERVAL_H
#define HM_INTERVAL_H

#include "base/workers.h"
#include "stat/metrics.h"

#define HM_Z95 1.959963984540054 /* the standard normal's .975 quantile */

struct hm_interval {
	double lo, hi;
};

/* For k of n, n > 0. Wilson, JASA 1927; Clopper and Pearson, Biometrika 1934. */
struct hm_interval hm_wilson(size_t k, size_t n);
struct hm_interval hm_clopper_pearson(size_t k, size_t n);

/* Where the share of successes in n > 0 trials of probability p, 0 < p < 1, falls: the .025 and .975
 * quantiles of Binomial(n, p), divided by n; scipy's binom.interval(.95, n, p). */
struct hm_interval hm_binomial_range(size_t n, double p);

/* I_x(a,b), the regularised incomplete beta function, a, b > 0, 0 <= x <= 1. Lentz's continued fraction. */
double hm_beta_inc(double a, double b, double x);

/* DeLong's structural components (DeLong et al., Biometrics 1988), by ranks as Sun and Xu (2014): for a
 * positive twice the number of negatives below it, for a negative twice the number of positives above it,
 * ties counting one. place[n]; *positives of the n are positive. */
void hm_delong_places(const struct hm_ranking *r, double *place, size_t *positives);
/* The variance of an AUROC, or with places = differences of two systems' places of the difference of their
 * AUROCs. NaN without two examples of each kind. */
double hm_delong_variance(const double *place, const int32_t *label, size_t n, size_t positives);
/* Wald, clipped to [0,1]. 0 or HM_EDATA (memory). */
int hm_delong_interval(const struct hm_ranking *r, struct hm_interval *ci, struct hm_err *e);

/* Percentile intervals of every metric, from `resamples` draws of n out of n with replacement; draw i, try t
 * is the stream (seed, HM_RNG_BOOTSTRAP, i, t). A draw that holds one class only is drawn again; a sample
 * that does has no intervals. Quantiles interpolate linearly, as numpy's. The same for any number of workers.
 * 0 or HM_EDATA. */
int hm_bootstrap(const struct hm_sample *s, size_t resamples, uint64_t seed, struct hm_workers *w,
		 struct hm_interval ci[HM_METRICS], struct hm_err *e);

#endif
