/* Transformer operations of the cpu device in vector loops, f32 inside: embedding, layer norm, attention. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/vec.h"

#include <math.h>
#include <string.h>

/* y [k] = LN(v [k]); v is overwritten. */
HM_INLINE void norm_row(void *y, float *v, const float *gamma, const float *beta, double eps, size_t k,
			bool bf16)
{
	size_t whole = k / HM_LANES * HM_LANES;
	hm_vec s = {0};
	float mean, var, r;
	for (size_t j = 0; j < whole; j += HM_LANES)
		s += *(const hm_vec *)(v + j);
	mean = hm_vec_sum(&s);
	for (size_t j = whole; j < k; j++)
		mean += v[j];
	mean /= (float)k;
	s = (hm_vec){0};
	for (size_t j = 0; j < whole; j += HM_LANES) {
		hm_vec t = *(const hm_vec *)(v + j) - mean;
		s += t * t;
	}
	var = hm_vec_sum(&s);
	for (size_t j = whole; j < k; j++)
		var += (v[j] - mean) * (v[j] - mean);
	r = 1 / sqrtf(var / (float)k + (float)eps);
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

/* ---- attention: one head of one sequence at a time, copied into dense f32 arrays padded with zeros */

/* x := exp(x) for x <= 0: 2^n * p(r), x = n ln 2 + r, |r| <= ln 2 / 2, p the Taylor polynomial of degree 7
 * (error below 1e-8 relative); below -87 the result is about 1e-38. */
HM_INLINE void exp_lanes(hm_vec *x)
{
	const float magic = 12582912.f; /* 1.5 * 2^23: adding it rounds to an integer, kept in the low bits */
	hm_vec v = *x, low = {0};
	low -= 87.f;
	v = (hm_vec)(((v > low) & (hm_vec_int)v) | (~(v > low) & (hm_vec_int)low));
	hm_vec shifted = v * 1.44269504f + magic, n = shifted - magic;
	hm_vec r = v - n * 0.693359375f + n * 2.12194440e-4f;
	hm_vec p = r * (1 / 5040.f) + 1 / 720.f;
	p = p * r + 1 / 120.f;
	p = p * r + 1 / 24.f;
	p = p * r + 1 / 6.f;
	p = p * r + .5f;
	p = p * r + 1.f;
	p = p * r + 1.f;
	*x = (hm_vec)((hm_vec_int)p + ((hm_vec_int)shifted << 23));
}

/* c [4,16] (row stride ldc) = a [4,t] (lda) . b [t,16] (ldb). */
HM_INLINE void tile(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t t)
{
	hm_vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
	for (size_t j = 0; j < t; j++) {
		hm_vec v = *(const hm_vec *)(b + j * ldb);
		s0 += v * a[j];
		s1 += v * a[lda + j];
		s2 += v * a[2 * lda + j];
		s3 += v * a[3 * lda + j];
	}
	*(hm_vec *)c = s0;
	*(hm_vec *)(c + ldc) = s1;
	*(hm_vec *)(c + 2 * ldc) = s2;
	*(hm_vec *)(c + 3 * ldc) = s3;
}

/* p [padded] = exp(p - max) over the first n, 0 behind; returns their sum. */
HM_INLINE float soften(float *p, size_t n, size_t padded)
{
	float top = p[0];
	hm_vec sum = {0};
	for (size_t j = 1; j < n; j++)
		top = p[j] > top ? p[j] : top;
	for (size_t j = n; j < padded; j++)
		p[j] = -INFINITY;
	for (size_t j = 0; j < padded; j += HM_LANES) {
		hm_vec v = *(hm_vec *)(p + j) - top;
		exp_lanes(&v);
		*(hm_vec *)(p + j) = v;
	}
	for (size_t j = n; j < padded; j++)
		p[j] = 0;
	for (size_t j = 0; j < padded; j += HM_LANES)
		sum += *(hm_vec *)(p + j);
	return hm_vec_sum(&sum);
}

/* Scratch of one head: n rows padded to np (a multiple of 16), dim padded to dp. */
struct head {
	float *q, *kt, *v; /* [np,dp] times 1/sqrt(dim), [dp,np], [np,dp] */
	float *p, *o;	   /* [4,np], [4,dp] */
};

static size_t head_floats(size_t np, size_t dp)
{
	return 3 * np * dp + 4 * np + 4 * dp;
}

static struct head head_in(float *scratch, size_t np, size_t dp)
{
	float *kt = scratch + np * dp, *v = kt + np * dp, *p = v + np * dp;
	return (struct head){scratch, kt, v, p, p + 4 * np};
}

/* y: the sequence's first row of this head's columns, qkv likewise; row strides of 1 and 3 times `width`. */
HM_SIMD static void attend(void *y, const void *qkv, float *scratch, size_t n, size_t dim, size_t width,
			   bool bf16)
{
	size_t np = hm_lanes_up(n), dp = hm_lanes_up(dim), size = bf16 ? 2 : 4;
	struct head h = head_in(scratch, np, dp);
	float scale = 1 / sqrtf((float)dim);
	memset(scratch, 0, head_floats(np, dp) * sizeof *scratch);
	for (size_t r = 0; r < n; r++) {
		const char *row = (const char *)qkv + r * 3 * width * size;
		hm_widen(h.q + r * dp, row, dim, bf16);
		hm_widen(h.o, row + width * size, dim, bf16);
		hm_widen(h.v + r * dp, row + 2 * width * size, dim, bf16);
		for (size_t t = 0; t < dim; t++) {
			h.q[r * dp + t] *= scale;
			h.kt[t * np + r] = h.o[t];
		}
	}
	for (size_t r = 0; r < n; r += 4) {
		float sum[4];
		for (size_t j = 0; j < np; j += HM_LANES)
			tile(h.p + j, np, h.q + r * dp, dp, h.kt + j, np, dim);
		for (size_t q = 0; q < 4; q++)
			sum[q] = soften(h.p + q * np, n, np);
		for (size_t t = 0; t < dp; t += HM_LANES)
			tile(h.o + t, dp, h.p, np, h.v + t, dp, n);
		for (size_t q = 0; q < 4 && r + q < n; q++) {
			for (size_t t = 0; t < dim; t++)
				h.o[q * dp + t] /= sum[q];
			hm_narrow((char *)y + (r + q) * width * size, h.o + q * dp, dim, bf16);
		}
	}
}

void hm_cpu_attention(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
		      int dim)
{
	size_t width = (size_t)heads * dim, size = hm_dtype_size(d->act), longest = 1, row = 0;
	for (int j = 0; j < s; j++)
		longest = (size_t)len[j] > longest ? (size_t)len[j] : longest;
	float *scratch =
		hm_cpu_scratch(d, head_floats(hm_lanes_up(longest), hm_lanes_up(dim)) * sizeof *scratch);
	for (int j = 0; scratch && j < s; row += (size_t)len[j++])
		for (size_t head = 0; head < (size_t)heads; head++)
			attend((char *)y + (row * width + head * dim) * size,
			       (const char *)qkv + (row * 3 * width + head * dim) * size, scratch,
			       (size_t)len[j], dim, width, d->act == HM_BF16);
}
