/* lib/base: errors, memory, maps, workers. Numbers are test_base_numbers.c's, files test_base_file.c's. */
#include "base/err.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "base/workers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void the_first_error_wins(void **state)
{
	(void)state;
	struct hm_err e = {0};
	assert_int_equal(hm_err_set(&e, HM_EUSAGE, "first %d", 1), HM_EUSAGE);
	assert_int_equal(hm_err_set(&e, HM_EDATA, "second"), HM_EDATA);
	assert_string_equal(e.text, "first 1");
	assert_int_equal(hm_err_prefix(&e, "file %s", "x"), HM_EUSAGE);
	assert_string_equal(e.text, "file x: first 1");
	assert_int_equal(hm_err_set(NULL, HM_EDEVICE, "nobody listens"), HM_EDEVICE);
	assert_int_equal(hm_err_machine(&e, "third"), HM_EDATA);
	assert_false(e.machine);
}

static void faults_of_the_machine_are_marked(void **state)
{
	(void)state;
	struct hm_err e = {0};
	assert_null(hm_alloc(SIZE_MAX / 2, 3, &e));
	assert_true(e.machine);
	assert_int_equal(e.code, HM_EDATA);
	hm_err_prefix(&e, "file");
	hm_err_set(&e, HM_EUSAGE, "later");
	assert_true(e.machine);
	assert_int_equal(hm_err_machine(NULL, "nobody listens"), HM_EDATA);
	static const int of_the_machine[] = {EIO, ENOMEM, ENOSPC, EMFILE, ENFILE, EINTR, EAGAIN};
	static const int of_the_name[] = {ENOENT, ENOTDIR, EISDIR, EACCES, ELOOP, ENAMETOOLONG};
	for (size_t i = 0; i < sizeof of_the_machine / sizeof *of_the_machine; i++) {
		e = (struct hm_err){0};
		assert_int_equal(hm_err_system(&e, of_the_machine[i], "x: %d", 1), HM_EDATA);
		assert_true(e.machine);
		assert_string_equal(e.text, "x: 1");
	}
	for (size_t i = 0; i < sizeof of_the_name / sizeof *of_the_name; i++) {
		e = (struct hm_err){0};
		assert_int_equal(hm_err_system(&e, of_the_name[i], "x"), HM_EDATA);
		assert_false(e.machine);
	}
}

static void long_sentences_are_cut(void **state)
{
	(void)state;
	struct hm_err e = {0};
	char longer[2000];
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	hm_err_set(&e, HM_EDATA, "%s", longer);
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
	hm_err_prefix(&e, "front");
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
	assert_memory_equal(e.text, "front: aaa", 10);
	hm_err_prefix(&e, "%s", longer);
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

static void sizes_are_checked(void **state)
{
	(void)state;
	size_t n = 7;
	assert_true(hm_size_mul(SIZE_MAX, 1, &n) && n == SIZE_MAX);
	assert_false(hm_size_mul(SIZE_MAX / 2 + 1, 2, &n));
	assert_true(hm_size_add(SIZE_MAX, 0, &n));
	assert_false(hm_size_add(SIZE_MAX, 1, &n));
	struct hm_err e = {0};
	assert_null(hm_alloc(SIZE_MAX / 2, 4, &e));
	assert_int_equal(e.code, HM_EDATA);
}

static void memory_is_aligned_and_zero(void **state)
{
	(void)state;
	for (size_t n = 0; n < 300; n += 7) {
		unsigned char *p = hm_alloc(n, 1, NULL);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 64, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xaa, n);
		free(p);
	}
	char *s = hm_strndup("abcdef", 3, NULL);
	assert_string_equal(s, "abc");
	free(s);
}

static void buffers_grow(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	struct hm_err e = {0};
	for (int i = 0; i < 2000; i++)
		assert_int_equal(hm_buf_printf(&b, &e, "%d,", i), 0);
	assert_memory_equal(b.data, "0,1,2,3,", 8);
	assert_memory_equal(b.data + b.len - 10, "1998,1999,", 10);
	assert_int_equal(b.data[b.len], 0);
	assert_int_equal((uintptr_t)b.data % 64, 0);
	size_t len = b.len;
	assert_int_equal(hm_buf_add(&b, NULL, 5, &e), 0);
	assert_memory_equal(b.data + len, "\0\0\0\0\0", 5);
	assert_int_equal(hm_buf_reserve(&b, SIZE_MAX - 10, &e), HM_EDATA);
	assert_int_equal(b.len, len + 5);
	hm_buf_clear(&b);
	assert_null(b.data);
	assert_int_equal(hm_buf_add(&b, "x", 1, NULL), 0);
	hm_buf_clear(&b);
}

