/* Eight rows of a PNG at once, whatever their filters, where the processor has AVX2. See pngparts.h.
 *
 * A register holds a pixel of each row, 4 bytes of it. Each row is two pixels behind the one above it, so
 * that what is above a pixel is known before what is left of it, and only that is waited for. Paeth with c =
 * 0 and b = 0 is a, with c = 0 and a = 0 it is b: the other filters are Paeth with neighbours left out. */
#include "prep/lanes.h"
#include "prep/pngparts.h"

#include <string.h>

#ifdef __SSE2__
enum { ROWS = HM_PNG_ROWS, LANE = 4, BEHIND = 2, ENDS = BEHIND * (ROWS - 1) };

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE __attribute__((target("avx2"), always_inline)) static inline

struct rows {
	const uint8_t *src[ROWS], *prev; /* prev: the row above all of them */
	uint8_t *dst[ROWS];
	size_t w; /* pixels */
	__m256i keep_a, keep_b, keep_c,
		means;	      /* ones where the filter knows a neighbour; where it is AVERAGE */
	__m256i before, a, c; /* pixels of the last two steps; c of the next */
};

/* x plus the neighbour that Paeth chooses. With p = c - min(a, b) and q = max(a, b) - c, neither below zero:
 * where p >= 2q the minimum, where q >= 2p the maximum, else c. */
AVX2_INLINE __m256i add_paeth(__m256i x, __m256i a, __m256i b, __m256i c)
{
	const __m256i zero = _mm256_setzero_si256();
	__m256i lo = _mm256_min_epu8(a, b), hi = _mm256_max_epu8(a, b);
	__m256i p = _mm256_subs_epu8(c, lo), q = _mm256_subs_epu8(hi, c);
	__m256i is_lo = _mm256_cmpeq_epi8(_mm256_subs_epu8(_mm256_adds_epu8(q, q), p), zero);
	__m256i is_hi = _mm256_cmpeq_epi8(_mm256_subs_epu8(_mm256_adds_epu8(p, p), q), zero);
	/* both only where all are equal */
	__m256i to_lo = _mm256_and_si256(is_lo, _mm256_sub_epi8(lo, c));
	__m256i to_hi = _mm256_and_si256(is_hi, _mm256_sub_epi8(hi, c));
	return _mm256_add_epi8(_mm256_add_epi8(x, c), _mm256_add_epi8(to_lo, to_hi));
}

/* x plus the mean of a and b. avg_epu8 rounds up; the filter rounds down. */
AVX2_INLINE __m256i add_mean(__m256i x, __m256i a, __m256i b)
{
	__m256i odd = _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_set1_epi8(1));
	return _mm256_add_epi8(x, _mm256_sub_epi8(_mm256_avg_epu8(a, b), odd));
}

AVX2_INLINE int load_pixel(const uint8_t *p)
{
	int v;
	memcpy(&v, p, LANE);
	return v;
}

/* x: filtered bytes; above: the pixel above the first row's. Returns the pixels. */
AVX2_INLINE __m256i step(struct rows *r, bool average, __m256i x, int above)
{
	/* the lanes move down by one, across the halves, and `above` is the first */
	__m256i front = _mm256_permute2x128_si256(r->before, _mm256_set1_epi32(above), 2);
	__m256i b = _mm256_and_si256(_mm256_alignr_epi8(r->before, front, 12), r->keep_b);
	__m256i a = _mm256_and_si256(r->a, r->keep_a), v = add_paeth(x, a, b, r->c);
	if (average)
		v = _mm256_blendv_epi8(v, add_mean(x, a, b), r->means);
	r->before = r->a;
	r->c = _mm256_and_si256(b, r->keep_c);
	return r->a = v;
}

/* Step s near an end of the rows: only the rows that have a pixel there take part. The others stay zero
 * before their first pixel. */
AVX2_INLINE void step_at_end(struct rows *r, size_t bpp, bool average, size_t s)
{
	int lane[ROWS];
	for (size_t k = 0, at = s; k < ROWS; k++, at -= BEHIND) /* below zero it is large */
		lane[k] = at < r->w ? load_pixel(r->src[k] + at * bpp) : 0;
	__m256i x = _mm256_loadu_si256((const __m256i *)lane);
	x = step(r, average, x, s < r->w ? load_pixel(r->prev + s * bpp) : 0);
	_mm256_storeu_si256((__m256i *)lane, x);
	for (size_t k = 0, at = s; k < ROWS; k++, at -= BEHIND)
		if (at < r->w)
			memcpy(r->dst[k] + at * bpp, &lane[k], bpp);
}

