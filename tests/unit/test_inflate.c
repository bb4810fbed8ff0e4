/* Photographs are inflated by ISA-L: what zlib packs by every level and strategy comes back byte for byte,
 * and what is damaged, cut, of another length or of another checksum is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "prep/inflate.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { BYTES = 150000, KINDS = 6 };

static struct hm_rng rng;

/* Noise of few bits; of all bits; literals of very unequal frequency, whose codes become as long as they may;
 * repeats at every distance; periods of 1 to 20 bytes; nothing but zeros. */
static void make_data(int kind, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned r = hm_rng_u32(&rng), far = 1 + r % 32768, near = 1 + (unsigned)(i / 5000) % 20;
		p[i] = kind == 0   ? (uint8_t)((r & 7) + (r >> 3 & 7) + (r >> 6 & 7))
		       : kind == 1 ? (uint8_t)r
		       : kind == 2 ? (uint8_t)(r ? __builtin_clz(r) * 3 + (int)(r % 3) : 0)
		       : kind == 4 && i >= near && r % 300 ? p[i - near]
		       : kind == 5			   ? 0
							   : (uint8_t)(r % 11 * 7);
		for (unsigned k = 4 + r % 40; kind == 3 && far < i && k && i + 1 < n; k--, i++)
			p[i + 1] = p[i + 1 - far];
	}
}

static size_t pack(const uint8_t *p, size_t n, int level, int strategy, uint8_t *out, size_t cap)
{
	z_stream z = {
		.next_in = (z_const Bytef *)p, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)cap};
	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 15, 9, strategy), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

/* hm_inflate_run with exact blocks, so that a sanitizer sees one byte too many. */
static bool run_exactly(struct hm_inflate *z, const uint8_t *packed, size_t n, size_t need,
			const uint8_t *want)
{
	uint8_t *in = malloc(n ? n : 1), *out = malloc(need ? need : 1);
	memcpy(in, packed, n);
	bool ok = hm_inflate_run(z, in, n, out, need);
	if (ok)
		assert_memory_equal(out, want, need);
	free(in);
	free(out);
	return ok;
}

static void check_stream(struct hm_inflate *z, uint8_t *packed, size_t n, const uint8_t *want, size_t need)
{
	assert_true(run_exactly(z, packed, n, need, want));
	memset(packed + n, 0xa5, 8); /* bytes behind the stream are ignored */
	assert_true(run_exactly(z, packed, n + 8, need, want));
	for (size_t cut = 1; cut < 9 && cut < n; cut++)
		assert_false(run_exactly(z, packed, n - cut, need, want));
	assert_false(run_exactly(z, packed, n / 2, need, want));
	assert_false(run_exactly(z, packed, n, need + 1, want));
	assert_false(need && run_exactly(z, packed, n, need - 1, want));
	for (int i = 0; i < 20; i++) { /* the checksum finds whatever is changed */
		size_t at = i < 4 ? n - 1 - (size_t)i : hm_rng_below(&rng, (uint32_t)n);
		uint8_t was = packed[at];
		packed[at] ^= (uint8_t)(1u << hm_rng_below(&rng, 8));
		bool ok = run_exactly(z, packed, n, need, want);
		assert_true(!ok ||
			    (at < 2 || i >= 4)); /* and what does not matter stays equal: see run_exactly */
		packed[at] = was;
	}
}

static void test_streams(void **state)
{
	static const int sizes[] = {0, 1, 300, 20000, BYTES};
	(void)state;
	struct hm_err e = {0};
	struct hm_inflate *z = hm_inflate_new(&e);
	size_t cap = 2 * BYTES;
	uint8_t *data = malloc(BYTES), *packed = malloc(cap);
	hm_rng_init(&rng, 7, HM_RNG_SYNTH, 0, 0);
	for (int kind = 0; kind < KINDS; kind++) {
		make_data(kind, data, BYTES);
		for (int level = 0; level <= 9; level += 3)
			for (int strategy = Z_DEFAULT_STRATEGY; strategy <= Z_FIXED; strategy++)
				for (int s = 0; s < 5; s++) {
					size_t n = pack(data, (size_t)sizes[s], level, strategy, packed,
							cap - 8);
					check_stream(z, packed, n, data, (size_t)sizes[s]);
				}
	}
	free(data);
	free(packed);
	hm_inflate_free(z);
}

/* A stream written bit by bit. */
struct writer {
	uint8_t byte[128];
	size_t bits;
};

static void put_bits(struct writer *w, unsigned v, int n)
{
	for (int i = 0; i < n; i++, w->bits++)
		w->byte[w->bits / 8] |= (uint8_t)((v >> i & 1) << w->bits % 8);
}

/* A code, whose first bit is its highest. */
static void put_code(struct writer *w, unsigned v, int n)
{
	while (n--)
		put_bits(w, v >> n & 1, 1);
}

static struct writer begin_stream(unsigned kind)
{
	struct writer w = {.byte = {0x78, 0x9c}, .bits = 16};
	put_bits(&w, 1, 1);
	put_bits(&w, kind, 2);
	return w;
}

