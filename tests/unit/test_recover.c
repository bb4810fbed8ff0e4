/* Recovery: a whole stream loses nothing; one damaged in any byte gives every other block, and says what it
 * lost. */
#include "rec/format.h"
#include "rec/recover.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct hm_err e;
static struct hm_buf whole;
static uint64_t first[16], blocks; /* records of block i: first[i] .. first[i + 1] */

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	whole.len = 0;
	test_stream(&whole, 12, 200, NULL);
	for (blocks = 0; test_frame(&whole, "HMRB", (int)blocks) != (size_t)-1; blocks++)
		first[blocks] = hm_get64(whole.data + test_frame(&whole, "HMRB", (int)blocks) + 8 + 16);
	first[blocks] = 12;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hm_buf_clear(&whole);
	return 0;
}

/* The number in a record's id, "00000" to "00011". */
static int number_of(const struct hm_rec *rec)
{
	const char *id = rec->val[0].data;
	return 10 * (id[3] - '0') + id[4] - '0';
}

/* Which records come back (a bit each) and how many losses are listed; the first loss into `text`. */
static unsigned recover(const struct hm_buf *b, size_t *losses, char text[512])
{
	struct hm_recover *r;
	struct hm_rec rec;
	char name[64];
	unsigned got = 0;
	int fd = test_file(b->data, b->len, name);
	int rc = hm_recover_open(&r, name, &e);
	*losses = 0;
	if (!rc) {
		while ((rc = hm_recover_next(r, &rec, &e)) == 1)
			got |= 1u << number_of(&rec);
		assert_int_equal(rc, 0);
		assert_int_equal(hm_recover_records(r), __builtin_popcount(got));
		*losses = hm_recover_losses(r);
		if (text)
			snprintf(text, 512, "%s", *losses ? hm_recover_loss(r, 0) : "");
		hm_recover_close(r);
	}
	close(fd);
	return rc ? ~0u : got;
}

static unsigned bits_of_block(uint64_t i)
{
	return (1u << first[i + 1]) - (1u << first[i]);
}

static void a_whole_stream_loses_nothing(void **state)
{
	(void)state;
	size_t losses;
	assert_true(blocks >= 4);
	assert_int_equal(recover(&whole, &losses, NULL), 0xfff);
	assert_int_equal(losses, 0);
}

/* One byte changed anywhere behind HEAD costs one block at most, and is listed unless every record came back.
 */
static void one_bad_byte_costs_one_block(void **state)
{
	(void)state;
	for (size_t at = test_frame(&whole, "HMRB", 0); at < whole.len; at++) {
		size_t losses;
		unsigned want = 0xfff;
		for (uint64_t i = 0; i < blocks; i++) {
			size_t from = test_frame(&whole, "HMRB", (int)i);
			if (at >= from && at < from + 72 + hm_get32(whole.data + from + 40))
				want &= ~bits_of_block(i);
		}
		whole.data[at] ^= 0x10;
		assert_int_equal(recover(&whole, &losses, NULL), want);
		assert_true(losses > 0);
		whole.data[at] ^= 0x10;
	}
}

static void bytes_lost_or_added_cost_one_block(void **state)
{
	(void)state;
	size_t losses, at = test_frame(&whole, "HMRB", 1) + 90;
	struct hm_buf b = {0};
	char text[512];
	hm_buf_add(&b, whole.data, at, &e);
	hm_buf_add(&b, whole.data + at + 7, whole.len - at - 7, &e);
	assert_int_equal(recover(&b, &losses, text), 0xfff & ~bits_of_block(1));
	assert_non_null(strstr(text, "block 1"));
	b.len = at;
	hm_buf_add(&b, "seven b", 7, &e);
	hm_buf_add(&b, whole.data + at, whole.len - at, &e);
	assert_int_equal(recover(&b, &losses, NULL), 0xfff & ~bits_of_block(1));
	assert_true(losses > 0);
	hm_buf_clear(&b);
}

