/* Epoch permutations out of Philox. See order.h. */
#include "train/order.h"
#include "base/rng.h"

void hm_order_epoch(uint32_t *order, uint32_t n, uint64_t seed, int64_t epoch, bool shuffle)
{
	struct hm_rng r;
	hm_rng_init(&r, seed, HM_RNG_SHUFFLE, (uint32_t)epoch, 0);
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	if (shuffle)
		hm_rng_permute(&r, order, n);
}
