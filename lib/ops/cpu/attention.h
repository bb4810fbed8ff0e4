/* This file is shared by attention's forward and backward pass on the cpu device: it distributes the heads
 * of all sequences among threads. */
#ifndef HM_ATTENTION_H
#define HM_ATTENTION_H

#include "ops/cpu/cpu.h"
#include "ops/cpu/mask.h"

/* How many rows ahead to prefetch. The rows of one head lie pages apart, so the processor does not prefetch
 * them itself. */
enum { HM_AHEAD = 8 };

struct hm_heads {
	struct hm_device *d;
	const int32_t *len; /* [sequences] */
	size_t *first;	    /* [sequences]: the first row of each */
	size_t heads, dim;
	size_t stride; /* elements of the mask per row and head */
	size_t floats; /* floats of scratch memory per thread */
	float *scratch;
	int sequences;
	bool bf16, causal, dropped;
	struct hm_mask mask; /* set only if `dropped` */
};

/* Uses the device's scratch memory. floats(np, dp) is the number of floats that a head of np rows and dp
 * columns needs, both multiples of 16. False: an error stuck. */
bool hm_cpu_heads_init(struct hm_heads *h, struct hm_device *d, const int32_t *len, int s, int heads, int dim,
		       bool causal, const struct hm_dropout *drop, size_t (*floats)(size_t np, size_t dp));
/* The block of the mask at which a row of one head begins; without dropout it means nothing. */
static inline uint64_t hm_heads_block(const struct hm_heads *h, size_t row, size_t head)
{
	return (h->mask.first + (row * h->heads + head) * h->stride) / 4;
}
/* Keys that row r of a sequence of n rows sees; rows past the end see them all. */
static inline size_t hm_heads_seen(const struct hm_heads *h, size_t r, size_t n)
{
	return h->causal && r < n ? r + 1 : n;
}
/* Calls fn for each head of each sequence j. */
void hm_cpu_heads_run(const struct hm_heads *h,
		      void (*fn)(const struct hm_heads *h, void *arg, size_t j, size_t head, float *scratch),
		      void *arg);

#endif
