/* This file has the optimizers of the cpu device: ref's arithmetic to the bit, in vector loops at the speed
 * of memory. Fused multiply-adds are written out, so that every instruction set gives the same bytes. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/split.h"

#include <math.h>

enum {
	LINE = 64,
	CHUNK = 65536
}; /* elements: parts begin at multiples of it; a partial sum of squares covers so many */

struct sgd {
	float step, momentum, decay;
	bool first;
};

HM_SIMD_FMA static void sgd_run(const struct sgd *s, float *restrict p, float *restrict v,
				const float *restrict g, size_t n)
{
	float step = s->step, momentum = s->momentum, decay = s->decay;
	for (size_t j = 0; j < n; j++) {
		float u = decay != 0 ? fmaf(decay, p[j], g[j]) : g[j];
		if (momentum != 0)
			u = v[j] = s->first ? u : v[j] * momentum + u;
		p[j] = fmaf(step, u, p[j]);
	}
}

void hm_cpu_sgd(struct hm_device *d, float *p, float *v, const float *g, size_t n, double lr, double momentum,
		double weight_decay, int64_t t)
{
	const struct sgd s = {(float)-lr, (float)momentum, (float)weight_decay, t == 1};
	if (hm_few(n)) {
		sgd_run(&s, p, v, g, n);
		return;
	}
#pragma omp parallel for num_threads(d->threads)
	for (int part = 0; part < d->threads; part++) {
		size_t from = hm_part(n, part, d->threads, LINE);
		sgd_run(&s, p + from, v ? v + from : NULL, g + from,
			hm_part(n, part + 1, d->threads, LINE) - from);
	}
}

struct adam {
	float keep, decay; /* 1 - lr*wd (decoupled) or 1; wd (not decoupled) or 0 */
	float c1, b2, c2, root, eps, step;
};

HM_SIMD_FMA static void adam_run(const struct adam *a, float *restrict p, float *restrict m,
				 float *restrict v, const float *restrict g, size_t n)
{
	float keep = a->keep, decay = a->decay, c1 = a->c1, b2 = a->b2, c2 = a->c2, root = a->root,
	      eps = a->eps, step = a->step;
	for (size_t j = 0; j < n; j++) {
		float q = p[j] * keep, u = decay != 0 ? fmaf(decay, q, g[j]) : g[j];
		float mean = fmaf(c1, u - m[j], m[j]), square = fmaf(c2 * u, u, v[j] * b2);
		m[j] = mean;
		v[j] = square;
		p[j] = q + step * mean / (sqrtf(square) / root + eps);
	}
}

void hm_cpu_adam(struct hm_device *d, float *p, float *m, float *v, const float *g, size_t n,
		 const struct hm_adam *o, int64_t t)
{
	const struct adam a = {
		.keep = o->decoupled ? (float)(1 - o->lr * o->weight_decay) : 1,
		.decay = o->decoupled ? 0 : (float)o->weight_decay,
		.c1 = (float)(1 - o->beta1),
		.b2 = (float)o->beta2,
		.c2 = (float)(1 - o->beta2),
		.root = (float)sqrt(1 - pow(o->beta2, (double)t)),
		.eps = (float)o->eps,
		.step = (float)(-o->lr / (1 - pow(o->beta1, (double)t))),
	};
	if (hm_few(n)) {
		adam_run(&a, p, m, v, g, n);
		return;
	}
#pragma omp parallel for num_threads(d->threads)
	for (int part = 0; part < d->threads; part++) {
		size_t from = hm_part(n, part, d->threads, LINE);
		adam_run(&a, p + from, m + from, v + from, g + from,
			 hm_part(n, part + 1, d->threads, LINE) - from);
	}
}

/* In eight lanes of double. */
HM_SIMD static double sum_squares_run(const float *g, size_t n)
{
	typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));
	typedef double lanes __attribute__((vector_size(64)));
	lanes sum = {0};
	double all = 0;
	size_t j = 0;
	for (; j + 8 <= n; j += 8) {
		lanes x = __builtin_convertvector(*(const eight *)(g + j), lanes);
		sum += x * x;
	}
	for (int l = 0; l < 8; l++)
		all += sum[l];
	for (; j < n; j++)
		all += (double)g[j] * g[j];
	return all;
}

void hm_cpu_sum_squares(struct hm_device *d, double *sum, const float *g, size_t n)
{
	size_t chunks = (n + CHUNK - 1) / CHUNK;
	if (hm_few(n)) {
		*sum += sum_squares_run(g, n);
		return;
	}
	double *part = hm_cpu_scratch(d, chunks * sizeof *part);
	if (!part)
		return;
#pragma omp parallel for num_threads(d->threads)
	for (size_t c = 0; c < chunks; c++)
		part[c] = sum_squares_run(g + c * CHUNK, c + 1 < chunks ? CHUNK : n - c * CHUNK);
	for (size_t c = 0; c < chunks; c++)
		*sum += part[c];
}

HM_SIMD static void scale_gradients(float *g, float factor, size_t n)
{
	for (size_t j = 0; j < n; j++)
		g[j] *= factor;
}

void hm_cpu_clip(struct hm_device *d, float *g, size_t n, const double *sum, double most)
{
	double factor = most / (sqrt(*sum) + 1e-6);
	if (!(factor < 1))
		return;
	if (hm_few(n)) {
		scale_gradients(g, (float)factor, n);
		return;
	}
#pragma omp parallel for num_threads(d->threads)
	for (int part = 0; part < d->threads; part++) {
		size_t from = hm_part(n, part, d->threads, LINE);
		scale_gradients(g + from, (float)factor, hm_part(n, part + 1, d->threads, LINE) - from);
	}
}
