/* The cache of features, its entries: what was put comes back to whoever opens it next; what is torn,
 * damaged, gone or being written is a miss and heals; writers do not meet. */
#include "../support/cachefolder.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_round_trip(void **state)
{
	(void)state;
	float v[3];
	struct hm_featcache *c = cache_open(CACHE_LIMIT);
	cache_put(c, 0, 50);
	cache_put(c, 0, 50); /* once is enough */
	cache_close(c);
	assert_int_equal(cache_found(0, 60), 50);
	assert_int_equal(cache_bytes(), 8 + 50 * (32 + 4 * CACHE_N));
	c = cache_open(CACHE_LIMIT);
	cache_put(c, 40, 70);
	hm_featcache_put(c, (const unsigned char *)"an odd length...", (const float[]){1, 2, 3}, 3);
	hm_featcache_put(c, (const unsigned char *)"and nothing ....", NULL, 0);
	cache_close(c);
	assert_int_equal(cache_files(NULL, NULL), 1); /* the same segment was appended to */
	assert_int_equal(cache_found(0, 80), 70);
	c = cache_open(CACHE_LIMIT);
	assert_true(hm_featcache_get(c, (const unsigned char *)"an odd length...", v, 3) && v[2] == 3);
	assert_true(hm_featcache_get(c, (const unsigned char *)"and nothing ....", v, 0));
	cache_close(c);
}

static void cut(const char *path, void *arg)
{
	assert_int_equal(truncate(path, *(off_t *)arg), 0);
}

static void test_torn(void **state)
{
	(void)state;
	off_t size;
	for (int lost = 1; lost < 4000; lost += 97) {
		cache_files(cache_remove_file, NULL);
		struct hm_featcache *c = cache_open(CACHE_LIMIT);
		cache_put(c, 0, 5);
		cache_close(c);
		size = (off_t)cache_bytes() - lost;
		cache_files(cut, &size);
		int whole = (int)((size - 8) / (32 + 4 * CACHE_N));
		assert_int_equal(cache_found(0, 5), whole);
		c = cache_open(CACHE_LIMIT); /* what is appended behind a torn end is found */
		cache_put(c, 0, 7);
		cache_close(c);
		assert_int_equal(cache_found(0, 7), 7);
		assert_int_equal(cache_files(NULL, NULL), 1);
		assert_int_equal(cache_bytes(), 8 + 7 * (32 + 4 * CACHE_N));
	}
}

struct at {
	long offset;
	unsigned char flip;
};

static void flip(const char *path, void *arg)
{
	const struct at *a = arg;
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	fseek(f, a->offset, SEEK_SET);
	int c = fgetc(f);
	fseek(f, a->offset, SEEK_SET);
	fputc(c ^ a->flip, f);
	assert_int_equal(fclose(f), 0);
}

/* One bit anywhere: no wrong value, and the next run but one has everything. */
static void test_damage(void **state)
{
	(void)state;
	for (long at = 0; at < 8 + 3 * (32 + 4 * CACHE_N); at += at < 100 ? 1 : 61) {
		cache_files(cache_remove_file, NULL);
		struct hm_featcache *c = cache_open(CACHE_LIMIT);
		cache_put(c, 0, 3);
		cache_close(c);
		cache_files(flip, &(struct at){at, (unsigned char)(1 << at % 8)});
		c = cache_open(CACHE_LIMIT);
		assert_in_range(cache_there(c, 0, 3), 0, 2);
		cache_put(c, 0, 3);
		cache_close(c);
		assert_int_equal(cache_found(0, 3), 3);
	}
}

static void test_writers(void **state)
{
	(void)state;
	struct hm_featcache *c[5];
	for (uint32_t i = 0; i < 5; i++) {
		c[i] = cache_open(CACHE_LIMIT);
		cache_put(c[i], 100 * i, 100 * i + 100);
	}
	assert_int_equal(cache_files(NULL, NULL), 4); /* each its own; for a fifth there is no room */
	for (int i = 0; i < 4; i++)
		cache_close(c[i]);
	assert_int_equal(hm_featcache_close(c[4], &cache_err), HM_EDATA);
	assert_non_null(strstr(cache_err.text, "no room"));
	assert_int_equal(cache_found(0, 500), 400);
	cache_err = (struct hm_err){0};

	/* processes, one of which is killed in the middle */
	pid_t child[3];
	for (uint32_t i = 0; i < 3; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i])
			continue;
		struct hm_featcache *mine = hm_featcache_open(cache_folder, 8 * CACHE_LIMIT, &cache_err);
		if (mine)
			cache_put(mine, 1000 * i + 1000, 1000 * i + 1900); /* more than a buffer */
		if (i == 1)
			raise(SIGKILL);
		_exit(!mine || hm_featcache_close(mine, &cache_err));
	}
	for (int i = 0; i < 3; i++) {
		int status;
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, i == 1 ? SIGKILL : 0);
	}
	c[0] = cache_open(8 * CACHE_LIMIT);
	assert_int_equal(cache_there(c[0], 1000, 1900), 900);
	assert_in_range(cache_there(c[0], 2000, 2900), 1, 899);
	assert_int_equal(cache_there(c[0], 3000, 3900), 900);
	cache_put(c[0], 2000, 2900);
	cache_close(c[0]);
	assert_int_equal(cache_found(2000, 2900), 900);
}

static void test_gone(void **state)
{
	(void)state;
	struct hm_featcache *c = cache_open(CACHE_LIMIT);
	cache_put(c, 0, 20);
	cache_close(c);
	c = cache_open(CACHE_LIMIT);
	cache_files(cache_remove_file, NULL);
	assert_int_equal(cache_there(c, 0, 20), 20); /* what was opened stays readable */
	cache_put(c, 20, 40);			     /* and is not appended to */
	cache_close(c);
	assert_int_equal(cache_found(0, 40), 20);
	c = cache_open(CACHE_LIMIT);
	off_t none = 0;
	cache_files(cut, &none);
	assert_int_equal(cache_there(c, 20, 40), 0);
	cache_close(c);
	assert_null(hm_featcache_open("build/no/such", CACHE_LIMIT, &cache_err));
	assert_non_null(strstr(cache_err.text, "build/no/such: "));
	assert_null(hm_featcache_open("Makefile", CACHE_LIMIT, &cache_err));
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test_setup(test_round_trip, cache_empty),
		cmocka_unit_test_setup(test_torn, cache_empty),
		cmocka_unit_test_setup(test_damage, cache_empty),
		cmocka_unit_test_setup(test_writers, cache_empty),
		cmocka_unit_test_setup(test_gone, cache_empty),
	};
	return cmocka_run_group_tests(test, cache_make_folders, cache_remove_folders);
}
