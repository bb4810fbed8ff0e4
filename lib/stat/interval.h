/* 95 % confidence intervals: Wilson's and Clopper and Pearson's for a share, DeLong's for AUROC; bootstrap.h
 * has those of everything else. An interval that is undefined is {NaN, NaN}. */
#ifndef HM_INTERVAL_H
#define HM_INTERVAL_H

#include "stat/metrics.h"

#define HM_Z95 1.959963984540054 /* the standard normal's .975 quantile */

struct hm_interval {
	double lo, hi;
};

/* Of a share of k in n, n > 0. Wilson, JASA 1927; Clopper and Pearson, Biometrika 1934. */
struct hm_interval hm_wilson(size_t k, size_t n);
struct hm_interval hm_clopper_pearson(size_t k, size_t n);

/* The range in which the share of successes in n > 0 trials of probability p, 0 < p < 1, falls 19 times of
 * 20: the .025 and .975 quantiles of Binomial(n, p), divided by n; scipy's binom.interval(.95, n, p). */
struct hm_interval hm_binomial_range(size_t n, double p);

/* I_x(a,b), the regularised incomplete beta function, a, b > 0, 0 <= x <= 1. Lentz's continued fraction. */
double hm_beta_inc(double a, double b, double x);

/* DeLong's structural components (DeLong et al., Biometrics 1988), computed from ranks (Sun and Xu 2014).
 * place[n]: of a positive, twice the number of negatives below it; of a negative, twice the number of
 * positives above it; a tie counts one. *positives: how many of the n are positive. */
void hm_delong_places(const struct hm_ranking *r, double *place, size_t *positives);
/* The variance of an AUROC. With the differences of two systems' places: the variance of the difference of
 * their AUROCs. NaN with fewer than two examples of each class. */
double hm_delong_variance(const double *place, const int32_t *label, size_t n, size_t positives);
/* DeLong's interval: Wald, clipped to [0,1]. 0 or HM_EDATA (memory). */
int hm_delong_interval(const struct hm_ranking *r, struct hm_interval *ci, struct hm_err *e);

/* The variance of an AUROC of which only the value is known, and how many examples of each class it is of:
 * Hanley and McNeil, Radiology 1982, as if the scores of both classes were distributed exponentially. NaN
 * unless both are there.
 */
double hm_hanley_mcneil_variance(double auroc, double positives, double negatives);

#endif
