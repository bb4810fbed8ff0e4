/* libFuzzer's own mutations, and between them those of hostile.h. */
#include "hostile.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	struct hm_rng r;
	hm_rng_init(&r, seed, HM_RNG_SYNTH, 0, 0);
	if (!size || hm_rng_below(&r, 3))
		return LLVMFuzzerMutate(data, size, most);
	size_t n = hostile_change(&r, data, size, most);
	return n ? n : LLVMFuzzerMutate(data, size, most);
}
