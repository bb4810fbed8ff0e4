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

void hm_pass_down(const struct hm_weights *k, int i, const uint8_t *rows, size_t n, uint8_t *out)
{
	const __m128i zero = _mm_setzero_si128();
	int taps = k->span[i].n;
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

void hm_image_planes(const struct hm_image *in, const struct hm_resize *p, uint8_t *out)
{
	size_t side = (size_t)p->side, n = side * side;
	const uint8_t *px = in->rgb;
	if (in->w != p->side || in->h != p->side)
		memset(out, 0, 3 * n);
	for (int y = 0; y < in->h; y++) {
		uint8_t *to = out + (size_t)(p->top + y) * side + (size_t)p->left;
		for (int x = 0; x < in->w; x++, px += 3) {
			to[x] = px[0];
			to[n + (size_t)x] = px[1];
			to[2 * n + (size_t)x] = px[2];
		}
	}
}
