/* Winograd's convolution with AVX2: vectors of 8 floats, f32 images. See winograd.h. */
#if HM_ONEDNN && defined(__x86_64__)
#include "ops/cpu/winogradparts.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define TARGET_INLINE TARGET HM_INLINE
#define V(name) _mm256_##name
typedef __m256 vec;
enum { LANES = 8, ROWS = 6, COLUMNS = 2 * LANES, CACHE = 1 << 18 };

TARGET_INLINE vec load(const void *x, size_t at, bool bf16)
{
	(void)bf16;
	return _mm256_loadu_ps((const float *)x + at);
}

TARGET_INLINE void store(void *y, size_t at, vec v, bool bf16)
{
	(void)bf16;
	_mm256_storeu_ps((float *)y + at, v);
}

#include "ops/cpu/winogradloops.h"

const struct hm_winograd_loops hm_winograd_half = {LANES, COLUMNS, count_room, convolve_tiles};
#endif
