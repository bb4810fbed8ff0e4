/* The cache of features, the files of its folder: space is bounded, the least used goes first; others' files,
 * links and what may only be read are left alone; older layouts are read. */
#include "../support/cachefolder.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void age(const char *path, void *arg)
{
	(void)arg;
	struct timespec t[2] = {{1000000000, 0}, {1000000000, 0}};
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void test_bounded(void **state)
{
	(void)state;
	struct hm_featcache *c = cache_open(CACHE_LIMIT);
	cache_put(c, 0, 212); /* one segment, full */
	cache_close(c);
	cache_files(age, NULL);
	for (uint32_t i = 1; i < 12; i++) {
		assert_int_equal(cache_found(0, 1), 1); /* of use: it becomes the youngest */
		c = cache_open(CACHE_LIMIT);
		cache_put(c, 1000 * i, 1000 * i + 212);
		cache_close(c);
		assert_in_range(cache_bytes(), 1, CACHE_LIMIT);
	}
	assert_int_equal(cache_found(11000, 11212), 212);
	assert_int_equal(cache_found(0, 212), 212);
	assert_int_equal(cache_found(1000, 1212), 0);
	c = cache_open(CACHE_LIMIT / 2); /* smaller from now on, if nothing is put, too */
	cache_close(c);
	assert_in_range(cache_bytes(), 1, CACHE_LIMIT / 2);
	c = cache_open(CACHE_LIMIT / 2);
	cache_put(c, 50000, 50300);
	cache_close(c);
	assert_in_range(cache_bytes(), 1, CACHE_LIMIT / 2);
	assert_in_range(cache_found(50000, 50300), 150, 300);
	c = cache_open(4000); /* nothing fits */
	cache_put(c, 60000, 60010);
	cache_close(c);
	assert_int_equal(cache_found(60000, 60010), 0);
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
		const char *dir = old ? cache_folder : cache_own;
		cache_empty(NULL);
		make_file(dir, HEX32 ".skim", RECORDS, 12, CACHE_LIMIT / 2);
		make_file(dir, "." HEX32 ".skim.77.tmp", RECORDS, 12, CACHE_LIMIT / 2);
		make_file(dir, "5f-1a-2.feat", SEGMENT, 8, CACHE_LIMIT / 4);
		assert_int_equal(cache_files_of(dir, NULL, NULL), 3);
		c = cache_open(CACHE_LIMIT);
		cache_put(c, 0, 100);
		cache_close(c);
		assert_int_equal(cache_found(0, 100), 100);
		assert_in_range(cache_bytes(), 100 * (32 + 4 * CACHE_N), CACHE_LIMIT);
		assert_in_range(cache_files_of(dir, NULL, NULL), old ? 0 : 1, old ? 1 : 2);
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
		const char *dir = old ? cache_folder : cache_own;
		cache_empty(NULL);
		for (int i = 0; i < n; i++) {
			snprintf(name, sizeof name, "%s", foreign[i].name);
			make_file(dir, name, foreign[i].start, foreign[i].len, CACHE_LIMIT);
		}
		for (uint32_t i = 0; i < 8; i++) { /* twice what there is room for */
			c = cache_open(CACHE_LIMIT);
			cache_put(c, 1000 * i, 1000 * i + 212);
			cache_close(c);
		}
		assert_int_equal(cache_found(7000, 7212), 212);
		assert_int_equal(cache_files_of(dir, NULL, NULL), n + (old ? 0 : 4));
	}
}

/* A link with the name of one of hm's files leads nowhere: its target is not removed, nor appended to. */
static void test_links(void **state)
{
	(void)state;
	char link[512], target[] = "../target";
	snprintf(link, sizeof link, "%s/5f-1a-2.feat", cache_own);
	make_file(cache_folder, "target", SEGMENT, 8, CACHE_LIMIT);
	assert_int_equal(symlink(target, link), 0);
	struct hm_featcache *c = cache_open(CACHE_LIMIT);
	cache_put(c, 0, 100);
	cache_close(c);
	assert_int_equal(cache_found(0, 100), 100);
	assert_int_equal(cache_files(NULL, NULL), 2);
	uint64_t size = 0;
	cache_files_of(cache_folder, cache_add_size, &size);
	assert_int_equal(size, CACHE_LIMIT);
}

static void move_up(const char *path, void *arg)
{
	char to[600];
	(void)arg;
	snprintf(to, sizeof to, "%s/%s", cache_folder, strrchr(path, '/') + 1);
	assert_int_equal(rename(path, to), 0);
}

