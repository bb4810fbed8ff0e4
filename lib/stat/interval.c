/* Intervals: see interval.h. */
#include "stat/interval.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define TAIL .025

static const struct hm_interval undefined = {NAN, NAN};

struct hm_interval hm_wilson(size_t k, size_t n)
{
	double N = (double)n, p = (double)k / N, z2 = HM_Z95 * HM_Z95, d = 1 + z2 / N;
	double half = HM_Z95 / d * sqrt(p * (1 - p) / N + z2 / (4 * N * N)), mid = (p + z2 / (2 * N)) / d;
	return (struct hm_interval){k ? mid - half : 0, k < n ? mid + half : 1};
}

/* ---- the incomplete beta function and its inverse ---- */

static double log_gamma(double x)
{
	int sign;
	return lgamma_r(x, &sign);
}

/* The continued fraction, which converges fast for x < (a + 1)/(a + b + 2); modified Lentz. */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = DBL_MIN / DBL_EPSILON;
	double c = 1, d = 1 - (a + b) * x / (a + 1), f;
	d = 1 / (fabs(d) < tiny ? tiny : d);
	f = d;
	for (int m = 1; m < 1000000; m++) {
		double step = 1;
		for (int odd = 0; odd < 2; odd++) {
			double k = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
				       : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
			d = 1 + k * d;
			d = 1 / (fabs(d) < tiny ? tiny : d);
			c = 1 + k / c;
			c = fabs(c) < tiny ? tiny : c;
			f *= c * d;
			step *= c * d;
		}
		if (fabs(step - 1) <= DBL_EPSILON)
			break;
	}
	return f;
}

double hm_beta_inc(double a, double b, double x)
{
	if (x <= 0 || x >= 1)
		return x >= 1;
	double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* The x with I_x(a,b) = p, by halving until no double lies between the bounds. */
static double beta_quantile(double a, double b, double p)
{
	double lo = 0, hi = 1;
	for (;;) {
		double mid = lo + (hi - lo) / 2;
		if (mid <= lo || mid >= hi || hi - lo < DBL_EPSILON * mid)
			return mid;
		*(hm_beta_inc(a, b, mid) < p ? &lo : &hi) = mid;
	}
}

struct hm_interval hm_clopper_pearson(size_t k, size_t n)
{
	double K = (double)k, N = (double)n;
	return (struct hm_interval){k ? beta_quantile(K, N - K + 1, TAIL) : 0,
				    k < n ? beta_quantile(K + 1, N - K, 1 - TAIL) : 1};
}

/* The least k with P(X <= k) >= q, by halving. */
static size_t binomial_quantile(size_t n, double p, double q)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (hm_beta_inc((double)(n - mid), (double)mid + 1, 1 - p) < q)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct hm_interval hm_binomial_range(size_t n, double p)
{
	return (struct hm_interval){(double)binomial_quantile(n, p, TAIL) / (double)n,
				    (double)binomial_quantile(n, p, 1 - TAIL) / (double)n};
}

/* ---- DeLong ---- */

void hm_delong_places(const struct hm_ranking *r, double *place, size_t *positives)
{
	size_t pos = 0, neg = 0, all_neg = 0;
	for (size_t i = 0; i < r->n; i++)
		all_neg += r->label[i] != r->positive;
	*positives = r->n - all_neg;
	for (size_t k = 0; k < r->n;) {
		size_t from = k, pos_here = 0, neg_here = 0;
		do
			*(r->label[r->order[k]] == r->positive ? &pos_here : &neg_here) += 1;
		while (!r->last[k++]);
		for (size_t g = from; g < k; g++) {
			uint32_t i = r->order[g];
			place[i] = r->label[i] == r->positive
					   ? (double)(2 * (all_neg - neg - neg_here) + neg_here)
					   : (double)(2 * pos + pos_here);
		}
		pos += pos_here;
		neg += neg_here;
	}
}

/* Places are whole numbers, so the mean of equal ones is exact and their variance exactly 0. */
double hm_delong_variance(const double *place, const int32_t *label, size_t n, size_t positives)
{
	double count[2] = {(double)(n - positives), (double)positives}, sum[2] = {0}, square[2] = {0},
	       var = 0;
	if (positives < 2 || n - positives < 2)
		return NAN;
	for (size_t i = 0; i < n; i++)
		sum[label[i] == 1] += place[i];
	for (size_t i = 0; i < n; i++) {
		double d = place[i] - sum[label[i] == 1] / count[label[i] == 1];
		square[label[i] == 1] += d * d;
	}
	for (int c = 0; c < 2;
	     c++) /* a place is twice a count of the other class: /(2 count) makes it a share */
		var += square[c] / (count[c] - 1) / count[c] / (4 * count[!c] * count[!c]);
	return var;
}

int hm_delong_interval(const struct hm_ranking *r, struct hm_interval *ci, struct hm_err *e)
{
	size_t positives;
	double auroc = hm_auroc(r, NULL), *place = hm_alloc(r->n, sizeof *place, e);
	*ci = undefined;
	if (!place)
		return HM_EDATA;
	hm_delong_places(r, place, &positives);
	double half = HM_Z95 * sqrt(hm_delong_variance(place, r->label, r->n, positives));
	if (!isnan(half))
		*ci = (struct hm_interval){fmax(auroc - half, 0), fmin(auroc + half, 1)};
	free(place);
	return 0;
}

/* above: that two positives both lie above one negative; below: that two negatives both lie below one
 * positive */
double hm_hanley_mcneil_variance(double auroc, double positives, double negatives)
{
	double square = auroc * auroc, above = auroc / (2 - auroc), below = 2 * square / (1 + auroc);
	if (!(positives > 0 && negatives > 0))
		return NAN;
	return (auroc * (1 - auroc) + (positives - 1) * (above - square) +
		(negatives - 1) * (below - square)) /
	       (positives * negatives);
}
