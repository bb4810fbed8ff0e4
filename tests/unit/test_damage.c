/* Damage and lies: every cut and every flipped bit of a stream is an error, and so is every frame that
 * carries a good hash and a wrong statement. */
#include "rec/format.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct hm_err e;
static struct hm_buf whole;

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	test_stream(&whole, 8, 200, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hm_buf_clear(&whole);
	return 0;
}

/* It is an error, with one sentence that holds `word` (may be NULL) and neither newline nor emptiness. */
static void refused(const struct hm_buf *b, const char *word)
{
	e = (struct hm_err){0};
	int rc = test_read(b->data, b->len, NULL, NULL, &e);
	if (rc != HM_EDATA || (word && !strstr(e.text, word)))
		fail_msg("rc %d, \"%s\"; expected an error with \"%s\"", rc, e.text, word ? word : "");
	assert_null(strchr(e.text, '\n'));
	assert_true(strlen(e.text) > 20);
}

static void accepted(const struct hm_buf *b)
{
	e = (struct hm_err){0};
	int rc = test_read(b->data, b->len, NULL, NULL, &e);
	if (rc)
		fail_msg("%s", e.text);
}

static void every_cut_is_an_error(void **state)
{
	(void)state;
	for (size_t n = 0; n < whole.len; n++) {
		struct hm_buf b = {.data = whole.data, .len = n};
		refused(&b, n ? NULL : "empty");
	}
	accepted(&whole);
}

