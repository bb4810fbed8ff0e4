/* The cache of features: what was put comes back to whoever opens it next; what is torn, damaged, gone or
 * being written is a miss and heals; space is bounded, the least used goes first; writers do not meet. */
#include "model/featcache.h"
#include "base/rng.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { N = 300 }; /* floats of most entries here */
#define LIMIT ((uint64_t)1 << 20)

static char folder[] = "build/test_featcache.XXXXXX";
static struct hm_err e;

static struct hm_featcache *open_cache(uint64_t limit)
{
	struct hm_featcache *c = hm_featcache_open(folder, limit, &e);
	if (!c)
		fail_msg("%s", e.text);
	return c;
}

static void close_cache(struct hm_featcache *c)
{
	if (hm_featcache_close(c, &e))
		fail_msg("%s", e.text);
}

/* The value of the key that number k makes: n floats that follow from k. */
static void make(uint32_t k, unsigned char key[16], float *v, int n)
{
	struct hm_rng r;
	hm_rng_init(&r, k, 1, 2, 3);
	for (int i = 0; i < 16; i++)
		key[i] = (unsigned char)hm_rng_u32(&r);
	for (int i = 0; i < n; i++)
		v[i] = (float)hm_rng_uniform(&r);
}

static void put(struct hm_featcache *c, uint32_t from, uint32_t to)
{
	unsigned char key[16];
	float v[N];
	for (uint32_t k = from; k < to; k++) {
		make(k, key, v, N);
		hm_featcache_put(c, key, v, N);
	}
}

/* How many of them are there; each must be what was put. */
static int there(struct hm_featcache *c, uint32_t from, uint32_t to)
{
	unsigned char key[16];
	float v[N], got[N];
	int n = 0;
	for (uint32_t k = from; k < to; k++) {
		make(k, key, v, N);
		if (!hm_featcache_get(c, key, got, N))
			continue;
		assert_memory_equal(got, v, sizeof v);
		n++;
	}
	return n;
}

static int found(uint32_t from, uint32_t to)
{
	struct hm_featcache *c = open_cache(LIMIT);
	int n = there(c, from, to);
	close_cache(c);
	return n;
}

/* Calls fn for each file of the folder; the number of files. */
static int files(void (*fn)(const char *path, void *arg), void *arg)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	char path[512];
	int n = 0;
	assert_non_null(d);
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (fn)
			fn(path, arg);
		n++;
	}
	closedir(d);
	return n;
}

static void add_size(const char *path, void *arg)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	*(uint64_t *)arg += (uint64_t)st.st_size;
}

static uint64_t bytes(void)
{
	uint64_t n = 0;
	files(add_size, &n);
	return n;
}

static void remove_file(const char *path, void *arg)
{
	(void)arg;
	assert_int_equal(unlink(path), 0);
}

static int begin(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	files(remove_file, NULL);
	return 0;
}

static void test_round_trip(void **state)
{
	(void)state;
	float v[3];
	struct hm_featcache *c = open_cache(LIMIT);
	put(c, 0, 50);
	put(c, 0, 50); /* once is enough */
	close_cache(c);
	assert_int_equal(found(0, 60), 50);
	assert_int_equal(bytes(), 8 + 50 * (32 + 4 * N));
	c = open_cache(LIMIT);
	put(c, 40, 70);
	hm_featcache_put(c, (const unsigned char *)"an odd length...", (const float[]){1, 2, 3}, 3);
	hm_featcache_put(c, (const unsigned char *)"and nothing ....", NULL, 0);
	close_cache(c);
	assert_int_equal(files(NULL, NULL), 1); /* the same segment was appended to */
	assert_int_equal(found(0, 80), 70);
	c = open_cache(LIMIT);
	assert_true(hm_featcache_get(c, (const unsigned char *)"an odd length...", v, 3) && v[2] == 3);
	assert_true(hm_featcache_get(c, (const unsigned char *)"and nothing ....", v, 0));
	close_cache(c);
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
		files(remove_file, NULL);
		struct hm_featcache *c = open_cache(LIMIT);
		put(c, 0, 5);
		close_cache(c);
		size = (off_t)bytes() - lost;
		files(cut, &size);
		int whole = (int)((size - 8) / (32 + 4 * N));
		assert_int_equal(found(0, 5), whole);
		c = open_cache(LIMIT); /* what is appended behind a torn end is found */
		put(c, 0, 7);
		close_cache(c);
		assert_int_equal(found(0, 7), 7);
		assert_int_equal(files(NULL, NULL), 1);
		assert_int_equal(bytes(), 8 + 7 * (32 + 4 * N));
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
	for (long at = 0; at < 8 + 3 * (32 + 4 * N); at += at < 100 ? 1 : 61) {
		files(remove_file, NULL);
		struct hm_featcache *c = open_cache(LIMIT);
		put(c, 0, 3);
		close_cache(c);
		files(flip, &(struct at){at, (unsigned char)(1 << at % 8)});
		c = open_cache(LIMIT);
		assert_in_range(there(c, 0, 3), 0, 2);
		put(c, 0, 3);
		close_cache(c);
		assert_int_equal(found(0, 3), 3);
	}
}