AVX2_INLINE void store_four(uint8_t *const *to, size_t at, __m128i v, size_t bpp)
{
	hm_lane_store(to[0] + at, v);
	hm_lane_store(to[1] + at - BEHIND * bpp, _mm_shuffle_epi32(v, 1));
	hm_lane_store(to[2] + at - BEHIND * bpp * 2, _mm_shuffle_epi32(v, 2));
	hm_lane_store(to[3] + at - BEHIND * bpp * 3, _mm_shuffle_epi32(v, 3));
}

AVX2_INLINE __m128i load_four(const uint8_t *const *from, size_t at, size_t bpp)
{
	return _mm_setr_epi32(load_pixel(from[0] + at), load_pixel(from[1] + at - BEHIND * bpp),
			      load_pixel(from[2] + at - BEHIND * bpp * 2),
			      load_pixel(from[3] + at - BEHIND * bpp * 3));
}

/* With bpp 3 a step stores a byte too many, which the next one overwrites. */
AVX2_INLINE void unfilter(const struct rows *rows, size_t bpp, bool average)
{
	struct rows r = *rows; /* where the compiler sees that no store changes it */
	const size_t half = BEHIND * bpp * 4;
	size_t s = 0;
	for (; s < ENDS; s++)
		step_at_end(&r, bpp, average, s);
	for (size_t at = s * bpp; s < r.w - 1; s++, at += bpp) {
		__m128i x = load_four(r.src, at, bpp), y = load_four(r.src + 4, at - half, bpp);
		__m256i v = step(&r, average, _mm256_inserti128_si256(_mm256_castsi128_si256(x), y, 1),
				 load_pixel(r.prev + at));
		store_four(r.dst, at, _mm256_castsi256_si128(v), bpp);
		store_four(r.dst + 4, at - half, _mm256_extracti128_si256(v, 1), bpp);
	}
	for (; s < r.w + ENDS; s++)
		step_at_end(&r, bpp, average, s);
}

AVX2 static void unfilter_kind(const struct rows *r, int bpp, bool average)
{
	if (bpp == 3)
		average ? unfilter(r, 3, true) : unfilter(r, 3, false);
	else
		average ? unfilter(r, 4, true) : unfilter(r, 4, false);
}

bool hm_png_unfilter_rows(int bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst, size_t stride,
			  size_t w)
{
	size_t n = w * (size_t)bpp + 1;
	struct rows r = {.prev = prev, .w = w};
	int keep[4][ROWS], paeth = 0, average = 0;
	for (size_t k = 0; k < ROWS; k++) {
		int filter = src[k * n];
		bool all = filter == HM_PNG_PAETH, mean = filter == HM_PNG_AVERAGE;
		if (filter > HM_PNG_PAETH)
			return false;
		paeth += all;
		average += mean;
		r.src[k] = src + k * n + 1;
		r.dst[k] = dst + k * stride;
		keep[0][k] = -(filter == HM_PNG_SUB || mean || all);
		keep[1][k] = -(filter == HM_PNG_UP || mean || all);
		keep[2][k] = -all;
		keep[3][k] = -mean;
	}
	/* Rows one by one cost less when they are short, or at most one waits long for its left neighbours.
	 */
	if (bpp < 3 || w <= ENDS || paeth + average < 2 || !__builtin_cpu_supports("avx2"))
		return false;
	memcpy(&r.keep_a, keep[0], sizeof r.keep_a);
	memcpy(&r.keep_b, keep[1], sizeof r.keep_b);
	memcpy(&r.keep_c, keep[2], sizeof r.keep_c);
	memcpy(&r.means, keep[3], sizeof r.means);
	unfilter_kind(&r, bpp, average);
	return true;
}
#else
bool hm_png_unfilter_rows(int bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst, size_t stride,
			  size_t w)
{
	(void)bpp, (void)src, (void)prev, (void)dst, (void)stride, (void)w;
	return false;
}
#endif