static void put_bytes(struct writer *w, const char *p, size_t n)
{
	for (w->bits = (w->bits + 7) / 8 * 8; n--; p++)
		put_bits(w, (uint8_t)*p, 8);
}

/* Whether the stream is inflated to these bytes, whose checksum it gets: nothing but a check can refuse it.
 * Zeros stand before the output. */
static bool accepts(struct writer w, const char *want, size_t need)
{
	struct hm_inflate *z = hm_inflate_new(NULL);
	uint32_t sum = libdeflate_adler32(1, want, need);
	const char end[4] = {(char)(sum >> 24), (char)(sum >> 16), (char)(sum >> 8), (char)sum};
	put_bytes(&w, end, 4);
	uint8_t out[64 + 16] = {0};
	bool ok = hm_inflate_run(z, w.byte, w.bits / 8, out + 64, need);
	if (ok)
		assert_memory_equal(out + 64, want, need);
	hm_inflate_free(z);
	return ok;
}

/* "a", then a match of length 3, in a fixed block. */
static struct writer make_match(unsigned distance_symbol)
{
	struct writer w = begin_stream(1);
	put_code(&w, 0x30 + 'a', 8);
	put_code(&w, 1, 7);
	put_code(&w, distance_symbol, 5);
	put_code(&w, 0, 7);
	return w;
}

static struct writer make_stored(const char *head)
{
	struct writer w = begin_stream(0);
	put_bytes(&w, head, 4);
	put_bytes(&w, "ab", 2);
	return w;
}

/* "a" in a block whose codes have 'a' and the end of the block with these lengths, 1 or 2, and `distances`
 * codes of one bit. */
static struct writer make_coded(unsigned a, unsigned end, unsigned distances)
{
	static const uint8_t order[18] = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2};
	struct writer w = begin_stream(2);
	put_bits(&w, 0, 5);
	put_bits(&w, distances - 1, 5);
	put_bits(&w, 14, 4);
	for (int i = 0; i < 18; i++) /* 18: 0, 1: 10, 2: 11 */
		put_bits(&w, order[i], 3);
	put_bits(&w, 0, 1);
	put_bits(&w, 97 - 11, 7);
	put_code(&w, 1 + a, 2);
	put_bits(&w, 0, 1);
	put_bits(&w, 138 - 11, 7);
	put_bits(&w, 0, 1);
	put_bits(&w, 20 - 11, 7);
	put_code(&w, 1 + end, 2);
	for (unsigned i = 0; i < distances; i++)
		put_code(&w, 2, 2);
	put_code(&w, 0, (int)a);
	put_code(&w, 1, (int)end);
	return w;
}

static void test_refusals(void **state)
{
	(void)state;
	assert_true(accepts(make_match(0), "aaaa", 4));
	assert_false(accepts(make_match(1), "a\0a\0", 4)); /* distance 2, behind the first byte */
	assert_true(accepts(make_stored("\2\0\xfd\xff"), "ab", 2));
	assert_false(accepts(make_stored("\2\0\xfc\xff"), "ab", 2));
	assert_true(accepts(make_coded(1, 1, 2), "a", 1));
	/* An incomplete code, which libdeflate refuses, is no fault to ISA-L: the data has no word of what is
	 * missing, and its checksum is right. */
	assert_true(accepts(make_coded(2, 2, 2), "a", 1));
	assert_true(accepts(make_coded(1, 1, 1), "a", 1)); /* one distance of one bit is allowed */
	assert_false(accepts(make_coded(1, 1, 3), "a", 1)); /* too many codes */
	struct writer w = begin_stream(3);
	put_bytes(&w, "ab", 2);
	assert_false(accepts(w, "", 0));
}

static void test_headers(void **state)
{
	(void)state;
	struct hm_inflate *z = hm_inflate_new(NULL);
	uint8_t packed[64];
	size_t n = pack((const uint8_t *)"pixels", 6, 6, Z_DEFAULT_STRATEGY, packed, sizeof packed);
	int right = 0;
	for (unsigned head = 0; head < 65536; head++) {
		packed[0] = (uint8_t)(head >> 8);
		packed[1] = (uint8_t)head;
		bool ok = run_exactly(z, packed, n, 6, (const uint8_t *)"pixels");
		assert_int_equal(ok,
				 head % 31 == 0 && (head >> 8 & 15) == 8 && head >> 12 < 8 && !(head & 32));
		right += ok;
	}
	assert_true(right > 30);
	hm_inflate_free(z);
}

static void test_choice(void **state)
{
	(void)state;
	static const uint8_t usual[2] = {0x78, 0x9c}, fastest[2] = {0x78, 0x01};
	assert_true(hm_inflate_suits(usual, 60000, 100000));
	assert_false(hm_inflate_suits(usual, 6000, 100000));
	assert_false(hm_inflate_suits(fastest, 60000, 100000));
	assert_false(hm_inflate_suits(usual, 1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_choice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