static void every_flipped_bit_is_an_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < 8 * whole.len; i++) {
		whole.data[i / 8] ^= (unsigned char)(1 << i % 8);
		refused(&whole, NULL);
		whole.data[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	accepted(&whole);
}

/* The same with threads that read ahead: an error further on is met in its turn, records before it are given.
 */
static void threads_meet_damage_in_its_turn(void **state)
{
	(void)state;
	struct hm_workers *w = hm_workers_new(3, &e);
	uint64_t seen, first = hm_get64(whole.data + test_frame(&whole, "HMRB", 2) + 8 + 16);
	whole.data[test_frame(&whole, "HMRB", 2) + 100] ^= 1;
	assert_int_equal(test_read(whole.data, whole.len, w, &seen, &e), HM_EDATA);
	assert_int_equal(seen, first);
	assert_non_null(strstr(e.text, "block 2"));
	hm_workers_free(w);
}

static void an_error_is_repeated(void **state)
{
	(void)state;
	struct hm_reader *r;
	struct hm_rec rec;
	char name[64];
	whole.data[test_frame(&whole, "HMRI", 0) + 20] ^= 1;
	int fd = test_file(whole.data, whole.len, name);
	assert_int_equal(hm_reader_open(&r, name, NULL, &e), 0);
	while (hm_reader_next(r, &rec, &e) == 1)
		;
	for (int i = 0; i < 3; i++) {
		struct hm_err again = {0};
		assert_int_equal(hm_reader_next(r, &rec, &again), HM_EDATA);
		assert_string_equal(again.text, e.text);
	}
	hm_reader_close(r);
	close(fd);
}

static void nothing_may_follow_the_end(void **state)
{
	(void)state;
	size_t len = whole.len;
	hm_buf_add(&whole, "", 1, &e);
	refused(&whole, "follow the end mark");
	whole.len = len;
	hm_buf_reserve(&whole, len, &e);
	hm_buf_add(&whole, whole.data, len, &e); /* two streams, one behind the other */
	refused(&whole, "follow the end mark");
}

/* Blocks taken out, doubled, exchanged. */
static void blocks_are_in_order(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	size_t at[4];
	for (int i = 0; i < 4; i++)
		assert_true((at[i] = test_frame(&whole, "HMRB", i)) != (size_t)-1);
	static const int orders[][4] = {{0, 2, -1}, {1, 2, -1}, {0, 1, 1, 2}, {1, 0, 2, -1}, {0, 0, 1, 2}};
	for (size_t k = 0; k < sizeof orders / sizeof orders[0]; k++) {
		b.len = 0;
		hm_buf_add(&b, whole.data, at[0], &e);
		for (int i = 0; i < 4 && orders[k][i] >= 0; i++)
			hm_buf_add(&b, whole.data + at[orders[k][i]], at[orders[k][i] + 1] - at[orders[k][i]],
				   &e);
		hm_buf_add(&b, whole.data + at[3], whole.len - at[3], &e);
		refused(&b, "out of order");
	}
	hm_buf_clear(&b);
}

/* Frames with a good hash and one field changed. `at` counts from the content's first byte. */
struct lie {
	const char *kind;
	int nth, at, bytes;
	uint64_t value;
	const char *word;
};

static void tell_lie(const struct lie *l)
{
	struct hm_buf b = {0};
	hm_buf_add(&b, whole.data, whole.len, &e);
	size_t frame = test_frame(&b, l->kind, l->nth);
	unsigned char *p = b.data + frame + 8 + l->at;
	if (l->bytes == 2)
		hm_put16(p, (uint16_t)l->value);
	else if (l->bytes == 4)
		hm_put32(p, (uint32_t)l->value);
	else
		hm_put64(p, l->value);
	test_seal(&b, frame);
	if (l->word)
		refused(&b, l->word);
	else
		accepted(&b);
	hm_buf_clear(&b);
}

static void every_field_is_held_against_the_truth(void **state)
{
	(void)state;
	size_t index = test_frame(&whole, "HMRI", 0);
	static const struct lie lies[] = {
		{"HMRH", 0, 4, 2, 2, "format version 2.0"},
		{"HMRH", 0, 4, 2, 0, "format version 0.0"},
		{"HMRH", 0, 6, 2, 9, NULL}, /* a later minor version is read */
		{"HMRH", 0, 8, 4, 1, "flags"},
		{"HMRH", 0, 8, 4, 0x80000000u, "flags"},
		{"HMRH", 0, 12, 4, 0xffffffffu, NULL}, /* compatible flags are not looked at */
		{"HMRH", 0, 16, 4, 0, "sizes"},
		{"HMRH", 0, 16, 4, 0xffffffffu, "sizes"},
		{"HMRH", 0, 20, 4, 1, "sizes"},
		{"HMRB", 1, 4, 4, 1, "flags"},
		{"HMRB", 1, 8, 8, 0, "out of order"},
		{"HMRB", 1, 8, 8, UINT64_MAX, "out of order"},
		{"HMRB", 1, 16, 8, 0, "out of order"},
		{"HMRB", 1, 16, 8, UINT64_MAX, "out of order"},
		{"HMRB", 1, 24, 4, 0, "impossible"},
		{"HMRB", 1, 24, 4, 1, "block 1"},
		{"HMRB", 1, 24, 4, 65536, "block 1"},
		{"HMRB", 1, 24, 4, 65537, "impossible"},
		{"HMRB", 1, 24, 4, 0xffffffffu, "impossible"},
		{"HMRB", 1, 28, 4, 0, "block header says"},
		{"HMRB", 1, 28, 4, 448, "block header says"},
		{"HMRB", 1, 28, 4, 0xffffffffu, "impossible"},
		{"HMRB", 1, 32, 4, 0, "hash differs"},
		{"HMRB", 1, 32, 4, 0xffffffffu, "impossible"},
		{"HMRB", 1, 36, 4, 1, "flags"},
		{"HMRB", 1, 40, 8, 0, "payload is damaged"},
		{"HMRB", 1, 48, 8, 0, "compressed bytes are damaged"},
		{"HMRI", 0, 4, 4, 1, "contradicts"},
		{"HMRI", 0, 8, 8, 0, "contradicts"},
		{"HMRI", 0, 8, 8, UINT64_MAX, "contradicts"},
		{"HMRI", 0, 16, 8, 1, "contradicts"},
		{"HMRI", 0, 24, 8, 1, "contradicts"},
		{"HMRI", 0, 32, 4, 99, "contradicts"},
		{"HMRI", 0, 36, 4, 99, "contradicts"},
		{"HMRI", 0, 40, 4, 99, "contradicts"},
		{"HMRI", 0, 44, 4, 1, "contradicts"},
		{"HMRE", 0, 4, 4, 1, "gave up"},
		{"HMRE", 0, 4, 4, 0xffffffffu, "gave up"},
		{"HMRE", 0, 8, 8, 7, "counts 7 records"},
		{"HMRE", 0, 16, 8, 40, NULL}, /* skipped records cannot be checked */
		{"HMRE", 0, 24, 8, 1, "in 1 blocks"},
		{"HMRE", 0, 32, 8, 1, "sizes"},
		{"HMRE", 0, 40, 8, 0, "sizes"},
		{"HMRE", 0, 48, 8, 0, "digest"},
		{"HMRE", 0, 56, 8, 0, "digest"},
	};
	assert_true(index != (size_t)-1);
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
		tell_lie(&lies[i]);
}

/* An index may be missing when END says so. */
static void the_index_is_optional(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	size_t index = test_frame(&whole, "HMRI", 0), end = test_frame(&whole, "HMRE", 0);
	hm_buf_add(&b, whole.data, index, &e);
	hm_buf_add(&b, whole.data + end, whole.len - end, &e);
	refused(&b, "sizes");
	hm_put64(b.data + index + 8 + 40, 0);
	test_seal(&b, index);
	accepted(&b);
	hm_buf_clear(&b);
}

static void unknown_frames_are_refused(void **state)
{
	(void)state;
	static const unsigned char other[12] = {0x5b, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'H', 'M', 'R', 'X'};
	static const unsigned char plain[12] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'H', 'M', 'R', 'B'};
	struct hm_buf b = {0};
	const char *const before[] = {"HMRB", "HMRI", "HMRE"};
	for (int i = 0; i < 3; i++) {
		size_t at = test_frame(&whole, before[i], 0);
		for (int k = 0; k < 2; k++) {
			b.len = 0;
			hm_buf_add(&b, whole.data, at, &e);
			hm_buf_add(&b, k ? plain : other, 12, &e);
			hm_buf_add(&b, whole.data + at, whole.len - at, &e);
			refused(&b, NULL);
		}
	}
	hm_buf_clear(&b);
}

