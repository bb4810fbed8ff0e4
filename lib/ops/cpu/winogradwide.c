/* Winograd's convolution with AVX-512: vectors of 16 floats, images in f32 or bf16. See winograd.h. */
#if HM_ONEDNN && defined(__x86_64__)
#include "ops/cpu/strip.h"
#include "ops/cpu/winogradparts.h"

#include <immintrin.h>

#if defined(__clang__) /* ignores the whole attribute if it does not know a part of it */
#define TARGET __attribute__((target("arch=x86-64-v4")))
#else
#define TARGET __attribute__((target("arch=x86-64-v4,prefer-vector-width=512")))
#endif
#define TARGET_INLINE TARGET HM_INLINE
#define V(name) _mm512_##name
typedef __m512 vec;
enum { LANES = 16, ROWS = 8, COLUMNS = 2 * LANES, CACHE = 1 << 20 };

TARGET_INLINE vec load(const void *x, size_t at, bool bf16)
{
	if (!bf16)
		return _mm512_loadu_ps((const float *)x + at);
	__m256i half = _mm256_loadu_si256((const void *)((const uint16_t *)x + at));
	return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
}

TARGET_INLINE void store(void *y, size_t at, vec v, bool bf16)
{
	hm_strip_store(y, at, (const hm_vec *)&v, LANES, bf16);
}

#include "ops/cpu/winogradloops.h"

const struct hm_winograd_loops hm_winograd_wide = {LANES, COLUMNS, count_room, convolve_tiles};
#endif