static void every_cut_keeps_the_whole_blocks_before_it(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	size_t losses, head = test_frame(&whole, "HMRB", 0);
	for (size_t n = 0; n < whole.len; n++) {
		unsigned want = 0;
		for (uint64_t i = 0; i < blocks; i++) {
			size_t from = test_frame(&whole, "HMRB", (int)i);
			if (from + 72 + hm_get32(whole.data + from + 40) <= n)
				want |= bits_of_block(i);
		}
		b.len = 0;
		hm_buf_add(&b, whole.data, n, &e);
		unsigned got = recover(&b, &losses, NULL);
		assert_int_equal(got, n < head ? ~0u : want);
		assert_true(n < head || losses > 0);
		e = (struct hm_err){0};
	}
	hm_buf_clear(&b);
}

static void no_record_is_given_twice(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	size_t losses, from = test_frame(&whole, "HMRB", 1), to = test_frame(&whole, "HMRB", 2);
	char text[512];
	hm_buf_add(&b, whole.data, to, &e);
	hm_buf_add(&b, whole.data + from, to - from, &e);
	hm_buf_add(&b, whole.data + to, whole.len - to, &e);
	assert_int_equal(recover(&b, &losses, text), 0xfff);
	assert_int_equal(losses, 1);
	assert_non_null(strstr(text, "read before"));
	hm_buf_clear(&b);
}

static void a_producer_that_gave_up_is_told(void **state)
{
	(void)state;
	size_t losses, end = test_frame(&whole, "HMRE", 0);
	char text[512];
	whole.data[end + 8 + 4] = 1;
	test_seal(&whole, end);
	assert_int_equal(recover(&whole, &losses, text), 0xfff);
	assert_non_null(strstr(text, "gave up"));
}

/* Neither memory nor time without end for a file made to need it. */
static void an_enemy_is_given_up(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	size_t losses, end = test_frame(&whole, "HMRE", 0), head = test_frame(&whole, "HMRB", 0);
	char text[512];
	hm_buf_add(&b, whole.data, whole.len, &e);
	for (int i = 0; i < 1200; i++) { /* each bad byte between two good frames is a loss of its own */
		hm_buf_add(&b, "?", 1, &e);
		hm_buf_add(&b, whole.data + end, whole.len - end, &e);
	}
	assert_int_equal(recover(&b, &losses, NULL), 0xfff);
	assert_int_equal(losses, 1000);
	b.len = 0;
	hm_buf_add(&b, whole.data, head, &e);
	for (uint64_t i = 0; i < 100; i++) { /* headers of blocks that all claim the same 60 MiB */
		unsigned char frame[8 + HM_BHDR_SIZE];
		hm_frame_bhdr(frame, &(struct hm_block_info){
					     .first = i, .count = 1, .raw = 60 << 20, .packed = 60 << 20});
		hm_buf_add(&b, frame, sizeof frame, &e);
	}
	hm_buf_add(&b, NULL, 61 << 20, &e);
	assert_int_equal(recover(&b, &losses, text), 0);
	assert_in_range(losses, 5, 20);
	assert_non_null(strstr(text, "damaged"));
	b.len = head;
	while (b.len < 4 << 20) { /* headers of indexes that all claim what was read so far */
		unsigned char frame[16] = {0};
		hm_put32(frame, HM_SKIP_MAGIC);
		hm_put32(frame + 4, (uint32_t)b.len);
		memcpy(frame + 8, "HMRI", 4);
		hm_buf_add(&b, frame, sizeof frame, &e);
	}
	assert_int_equal(recover(&b, &losses, text), 0);
	assert_int_equal(losses, 1);
	assert_non_null(strstr(text, "too much damage"));
	hm_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_stream_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(one_bad_byte_costs_one_block, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_lost_or_added_cost_one_block, setup, teardown),
		cmocka_unit_test_setup_teardown(every_cut_keeps_the_whole_blocks_before_it, setup, teardown),
		cmocka_unit_test_setup_teardown(no_record_is_given_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(a_producer_that_gave_up_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(an_enemy_is_given_up, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
