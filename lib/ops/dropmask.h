/* This file draws dropout's masks by the rule of ops.h, for the devices that run on the host. */
#ifndef HM_DROPMASK_H
#define HM_DROPMASK_H

#include "base/rng.h"
#include "ops/ops.h"

#include <assert.h>
#include <math.h>

static inline bool hm_dropout_on(const struct hm_dropout *drop)
{
	return drop && drop->p > 0;
}

/* Elements whose word is below it are dropped. */
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
static inline void hm_dropout_words(const struct hm_dropout *drop, uint64_t block, uint32_t out[4])
{
	const uint32_t ctr[4] = {(uint32_t)block, HM_RNG_DROPOUT + ((uint32_t)(block >> 32) << 8), drop->step,
				 drop->site},
		       key[2] = {(uint32_t)drop->seed, (uint32_t)(drop->seed >> 32)};
	hm_philox(ctr, key, out);
}

/* What element e of the call is multiplied by: 0 or the scale. This draws a whole block for one element; fast
 * loops use all of its four words. */
static inline float hm_dropout_factor(const struct hm_dropout *drop, uint64_t e)
{
	uint32_t word[4];
	if (!hm_dropout_on(drop))
		return 1;
	e += drop->first;
	hm_dropout_words(drop, e / 4, word);
	return word[e % 4] < hm_dropout_limit(drop) ? 0 : hm_dropout_scale(drop);
}

/* Elements of one row and one head in attention's mask, when `longest` is the call's longest sequence. */
static inline int32_t hm_dropout_line(const struct hm_dropout *drop, int32_t longest)
{
	if (!hm_dropout_on(drop))
		return 0;
	assert(drop->first % 4 == 0 && (!drop->longest || drop->longest >= longest));
	return hm_dropout_keys(drop->longest ? drop->longest : longest);
}

#endif
