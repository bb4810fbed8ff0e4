/* NFC by Unicode 3.11: decompose, order the marks, compose. See bpechars.h. */
#include "json/json.h"
#include "prep/bpechars.h"

#include <string.h>

/* A code point that is being normalised holds its combining class in the top byte. */
#define POINT(x) ((x)&0xffffff)
#define ORDER(x) ((x) >> 24)

/* Appends the whole decomposition. */
static int decompose_point(uint32_t cp, struct hm_buf *to, struct hm_err *e)
{
	uint32_t part[HM_CHAR_PARTS];
	int n = hm_char_decompose(cp, part);
	for (int i = 0; i < n; i++)
		part[i] |= (uint32_t)hm_char_order_of(part[i]) << 24;
	return hm_buf_add(to, part, (size_t)n * sizeof *part, e);
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

/* Joins each code point to the last starter, unless one of the same or a higher class stands between. */
static size_t compose_points(uint32_t *p, size_t n)
{
	size_t out = 0, starter = SIZE_MAX;
	uint32_t before = 0; /* the class of what was kept last behind the starter; 0: nothing was */
	for (size_t i = 0; i < n; i++) {
		uint32_t cp = POINT(p[i]), order = ORDER(p[i]), made = 0;
		bool adjacent = starter != SIZE_MAX && starter + 1 == out;
		if (adjacent || (starter != SIZE_MAX && before < order))
			made = hm_char_compose(p[starter], cp);
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
