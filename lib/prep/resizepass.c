/* The inner loops of the resize: SSE2 where the compiler has it, AVX2 where the processor has it, else plain
 * C. All sums are of 32-bit integers, so that their order does not matter: Σ px·K = (Σ px·hi)·2^15 + Σ px·lo,
 * modulo 2^32 on the way. See resizepass.h. */
#include "prep/lanes.h"
#include "prep/resizepass.h"

#include <string.h>

#define HALF (1 << 21)

#ifdef __SSE2__
/* (2^21 + hi·2^15 + lo) >> 22 */
static inline __m128i round_sums(__m128i hi, __m128i lo)
{
	return _mm_srai_epi32(_mm_add_epi32(_mm_add_epi32(_mm_slli_epi32(hi, 15), lo), _mm_set1_epi32(HALF)),
			      22);
}

static void across_row(const struct hm_weights *k, const uint8_t *row, uint8_t *out)
{
	const __m128i zero = _mm_setzero_si128();
	for (int i = 0; i < k->n; i++) {
		const struct hm_pair *w = k->pair + k->span[i].pair;
		const uint8_t *px = row + (size_t)k->span[i].from * 3;
		__m128i lo = zero, hi = zero;
		for (int t = 0; t < k->span[i].n; t += 2, w++, px += 6) {
			/* r r' g g' b b' of two pixels as 16 bits, times their two weights */
			__m128i v = _mm_unpacklo_epi8(
				_mm_unpacklo_epi8(hm_lane_load(px), hm_lane_load(px + 3)), zero);
			lo = _mm_add_epi32(lo, _mm_madd_epi16(v, _mm_shuffle_epi32(hm_lane_load(w->lo), 0)));
			hi = _mm_add_epi32(hi, _mm_madd_epi16(v, _mm_shuffle_epi32(hm_lane_load(w->hi), 0)));
		}
		__m128i v = _mm_packs_epi32(round_sums(hi, lo), zero);
		hm_lane_store(out + 3 * (size_t)i, _mm_packus_epi16(v, v));
	}
}

#define ROWS 4 /* rows at once: two registers, a row in each half of them */

/* ROWS rows: the weights, and what the processor has to guess about where their loops end, are shared. */
__attribute__((target("avx2"))) static void across_rows(const struct hm_weights *k, const uint8_t *row,
							size_t stride, uint8_t *out)
{
	/* r g b r' g' b' of two pixels to r r' g g' b b' as 16 bits */
	const __m128i half = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
	const __m256i mix = _mm256_broadcastsi128_si256(half), zero = _mm256_setzero_si256();
	size_t width = 3 * (size_t)k->n;
	uint8_t first[ROWS];
	for (int i = 0; i < k->n; i++) {
		const struct hm_pair *w = k->pair + k->span[i].pair;
		const uint8_t *px = row + (size_t)k->span[i].from * 3;
		__m256i lo[ROWS / 2] = {zero, zero}, hi[ROWS / 2] = {zero, zero};
		for (int t = 0; t < k->span[i].n; t += 2, w++, px += 6) {
			__m256i wl = _mm256_broadcastd_epi32(hm_lane_load(w->lo)),
				wh = _mm256_broadcastd_epi32(hm_lane_load(w->hi));
			for (int r = 0; r < ROWS / 2; r++) {
				const uint8_t *at = px + 2 * (size_t)r * stride;
				__m256i v = _mm256_inserti128_si256(
					_mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)at)),
					_mm_loadl_epi64((const __m128i *)(at + stride)), 1);
				v = _mm256_shuffle_epi8(v, mix);
				lo[r] = _mm256_add_epi32(lo[r], _mm256_madd_epi16(v, wl));
				hi[r] = _mm256_add_epi32(hi[r], _mm256_madd_epi16(v, wh));
			}
		}
		for (int r = 0; r < ROWS / 2; r++) {
			uint8_t *to = out + 2 * (size_t)r * width + 3 * (size_t)i;
			__m256i v = _mm256_add_epi32(_mm256_add_epi32(_mm256_slli_epi32(hi[r], 15), lo[r]),
						     _mm256_set1_epi32(HALF));
			v = _mm256_packs_epi32(_mm256_srai_epi32(v, 22), zero);
			v = _mm256_packus_epi16(v, zero);
			hm_lane_store(to, _mm256_castsi256_si128(v));
			hm_lane_store(to + width, _mm256_extracti128_si256(v, 1));
		}
		for (int r = 1; !i && r < ROWS; r++)
			first[r] = out[(size_t)r * width];
	}
	for (int r = 1; r < ROWS; r++) /* the row above wrote one byte too many */
		out[(size_t)r * width] = first[r];
}

