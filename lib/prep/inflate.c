/* The blocks of a zlib stream (RFC 1950, RFC 1951): see inflate.h. */
#include "base/mem.h"
#include "prep/inflateparts.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD                                                                                                \
	3 /* bytes behind the stream to which `at` comes at most, while there is something to decode         \
	   */

/* The next bits of the stream, the first one lowest. */
struct bits {
	const uint8_t *at, *end;
	uint64_t buf;
	unsigned n; /* bits in buf */
};

struct hm_inflate *hm_inflate_new(struct hm_err *e)
{
	return hm_alloc(1, sizeof(struct hm_inflate), e);
}

void hm_inflate_free(struct hm_inflate *z)
{
	free(z);
}

/* At least 56 bits. What it loads beyond them, it loads again. */
static inline void refill(struct bits *b)
{
	uint64_t v;
	memcpy(&v, b->at, sizeof v);
	b->buf |= v << b->n;
	b->at += (63 - b->n) >> 3;
	b->n |= 56;
}

static inline unsigned take_bits(struct bits *b, unsigned n)
{
	unsigned v = (unsigned)(b->buf & HM_MASK(n));
	b->buf >>= n;
	b->n -= n;
	return v;
}

/* The number that an entry of a length or a distance says. */
static inline size_t take_number(struct bits *b, uint32_t e)
{
	uint64_t was = b->buf & HM_MASK(HM_ENTRY_TAKES(e));
	b->buf >>= HM_ENTRY_TAKES(e);
	b->n -= HM_ENTRY_TAKES(e);
	return HM_ENTRY_BASE(e) + (was >> HM_ENTRY_CODE(e));
}

/* The next symbol, bit by bit: for codes that are longer than the index of a table. */
static unsigned take_symbol(const struct hm_code *c, struct bits *b)
{
	unsigned code = 0, first = 0, index = 0;
	for (unsigned l = 1; l <= HM_CODE_LONGEST; l++) {
		code |= take_bits(b, 1);
		if (code < first + c->count[l])
			return c->symbol[index + code - first];
		index += c->count[l];
		first = (first + c->count[l]) << 1;
		code <<= 1;
	}
	return 287; /* which does not exist; no complete code comes here */
}

/* The lengths of both codes, n in all, which are coded themselves: z->lit is that code. */
static bool read_lengths(struct hm_inflate *z, struct bits *b, unsigned n)
{
	hm_code_table_lengths(z);
	for (unsigned i = 0; i < n;) {
		if (b->at > b->end + AHEAD)
			return false;
		refill(b);
		size_t s = take_number(b, z->dist_table[b->buf & HM_MASK(HM_LENGTH_BITS)]);
		if (s < 16) {
			z->lengths[i++] = (uint8_t)s;
			continue;
		}
		unsigned repeat = s == 16   ? 3 + take_bits(b, 2)
				  : s == 17 ? 3 + take_bits(b, 3)
					    : 11 + take_bits(b, 7);
		if ((s == 16 && !i) || repeat > n - i)
			return false;
		memset(z->lengths + i, s == 16 ? z->lengths[i - 1] : 0, repeat);
		i += repeat;
	}
	return true;
}

static bool read_codes(struct hm_inflate *z, struct bits *b)
{
	static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	uint8_t length[19] = {0};
	refill(b);
	unsigned lits = take_bits(b, 5) + 257, dists = take_bits(b, 5) + 1, n = take_bits(b, 4) + 4;
	if (lits > HM_LENGTHS || dists > HM_DISTANCES)
		return false;
	for (unsigned i = 0; i < n; i++) {
		refill(b);
		length[order[i]] = (uint8_t)take_bits(b, 3);
	}
	return hm_code_order(&z->lit, length, 19) && read_lengths(z, b, lits + dists) &&
	       hm_code_order(&z->lit, z->lengths, lits) && hm_code_order(&z->dist, z->lengths + lits, dists);
}

static void set_fixed_codes(struct hm_inflate *z)
{
	memset(z->lengths, 8, 144);
	memset(z->lengths + 144, 9, 112);
	memset(z->lengths + 256, 7, 24);
	memset(z->lengths + 280, 8, 8);
	hm_code_order(&z->lit, z->lengths, 288);
	memset(z->lengths, 5, 32);
	hm_code_order(&z->dist, z->lengths, 32);
}

static inline void copy_sixteen(uint8_t *to, const uint8_t *from)
{
	uint8_t v[16]; /* all of it is read before any is written */
	memcpy(v, from, sizeof v);
	memcpy(to, v, sizeof v);
}

/* Up to 15 bytes too many. */
static inline void copy_match(uint8_t *out, size_t distance, size_t length)
{
	const uint8_t *from = out - distance, *end = out + length;
	for (; distance < 16 && out < end; distance *= 2) { /* what was copied doubles the period */
		copy_sixteen(out, from);
		out += distance;
	}
	for (; out < end; out += 16, from += 16)
		copy_sixteen(out, from);
}

