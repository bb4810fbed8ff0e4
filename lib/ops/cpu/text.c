/* This file has embedding and LayerNorm of inference on the cpu device, in f32 vector loops. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/vec.h"

#include <math.h>
#include <string.h>

/* y [k] = LN(v [k]); v is overwritten. */
HM_INLINE void norm_row(void *y, float *v, const float *gamma, const float *beta, double eps, size_t k,
			bool bf16)
{
	float mean, r;
	hm_vec_moments(v, k, eps, &mean, &r);
	for (size_t j = 0; j < k; j++)
		v[j] = (v[j] - mean) * r * gamma[j] + beta[j];
	hm_narrow(y, v, k, bf16);
}

HM_SIMD static void embed_row(void *y, float *v, const float *a, const float *b, const float *c,
			      const float *gamma, const float *beta, double eps, size_t k, bool bf16)
{
	for (size_t j = 0; j < k; j++)
		v[j] = a[j] + b[j] + c[j];
	norm_row(y, v, gamma, beta, eps, k, bf16);
}

void hm_cpu_embed(struct hm_device *d, void *y, const int32_t *id, const int32_t *pos, const float *word,
		  const float *position, const float *type0, const float *gamma, const float *beta,
		  double eps, int m, int k)
{
	float *v = hm_cpu_scratch(d, (size_t)k * sizeof *v);
	size_t bytes = (size_t)k * hm_dtype_size(d->act);
	for (int r = 0; v && r < m; r++)
		embed_row((char *)y + r * bytes, v, word + (size_t)id[r] * k, position + (size_t)pos[r] * k,
			  type0, gamma, beta, eps, k, d->act == HM_BF16);
}

/* v: scratch [2*k]. */
HM_SIMD static void add_norm_row(void *y, float *v, const void *x, const void *res, const float *gamma,
				 const float *beta, double eps, size_t k, bool bf16)
{
	hm_widen(v, x, k, bf16);
	if (res) {
		hm_widen(v + k, res, k, bf16);
		for (size_t j = 0; j < k; j++)
			v[j] += v[k + j];
	}
	norm_row(y, v, gamma, beta, eps, k, bf16);
}

void hm_cpu_layer_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
		       const float *beta, double eps, int m, int k)
{
	float *v = hm_cpu_scratch(d, 2 * (size_t)k * sizeof *v);
	size_t bytes = (size_t)k * hm_dtype_size(d->act);
	for (int r = 0; v && r < m; r++)
		add_norm_row((char *)y + r * bytes, v, (const char *)x + r * bytes,
			     res ? (const char *)res + r * bytes : NULL, gamma, beta, eps, k,
			     d->act == HM_BF16);
}