void hm_pass_across(const struct hm_weights *k, const uint8_t *row, size_t stride, int n, uint8_t *out)
{
	int i = 0;
	if (__builtin_cpu_supports("avx2"))
		for (; i + ROWS <= n; i += ROWS)
			across_rows(k, row + (size_t)i * stride, stride, out + (size_t)i * (size_t)k->n * 3);
	for (; i < n; i++)
		across_row(k, row + (size_t)i * stride, out + (size_t)i * (size_t)k->n * 3);
}

#define WIDE 32 /* bytes of a row at once */

/* acc[j] += the pixels v[j] of two rows, as 16 bits, times their two weights */
__attribute__((target("avx2"), always_inline)) static inline void
add_products(__m256i acc[4], const __m256i v[4], const int16_t weight[2])
{
	__m256i w = _mm256_broadcastd_epi32(hm_lane_load(weight));
	for (int j = 0; j < 4; j++)
		acc[j] = _mm256_add_epi32(acc[j], _mm256_madd_epi16(v[j], w));
}

__attribute__((target("avx2"), always_inline)) static inline __m256i round_wide(const __m256i hi[2],
										const __m256i lo[2])
{
	__m256i v[2];
	for (int j = 0; j < 2; j++) {
		v[j] = _mm256_add_epi32(_mm256_slli_epi32(hi[j], 15), lo[j]);
		v[j] = _mm256_srai_epi32(_mm256_add_epi32(v[j], _mm256_set1_epi32(HALF)), 22);
	}
	return _mm256_packs_epi32(v[0], v[1]);
}

__attribute__((target("avx2"))) static void down_wide(const struct hm_pair *weights, int taps,
						      const uint8_t *rows, size_t n, uint8_t *out)
{
	const __m256i zero = _mm256_setzero_si256();
	for (size_t x = 0; x < n; x += WIDE) {
		const struct hm_pair *w = weights;
		const uint8_t *px = rows + x;
		__m256i lo[4] = {zero, zero, zero, zero}, hi[4] = {zero, zero, zero, zero};
		for (int t = 0; t < taps; t += 2, w++, px += 2 * n) {
			const uint8_t *next = t + 1 < taps ? px + n : px; /* as below */
			__m256i a = _mm256_loadu_si256((const __m256i *)px),
				b = _mm256_loadu_si256((const __m256i *)next);
			__m256i l = _mm256_unpacklo_epi8(a, b), h = _mm256_unpackhi_epi8(a, b);
			__m256i v[4] = {_mm256_unpacklo_epi8(l, zero), _mm256_unpackhi_epi8(l, zero),
					_mm256_unpacklo_epi8(h, zero), _mm256_unpackhi_epi8(h, zero)};
			add_products(lo, v, w->lo);
			add_products(hi, v, w->hi);
		}
		__m256i v = _mm256_packus_epi16(round_wide(hi, lo), round_wide(hi + 2, lo + 2));
		_mm256_storeu_si256((__m256i *)(out + x), v);
	}
}

