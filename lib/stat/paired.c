/* Paired tests: see paired.h. */
#include "stat/paired.h"

#include <math.h>
#include <stdlib.h>

/* The binomial tail, from its largest term down. That term, C(n,k)/2^n, is a product whose halvings are taken
 * in between, so that it neither overflows nor vanishes early. */
double hm_mcnemar(size_t b, size_t c)
{
	size_t n = b + c, k = b < c ? b : c, halvings = n;
	double term = 1, sum = 0;
	for (size_t i = 1; i <= k; i++) {
		term *= (double)(n - k + i) / (double)i;
		for (; term > 1 && halvings; halvings--)
			term /= 2;
	}
	for (; term > 0 && halvings; halvings--)
		term /= 2;
	for (size_t i = k; term > 0; i--) {
		double before = sum;
		sum += term;
		if (!i || sum == before)
			break;
		term *= (double)i / (double)(n - i + 1);
	}
	return fmin(1, 2 * sum);
}

static struct hm_interval interval_around(double mid, double half)
{
	return (struct hm_interval){fmax(mid - half, -1), fmin(mid + half, 1)};
}

static void compare_accuracy(const struct hm_sample *a, const struct hm_sample *b, struct hm_paired *out)
{
	double n = (double)a->n;
	for (size_t i = 0; i < a->n; i++) {
		bool right_a = a->answer[i] == a->label[i], right_b = b->answer[i] == b->label[i];
		out->only_a += right_a && !right_b;
		out->only_b += right_b && !right_a;
	}
	double x = (double)out->only_a, y = (double)out->only_b, p = (x + 1) / (n + 2), q = (y + 1) / (n + 2);
	out->accuracy = (x - y) / n;
	out->accuracy_ci = interval_around(p - q, HM_Z95 * sqrt((p + q - (p - q) * (p - q)) / (n + 2)));
	out->mcnemar_p = hm_mcnemar(out->only_a, out->only_b);
}

static int compare_auroc(const struct hm_sample *a, const struct hm_sample *b, struct hm_paired *out,
			 struct hm_err *e)
{
	size_t positives;
	double *pa = hm_alloc(a->n, sizeof *pa, e), *pb = pa ? hm_alloc(a->n, sizeof *pb, e) : NULL;
	if (pb) {
		hm_delong_places(&a->rank, pa, &positives);
		hm_delong_places(&b->rank, pb, &positives);
		for (size_t i = 0; i < a->n; i++)
			pa[i] -= pb[i];
		double se = sqrt(hm_delong_variance(pa, a->label, a->n, positives));
		out->auroc = hm_auroc(&a->rank, NULL) - hm_auroc(&b->rank, NULL);
		if (se > 0)
			out->delong_p = erfc(fabs(out->auroc) / se / sqrt(2));
		bool equal = se == 0 && out->auroc == 0;
		if (equal)
			out->delong_p = 1;
		if (se > 0 || equal)
			out->auroc_ci = interval_around(out->auroc, HM_Z95 * se);
	}
	free(pa);
	free(pb);
	return pb ? 0 : HM_EDATA;
}

int hm_paired_compute(const struct hm_sample *a, const struct hm_sample *b, struct hm_paired *out,
		      struct hm_err *e)
{
	*out = (struct hm_paired){.auroc = NAN, .auroc_ci = {NAN, NAN}, .delong_p = NAN};
	compare_accuracy(a, b, out);
	return a->classes > 2 ? 0 : compare_auroc(a, b, out, e);
}

struct ranked {
	double p;
	size_t at;
};

static int by_rising_p(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->p != y->p)
		return x->p < y->p ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

int hm_holm(const double *p, size_t n, double *out, struct hm_err *e)
{
	struct ranked *r = hm_alloc(n, sizeof *r, e);
	size_t m = 0;
	double least = 0;
	if (!r)
		return HM_EDATA;
	for (size_t i = 0; i < n; i++) {
		out[i] = NAN;
		if (!isnan(p[i]))
			r[m++] = (struct ranked){p[i], i};
	}
	qsort(r, m, sizeof *r, by_rising_p);
	for (size_t i = 0; i < m; i++) {
		least = fmax(least, fmin(1, (double)(m - i) * r[i].p));
		out[r[i].at] = least;
	}
	free(r);
	return 0;
}