/* HEAD's JSON replaced by `json`; the rest of the stream stays. */
static void replace_head(struct hm_buf *b, const char *json)
{
	b->len = 0;
	hm_frame_head(b, json, strlen(json), &e);
	size_t at = test_frame(&whole, "HMRB", 0);
	hm_buf_add(b, whole.data + at, whole.len - at, &e);
}

static void headers_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *json, *word;
	} bad[] = {
		{"", "invalid JSON"},
		{"[]", "meta"},
		{"{\"meta\":{},\"pg\":{},\"schema\":[]}", "pg"},
		{"{\"pg\":[],\"schema\":[]}", "meta"},
		{"{\"meta\":{},\"pg\":[]}", "schema"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[]}", "schema"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[7]}", "name"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[[1]]}", "name"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\"}]}", "shape"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[1.5]}]}",
		 "shape"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[-2]}]}",
		 "shape"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[3,-1]}]}",
		 "shape"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[1e+18]}]}",
		 "shape"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[1,1,1,1,1,1,"
		 "1,1,1]}]}",
		 "shape"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"C8\",\"name\":\"a\",\"shape\":[]}]}",
		 "dtype"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"\",\"shape\":[]}]}",
		 "column name"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[]},"
		 "{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[]}]}",
		 "exists"},
		{"{\"later\":1,\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":["
		 "]}]}",
		 "alone"},
		{"{\"pg\":[],\"meta\":{},\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[]}]}",
		 "canonical"},
		{"{\"meta\":{},\"pg\":[], \"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[]}]}",
		 "canonical"},
		{"{\"meta\":{\"x\":1.0},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[]}]"
		 "}",
		 "canonical"},
		{"{\"meta\":{\"x\":\"\\u0041\"},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\","
		 "\"shape\":[]}]}",
		 "canonical"},
		{"{\"meta\":{\"x\":1,\"x\":1},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\","
		 "\"shape\":[]}]}",
		 "twice"},
		{"{\"meta\":{\"a\":[[[[[[[1]]]]]]]},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\","
		 "\"shape\":[]}]}",
		 "nesting"},
		/* a header that says something else than the blocks hold */
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[]}]}",
		 "block 0"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[67108864]}]"
		 "}",
		 "block 0"},
		{"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"F64\",\"name\":\"a\",\"shape\":[-1,8388608]"
		 "}]}",
		 "block 0"},
	};
	struct hm_buf b = {0};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		replace_head(&b, bad[i].json);
		refused(&b, bad[i].word);
	}
	hm_buf_clear(&b);
}