void hm_pass_down(const struct hm_weights *k, int i, const uint8_t *rows, size_t n, uint8_t *out)
{
	const __m128i zero = _mm_setzero_si128();
	int taps = k->span[i].n;
	if (__builtin_cpu_supports("avx2")) {
		down_wide(k->pair + k->span[i].pair, taps, rows, n, out);
		return;
	}
	for (size_t x = 0; x < n; x += 8) {
		const struct hm_pair *w = k->pair + k->span[i].pair;
		const uint8_t *px = rows + x;
		__m128i lo0 = zero, lo1 = zero, hi0 = zero, hi1 = zero;
		for (int t = 0; t < taps; t += 2, w++, px += 2 * n) {
			/* the second row of the last pair may not be there: its weight is zero, any row will
			 * do */
			const uint8_t *next = t + 1 < taps ? px + n : px;
			__m128i wl = _mm_shuffle_epi32(hm_lane_load(w->lo), 0),
				wh = _mm_shuffle_epi32(hm_lane_load(w->hi), 0);
			__m128i v = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)px),
						      _mm_loadl_epi64((const __m128i *)next));
			__m128i v0 = _mm_unpacklo_epi8(v, zero), v1 = _mm_unpackhi_epi8(v, zero);
			lo0 = _mm_add_epi32(lo0, _mm_madd_epi16(v0, wl));
			lo1 = _mm_add_epi32(lo1, _mm_madd_epi16(v1, wl));
			hi0 = _mm_add_epi32(hi0, _mm_madd_epi16(v0, wh));
			hi1 = _mm_add_epi32(hi1, _mm_madd_epi16(v1, wh));
		}
		__m128i v = _mm_packs_epi32(round_sums(hi0, lo0), round_sums(hi1, lo1));
		_mm_storel_epi64((__m128i *)(out + x), _mm_packus_epi16(v, v));
	}
}
#else
static uint8_t clip(int32_t v)
{
	v >>= 22;
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* px[0], px[step], px[2·step] … weighted. */
static uint8_t weigh(const struct hm_weights *k, int i, const uint8_t *px, size_t step)
{
	const struct hm_pair *w = k->pair + k->span[i].pair;
	int32_t s = HALF;
	for (int t = 0; t < k->span[i].n; t++, px += step)
		s += *px * (w[t / 2].hi[t % 2] * (1 << 15) + w[t / 2].lo[t % 2]);
	return clip(s);
}

void hm_pass_across(const struct hm_weights *k, const uint8_t *row, size_t stride, int n, uint8_t *out)
{
	for (; n; n--, row += stride, out += 3 * (size_t)k->n)
		for (int i = 0; i < k->n; i++)
			for (int c = 0; c < 3; c++)
				out[3 * i + c] = weigh(k, i, row + (size_t)k->span[i].from * 3 + c, 3);
}

void hm_pass_down(const struct hm_weights *k, int i, const uint8_t *rows, size_t n, uint8_t *out)
{
	for (size_t x = 0; x < n; x++)
		out[x] = weigh(k, i, rows + x, n);
}
#endif

#ifdef __SSE2__
#define PIXELS 16 /* of a row at once */

/* As many pixels of a row as come in sixteens; returns their number. Reads 4 bytes behind them. */
__attribute__((target("ssse3"))) static int part_wide(const uint8_t *px, int w, size_t n, uint8_t *to)
{
	/* r g b of four pixels to four r, four g, four b */
	const __m128i mix = _mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1);
	int x = 0;
	for (; x + PIXELS <= w; x += PIXELS, px += 3 * PIXELS) {
		__m128i v[4];
		for (int j = 0; j < 4; j++)
			v[j] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(px + 12 * (size_t)j)), mix);
		__m128i rg0 = _mm_unpacklo_epi32(v[0], v[1]), rg2 = _mm_unpacklo_epi32(v[2], v[3]);
		__m128i b0 = _mm_unpackhi_epi32(v[0], v[1]), b2 = _mm_unpackhi_epi32(v[2], v[3]);
		_mm_storeu_si128((__m128i *)(to + x), _mm_unpacklo_epi64(rg0, rg2));
		_mm_storeu_si128((__m128i *)(to + n + (size_t)x), _mm_unpackhi_epi64(rg0, rg2));
		_mm_storeu_si128((__m128i *)(to + 2 * n + (size_t)x), _mm_unpacklo_epi64(b0, b2));
	}
	return x;
}
#endif

/* A row to its place in three planes of n bytes each. */
static void part_row(const uint8_t *px, int w, size_t n, uint8_t *to)
{
	int x = 0;
#ifdef __SSE2__
	if (__builtin_cpu_supports("ssse3"))
		x = part_wide(px, w, n, to);
#endif
	for (; x < w; x++)
		for (size_t c = 0; c < 3; c++)
			to[c * n + (size_t)x] = px[3 * (size_t)x + c];
}

void hm_image_planes(const struct hm_image *in, const struct hm_resize *p, uint8_t *out)
{
	size_t side = (size_t)p->side, n = side * side, width = (size_t)in->w * 3;
	if (in->w != p->side || in->h != p->side)
		memset(out, 0, 3 * n);
	for (int y = 0; y < in->h; y++)
		part_row(in->rgb + (size_t)y * width, in->w, n,
			 out + (size_t)(p->top + y) * side + (size_t)p->left);
}
