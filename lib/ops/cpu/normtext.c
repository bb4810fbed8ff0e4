/* This file computes LayerNorm in training on the cpu device, together with the dropout and the residual
 * before it: one pass over the rows forward and one backward, distributed among d->threads threads. Sums
 * over rows are computed in chunks of a fixed size that are added in order, so the bytes do not depend on
 * the number of threads. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/mask.h"
#include "ops/cpu/split.h"
#include "ops/cpu/vec.h"

/* What every row needs; res and mask may be NULL. */
struct forward {
	void *y, *x;
	float *stats;
	const void *res;
	const float *gamma, *beta;
	const struct hm_mask *mask;
	double eps;
	size_t k;
	bool bf16;
};

HM_INLINE void *row_at(const void *x, size_t r, size_t k, bool bf16)
{
	return (char *)x + r * k * (bf16 ? 2 : 4);
}

HM_SIMD static void forward_rows(const struct forward *a, float *v, size_t from, size_t to)
{
	size_t k = a->k;
	bool bf16 = a->bf16;
	float *t = v + hm_mask_floats(k);
	for (size_t r = from; r < to; r++) {
		float mean, rstd;
		hm_widen(v, row_at(a->x, r, k, bf16), k, bf16);
		if (a->mask)
			hm_mask_apply(v, t, a->mask, r * k, k);
		if (a->res) {
			hm_widen(t, row_at(a->res, r, k, bf16), k, bf16);
			for (size_t j = 0; j < k; j++)
				v[j] += t[j];
		}
		hm_narrow(row_at(a->x, r, k, bf16), v, k, bf16);
		if (bf16)
			hm_widen(v, row_at(a->x, r, k, bf16), k, bf16);
		hm_vec_moments(v, k, a->eps, &mean, &rstd);
		for (size_t j = 0; j < k; j++)
			v[j] = (v[j] - mean) * rstd * a->gamma[j] + a->beta[j];
		hm_narrow(row_at(a->y, r, k, bf16), v, k, bf16);
		a->stats[2 * r] = mean;
		a->stats[2 * r + 1] = rstd;
	}
}

void hm_cpu_add_norm(struct hm_device *d, void *y, float *stats, void *x, const void *res, const float *gamma,
		     const float *beta, double eps, const struct hm_dropout *drop, int m, int k)
{
	struct hm_mask mask;
	struct forward a = {y,
			    x,
			    stats,
			    res,
			    gamma,
			    beta,
			    hm_mask_init(&mask, drop) ? &mask : NULL,
			    eps,
			    (size_t)k,
			    d->act == HM_BF16};
	size_t own = 2 * hm_mask_floats(a.k);
	float *scratch = hm_cpu_scratch(d, (size_t)d->threads * own * sizeof *scratch);
	if (!scratch)
		return;
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		forward_rows(&a, scratch + (size_t)t * own, hm_part((size_t)m, t, d->threads, 1),
			     hm_part((size_t)m, t + 1, d->threads, 1));
}

struct backward {
	void *ds, *dx;
	float *sums; /* per chunk: sums of g * xhat [k], sums of g [k] */
	const void *dy, *dy2, *skip, *s;
	const float *stats, *gamma;
	const struct hm_mask *mask;
	size_t k;
	bool bf16;
};

/* g = dy + dy2, xhat = (s - mean)*rstd, u = g*gamma: ds = rstd*(u - mean(u) - xhat*mean(u*xhat)) + skip. */
HM_SIMD static void backward_rows(const struct backward *a, float *restrict sums, float *restrict g,
				  size_t from, size_t to)
{
	size_t k = a->k, own = hm_mask_floats(k);
	bool bf16 = a->bf16;
	float *restrict x = g + own, *restrict t = x + own;
	for (size_t j = 0; j < 2 * k; j++)
		sums[j] = 0;
	for (size_t r = from; r < to; r++) {
		float mean = a->stats[2 * r], rstd = a->stats[2 * r + 1], su, sux;
		hm_vec8 low = {0}, high = {0}, lowx = {0}, highx = {0};
		hm_widen(g, row_at(a->dy, r, k, bf16), k, bf16);
		if (a->dy2) {
			hm_widen(t, row_at(a->dy2, r, k, bf16), k, bf16);
			for (size_t j = 0; j < k; j++)
				g[j] += t[j];
		}
		hm_widen(x, row_at(a->s, r, k, bf16), k, bf16);
		for (size_t j = 0; j < k; j++) {
			x[j] = (x[j] - mean) * rstd;
			sums[j] += g[j] * x[j];
			sums[k + j] += g[j];
			g[j] *= a->gamma[j];
		}
		for (size_t j = k; j < own; j++)
			g[j] = x[j] = 0;
		for (size_t j = 0; j < k; j += HM_LANES) {
			const hm_vec8 *u = (hm_vec8 *)(g + j), *v = (hm_vec8 *)(x + j);
			low += u[0];
			high += u[1];
			lowx += u[0] * v[0];
			highx += u[1] * v[1];
		}
		su = hm_vec_sum_halves(&low, &high) / (float)k;
		sux = hm_vec_sum_halves(&lowx, &highx) / (float)k;
		for (size_t j = 0; j < k; j++)
			g[j] = rstd * (g[j] - su - x[j] * sux);
		if (a->skip) {
			hm_widen(t, row_at(a->skip, r, k, bf16), k, bf16);
			for (size_t j = 0; j < k; j++)
				g[j] += t[j];
		}
		hm_narrow(row_at(a->ds, r, k, bf16), g, k, bf16);
		if (a->mask && a->dx) {
			hm_widen(g, row_at(a->ds, r, k, bf16), k, bf16);
			hm_mask_apply(g, t, a->mask, r * k, k);
			hm_narrow(row_at(a->dx, r, k, bf16), g, k, bf16);
		}
	}
}

void hm_cpu_add_norm_backward(struct hm_device *d, void *ds, void *dx, float *dgamma, float *dbeta,
			      const void *dy, const void *dy2, const void *skip, const void *s,
			      const float *stats, const float *gamma, const struct hm_dropout *drop, int m,
			      int k)
{
	struct hm_mask mask;
	struct backward a = {ds,	dx,
			     NULL,	dy,
			     dy2,	skip,
			     s,		stats,
			     gamma,	hm_mask_init(&mask, drop) ? &mask : NULL,
			     (size_t)k, d->act == HM_BF16};
	size_t chunks = hm_cpu_chunks(m), own = 3 * hm_mask_floats(a.k), each = 2 * a.k;
	float *scratch = hm_cpu_scratch(d, ((size_t)d->threads * own + chunks * each) * sizeof *scratch);
	if (!scratch)
		return;
	a.sums = scratch + (size_t)d->threads * own;
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		for (size_t c = hm_part(chunks, t, d->threads, 1); c < hm_part(chunks, t + 1, d->threads, 1);
		     c++)
			backward_rows(&a, a.sums + c * each, scratch + (size_t)t * own, c * HM_CHUNK,
				      (c + 1) * HM_CHUNK < (size_t)m ? (c + 1) * HM_CHUNK : (size_t)m);
	hm_cpu_add_chunks(d, dgamma, a.sums, chunks, each, a.k);
	hm_cpu_add_chunks(d, dbeta, a.sums + a.k, chunks, each, a.k);
}
