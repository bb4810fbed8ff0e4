/* This file computes attention over packed sequences on the cpu device in f32 vector loops. It copies one
 * head of one sequence at a time into dense arrays padded with zeros. In training the heads are distributed
 * among d->threads threads; the bytes do not depend on their number. */
#include "ops/cpu/attention.h"
#include "ops/cpu/vec.h"

#include <stdatomic.h>
#include <string.h>

/* ---- distributing heads among threads */

bool hm_cpu_heads_init(struct hm_heads *h, struct hm_device *d, const int32_t *len, int s, int heads, int dim,
		       bool causal, const struct hm_dropout *drop, size_t (*floats)(size_t np, size_t dp))
{
	size_t longest = 1, row = 0, starts = ((size_t)s * sizeof *h->first + 63) / 64 * 64;
	for (int j = 0; j < s; j++)
		longest = (size_t)len[j] > longest ? (size_t)len[j] : longest;
	*h = (struct hm_heads){.d = d,
			       .len = len,
			       .sequences = s,
			       .heads = (size_t)heads,
			       .dim = (size_t)dim,
			       .stride = (size_t)hm_dropout_line(drop, (int32_t)longest),
			       .bf16 = d->act == HM_BF16,
			       .causal = causal,
			       .floats = hm_lanes_up(floats(hm_lanes_up(longest), hm_lanes_up((size_t)dim)))};
	h->dropped = hm_mask_init(&h->mask, drop);
	char *room = hm_cpu_scratch(d, starts + (size_t)d->threads * h->floats * sizeof(float));
	if (!room)
		return false;
	h->first = (size_t *)(void *)room;
	h->scratch = (float *)(void *)(room + starts);
	for (int j = 0; j < s; row += (size_t)len[j++])
		h->first[j] = row;
	return true;
}

void hm_cpu_heads_run(const struct hm_heads *h,
		      void (*fn)(const struct hm_heads *h, void *arg, size_t j, size_t head, float *scratch),
		      void *arg)
{
	size_t n = (size_t)h->sequences * h->heads;
	atomic_size_t next = 0; /* heads of long captions take longer: whoever is free takes the next one */
#pragma omp parallel for num_threads(h->d->threads)
	for (int t = 0; t < h->d->threads; t++)
		for (size_t i; (i = atomic_fetch_add(&next, 1)) < n;)
			fn(h, arg, i / h->heads, i % h->heads, h->scratch + (size_t)t * h->floats);
}

/* ---- forward */

struct forward {
	void *y;
	const void *qkv;
};

/* Scratch of one head: n rows padded to np (a multiple of 16), dim padded to dp. */
struct head {
	float *q, *kt, *v;     /* [np,dp] times 1/sqrt(dim), [dp,np], [np,dp] */
	float *p, *o, *factor; /* [HM_TILE,np], [HM_TILE,dp], one row */
};

static size_t head_floats(size_t np, size_t dp)
{
	return 3 * np * dp + HM_TILE * np + HM_TILE * dp + hm_mask_floats(np);
}

static struct head head_in(float *scratch, size_t np, size_t dp)
{
	float *kt = scratch + np * dp, *v = kt + np * dp, *p = v + np * dp, *o = p + HM_TILE * np;
	return (struct head){scratch, kt, v, p, o, o + HM_TILE * dp};
}

/* y and qkv point to the sequence's first row of this head's columns; their rows are 1 and 3 times the
 * width apart. block: the mask's block at row 0, key 0. */
HM_SIMD static void attend_head(const struct hm_heads *all, void *y, const void *qkv, float *scratch,
				size_t n, uint64_t block)
{
	size_t dim = all->dim, width = all->heads * dim, np = hm_lanes_up(n), dp = hm_lanes_up(dim);
	size_t size = all->bf16 ? 2 : 4;
	bool bf16 = all->bf16;
	struct head h = head_in(scratch, np, dp);
	float scale = 1 / sqrtf((float)dim);
	memset(scratch, 0, (3 * np * dp + HM_TILE * np + HM_TILE * dp) * sizeof *scratch);
	for (size_t r = 0; r < n; r++) {
		const char *row = (const char *)qkv + r * 3 * width * size;
		for (size_t part = 0; part < 3 && r + HM_AHEAD < n; part++)
			hm_prefetch(row + (3 * HM_AHEAD + part) * width * size, dim * size);
		hm_widen(h.q + r * dp, row, dim, bf16);
		hm_widen(h.o, row + width * size, dim, bf16);
		hm_widen(h.v + r * dp, row + 2 * width * size, dim, bf16);
		for (size_t t = 0; t < dim; t++) {
			h.q[r * dp + t] *= scale;
			h.kt[t * np + r] = h.o[t];
		}
	}
	for (size_t r = 0; r < n; r += HM_TILE) {
		float sum[HM_TILE];
		size_t keys = hm_heads_seen(all, r + HM_TILE - 1, n), kp = hm_lanes_up(keys);
		for (size_t j = 0; j < kp; j += HM_LANES)
			hm_vec_tile(h.p + j, np, h.q + r * dp, dp, 1, h.kt + j, np, dim);
		for (size_t q = 0; q < HM_TILE; q++) {
			sum[q] = hm_vec_soften(h.p + q * np, hm_heads_seen(all, r + q, n), kp);
			if (!all->dropped)
				continue;
			hm_mask_fill(h.factor, &all->mask, block + (r + q) * all->heads * all->stride / 4,
				     keys);
			for (size_t j = 0; j < keys; j++)
				h.p[q * np + j] *= h.factor[j];
		}
		for (size_t t = 0; t < dp; t += HM_LANES)
			hm_vec_tile(h.o + t, dp, h.p, np, 1, h.v + t, dp, keys);
		for (size_t q = 0; q < HM_TILE && r + q < n; q++) {
			for (size_t t = 0; t < dim; t++)
				h.o[q * dp + t] /= sum[q];
			hm_narrow((char *)y + (r + q) * width * size, h.o + q * dp, dim, bf16);
		}
	}
}

static void forward_head(const struct hm_heads *h, void *arg, size_t j, size_t head, float *scratch)
{
	const struct forward *f = arg;
	size_t row = h->first[j], width = h->heads * h->dim, at = head * h->dim, size = h->bf16 ? 2 : 4;
	attend_head(h, (char *)f->y + (row * width + at) * size,
		    (const char *)f->qkv + (row * 3 * width + at) * size, scratch, (size_t)h->len[j],
		    hm_heads_block(h, row, head));
}

void hm_cpu_attention_forward(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s,
			      int heads, int dim, bool causal, const struct hm_dropout *drop)
{
	struct hm_heads h;
	if (hm_cpu_heads_init(&h, d, len, s, heads, dim, causal, drop, head_floats))
		hm_cpu_heads_run(&h, forward_head, &(struct forward){y, qkv});
}

void hm_cpu_attention(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
		      int dim, bool causal)
{
	hm_cpu_attention_forward(d, y, qkv, len, s, heads, dim, causal, NULL);
}
