/* Records by number: any order gives what the sequential reader gives, for any cache; what is cut, damaged or
 * contradicts itself is refused, when it is opened or when it is fetched. */
#include "base/rng.h"
#include "rec/fetch.h"
#include "rec/format.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { RECORDS = 60 };

static struct hm_err e;
static struct hm_buf whole;

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	test_stream(&whole, RECORDS, 500, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hm_buf_clear(&whole);
	return 0;
}

static void same_record(const struct hm_rec *a, const struct hm_rec *b)
{
	assert_true(hm_schema_equal(a->schema, b->schema));
	for (int i = 0; i < a->schema->n; i++) {
		assert_int_equal(a->val[i].count, b->val[i].count);
		if (a->val[i].count)
			assert_memory_equal(a->val[i].data, b->val[i].data,
					    a->val[i].count * hm_dtype_size(a->schema->field[i].dtype));
	}
}

static void any_order_gives_what_the_reader_gives(void **state)
{
	(void)state;
	static const size_t caches[] = {0, 1, 3000, 1 << 20};
	struct hm_batch all = {0};
	struct hm_reader *r;
	struct hm_rec rec;
	char name[64];
	int fd = test_file(whole.data, whole.len, name);
	assert_int_equal(hm_reader_open(&r, name, NULL, &e), 0);
	while (hm_reader_next(r, &rec, &e) == 1)
		assert_int_equal(hm_batch_add(&all, &rec, &e), 0);
	assert_true(hm_reader_end(r)->blocks > 8);
	for (size_t c = 0; c < sizeof caches / sizeof caches[0]; c++) {
		struct hm_fetch *f;
		struct hm_rng rng;
		hm_rng_init(&rng, c, HM_RNG_SYNTH, 0, 0);
		e = (struct hm_err){0};
		assert_int_equal(hm_fetch_open(&f, name, caches[c], &e), 0);
		assert_memory_equal(hm_fetch_end(f), hm_reader_end(r), sizeof(struct hm_end));
		for (int i = 0; i < 400; i++) {
			uint32_t k = i < RECORDS ? (uint32_t)i : hm_rng_below(&rng, RECORDS);
			assert_int_equal(hm_fetch_get(f, k, &rec, &e), 0);
			assert_ptr_equal(rec.schema, hm_fetch_schema(f));
			same_record(&rec, &all.rec[k]);
		}
		assert_int_equal(hm_fetch_get(f, RECORDS, &rec, &e), HM_EDATA);
		e = (struct hm_err){0};
		hm_fetch_close(f);
	}
	hm_reader_close(r);
	hm_batch_clear(&all);
	close(fd);
}

/* A record stays where it is while its block is held, and with room for one block only that one is. */
static void the_cache_is_bounded(void **state)
{
	(void)state;
	struct hm_fetch *f;
	struct hm_rec a, b;
	char name[64];
	size_t second = test_frame(&whole, "HMRB", 1) + 8 + HM_BHDR_SIZE;
	int fd = test_file(whole.data, whole.len, name);
	assert_int_equal(hm_fetch_open(&f, name, 1 << 20, &e), 0);
	assert_int_equal(hm_fetch_get(f, 0, &a, &e), 0);
	for (uint64_t k = RECORDS; k--;)
		assert_int_equal(hm_fetch_get(f, k, &b, &e), 0);
	assert_ptr_equal(a.val[0].data, b.val[0].data);
	unsigned char zero[16] = {0}; /* what is held is not read again */
	assert_int_equal(pwrite(fd, zero, sizeof zero, (off_t)second), sizeof zero);
	uint64_t inside = hm_get64(whole.data + test_frame(&whole, "HMRB", 1) + 8 + 16);
	assert_int_equal(hm_fetch_get(f, inside, &b, &e), 0);
	hm_fetch_close(f);
	assert_int_equal(pwrite(fd, whole.data + second, sizeof zero, (off_t)second), sizeof zero);
	assert_int_equal(hm_fetch_open(&f, name, 0, &e), 0);
	assert_int_equal(hm_fetch_get(f, inside, &b, &e), 0);
	assert_int_equal(hm_fetch_get(f, 0, &b, &e), 0);
	assert_int_equal(pwrite(fd, zero, sizeof zero, (off_t)second), sizeof zero);
	assert_int_equal(hm_fetch_get(f, 0, &b, &e), 0);
	assert_int_equal(hm_fetch_get(f, inside, &b, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "block 1"));
	assert_int_equal(hm_fetch_get(f, 0, &b, &e), 0); /* other blocks are as good as before */
	hm_fetch_close(f);
	close(fd);
}

/* Fetches everything; HM_EDATA from opening or from the first record that cannot be had. */
static int fetch_all(const struct hm_buf *b)
{
	struct hm_fetch *f;
	struct hm_rec rec;
	char name[64];
	int fd = test_file(b->data, b->len, name);
	e = (struct hm_err){0};
	int rc = hm_fetch_open(&f, name, 0, &e);
	for (uint64_t k = 0; !rc && k < hm_fetch_end(f)->records; k++)
		rc = hm_fetch_get(f, k, &rec, &e);
	if (rc)
		assert_memory_equal(e.text, name, strlen(name));
	if (f)
		hm_fetch_close(f);
	close(fd);
	return rc;
}