static void payloads_are_checked(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	unsigned char p[256] = {0}, shuffled[64] = {0};
	const char *bytes = "{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[3]}";
	const char *text = "{\"dtype\":\"UTF8\",\"name\":\"a\",\"shape\":[]}";
	test_payload(&b, bytes, 2, p, 64);
	accepted(&b);
	p[6] = 1; /* padding */
	test_payload(&b, bytes, 2, p, 64);
	refused(&b, "padding");
	p[6] = 0;
	test_payload(&b, bytes, 2, p, 128);
	refused(&b, "more than its records");
	test_payload(&b, bytes, 22, p, 64);
	refused(&b, "data or padding");

	static const struct {
		uint32_t offset[3];
		const char *word;
	} cases[] = {{{0, 1, 2}, NULL},		  {{0, 2, 2}, NULL},	{{1, 1, 2}, "offsets"},
		     {{0, 2, 1}, "offsets"},	  {{0, 1, 65}, "data"}, {{0, 0xffffffff, 2}, "offsets"},
		     {{0, 1, 0xffffffff}, "data"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		hm_shuffle((const unsigned char *)cases[i].offset, shuffled, 3, 4);
		memcpy(p, shuffled, 12);
		memcpy(p + 64, "ab", 2);
		test_payload(&b, text, 2, p, 128);
		if (cases[i].word)
			refused(&b, cases[i].word);
		else
			accepted(&b);
	}
	hm_shuffle((const unsigned char *)(uint32_t[]){0, 1, 2}, shuffled, 3, 4);
	memcpy(p, shuffled, 12);
	memcpy(p + 64, "\xc3\xa9", 2); /* one letter, cut in two by the offsets */
	test_payload(&b, text, 2, p, 128);
	refused(&b, "UTF-8");
	hm_buf_clear(&b);
}

/* zstd frames that zstd would accept and the format does not. */
static void zstd_frames_are_checked(void **state)
{
	(void)state;
	unsigned char p[64] = {0}, frame[256];
	static const struct {
		int checksum, size, window;
		const char *word;
	} cases[] = {{1, 1, 0, NULL}, {0, 1, 0, "no checksum"}, {1, 0, 0, "content size"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ZSTD_CCtx *z = ZSTD_createCCtx();
		ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, cases[i].checksum);
		ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, cases[i].size);
		size_t n = ZSTD_compress2(z, frame, sizeof frame, p, sizeof p);
		ZSTD_freeCCtx(z);
		e = (struct hm_err){0};
		int rc = hm_frame_check_zstd(frame, n, sizeof p, &e);
		assert_int_equal(rc, cases[i].word ? HM_EDATA : 0);
		if (rc)
			assert_non_null(strstr(e.text, cases[i].word));
		for (size_t k = 0; k < 6; k++)
			assert_int_equal(hm_frame_check_zstd(frame, k, sizeof p, &e), HM_EDATA);
	}
	static const unsigned char window[][10] = {{0x28, 0xb5, 0x2f, 0xfd, 0x84, 16 << 3, 64, 0, 0, 0},
						   {0x28, 0xb5, 0x2f, 0xfd, 0x84, (16 << 3) + 1, 64, 0, 0, 0},
						   {0x28, 0xb5, 0x2f, 0xfd, 0x85, 16 << 3, 64, 0, 0, 0}};
	e = (struct hm_err){0};
	assert_int_equal(hm_frame_check_zstd(window[0], 10, 64, &e), 0);
	assert_int_equal(hm_frame_check_zstd(window[1], 10, 64, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "2^26"));
	assert_int_equal(hm_frame_check_zstd(window[2], 10, 64, &e), HM_EDATA);
}

/* Twelve blocks of 40 MiB that pack into a few kilobytes, and threads enough to unpack them all at once: what
 * is held at a time stays bounded. In a process of its own, whose peak can be measured. */
static void reading_ahead_is_bounded(void **state)
{
	(void)state;
	struct rusage used;
	int status;
	pid_t child = fork();
	if (!child) {
		struct hm_schema s = {0};
		struct hm_writer *w;
		struct hm_buf b = {0};
		char path[64];
		bool ok = hm_schema_add(&s, "zeros", HM_F32, DIMS(10 << 20), NULL, &e) == 0;
		test_scratch(path);
		ok = ok && !hm_writer_open(&w, path, &s, NULL, NULL, NULL, NULL, &e);
		for (int i = 0; ok && i < 12; i++)
			ok = !hm_writer_put(w, &(struct hm_val){NULL, 10 << 20}, &e);
		ok = ok && !hm_writer_finish(w, 0, &e);
		test_take(path, &b);
		struct hm_workers *many = hm_workers_new(12, &e);
		ok = ok && b.len < 1 << 20 && !test_read(b.data, b.len, many, NULL, &e);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(wait4(child, &status, 0, &used), child);
	assert_int_equal(status, 0);
	assert_in_range(used.ru_maxrss, 1, 600 << 10); /* KiB; unbounded it is 950 MiB */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_cut_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(every_flipped_bit_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_meet_damage_in_its_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_is_repeated, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_may_follow_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(blocks_are_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(every_field_is_held_against_the_truth, setup, teardown),
		cmocka_unit_test_setup_teardown(the_index_is_optional, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_frames_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(headers_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(payloads_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(zstd_frames_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(reading_ahead_is_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
