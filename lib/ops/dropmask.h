/* Which elements dropout keeps: the rule of ops.h, for the devices that run on the host. */
#ifndef HM_DROPMASK_H
#define HM_DROPMASK_H

#include "base/rng.h"
#include "ops/ops.h"

#include <math.h>

static inline bool hm_dropout_on(const struct hm_dropout *drop)
{
	return drop && drop->p > 0;
}

/* Words below it are dropped. */
static inline uint32_t hm_dropout_limit(const struct hm_dropout *drop)
{
	double limit = nearbyint(drop->p * 4294967296.);
	return limit < 4294967295. ? (uint32_t)limit : UINT32_MAX;
}

/* What the kept elements are multiplied by. */
static inline float hm_dropout_scale(const struct hm_dropout *drop)
{
	return (float)(1 / (1 - drop->p));
}

/* The four words of block `block`. */
static inline void hm_dropout_words(const struct hm_dropout *drop, uint32_t block, uint32_t out[4])
{
	const uint32_t ctr[4] = {block, HM_RNG_DROPOUT, drop->step, drop->site},
		       key[2] = {(uint32_t)drop->seed, (uint32_t)(drop->seed >> 32)};
	hm_philox(ctr, key, out);
}

/* What element e is multiplied by: 0, or the scale. One at a time; devices that care draw blocks. */
static inline float hm_dropout_factor(const struct hm_dropout *drop, uint64_t e)
{
	uint32_t word[4];
	if (!hm_dropout_on(drop))
		return 1;
	hm_dropout_words(drop, (uint32_t)(e / 4), word);
	return word[e % 4] < hm_dropout_limit(drop) ? 0 : hm_dropout_scale(drop);
}

#endif