static void arenas_keep_their_addresses(void **state)
{
	(void)state;
	struct hm_arena a = {0};
	unsigned char *p[500];
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 500; i++) {
			p[i] = hm_arena_get(&a, i * 3, NULL);
			assert_non_null(p[i]);
			assert_int_equal((uintptr_t)p[i] % 64, 0);
			memset(p[i], (int)i, i * 3);
		}
		for (size_t i = 0; i < 500; i++)
			for (size_t k = 0; k < i * 3; k++)
				assert_int_equal(p[i][k], (unsigned char)i);
		hm_arena_reset(&a);
	}
	struct hm_err e = {0};
	const char *copy = hm_arena_copy(&a, "words", 4, NULL);
	assert_string_equal(copy, "word");
	assert_string_equal(hm_arena_copy(&a, NULL, 0, NULL), "");
	assert_string_equal(copy, "word");
	assert_null(hm_arena_get(&a, SIZE_MAX / 2, &e));
	assert_int_equal(e.code, HM_EDATA);
	hm_arena_clear(&a);
	hm_arena_reset(&a);
}

static void maps_hold_what_was_put(void **state)
{
	(void)state;
	struct hm_strmap m = {0};
	char key[32];
	uint64_t v;
	assert_false(hm_strmap_find(&m, "a", 1, &v));
	for (uint64_t i = 0; i < 5000; i++) {
		size_t len = (size_t)snprintf(key, sizeof key, "key%llu", (unsigned long long)(i * 7));
		v = i;
		assert_int_equal(hm_strmap_add(&m, key, len, &v, NULL), 1);
	}
	assert_int_equal(m.n, 5000);
	for (uint64_t i = 0; i < 5000; i++) {
		size_t len = (size_t)snprintf(key, sizeof key, "key%llu", (unsigned long long)(i * 7));
		assert_true(hm_strmap_find(&m, key, len, &v));
		assert_int_equal(v, i);
		v = 99;
		assert_int_equal(hm_strmap_add(&m, key, len, &v, NULL), 0);
		assert_int_equal(v, i);
	}
	assert_false(hm_strmap_find(&m, "key1", 4, &v));
	/* keys are bytes: an empty one, and ones that differ behind a NUL */
	v = 1;
	assert_int_equal(hm_strmap_add(&m, "", 0, &v, NULL), 1);
	assert_int_equal(hm_strmap_add(&m, "a\0b", 3, &v, NULL), 1);
	assert_int_equal(hm_strmap_add(&m, "a\0c", 3, &v, NULL), 1);
	assert_int_equal(hm_strmap_add(&m, "a", 1, &v, NULL), 1);
	/* long ones among short ones, none of which takes another's place */
	char *all = malloc(9000);
	for (size_t len = 1; len <= 9000; len += len < 40 ? 1 : 997) {
		memset(all, (int)('a' + len % 26), len);
		v = len;
		assert_int_equal(hm_strmap_add(&m, all, len, &v, NULL), 1);
	}
	for (size_t len = 1; len <= 9000; len += len < 40 ? 1 : 997) {
		memset(all, (int)('a' + len % 26), len);
		assert_true(hm_strmap_find(&m, all, len, &v) && v == len);
	}
	free(all);
	hm_strmap_clear(&m);
	assert_false(hm_strmap_find(&m, "", 0, &v));
}

/* Keys of all lengths fill many pieces to their ends. One that ran over an end would be overwritten by the
 * next piece, or what is left would become a huge number. An id costs its bytes and 80 at most. */
