/* Rows of 8-bit PNG that is not interlaced: undoes the filters (PNG specification, clause 9), with SSE2 where
 * the compiler has it, and widens samples to RGB. See pngparts.h. */
#include "prep/lanes.h"
#include "prep/pngparts.h"

#include <string.h>

/* The neighbour (a left, b above, c above left) nearest to a + b - c; ties in the order a, b, c. */
static int paeth(int a, int b, int c)
{
	int pa = b > c ? b - c : c - b, pb = a > c ? a - c : c - a, pc = a + b - 2 * c;
	pc = pc < 0 ? -pc : pc;
	return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* For bpp 1 and 2, and for every bpp without SSE2. */
static void unfilter_plain(int filter, size_t bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst,
			   size_t n)
{
	for (size_t i = 0; i < bpp && i < n; i++) {
		int b = prev[i];
		dst[i] = (uint8_t)(src[i] + (filter == HM_PNG_SUB	? 0
					     : filter == HM_PNG_AVERAGE ? b >> 1
									: b));
	}
	if (filter == HM_PNG_SUB) {
		for (size_t i = bpp; i < n; i++)
			dst[i] = (uint8_t)(src[i] + dst[i - bpp]);
	} else if (filter == HM_PNG_AVERAGE) {
		for (size_t i = bpp; i < n; i++)
			dst[i] = (uint8_t)(src[i] + ((dst[i - bpp] + prev[i]) >> 1));
	} else {
		for (size_t i = bpp; i < n; i++)
			dst[i] = (uint8_t)(src[i] + paeth(dst[i - bpp], prev[i], prev[i - bpp]));
	}
}

#ifdef __SSE2__
/* For bpp 3 and 4, one pixel per step. A step loads and stores 4 bytes; with bpp 3 the last of them is wrong
 * until the next step overwrites it. */
static inline void unfilter_sub(size_t bpp, const uint8_t *src, uint8_t *dst, size_t n)
{
	__m128i a = _mm_setzero_si128();
	for (size_t i = 0; i < n; i += bpp) {
		a = _mm_add_epi8(a, hm_lane_load(src + i));
		hm_lane_store(dst + i, a);
	}
}

static inline void unfilter_average(size_t bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst,
				    size_t n)
{
	const __m128i one = _mm_set1_epi8(1);
	__m128i a = _mm_setzero_si128();
	for (size_t i = 0; i < n; i += bpp) {
		__m128i b = hm_lane_load(prev + i);
		/* avg_epu8 rounds up; the filter rounds down */
		__m128i mean = _mm_sub_epi8(_mm_avg_epu8(a, b), _mm_and_si128(_mm_xor_si128(a, b), one));
		a = _mm_add_epi8(mean, hm_lane_load(src + i));
		hm_lane_store(dst + i, a);
	}
}

/* x plus the neighbour that Paeth chooses, on 16-bit lanes. The choice depends on where t = 3c - a - b lies:
 * at or beyond max(a, b): min(a, b); at or below min(a, b): max(a, b); between them: c.
 * (tests/unit/test_png.c tries all triples.) When all are equal t is neither under nor over, and lo | hi is
 * that value. */
static inline __m128i paeth_step(__m128i x, __m128i a, __m128i b, __m128i c)
{
	__m128i t = _mm_sub_epi16(_mm_sub_epi16(_mm_add_epi16(c, _mm_add_epi16(c, c)), b), a);
	__m128i lo = _mm_min_epi16(a, b), hi = _mm_max_epi16(a, b);
	__m128i under = _mm_cmpgt_epi16(hi, t), over = _mm_cmpgt_epi16(t, lo); /* t < max, t > min */
	__m128i pick = _mm_or_si128(_mm_andnot_si128(under, lo), _mm_andnot_si128(over, hi));
	__m128i between = _mm_and_si128(_mm_and_si128(under, over), c);
	return _mm_add_epi8(x, _mm_or_si128(pick, between)); /* high halves are 0 in both */
}

static inline __m128i load_wide(const uint8_t *p)
{
	return _mm_unpacklo_epi8(hm_lane_load(p), _mm_setzero_si128());
}

static inline void store_wide(uint8_t *p, __m128i v)
{
	hm_lane_store(p, _mm_packus_epi16(v, v));
}

static inline void unfilter_paeth(size_t bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst, size_t n)
{
	__m128i a = _mm_setzero_si128(), c = a;
	for (size_t i = 0; i < n; i += bpp) {
		__m128i b = load_wide(prev + i);
		a = paeth_step(load_wide(src + i), a, b, c);
		c = b;
		store_wide(dst + i, a);
	}
}

static bool unfilter_simd(int filter, int bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst,
			  size_t n)
{
	if (bpp < 3)
		return false;
	if (filter == HM_PNG_SUB)
		bpp == 3 ? unfilter_sub(3, src, dst, n) : unfilter_sub(4, src, dst, n);
	else if (filter == HM_PNG_AVERAGE)
		bpp == 3 ? unfilter_average(3, src, prev, dst, n) : unfilter_average(4, src, prev, dst, n);
	else
		bpp == 3 ? unfilter_paeth(3, src, prev, dst, n) : unfilter_paeth(4, src, prev, dst, n);
	return true;
}
#else
static bool unfilter_simd(int filter, int bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst,
			  size_t n)
{
	(void)filter, (void)bpp, (void)src, (void)prev, (void)dst, (void)n;
	return false;
}
#endif

bool hm_png_unfilter(int filter, int bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst, size_t n)
{
	switch (filter) {
	case HM_PNG_NONE:
		if (dst != src)
			memcpy(dst, src, n);
		return true;
	case HM_PNG_UP:
		for (size_t i = 0; i < n; i++)
			dst[i] = (uint8_t)(src[i] + prev[i]);
		return true;
	case HM_PNG_SUB:
	case HM_PNG_AVERAGE:
	case HM_PNG_PAETH:
		if (!unfilter_simd(filter, bpp, src, prev, dst, n))
			unfilter_plain(filter, (size_t)bpp, src, prev, dst, n);
		return true;
	default:
		return false;
	}
}

bool hm_png_fast_can(const struct hm_png_scan *s)
{
	return s->depth == 8 && !s->interlaced;
}

static void widen_row(const struct hm_png_scan *s, const uint8_t *in, uint8_t *out)
{
	size_t w = s->w;
	if (s->color == HM_PNG_RGBA) {
		for (size_t x = 0; x < w; x++)
			memcpy(out + 3 * x, in + 4 * x,
			       4); /* the fourth byte is overwritten by the next, or is slack */
	} else if (s->color == HM_PNG_PALETTE) {
		for (size_t x = 0; x < w; x++)
			memcpy(out + 3 * x, s->palette[in[x]], 3);
	} else {
		size_t step = s->color == HM_PNG_GREY ? 1 : 2;
		for (size_t x = 0; x < w; x++)
			memset(out + 3 * x, in[step * x], 3);
	}
}

int hm_png_fast_rows(const struct hm_png_scan *s, uint8_t *raw, const uint8_t *zero, uint8_t *rgb,
		     struct hm_err *e)
{
	int bpp = s->color == HM_PNG_RGB	  ? 3
		  : s->color == HM_PNG_RGBA	  ? 4
		  : s->color == HM_PNG_GREY_ALPHA ? 2
						  : 1;
	size_t n = (size_t)s->w * (size_t)bpp, width = (size_t)s->w * 3;
	const uint8_t *prev = zero;
	for (uint32_t y = 0, rows; y < s->h; y += rows) {
		uint8_t *row = raw + y * (n + 1), *out = rgb + y * width;
		/* RGB goes straight to its place; the others are undone where they stand, then widened. */
		uint8_t *dst = bpp == 3 ? out : row + 1;
		size_t stride = bpp == 3 ? width : n + 1;
		bool many =
			s->h - y >= HM_PNG_ROWS && hm_png_unfilter_rows(bpp, row, prev, dst, stride, s->w);
		rows = many ? HM_PNG_ROWS : 1;
		if (!many && !hm_png_unfilter(row[0], bpp, row + 1, prev, dst, n))
			return hm_err_set(e, HM_EDATA, "damaged image data (row %u has filter %d)", y,
					  row[0]);
		for (uint32_t k = 0; bpp != 3 && k < rows; k++)
			widen_row(s, dst + k * stride, out + k * width);
		prev = dst + (rows - 1) * stride;
	}
	return 0;
}
