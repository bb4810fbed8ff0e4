/* Four rows of a PNG at once, whatever their filters, with SSE2 where the compiler has it. See pngparts.h.
 *
 * A register holds a pixel of each row, 4 bytes of it. Each row is two pixels behind the one above it, so
 * that what is above a pixel is known before what is left of it, and only that is waited for. Paeth with c =
 * 0 and b = 0 is a, with c = 0 and a = 0 it is b: the other filters are Paeth with neighbours left out. */
#include "prep/lanes.h"
#include "prep/pngparts.h"

#include <string.h>

enum { ROWS = 4, LANE = 4, BEHIND = 2, ENDS = BEHIND * (ROWS - 1) };

#ifdef __SSE2__
struct four {
	const uint8_t *src[ROWS], *prev; /* prev: the row above all of them */
	uint8_t *dst[ROWS];
	size_t w; /* pixels */
	__m128i keep_a, keep_b, keep_c,
		means;	      /* ones where the filter knows a neighbour; where it is AVERAGE */
	__m128i before, a, c; /* of the next step */
};

/* x plus the neighbour that Paeth chooses. With p = c - min(a, b) and q = max(a, b) - c, neither below zero:
 * where p >= 2q the minimum, where q >= 2p the maximum, else c. */
static inline __m128i add_paeth(__m128i x, __m128i a, __m128i b, __m128i c)
{
	const __m128i zero = _mm_setzero_si128();
	__m128i lo = _mm_min_epu8(a, b), hi = _mm_max_epu8(a, b);
	__m128i p = _mm_subs_epu8(c, lo), q = _mm_subs_epu8(hi, c);
	__m128i is_lo = _mm_cmpeq_epi8(_mm_subs_epu8(_mm_adds_epu8(q, q), p), zero);
	__m128i is_hi = _mm_cmpeq_epi8(_mm_subs_epu8(_mm_adds_epu8(p, p), q), zero);
	/* both only where all are equal */
	__m128i to_lo = _mm_and_si128(is_lo, _mm_sub_epi8(lo, c));
	__m128i to_hi = _mm_and_si128(is_hi, _mm_sub_epi8(hi, c));
	return _mm_add_epi8(_mm_add_epi8(x, c), _mm_add_epi8(to_lo, to_hi));
}

/* x plus the mean of a and b. avg_epu8 rounds up; the filter rounds down. */
static inline __m128i add_mean(__m128i x, __m128i a, __m128i b)
{
	__m128i odd = _mm_and_si128(_mm_xor_si128(a, b), _mm_set1_epi8(1));
	return _mm_add_epi8(x, _mm_sub_epi8(_mm_avg_epu8(a, b), odd));
}

/* x: filtered bytes; above: the pixel above the first row's. Returns the pixels. */
__attribute__((always_inline)) static inline __m128i step(struct four *f, bool average, __m128i x,
							  __m128i above)
{
	__m128i b = _mm_and_si128(_mm_or_si128(_mm_slli_si128(f->before, LANE), above), f->keep_b);
	__m128i a = _mm_and_si128(f->a, f->keep_a), v = add_paeth(x, a, b, f->c);
	if (average)
		v = _mm_or_si128(_mm_and_si128(f->means, add_mean(x, a, b)), _mm_andnot_si128(f->means, v));
	f->before = f->a;
	f->c = _mm_and_si128(b, f->keep_c);
	return f->a = v;
}

/* Step s near an end of the rows: only the rows that have a pixel there take part. The others stay zero
 * before their first pixel. */
static inline void step_at_end(struct four *f, size_t bpp, bool average, size_t s)
{
	uint8_t in[ROWS * LANE] = {0}, out[ROWS * LANE], above[LANE] = {0};
	for (size_t k = 0; k < ROWS; k++)
		if (s >= BEHIND * k && s - BEHIND * k < f->w)
			memcpy(in + LANE * k, f->src[k] + (s - BEHIND * k) * bpp, bpp);
	if (s < f->w)
		memcpy(above, f->prev + s * bpp, bpp);
	__m128i v = step(f, average, _mm_loadu_si128((const __m128i *)in), hm_lane_load(above));
	_mm_storeu_si128((__m128i *)out, v);
	for (size_t k = 0; k < ROWS; k++)
		if (s >= BEHIND * k && s - BEHIND * k < f->w)
			memcpy(f->dst[k] + (s - BEHIND * k) * bpp, out + LANE * k, bpp);
}

