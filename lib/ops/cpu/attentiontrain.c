/* This file is the backward pass of attention on the cpu device. The forward pass keeps only qkv: the
 * softmax and its mask are computed again. With P the softmax, D the mask's factors, A = P*D (element by
 * element) and y = A V:
 *   dV = A^T dy,  dP = D * (dy V^T),  dS = P * (dP - rowsum(P*dP)),
 *   dQ = dS K / sqrt(dim),  dK = dS^T Q / sqrt(dim). */
#include "ops/cpu/attention.h"
#include "ops/cpu/vec.h"

#include <string.h>

struct backward {
	void *dqkv;
	const void *dy, *qkv;
};

/* Scratch of one head: n rows padded to np, dim padded to dp. */
struct head {
	float *q, *k, *dy; /* [np,dp]; q times 1/sqrt(dim) */
	float *kt, *vt;	   /* [dp,np] */
	float *a, *ds;	   /* [np,np] */
	float *o, *factor; /* [HM_TILE,dp], one row */
};

static size_t head_floats(size_t np, size_t dp)
{
	return 5 * np * dp + 2 * np * np + HM_TILE * dp + hm_mask_floats(np);
}

static struct head head_in(float *at, size_t np, size_t dp)
{
	size_t one = np * dp;
	float *a = at + 5 * one, *o = a + 2 * np * np;
	return (struct head){at,	  at + one, at + 2 * one,    at + 3 * one, at + 4 * one, a,
			     a + np * np, o,	    o + HM_TILE * dp};
}

HM_INLINE void load_head(const struct head *h, const void *dy, const void *qkv, size_t n, size_t np,
			 size_t dim, size_t dp, size_t width, float scale, bool bf16)
{
	size_t size = bf16 ? 2 : 4;
	for (size_t r = 0; r < n; r++) {
		const char *row = (const char *)qkv + r * 3 * width * size;
		for (size_t part = 0; part < 3 && r + HM_AHEAD < n; part++)
			hm_prefetch(row + (3 * HM_AHEAD + part) * width * size, dim * size);
		if (r + HM_AHEAD < n)
			hm_prefetch((const char *)dy + (r + HM_AHEAD) * width * size, dim * size);
		hm_widen(h->q + r * dp, row, dim, bf16);
		hm_widen(h->k + r * dp, row + width * size, dim, bf16);
		hm_widen(h->o, row + 2 * width * size, dim, bf16);
		hm_widen(h->dy + r * dp, (const char *)dy + r * width * size, dim, bf16);
		for (size_t t = 0; t < dim; t++) {
			h->q[r * dp + t] *= scale;
			h->kt[t * np + r] = h->k[r * dp + t];
			h->vt[t * np + r] = h->o[t];
		}
	}
}

/* In place for one row: a [np] from scores to A, ds [np] from dy V^T to dS; factor [np]. */
HM_INLINE void soften_back(float *restrict a, float *restrict ds, const float *restrict factor, size_t n,
			   size_t np)
{
	float scale = 1 / hm_vec_soften(a, n, np), dot;
	hm_vec8 sum0 = {0}, sum1 = {0};
	for (size_t j = 0; j < np; j += HM_LANES) {
		hm_vec8 *p = (hm_vec8 *)(a + j), *g = (hm_vec8 *)(ds + j);
		p[0] *= scale;
		p[1] *= scale;
		g[0] *= *(const hm_vec8 *)(factor + j);
		g[1] *= *(const hm_vec8 *)(factor + j + HM_HALF);
		sum0 += p[0] * g[0];
		sum1 += p[1] * g[1];
	}
	dot = hm_vec_sum_halves(&sum0, &sum1);
	for (size_t j = 0; j < np; j += HM_HALF) {
		hm_vec8 *p = (hm_vec8 *)(a + j), *g = (hm_vec8 *)(ds + j);
		*g = *p * (*g - dot);
		*p *= *(const hm_vec8 *)(factor + j);
	}
}

