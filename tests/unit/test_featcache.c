/* The cache of features: what was put comes back to whoever opens it next; what is torn, damaged, gone or
 * being written is a miss and heals; space is bounded, the least used goes first; writers do not meet. */
#include "model/featcache.h"
#include "base/rng.h"
#include "../support/scratch.h"

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

static char folder[TEST_PATH], own[80]; /* the user's, and the one below it */
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

/* Calls fn for each file of a folder but the tag; the number of files. */
static int files_of(const char *dir, void (*fn)(const char *path, void *arg), void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[512];
	int n = 0;
	assert_non_null(d);
	while ((entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    !strcmp(entry->d_name, "CACHEDIR.TAG") || !strcmp(entry->d_name, "hm-cache"))
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
		if (fn)
			fn(path, arg);
		n++;
	}
	closedir(d);
	return n;
}

static int files(void (*fn)(const char *path, void *arg), void *arg)
{
	return files_of(own, fn, arg);
}

static void add_size(const char *path, void *arg)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	*(uint64_t *)arg += (uint64_t)st.st_size;
}

static uint64_t bytes_of(const char *dir)
{
	uint64_t n = 0;
	files_of(dir, add_size, &n);
	return n;
}

static uint64_t bytes(void)
{
	return bytes_of(own);
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
	files_of(folder, remove_file, NULL);
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

/* A file of `size` bytes that begins with `start`. */
static void make_file(const char *dir, const char *name, const char *start, size_t len, size_t size)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(start, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(truncate(path, (off_t)size), 0);
	age(path, NULL);
}

#define SEGMENT "HMFEAT1\n"
#define RECORDS "\x5b\x2a\x4d\x18....HMRH"
#define HEX32 "0123456789abcdef0123456789abcdef"

/* What is kept of files of records takes room too, as does what a killed process left, in both folders. */
static void test_own_files(void **state)
{
	(void)state;
	struct hm_featcache *c;
	for (int old = 0; old < 2; old++) {
		const char *dir = old ? folder : own;
		begin(NULL);
		make_file(dir, HEX32 ".skim", RECORDS, 12, LIMIT / 2);
		make_file(dir, "." HEX32 ".skim.77.tmp", RECORDS, 12, LIMIT / 2);
		make_file(dir, "5f-1a-2.feat", SEGMENT, 8, LIMIT / 4);
		assert_int_equal(files_of(dir, NULL, NULL), 3);
		c = open_cache(LIMIT);
		put(c, 0, 100);
		close_cache(c);
		assert_int_equal(found(0, 100), 100);
		assert_in_range(bytes(), 100 * (32 + 4 * N), LIMIT);
		assert_in_range(files_of(dir, NULL, NULL), old ? 0 : 1, old ? 1 : 2);
	}
}

/* Others' files are neither opened for writing nor counted nor removed, whether only their names are like
 * hm's or only their first bytes. */
static void test_foreign_files(void **state)
{
	static const struct {
		const char *name, *start;
		size_t len;
	} foreign[] = {
		{"thesis.tmp", "x", 1},
		{"oscar.feat", "x", 1},
		{"oscar.feat.bak", SEGMENT, 8},
		{"features.feat", SEGMENT, 8},	  /* not such a name */
		{"5F-1A-2.feat", SEGMENT, 8},	  /* capitals */
		{"5f-1a-2.feat", "HMFEAT2\n", 8}, /* not such a beginning */
		{"5f-1a.feat", SEGMENT, 8},
		{"5f-1a-2-3.feat", SEGMENT, 8},
		{"-1a-2.feat", SEGMENT, 8},
		{"photo.skim", RECORDS, 12},
		{HEX32 "0.skim", RECORDS, 12},
		{HEX32 ".skim", "\x28\xb5\x2f\xfd........", 12},
		{HEX32 ".skim.1.tmp", RECORDS, 12},
		{"." HEX32 ".skim..tmp", RECORDS, 12},
		{"." HEX32 ".skim.1.tmp", "x", 1},
		{"." HEX32 ".skim", RECORDS, 12},
	};
	const int n = sizeof foreign / sizeof *foreign;
	struct hm_featcache *c;
	char name[64];
	(void)state;
	for (int old = 0; old < 2; old++) {
		const char *dir = old ? folder : own;
		begin(NULL);
		for (int i = 0; i < n; i++) {
			snprintf(name, sizeof name, "%s", foreign[i].name);
			make_file(dir, name, foreign[i].start, foreign[i].len, LIMIT);
		}
		for (uint32_t i = 0; i < 8; i++) { /* twice what there is room for */
			c = open_cache(LIMIT);
			put(c, 1000 * i, 1000 * i + 212);
			close_cache(c);
		}
		assert_int_equal(found(7000, 7212), 212);
		assert_int_equal(files_of(dir, NULL, NULL), n + (old ? 0 : 4));
	}
}

/* A link with the name of one of hm's files leads nowhere: its target is not removed, nor appended to. */
static void test_links(void **state)
{
	(void)state;
	char link[512], target[] = "../target";
	snprintf(link, sizeof link, "%s/5f-1a-2.feat", own);
	make_file(folder, "target", SEGMENT, 8, LIMIT);
	assert_int_equal(symlink(target, link), 0);
	struct hm_featcache *c = open_cache(LIMIT);
	put(c, 0, 100);
	close_cache(c);
	assert_int_equal(found(0, 100), 100);
	assert_int_equal(files(NULL, NULL), 2);
	uint64_t size = 0;
	files_of(folder, add_size, &size);
	assert_int_equal(size, LIMIT);
}

static void move_up(const char *path, void *arg)
{
	char to[600];
	(void)arg;
	snprintf(to, sizeof to, "%s/%s", folder, strrchr(path, '/') + 1);
	assert_int_equal(rename(path, to), 0);
}

/* Segments that an older version put into the user's folder itself are found, and removed in their turn. */
static void test_older_layout(void **state)
{
	(void)state;
	struct hm_featcache *c = open_cache(LIMIT);
	put(c, 0, 212);
	close_cache(c);
	files(move_up, NULL);
	assert_int_equal(files_of(folder, NULL, NULL), 1);
	assert_int_equal(found(0, 212), 212);
	c = open_cache(LIMIT);
	put(c, 0, 212); /* they are there */
	put(c, 212, 220);
	close_cache(c);
	assert_int_equal(files(NULL, NULL), 1);
	assert_int_equal(bytes(), 8 + 8 * (32 + 4 * N)); /* what is new is put below */
	files_of(folder, age, NULL);
	for (uint32_t i = 1; i < 5; i++) {
		c = open_cache(LIMIT);
		put(c, 1000 * i, 1000 * i + 212);
		close_cache(c);
	}
	assert_int_equal(files_of(folder, NULL, NULL), 0);
	assert_int_equal(found(0, 212), 0);
}

/* The own folder is marked as a cache, in the way that backups know. */
static void test_tag(void **state)
{
	(void)state;
	char path[128], line[64];
	snprintf(path, sizeof path, "%s/CACHEDIR.TAG", own);
	remove_file(path, NULL);
	close_cache(open_cache(LIMIT));
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	assert_string_equal(line, "Signature: 8a477f597d28d172789f06886806bc55\n");
	fclose(f);
}

/* A cache that may be read alone is read; so is one that an older version left. */
static void test_readonly(void **state)
{
	(void)state;
	struct hm_featcache *c = open_cache(LIMIT);
	put(c, 0, 50);
	close_cache(c);
	uint64_t size = bytes();
	for (int old = 0; old < 2; old++) {
		if (old) {
			files(move_up, NULL);
			files_of(own, remove_file, NULL);
			char tag[128];
			snprintf(tag, sizeof tag, "%s/CACHEDIR.TAG", own);
			remove_file(tag, NULL);
			assert_int_equal(rmdir(own), 0);
		} else {
			assert_int_equal(chmod(own, 0555), 0);
		}
		assert_int_equal(chmod(folder, 0555), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (!child) {
			if (!geteuid() && (setgid(65534) || setuid(65534)))
				_exit(2);
			struct hm_featcache *r = hm_featcache_open(folder, LIMIT / 100, &e);
			int n = r && hm_featcache_readonly(r) ? there(r, 0, 50) : -1;
			if (r)
				put(r, 50, 60);
			_exit(n != 50 || there(r, 50, 60) || hm_featcache_close(r, &e));
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_int_equal(chmod(folder, 0755), 0);
		if (!old)
			assert_int_equal(chmod(own, 0755), 0);
	}
	size -= bytes_of(folder);
	assert_int_equal(size, 0);
	assert_int_equal(mkdir(own, 0777), 0);
}

/* Segments have a most, however large the bound: the oldest make room. */
static void test_many_segments(void **state)
{
	(void)state;
	char name[32];
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof name, "%x-%x-1.feat", i, i);
		make_file(own, name, SEGMENT, 8, 10);
	}
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
		struct hm_featcache *mine = hm_featcache_open(folder, 8 * LIMIT, &e);
		if (mine)
			put(mine, 1000 * i + 1000, 1000 * i + 1900); /* more than a buffer */
		if (i == 1)
			raise(SIGKILL);
		_exit(!mine || hm_featcache_close(mine, &e));
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
	char tag[128];
	begin(state);
	snprintf(tag, sizeof tag, "%s/CACHEDIR.TAG", own);
	unlink(tag);
	return rmdir(own) || rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test_setup(test_round_trip, begin),
		cmocka_unit_test_setup(test_torn, begin),
		cmocka_unit_test_setup(test_damage, begin),
		cmocka_unit_test_setup(test_bounded, begin),
		cmocka_unit_test_setup(test_own_files, begin),
		cmocka_unit_test_setup(test_foreign_files, begin),
		cmocka_unit_test_setup(test_links, begin),
		cmocka_unit_test_setup(test_older_layout, begin),
		cmocka_unit_test_setup(test_tag, begin),
		cmocka_unit_test_setup(test_readonly, begin),
		cmocka_unit_test_setup(test_many_segments, begin),
		cmocka_unit_test_setup(test_writers, begin),
		cmocka_unit_test_setup(test_gone, begin),
	};
	test_scratch_folder(folder);
	if (chmod(folder, 0755))
		return 1;
	snprintf(own, sizeof own, "%s/hm-cache", folder);
	if (mkdir(own, 0755))
		return 1;
	return cmocka_run_group_tests(test, NULL, end);
}
