/* Four bytes between memory and the low lane of an SSE2 register: a pixel of 3 or 4 bytes. For the inner
 * loops of the PNG decoder and of the resize. */
#ifndef HM_LANES_H
#define HM_LANES_H

#ifdef __SSE2__
#include <immintrin.h>
#include <string.h>

static inline __m128i hm_lane_load(const void *p)
{
	int v;
	memcpy(&v, p, 4);
	return _mm_cvtsi32_si128(v);
}

static inline void hm_lane_store(void *p, __m128i v)
{
	int i = _mm_cvtsi128_si32(v);
	memcpy(p, &i, 4);
}
#endif

#endif