/* Rows r .. r+HM_TILE-1 of out (3*width apart), as far as there are n rows, = h->o [HM_TILE,dp] * scale. */
HM_INLINE void store_rows(void *out, const struct head *h, size_t r, size_t n, size_t dim, size_t dp,
			  size_t width, float scale, bool bf16)
{
	for (size_t q = 0; q < HM_TILE && r + q < n; q++) {
		for (size_t t = 0; t < dim; t++)
			h->o[q * dp + t] *= scale;
		hm_narrow((char *)out + (r + q) * 3 * width * (bf16 ? 2 : 4), h->o + q * dp, dim, bf16);
	}
}

/* dqkv, dy, qkv point to the sequence's first row of this head's columns. */
HM_SIMD static void attend_back(const struct hm_heads *all, void *dqkv, const void *dy, const void *qkv,
				float *scratch, size_t n, uint64_t block)
{
	size_t dim = all->dim, width = all->heads * dim, np = hm_lanes_up(n), dp = hm_lanes_up(dim);
	bool bf16 = all->bf16;
	struct head h = head_in(scratch, np, dp);
	float scale = 1 / sqrtf((float)dim);
	char *dq = dqkv, *dk = dq + width * (bf16 ? 2 : 4), *dv = dk + width * (bf16 ? 2 : 4);
	memset(scratch, 0, (5 * np * dp + 2 * np * np + HM_TILE * dp) * sizeof *scratch);
	load_head(&h, dy, qkv, n, np, dim, dp, width, scale, bf16);
	for (size_t j = 0; j < np; j++)
		h.factor[j] = 1;
	for (size_t r = 0; r < n; r += HM_TILE) {
		float *a = h.a + r * np, *ds = h.ds + r * np;
		size_t keys = hm_heads_seen(all, r + HM_TILE - 1, n), kp = hm_lanes_up(keys);
		for (size_t j = 0; j < kp; j += HM_LANES) {
			hm_vec_tile(a + j, np, h.q + r * dp, dp, 1, h.kt + j, np, dim);
			hm_vec_tile(ds + j, np, h.dy + r * dp, dp, 1, h.vt + j, np, dim);
		}
		for (size_t q = 0; q < HM_TILE; q++) {
			if (all->dropped)
				hm_mask_fill(h.factor, &all->mask,
					     block + (r + q) * all->heads * all->stride / 4, kp);
			soften_back(a + q * np, ds + q * np, h.factor, hm_heads_seen(all, r + q, n), kp);
		}
		for (size_t t = 0; t < dp; t += HM_LANES)
			hm_vec_tile(h.o + t, dp, ds, np, 1, h.k + t, dp, keys);
		store_rows(dq, &h, r, n, dim, dp, width, scale, bf16);
	}
	for (size_t r = 0; r < n; r += HM_TILE) {
		size_t from = all->causal ? r : 0,
		       at = from * np + r; /* earlier queries do not see these keys */
		for (size_t t = 0; t < dp; t += HM_LANES)
			hm_vec_tile(h.o + t, dp, h.ds + at, 1, np, h.q + from * dp + t, dp, n - from);
		store_rows(dk, &h, r, n, dim, dp, width, 1, bf16);
		for (size_t t = 0; t < dp; t += HM_LANES)
			hm_vec_tile(h.o + t, dp, h.a + at, 1, np, h.dy + from * dp + t, dp, n - from);
		store_rows(dv, &h, r, n, dim, dp, width, 1, bf16);
	}
}

static void backward_head(const struct hm_heads *h, void *arg, size_t j, size_t head, float *scratch)
{
	const struct backward *b = arg;
	size_t row = h->first[j], width = h->heads * h->dim, at = head * h->dim, size = h->bf16 ? 2 : 4;
	size_t wide = (row * 3 * width + at) * size;
	attend_back(h, (char *)b->dqkv + wide, (const char *)b->dy + (row * width + at) * size,
		    (const char *)b->qkv + wide, scratch, (size_t)h->len[j], hm_heads_block(h, row, head));
}

void hm_cpu_attention_backward(struct hm_device *d, void *dqkv, const void *dy, const void *y,
			       const void *qkv, const int32_t *len, int s, int heads, int dim, bool causal,
			       const struct hm_dropout *drop)
{
	struct hm_heads h;
	(void)y;
	if (hm_cpu_heads_init(&h, d, len, s, heads, dim, causal, drop, head_floats))
		hm_cpu_heads_run(&h, backward_head, &(struct backward){dqkv, dy, qkv});
}