static void maps_grow_within_their_pieces(void **state)
{
	enum { N = 150000 };
	(void)state;
	struct hm_strmap m = {0};
	char key[300];
	for (int pass = 0; pass < 2; pass++)
		for (uint64_t i = 0; i < N; i++) {
			size_t len = (size_t)snprintf(key, sizeof key, "%llu", (unsigned long long)i);
			size_t more = i % 71 ? i % 13 : sizeof key - len;
			uint64_t v = i;
			memset(key + len, 'x', more);
			assert_int_equal(hm_strmap_add(&m, key, len + more, &v, NULL), pass == 0);
			assert_int_equal(v, i);
			assert_true(m.left <= 4096);
		}
	assert_int_equal(m.n, N);
	assert_true(m.cap * 8 + m.entries.cap <= (size_t)80 * N);
	hm_strmap_clear(&m);
}

/* Ids come from strangers: whoever knew the hash could make a hundred thousand that meet. */
static void every_map_has_a_hash_of_its_own(void **state)
{
	(void)state;
	struct hm_strmap m[8] = {0};
	for (int i = 0; i < 8; i++) {
		uint64_t v = 1;
		assert_int_equal(hm_strmap_add(&m[i], "id", 2, &v, NULL), 1);
		for (int k = 0; k < i; k++)
			assert_true(hm_strmap_hash(&m[i], "id", 2) != hm_strmap_hash(&m[k], "id", 2));
	}
	for (int i = 0; i < 8; i++)
		hm_strmap_clear(&m[i]);
}

static void digests_are_xxh3_128(void **state)
{
	(void)state;
	char hex[33];
	hm_hex_digest("", 0, hex);
	assert_string_equal(hex, "99aa06d3014798d86001c324468d497f"); /* xxhsum -H2 of an empty file */
}

struct counting {
	atomic_int sum, runs;
	int seen[1000], workers;
};

static void count_run(void *ctx, size_t i, int worker)
{
	struct counting *c = ctx;
	assert_true(worker >= 0 && worker < c->workers);
	atomic_fetch_add(&c->sum, (int)i);
	atomic_fetch_add(&c->runs, 1);
	c->seen[i]++;
}

static void every_index_is_worked_once(void **state)
{
	(void)state;
	for (int n = 1; n <= 5; n++) {
		struct hm_workers *w = hm_workers_new(n, NULL);
		assert_int_equal(hm_workers_count(w), n);
		for (size_t many = 0; many <= 1000; many += 250) {
			struct counting c = {.workers = n};
			hm_workers_each(w, many, count_run, &c);
			assert_int_equal(c.runs, many);
			for (size_t i = 0; i < many; i++)
				assert_int_equal(c.seen[i], 1);
		}
		hm_workers_free(w);
	}
	hm_workers_free(NULL);
}

static void set_flag(void *arg, int worker)
{
	(void)worker;
	*(int *)arg += 1;
}

static void jobs_are_waited_for_in_any_order(void **state)
{
	(void)state;
	for (int n = 1; n <= 3; n++) {
		struct hm_workers *w = hm_workers_new(n, NULL);
		struct hm_job job[20] = {{0}};
		int flag[20] = {0};
		for (int round = 0; round < 50; round++) {
			for (int i = 0; i < 20; i++) {
				job[i].run = set_flag;
				job[i].arg = &flag[i];
				hm_workers_submit(w, &job[i]);
			}
			for (int i = 19; i >= 0; i--) {
				hm_workers_wait(w, &job[i]);
				assert_int_equal(flag[i], round + 1);
				hm_workers_wait(w, &job[i]); /* idle: at once */
			}
		}
		for (int i = 0; i < 20; i++)
			hm_workers_submit(w, &job[i]);
		hm_workers_free(w); /* waits for all jobs */
		for (int i = 0; i < 20; i++)
			assert_int_equal(flag[i], 51);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_error_wins),
		cmocka_unit_test(faults_of_the_machine_are_marked),
		cmocka_unit_test(long_sentences_are_cut),
		cmocka_unit_test(sizes_are_checked),
		cmocka_unit_test(memory_is_aligned_and_zero),
		cmocka_unit_test(buffers_grow),
		cmocka_unit_test(arenas_keep_their_addresses),
		cmocka_unit_test(maps_hold_what_was_put),
		cmocka_unit_test(maps_grow_within_their_pieces),
		cmocka_unit_test(every_map_has_a_hash_of_its_own),
		cmocka_unit_test(digests_are_xxh3_128),
		cmocka_unit_test(every_index_is_worked_once),
		cmocka_unit_test(jobs_are_waited_for_in_any_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