/* The symbols of a block, up to its end. Returns where its output ends, NULL for one that is not right. */
static inline __attribute__((always_inline)) uint8_t *run_symbols(const struct hm_inflate *z,
								  struct bits *bits, const uint8_t *start,
								  uint8_t *out, const uint8_t *end)
{
	struct bits b = *bits;
	while (b.at <= b.end + AHEAD && out <= end) {
		uint32_t e;
		refill(&b);
		for (int i = 0; i < 4 && HM_ENTRY_COUNT(e = z->lit_table[b.buf & HM_MASK(HM_LIT_BITS)]);
		     i++) {
			uint32_t v = e >> 8;
			memcpy(out, &v, 4);
			out += HM_ENTRY_COUNT(e);
			b.buf >>= HM_ENTRY_TAKES(e);
			b.n -= HM_ENTRY_TAKES(e);
		}
		if (HM_ENTRY_COUNT(e))
			continue;
		if (b.n < 48) /* the codes of a length and a distance, with their extra bits */
			refill(&b);
		if (e & HM_ENTRY_LONG)
			e = hm_code_length(take_symbol(&z->lit, &b));
		if (HM_ENTRY_COUNT(e)) {
			*out++ = (uint8_t)(e >> 8);
			continue;
		}
		size_t length = take_number(&b, e);
		if (e & (HM_ENTRY_END | HM_ENTRY_NONE)) {
			*bits = b;
			return e & HM_ENTRY_END && out <= end ? out : NULL;
		}
		uint32_t d = z->dist_table[b.buf & HM_MASK(HM_DIST_BITS)];
		if (d & HM_ENTRY_LONG)
			d = hm_code_distance(take_symbol(&z->dist, &b));
		size_t distance = take_number(&b, d);
		if (d & HM_ENTRY_NONE || distance > (size_t)(out - start))
			return NULL;
		copy_match(out, distance, length);
		out += length;
	}
	return NULL;
}

#ifdef __x86_64__
/* With shifts by a number in any register. */
__attribute__((target("bmi2"))) static uint8_t *run_with_bmi2(const struct hm_inflate *z, struct bits *b,
							      const uint8_t *start, uint8_t *out,
							      const uint8_t *end)
{
	return run_symbols(z, b, start, out, end);
}
#endif

static uint8_t *run_coded(const struct hm_inflate *z, struct bits *b, const uint8_t *start, uint8_t *out,
			  const uint8_t *end)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("bmi2"))
		return run_with_bmi2(z, b, start, out, end);
#endif
	return run_symbols(z, b, start, out, end);
}

static uint8_t *copy_stored(struct bits *b, uint8_t *out, const uint8_t *end)
{
	b->at -= b->n >> 3; /* the bits up to the next byte are skipped */
	b->buf = b->n = 0;
	if (b->end < b->at || b->end - b->at < 4)
		return NULL;
	const uint8_t *p = b->at;
	size_t n = p[0] | (size_t)p[1] << 8, check = p[2] | (size_t)p[3] << 8;
	b->at += 4;
	if ((n ^ check) != 0xffff || (size_t)(b->end - b->at) < n || (size_t)(end - out) < n)
		return NULL;
	memcpy(out, b->at, n);
	b->at += n;
	return out + n;
}

/* One block; *last: of the stream. */
static uint8_t *run_block(struct hm_inflate *z, struct bits *b, bool *last, const uint8_t *start,
			  uint8_t *out, const uint8_t *end)
{
	if (b->at > b->end + AHEAD)
		return NULL;
	refill(b);
	*last = take_bits(b, 1);
	unsigned kind = take_bits(b, 2);
	if (kind == 0)
		return copy_stored(b, out, end);
	if (kind == 1)
		set_fixed_codes(z);
	if (kind == 3 || (kind == 2 && !read_codes(z, b)))
		return NULL;
	hm_code_tables(z);
	return run_coded(z, b, start, out, end);
}

bool hm_inflate_suits(const uint8_t *in, size_t n, size_t need)
{
	return n >= 2 && in[1] >> 6 && need / 4 < n;
}

bool hm_inflate_run(struct hm_inflate *z, const uint8_t *in, size_t n, uint8_t *out, size_t need)
{
	bool last = false;
	uint8_t *to = out;
	if (n < 6 || (in[0] << 8 | in[1]) % 31 || (in[0] & 15) != 8 || in[0] >> 4 > 7 || in[1] & 0x20)
		return false;
	struct bits b = {.at = in + 2, .end = in + n};
	while (to && !last)
		to = run_block(z, &b, &last, out, to, out + need);
	const uint8_t *sum = b.at - (b.n >> 3);
	if (to != out + need || sum > b.end || b.end - sum < 4)
		return false;
	return libdeflate_adler32(1, out, need) ==
	       ((uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3]);
}
