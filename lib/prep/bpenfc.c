/* NFC by Unicode 3.11: decompose, order the marks, compose. See bpechars.h. */
#include "json/json.h"
#include "prep/bpechars.h"

#include <string.h>

enum { /* Hangul, Unicode 3.12 */
       S_BASE = 0xac00,
       L_BASE = 0x1100,
       V_BASE = 0x1161,
       T_BASE = 0x11a7,
       L_COUNT = 19,
       V_COUNT = 21,
       T_COUNT = 28,
       S_COUNT = L_COUNT * V_COUNT * T_COUNT
};

/* A code point that is being normalised holds its combining class in the top byte. */
#define POINT(x) ((x)&0xffffff)
#define ORDER(x) ((x) >> 24)

static uint32_t order_of(uint32_t cp)
{
	size_t low = 0, high = hm_bpe_orders_n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (cp > hm_bpe_orders[mid].last)
			low = mid + 1;
		else
			high = mid;
	}
	return low < hm_bpe_orders_n && cp >= hm_bpe_orders[low].first ? hm_bpe_orders[low].value : 0;
}

static uint32_t single_of(uint32_t cp)
{
	size_t low = 0, high = hm_bpe_single_n;
	while (low < high) { /* the first run that begins behind cp */
		size_t mid = (low + high) / 2;
		if (hm_bpe_single[mid].first <= cp)
			low = mid + 1;
		else
			high = mid;
	}
	const struct hm_char_run *r = &hm_bpe_single[low ? low - 1 : 0];
	uint32_t step = r->step ? r->step : 1, k = (cp - r->first) / step;
	if (low && k < r->count && (cp - r->first) % step == 0)
		return r->to + k * r->to_step;
	return cp;
}

static const struct hm_bpe_pair *pair_of(uint32_t cp)
{
	size_t low = 0, high = hm_bpe_pairs_n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (hm_bpe_pairs[mid].from < cp)
			low = mid + 1;
		else
			high = mid;
	}
	return low < hm_bpe_pairs_n && hm_bpe_pairs[low].from == cp ? &hm_bpe_pairs[low] : NULL;
}

/* Appends the whole decomposition: steps go down by their first code point, and their second ones follow. */
static int decompose_point(uint32_t cp, struct hm_buf *to, struct hm_err *e)
{
	uint32_t tail[8], at = 8, s = cp - S_BASE;
	const struct hm_bpe_pair *p;
	if (s < S_COUNT) {
		if (s % T_COUNT)
			tail[--at] = T_BASE + s % T_COUNT;
		tail[--at] = V_BASE + s % (V_COUNT * T_COUNT) / T_COUNT;
		tail[--at] = L_BASE + s / (V_COUNT * T_COUNT);
		return hm_buf_add(to, tail + at, (8 - at) * sizeof *tail, e);
	}
	for (cp = single_of(cp); at > 1 && (p = pair_of(cp)); cp = single_of(p->first)) {
		uint32_t second = single_of(p->second);
		tail[--at] = second | order_of(second) << 24;
	}
	tail[--at] = cp | order_of(cp) << 24;
	return hm_buf_add(to, tail + at, (8 - at) * sizeof *tail, e);
}

/* Sorts p[0..n) by combining class and keeps equal ones in their order; `room` holds n more. Counting, so
 * that the time does not grow with the square of n. */
static void order_marks(uint32_t *p, size_t n, uint32_t *room)
{
	size_t start[257] = {0};
	for (size_t i = 0; i < n; i++)
		start[ORDER(p[i]) + 1]++;
	for (int k = 0; k < 256; k++)
		start[k + 1] += start[k];
	for (size_t i = 0; i < n; i++)
		room[start[ORDER(p[i])]++] = p[i];
	memcpy(p, room, n * sizeof *p);
}

static int order_points(struct hm_buf *points, struct hm_err *e)
{
	size_t n = points->len / sizeof(uint32_t), most = 0, to = 0;
	for (size_t i = 0; i < n; i = to + 1) {
		const uint32_t *p = (const uint32_t *)(const void *)points->data;
		for (to = i; to < n && ORDER(p[to]); to++)
			;
		most = to - i > most ? to - i : most;
	}
	if (most < 2)
		return 0;
	if (hm_buf_reserve(points, most * sizeof(uint32_t), e))
		return HM_EDATA;
	uint32_t *p = (uint32_t *)(void *)points->data;
	for (size_t i = 0; i < n; i = to + 1) {
		for (to = i; to < n && ORDER(p[to]); to++)
			;
		if (to - i > 1)
			order_marks(p + i, to - i, p + n);
	}
	return 0;
}

/* What the two make together, or 0. */
static uint32_t compose_pair(uint32_t a, uint32_t b)
{
	uint32_t l = a - L_BASE, v = b - V_BASE, s = a - S_BASE, t = b - T_BASE;
	if (l < L_COUNT && v < V_COUNT)
		return S_BASE + (l * V_COUNT + v) * T_COUNT;
	if (s < S_COUNT && s % T_COUNT == 0 && t && t < T_COUNT)
		return a + t;
	size_t low = 0, high = hm_bpe_composing_n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct hm_bpe_pair *p = &hm_bpe_pairs[hm_bpe_composing[mid]];
		if (p->first < a || (p->first == a && p->second < b))
			low = mid + 1;
		else
			high = mid;
	}
	if (low == hm_bpe_composing_n)
		return 0;
	const struct hm_bpe_pair *p = &hm_bpe_pairs[hm_bpe_composing[low]];
	return p->first == a && p->second == b ? p->from : 0;
}

/* Joins each code point to the last starter, unless one of the same or a higher class stands between. */
static size_t compose_points(uint32_t *p, size_t n)
{
	size_t out = 0, starter = SIZE_MAX;
	uint32_t before = 0; /* the class of what was kept last behind the starter; 0: nothing was */
	for (size_t i = 0; i < n; i++) {
		uint32_t cp = POINT(p[i]), order = ORDER(p[i]), made = 0;
		bool adjacent = starter != SIZE_MAX && starter + 1 == out;
		if (adjacent || (starter != SIZE_MAX && before < order))
			made = compose_pair(p[starter], cp);
		if (made) {
			p[starter] = made;
			continue;
		}
		if (!order)
			starter = out;
		before = order;
		p[out++] = cp;
	}
	return out;
}

int hm_bpe_nfc(const char *s, size_t n, struct hm_buf *points, struct hm_err *e)
{
	int rc = 0;
	points->len = 0;
	for (size_t at = 0; !rc && at < n;) {
		uint32_t cp = 0;
		int used = hm_utf8_next(s + at, n - at, &cp);
		at += used ? (size_t)used : n;
		rc = decompose_point(cp, points, e);
	}
	if (!rc)
		rc = order_points(points, e);
	if (!rc)
		points->len = sizeof(uint32_t) * compose_points((uint32_t *)(void *)points->data,
								points->len / sizeof(uint32_t));
	return rc;
}