static void refused(const struct hm_buf *b, const char *word)
{
	int rc = fetch_all(b);
	if (rc != HM_EDATA || (word && !strstr(e.text, word)))
		fail_msg("rc %d, \"%s\"; expected an error with \"%s\"", rc, e.text, word ? word : "");
	assert_null(strchr(e.text, '\n'));
}

static void cuts_and_flips_are_errors(void **state)
{
	(void)state;
	for (size_t n = 0; n < whole.len; n++)
		refused(&(struct hm_buf){.data = whole.data, .len = n}, NULL);
	size_t end = test_frame(&whole, "HMRE", 0) + 8;
	for (size_t i = 0; i < 8 * whole.len; i++) {
		whole.data[i / 8] ^= (unsigned char)(1 << i % 8);
		refused(&whole, NULL);
		whole.data[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	whole.data[end + 48] ^= 1; /* END's digest is the sequential reader's to check */
	test_seal(&whole, end - 8);
	assert_int_equal(fetch_all(&whole), 0);
	hm_buf_add(&whole, "", 1, &e);
	refused(&whole, "end mark");
}

/* One field of one frame changed and its hash made right; `at` counts from the content's first byte. */
static void every_field_is_held_against_the_others(void **state)
{
	(void)state;
	static const struct {
		const char *kind;
		int nth, at;
		const char *says;
	} field[] = {
		{"HMRI", 0, 4, "contradicts itself"},
		{"HMRI", 0, 8, "contradicts itself"},
		{"HMRI", 0, 16, "block 0 cannot"},	/* offset */
		{"HMRI", 0, 16 + 32, "block 1 cannot"}, /* of the second block */
		{"HMRI", 0, 24 + 32, "block 1 cannot"}, /* first */
		{"HMRI", 0, 32, "block 1 cannot"},	/* count: the next one's first differs */
		{"HMRI", 0, 35, "block 0 cannot"},	/* count, impossible */
		{"HMRI", 0, 36, "contradict each other"},
		{"HMRI", 0, 39, "block 0 cannot"}, /* raw, impossible */
		{"HMRI", 0, 40, "block 1 cannot"},
		{"HMRI", 0, 43, "block 0 cannot"},
		{"HMRI", 0, 44, "block 0 cannot"}, /* reserved */
		{"HMRE", 0, 4, "gave up"},
		{"HMRE", 0, 8, "contradict each other"},
		{"HMRE", 0, 24, "not of its size"},
		{"HMRE", 0, 31, "not of its size"},
		{"HMRE", 0, 32, "contradict each other"},
		{"HMRE", 0, 40, "not where"},
		{"HMRE", 0, 47, "not where"},
		{"HMRB", 1, 8, "not the one"},
		{"HMRB", 1, 16, "not the one"},
		{"HMRB", 1, 24, "not the one"},
		{"HMRB", 1, 28, "not the one"},
		{"HMRB", 1, 32, "not the one"},
		{"HMRB", 1, 4, "flags"},
		{"HMRB", 1, 40, "payload is damaged"},
		{"HMRB", 1, 48, "compressed bytes are damaged"},
	};
	for (size_t i = 0; i < sizeof field / sizeof field[0]; i++) {
		size_t frame = test_frame(&whole, field[i].kind, field[i].nth);
		unsigned char *p = whole.data + frame + 8 + field[i].at, was = *p;
		*p ^= field[i].at % 4 == 3 ? 0x70 : 1;
		test_seal(&whole, frame);
		refused(&whole, field[i].says);
		*p = was;
		test_seal(&whole, frame);
	}
	assert_int_equal(fetch_all(&whole), 0);
}

static void an_index_and_a_file_are_needed(void **state)
{
	(void)state;
	struct hm_fetch *f;
	struct hm_buf b = {0};
	size_t index = test_frame(&whole, "HMRI", 0), end = test_frame(&whole, "HMRE", 0);
	hm_buf_add(&b, whole.data, index, &e);
	hm_buf_add(&b, whole.data + end, whole.len - end, &e);
	hm_put64(b.data + index + 8 + 40, 0);
	test_seal(&b, index);
	refused(&b, "hm-cat");
	hm_buf_clear(&b);
	e = (struct hm_err){0};
	assert_int_equal(hm_fetch_open(&f, "/dev/null", 0, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "not a regular file"));
	assert_null(f);
	e = (struct hm_err){0};
	assert_int_equal(hm_fetch_open(&f, "/nowhere/at-all", 0, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "cannot open"));
	char fifo[] = "/tmp/hm-fetch-XXXXXX", path[64];
	assert_non_null(mkdtemp(fifo));
	snprintf(path, sizeof path, "%s/fifo", fifo);
	assert_int_equal(mkfifo(path, 0600), 0); /* refused without waiting for a writer */
	assert_int_equal(hm_fetch_open(&f, path, 0, &e), HM_EDATA);
	unlink(path);
	rmdir(fifo);
	test_stream(&whole, 0, 0, NULL);
	assert_int_equal(fetch_all(&whole), 0); /* no records are legal */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_order_gives_what_the_reader_gives, setup, teardown),
		cmocka_unit_test_setup_teardown(the_cache_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(cuts_and_flips_are_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(every_field_is_held_against_the_others, setup, teardown),
		cmocka_unit_test_setup_teardown(an_index_and_a_file_are_needed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