static void age(const char *path, void *arg)
{
	(void)arg;
	struct timespec t[2] = {{1000000000, 0}, {1000000000, 0}};
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void test_bounded(void **state)
{
	(void)state;
	struct hm_featcache *c = open_cache(LIMIT);
	put(c, 0, 212); /* one segment, full */
	close_cache(c);
	files(age, NULL);
	for (uint32_t i = 1; i < 12; i++) {
		assert_int_equal(found(0, 1), 1); /* of use: it becomes the youngest */
		c = open_cache(LIMIT);
		put(c, 1000 * i, 1000 * i + 212);
		close_cache(c);
		assert_in_range(bytes(), 1, LIMIT);
	}
	assert_int_equal(found(11000, 11212), 212);
	assert_int_equal(found(0, 212), 212);
	assert_int_equal(found(1000, 1212), 0);
	c = open_cache(LIMIT / 2); /* smaller from now on, if nothing is put, too */
	close_cache(c);
	assert_in_range(bytes(), 1, LIMIT / 2);
	c = open_cache(LIMIT / 2);
	put(c, 50000, 50300);
	close_cache(c);
	assert_in_range(bytes(), 1, LIMIT / 2);
	assert_in_range(found(50000, 50300), 150, 300);
	c = open_cache(4000); /* nothing fits */
	put(c, 60000, 60010);
	close_cache(c);
	assert_int_equal(found(60000, 60010), 0);
}

static void make_file(const char *name, size_t size)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(truncate(path, (off_t)size), 0);
}

/* What is kept of files of records takes room too, as does what a killed process left; other files are not
 * ours. */
static void test_other_files(void **state)
{
	(void)state;
	struct hm_featcache *c = open_cache(LIMIT);
	put(c, 0, 212); /* one segment, full */
	close_cache(c);
	files(age, NULL);
	make_file("0123.skim", LIMIT / 2);
	make_file("4567.skim.1.tmp", LIMIT / 2);
	make_file("notes.txt", LIMIT);
	assert_int_equal(files(NULL, NULL), 4);
	c = open_cache(LIMIT);
	put(c, 1000, 1100); /* an eighth more: the old segment goes, then the elder of the two */
	close_cache(c);
	assert_int_equal(found(0, 212), 0);
	assert_int_equal(found(1000, 1100), 100);
	assert_int_equal(files(NULL, NULL), 3);
	assert_in_range(bytes(), LIMIT + LIMIT / 2, 2 * LIMIT);
}

/* Segments have a most, however large the bound: the oldest make room. */
static void test_many_segments(void **state)
{
	(void)state;
	char name[32];
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof name, "old-%d.feat", i);
		make_file(name, 10);
	}
	files(age, NULL);
	close_cache(open_cache(LIMIT));
	assert_in_range(files(NULL, NULL), 1, 511);
	struct hm_featcache *c = open_cache(LIMIT);
	put(c, 0, 10);
	close_cache(c);
	assert_int_equal(found(0, 10), 10);
	assert_in_range(files(NULL, NULL), 1, 511);
}

static void test_writers(void **state)
{
	(void)state;
	struct hm_featcache *c[5];
	for (uint32_t i = 0; i < 5; i++) {
		c[i] = open_cache(LIMIT);
		put(c[i], 100 * i, 100 * i + 100);
	}
	assert_int_equal(files(NULL, NULL), 4); /* each its own; for a fifth there is no room */
	for (int i = 0; i < 4; i++)
		close_cache(c[i]);
	assert_int_equal(hm_featcache_close(c[4], &e), HM_EDATA);
	assert_non_null(strstr(e.text, "no room"));
	assert_int_equal(found(0, 500), 400);
	e = (struct hm_err){0};

	/* processes, one of which is killed in the middle */
	pid_t child[3];
	for (uint32_t i = 0; i < 3; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i])
			continue;
		struct hm_featcache *own = hm_featcache_open(folder, 8 * LIMIT, &e);
		if (own)
			put(own, 1000 * i + 1000, 1000 * i + 1900); /* more than a buffer */
		if (i == 1)
			raise(SIGKILL);
		_exit(!own || hm_featcache_close(own, &e));
	}
	for (int i = 0; i < 3; i++) {
		int status;
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, i == 1 ? SIGKILL : 0);
	}
	c[0] = open_cache(8 * LIMIT);
	assert_int_equal(there(c[0], 1000, 1900), 900);
	assert_in_range(there(c[0], 2000, 2900), 1, 899);
	assert_int_equal(there(c[0], 3000, 3900), 900);
	put(c[0], 2000, 2900);
	close_cache(c[0]);
	assert_int_equal(found(2000, 2900), 900);
}

static void test_gone(void **state)
{
	(void)state;
	struct hm_featcache *c = open_cache(LIMIT);
	put(c, 0, 20);
	close_cache(c);
	c = open_cache(LIMIT);
	files(remove_file, NULL);
	assert_int_equal(there(c, 0, 20), 20); /* what was opened stays readable */
	put(c, 20, 40);			       /* and is not appended to */
	close_cache(c);
	assert_int_equal(found(0, 40), 20);
	c = open_cache(LIMIT);
	off_t none = 0;
	files(cut, &none);
	assert_int_equal(there(c, 20, 40), 0);
	close_cache(c);
	assert_null(hm_featcache_open("build/no/such", LIMIT, &e));
	assert_non_null(strstr(e.text, "build/no/such: "));
	assert_null(hm_featcache_open("Makefile", LIMIT, &e));
}

static int end(void **state)
{
	begin(state);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test_setup(test_round_trip, begin),
		cmocka_unit_test_setup(test_torn, begin),
		cmocka_unit_test_setup(test_damage, begin),
		cmocka_unit_test_setup(test_bounded, begin),
		cmocka_unit_test_setup(test_other_files, begin),
		cmocka_unit_test_setup(test_many_segments, begin),
		cmocka_unit_test_setup(test_writers, begin),
		cmocka_unit_test_setup(test_gone, begin),
	};
	if (!mkdtemp(folder))
		return 1;
	return cmocka_run_group_tests(test, NULL, end);
}
