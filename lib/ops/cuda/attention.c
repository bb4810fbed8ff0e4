/* This file launches the kernels of attention, attention.cu and attentionback.cu. */
#include "ops/cuda/cuda.h"
#include "ops/cuda/textargs.h"
#include "ops/dropmask.h"

/* SLOTS: blocks per sequence and head, which share its tiles of 64 queries; a block without a tile ends at
 * once. */
enum { THREADS = 128, SLOTS = 4, NARROW = 64 };

/* The dropout of attention, where each row of the mask begins a Philox block (ops.h). */
static struct hm_drop drop_rows(struct hm_device *d, const struct hm_dropout *drop)
{
	assert(!hm_dropout_on(drop) || drop->first % 4 == 0);
	return hm_cuda_drop(d, drop);
}

void hm_cuda_attention_forward(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s,
			       int heads, int dim, bool causal, const struct hm_dropout *drop)
{
	struct attention_args a = {y, qkv, len, drop_rows(d, drop), s, heads, dim, SLOTS, causal, 0};
	struct hm_grid grid = {(unsigned)s * SLOTS, (unsigned)heads, THREADS, 0};
	HM_LAUNCH(d, dim <= NARROW ? HM_BY_ACT(d, attention) : HM_BY_ACT(d, attention_wide), grid, a);
}

void hm_cuda_attention(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
		       int dim, bool causal)
{
	hm_cuda_attention_forward(d, y, qkv, len, s, heads, dim, causal, NULL);
}

void hm_cuda_attention_backward(struct hm_device *d, void *dqkv, const void *dy, const void *y,
				const void *qkv, const int32_t *len, int s, int heads, int dim, bool causal,
				const struct hm_dropout *drop)
{
	struct attention_backward_args a = {dqkv, dy, y, qkv, len, drop_rows(d, drop), s, heads, dim, causal};
	struct hm_grid grid = {(unsigned)s, (unsigned)heads, THREADS, 0};
	HM_LAUNCH(d, dim <= NARROW ? HM_BY_ACT(d, attention_backward) : HM_BY_ACT(d, attention_backward_wide),
		  grid, a);
}
