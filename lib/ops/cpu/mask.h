/* This file draws dropout masks, sixteen blocks of Philox4x32-10 at a time: the words of hm_philox
 * (base/rng.h) for the elements of struct hm_dropout. */
#ifndef HM_MASK_H
#define HM_MASK_H

#include "ops/cpu/vec.h"
#include "ops/dropmask.h"

typedef uint64_t hm_mask_words __attribute__((vector_size(64))); /* eight words of 32 bits */

enum { HM_MASK_GRAIN = 64 }; /* elements that are drawn together */

/* Floats needed for the factors of n elements, wherever in a block the first one is. */
static inline size_t hm_mask_floats(size_t n)
{
	return (n + 3 + HM_MASK_GRAIN - 1) / HM_MASK_GRAIN * HM_MASK_GRAIN;
}

struct hm_mask {
	uint64_t first;		 /* the number of the call's first element */
	uint32_t key[2], ctr[3]; /* the counter but for the block */
	uint32_t limit;		 /* elements whose word is below it are dropped */
	float scale;		 /* factor of the elements that are kept */
};

/* False when nothing is dropped; *m is then not set. */
static inline bool hm_mask_init(struct hm_mask *m, const struct hm_dropout *drop)
{
	if (!hm_dropout_on(drop))
		return false;
	*m = (struct hm_mask){.first = drop->first,
			      .key = {(uint32_t)drop->seed, (uint32_t)(drop->seed >> 32)},
			      .ctr = {HM_RNG_DROPOUT, drop->step, drop->site},
			      .limit = hm_dropout_limit(drop),
			      .scale = hm_dropout_scale(drop)};
	return true;
}

/* The four words of eight blocks, before and after rounds. */
struct hm_mask_state {
	hm_mask_words c0, c1, c2, c3;
};

HM_INLINE void hm_mask_round(struct hm_mask_state *s, uint32_t k0, uint32_t k1)
{
	const hm_mask_words low = (hm_mask_words){0} + 0xffffffff;
	hm_mask_words p0 = (s->c0 & low) * 0xD2511F53, p1 = (s->c2 & low) * 0xCD9E8D57;
	s->c0 = (p1 >> 32) ^ s->c1 ^ k0; /* bits above the low 32 do not matter */
	s->c1 = p1;
	s->c2 = (p0 >> 32) ^ s->c3 ^ k1;
	s->c3 = p0;
}

/* f [32]: word q of block l belongs to element 4*l + q. */
HM_INLINE void hm_mask_factors(float *f, const struct hm_mask_state *s, const struct hm_mask *m)
{
	typedef uint32_t words __attribute__((vector_size(64)));
	const hm_mask_words low = (hm_mask_words){0} + 0xffffffff;
	hm_mask_words c01 = (s->c0 & low) | s->c1 << 32, c23 = (s->c2 & low) | s->c3 << 32;
	words a = (words)__builtin_shufflevector(c01, c23, 0, 8, 1, 9, 2, 10, 3, 11);
	words b = (words)__builtin_shufflevector(c01, c23, 4, 12, 5, 13, 6, 14, 7, 15);
	hm_vec scale = (hm_vec){0} + m->scale;
	*(hm_vec *)f = (hm_vec)(~(a < m->limit) & (hm_vec_int)scale);
	*(hm_vec *)(f + 16) = (hm_vec)(~(b < m->limit) & (hm_vec_int)scale);
}

/* f [n, rounded up to HM_MASK_GRAIN] = the factors of blocks `block` and on. */
HM_INLINE void hm_mask_fill(float *f, const struct hm_mask *m, uint64_t block, size_t n)
{
	const hm_mask_words lane = {0, 1, 2, 3, 4, 5, 6, 7}, zero = {0};
	for (size_t at = 0; at < n; at += HM_MASK_GRAIN, block += HM_MASK_GRAIN / 4) {
		struct hm_mask_state a = {lane + block, zero + m->ctr[0], zero + m->ctr[1], zero + m->ctr[2]},
				     b = a;
		uint32_t k0 = m->key[0], k1 = m->key[1];
		b.c0 += 8;
		a.c1 += a.c0 >> 32 << 8;
		b.c1 += b.c0 >> 32 << 8;
		for (int round = 0; round < 10; round++) {
			hm_mask_round(&a, k0, k1);
			hm_mask_round(&b, k0, k1);
			k0 += 0x9E3779B9;
			k1 += 0xBB67AE85;
		}
		hm_mask_factors(f + at, &a, m);
		hm_mask_factors(f + at + 32, &b, m);
	}
}

/* v [n] *= the factors of the call's elements e and on; f: scratch for hm_mask_floats(n) floats. */
HM_INLINE void hm_mask_apply(float *restrict v, float *restrict f, const struct hm_mask *m, uint64_t e,
			     size_t n)
{
	size_t skip = (m->first + e) % 4;
	const float *from = f + skip;
	hm_mask_fill(f, m, (m->first + e) / 4, n + skip);
	for (size_t j = 0; j < n; j++)
		v[j] *= from[j];
}

#endif