/* Segments that an older version put into the user's folder itself are found, and removed in their turn. */
static void test_older_layout(void **state)
{
	(void)state;
	struct hm_featcache *c = cache_open(CACHE_LIMIT);
	cache_put(c, 0, 212);
	cache_close(c);
	cache_files(move_up, NULL);
	assert_int_equal(cache_files_of(cache_folder, NULL, NULL), 1);
	assert_int_equal(cache_found(0, 212), 212);
	c = cache_open(CACHE_LIMIT);
	cache_put(c, 0, 212); /* they are there */
	cache_put(c, 212, 220);
	cache_close(c);
	assert_int_equal(cache_files(NULL, NULL), 1);
	assert_int_equal(cache_bytes(), 8 + 8 * (32 + 4 * CACHE_N)); /* what is new is put below */
	cache_files_of(cache_folder, age, NULL);
	for (uint32_t i = 1; i < 5; i++) {
		c = cache_open(CACHE_LIMIT);
		cache_put(c, 1000 * i, 1000 * i + 212);
		cache_close(c);
	}
	assert_int_equal(cache_files_of(cache_folder, NULL, NULL), 0);
	assert_int_equal(cache_found(0, 212), 0);
}

/* The own folder is marked as a cache, in the way that backups know. */
static void test_tag(void **state)
{
	(void)state;
	char path[128], line[64];
	snprintf(path, sizeof path, "%s/CACHEDIR.TAG", cache_own);
	cache_remove_file(path, NULL);
	cache_close(cache_open(CACHE_LIMIT));
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
	struct hm_featcache *c = cache_open(CACHE_LIMIT);
	cache_put(c, 0, 50);
	cache_close(c);
	uint64_t size = cache_bytes();
	for (int old = 0; old < 2; old++) {
		if (old) {
			cache_files(move_up, NULL);
			cache_files_of(cache_own, cache_remove_file, NULL);
			char tag[128];
			snprintf(tag, sizeof tag, "%s/CACHEDIR.TAG", cache_own);
			cache_remove_file(tag, NULL);
			assert_int_equal(rmdir(cache_own), 0);
		} else {
			assert_int_equal(chmod(cache_own, 0555), 0);
		}
		assert_int_equal(chmod(cache_folder, 0555), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (!child) {
			if (!geteuid() && (setgid(65534) || setuid(65534)))
				_exit(2);
			struct hm_featcache *r =
				hm_featcache_open(cache_folder, CACHE_LIMIT / 100, &cache_err);
			int n = r && hm_featcache_readonly(r) ? cache_there(r, 0, 50) : -1;
			if (r)
				cache_put(r, 50, 60);
			_exit(n != 50 || cache_there(r, 50, 60) || hm_featcache_close(r, &cache_err));
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_int_equal(chmod(cache_folder, 0755), 0);
		if (!old)
			assert_int_equal(chmod(cache_own, 0755), 0);
	}
	size -= cache_bytes_of(cache_folder);
	assert_int_equal(size, 0);
	assert_int_equal(mkdir(cache_own, 0777), 0);
}

/* Segments have a most, however large the bound: the oldest make room. */
static void test_many_segments(void **state)
{
	(void)state;
	char name[32];
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof name, "%x-%x-1.feat", i, i);
		make_file(cache_own, name, SEGMENT, 8, 10);
	}
	cache_close(cache_open(CACHE_LIMIT));
	assert_in_range(cache_files(NULL, NULL), 1, 511);
	struct hm_featcache *c = cache_open(CACHE_LIMIT);
	cache_put(c, 0, 10);
	cache_close(c);
	assert_int_equal(cache_found(0, 10), 10);
	assert_in_range(cache_files(NULL, NULL), 1, 511);
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test_setup(test_bounded, cache_empty),
		cmocka_unit_test_setup(test_own_files, cache_empty),
		cmocka_unit_test_setup(test_foreign_files, cache_empty),
		cmocka_unit_test_setup(test_links, cache_empty),
		cmocka_unit_test_setup(test_older_layout, cache_empty),
		cmocka_unit_test_setup(test_tag, cache_empty),
		cmocka_unit_test_setup(test_readonly, cache_empty),
		cmocka_unit_test_setup(test_many_segments, cache_empty),
	};
	return cmocka_run_group_tests(test, cache_make_folders, cache_remove_folders);
}