/* With bpp 3 a step stores a byte too many, which the next one overwrites. */
__attribute__((always_inline)) static inline void unfilter(struct four *f, size_t bpp, bool average)
{
	struct four g = *f; /* where the compiler sees that no store changes it */
	size_t s = 0;
	for (; s < ENDS; s++)
		step_at_end(&g, bpp, average, s);
	const uint8_t *s0 = g.src[0], *s1 = g.src[1] - 2 * bpp, *s2 = g.src[2] - 4 * bpp,
		      *s3 = g.src[3] - 6 * bpp;
	uint8_t *d0 = g.dst[0], *d1 = g.dst[1] - 2 * bpp, *d2 = g.dst[2] - 4 * bpp, *d3 = g.dst[3] - 6 * bpp;
	for (size_t i = s * bpp; s < g.w - 1; s++, i += bpp) {
		__m128i x01 = _mm_unpacklo_epi32(hm_lane_load(s0 + i), hm_lane_load(s1 + i));
		__m128i x23 = _mm_unpacklo_epi32(hm_lane_load(s2 + i), hm_lane_load(s3 + i));
		__m128i v = step(&g, average, _mm_unpacklo_epi64(x01, x23), hm_lane_load(g.prev + i));
		hm_lane_store(d0 + i, v);
		hm_lane_store(d1 + i, _mm_shuffle_epi32(v, 1));
		hm_lane_store(d2 + i, _mm_unpackhi_epi32(v, v));
		hm_lane_store(d3 + i, _mm_shuffle_epi32(v, 3));
	}
	for (; s < g.w + ENDS; s++)
		step_at_end(&g, bpp, average, s);
}

__attribute__((target_clones("avx2", "default"))) static void unfilter_kind(struct four *f, int bpp,
									    bool average)
{
	if (bpp == 3)
		average ? unfilter(f, 3, true) : unfilter(f, 3, false);
	else
		average ? unfilter(f, 4, true) : unfilter(f, 4, false);
}

bool hm_png_unfilter_four(int bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst, size_t stride,
			  size_t w)
{
	size_t from = w * (size_t)bpp + 1;
	struct four f = {.prev = prev, .w = w};
	uint8_t keep[4][ROWS * LANE];
	int paeth = 0, average = 0;
	for (size_t k = 0; k < ROWS; k++) {
		int filter = src[k * from];
		paeth += filter == HM_PNG_PAETH;
		average += filter == HM_PNG_AVERAGE;
		f.src[k] = src + k * from + 1;
		f.dst[k] = dst + k * stride;
		bool all = filter == HM_PNG_PAETH, mean = filter == HM_PNG_AVERAGE;
		memset(keep[0] + LANE * k, filter == HM_PNG_SUB || mean || all ? 255 : 0, LANE);
		memset(keep[1] + LANE * k, filter == HM_PNG_UP || mean || all ? 255 : 0, LANE);
		memset(keep[2] + LANE * k, all ? 255 : 0, LANE);
		memset(keep[3] + LANE * k, mean ? 255 : 0, LANE);
		if (filter > HM_PNG_PAETH)
			return false;
	}
	/* Rows one by one cost less when only one of them depends on its left neighbour by much. */
	if (bpp < 3 || w <= ENDS || paeth + average < 2)
		return false;
	f.keep_a = _mm_loadu_si128((const __m128i *)keep[0]);
	f.keep_b = _mm_loadu_si128((const __m128i *)keep[1]);
	f.keep_c = _mm_loadu_si128((const __m128i *)keep[2]);
	f.means = _mm_loadu_si128((const __m128i *)keep[3]);
	unfilter_kind(&f, bpp, average);
	return true;
}
#else
bool hm_png_unfilter_four(int bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst, size_t stride,
			  size_t w)
{
	(void)bpp, (void)src, (void)prev, (void)dst, (void)stride, (void)w;
	return false;
}
#endif
