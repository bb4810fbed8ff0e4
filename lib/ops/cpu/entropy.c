/* This file has the cross-entropy of the cpu device: ref's sums with one exponential per logit, where ref
 * takes two. */
#include "ops/cpu/cpu.h"

#include <math.h>

/* e [n] = exp(x - the largest x), whose sum is returned; *top := that x. */
static double exponentials(double *e, const float *x, int n, double *top)
{
	double sum = 0;
	*top = -INFINITY;
	for (int j = 0; j < n; j++)
		*top = x[j] > *top || isnan(x[j]) ? x[j] : *top;
	for (int j = 0; j < n; j++) {
		double z = x[j] - *top;
		sum += e[j] = z == 0 ? 1 : exp(z);
	}
	return sum;
}

void hm_cpu_cross_entropy(struct hm_device *d, double *sums, float *loss, float *dx, const float *x,
			  const int32_t *label, const float *weight, double total, int m, int n)
{
	double own = hm_cross_entropy_total(label, weight, m), all = 0, top, inverse,
	       *e = hm_cpu_scratch(d, (size_t)n * sizeof *e);
	if (!e)
		return;
	if (total == 0)
		total = own;
	inverse = 1 / total;
	for (size_t r = 0; r < (size_t)m; r++) {
		const float *row = x + r * (size_t)n;
		double sum = exponentials(e, row, n, &top), u = weight ? weight[label[r]] : 1, part = 1 / sum;
		all += u * (top + log(sum) - row[label[r]]);
		for (int j = 0; dx && j < n; j++)
			dx[r * (size_t)n + (size_t)j] =
				(float)(u * inverse * (e[j] * part - (j == label[r])));
	}
	if (loss)
		*loss = (float)(all / total);
	if (sums) {
		sums[0] = all;
		sums[1] = own;
	}
}
