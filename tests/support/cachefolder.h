/* The folder of a cache of features, for its tests: entries that follow from a number, and the files of the
 * folder. State is the test program's own: one folder, made before all tests and emptied before each. */
#ifndef TEST_CACHEFOLDER_H
#define TEST_CACHEFOLDER_H

#include "base/rng.h"
#include "model/featcache.h"
#include "scratch.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { CACHE_N = 300 }; /* floats of most entries here */
#define CACHE_LIMIT ((uint64_t)1 << 20)

static char cache_folder[TEST_PATH], cache_own[80]; /* the user's, and the one below it */
static struct hm_err cache_err;

static inline struct hm_featcache *cache_open(uint64_t limit)
{
	struct hm_featcache *c = hm_featcache_open(cache_folder, limit, &cache_err);
	if (!c)
		fail_msg("%s", cache_err.text);
	return c;
}

static inline void cache_close(struct hm_featcache *c)
{
	if (hm_featcache_close(c, &cache_err))
		fail_msg("%s", cache_err.text);
}

/* The value of the key that number k makes: n floats that follow from k. */
static inline void cache_make_entry(uint32_t k, unsigned char key[16], float *v, int n)
{
	struct hm_rng r;
	hm_rng_init(&r, k, 1, 2, 3);
	for (int i = 0; i < 16; i++)
		key[i] = (unsigned char)hm_rng_u32(&r);
	for (int i = 0; i < n; i++)
		v[i] = (float)hm_rng_uniform(&r);
}

static inline void cache_put(struct hm_featcache *c, uint32_t from, uint32_t to)
{
	unsigned char key[16];
	float v[CACHE_N];
	for (uint32_t k = from; k < to; k++) {
		cache_make_entry(k, key, v, CACHE_N);
		hm_featcache_put(c, key, v, CACHE_N);
	}
}

/* How many of them are there; each must be what was put. */
static inline int cache_there(struct hm_featcache *c, uint32_t from, uint32_t to)
{
	unsigned char key[16];
	float v[CACHE_N], got[CACHE_N];
	int n = 0;
	for (uint32_t k = from; k < to; k++) {
		cache_make_entry(k, key, v, CACHE_N);
		if (!hm_featcache_get(c, key, got, CACHE_N))
			continue;
		assert_memory_equal(got, v, sizeof v);
		n++;
	}
	return n;
}

static inline int cache_found(uint32_t from, uint32_t to)
{
	struct hm_featcache *c = cache_open(CACHE_LIMIT);
	int n = cache_there(c, from, to);
	cache_close(c);
	return n;
}

/* Calls fn (may be NULL) for each file of a folder but the tag; the number of files. */
static inline int cache_files_of(const char *dir, void (*fn)(const char *path, void *arg), void *arg)
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

static inline int cache_files(void (*fn)(const char *path, void *arg), void *arg)
{
	return cache_files_of(cache_own, fn, arg);
}

static inline void cache_add_size(const char *path, void *arg)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	*(uint64_t *)arg += (uint64_t)st.st_size;
}

static inline uint64_t cache_bytes_of(const char *dir)
{
	uint64_t n = 0;
	cache_files_of(dir, cache_add_size, &n);
	return n;
}

static inline uint64_t cache_bytes(void)
{
	return cache_bytes_of(cache_own);
}

static inline void cache_remove_file(const char *path, void *arg)
{
	(void)arg;
	assert_int_equal(unlink(path), 0);
}

/* Before each test. */
static inline int cache_empty(void **state)
{
	(void)state;
	cache_err = (struct hm_err){0};
	cache_files(cache_remove_file, NULL);
	cache_files_of(cache_folder, cache_remove_file, NULL);
	return 0;
}

/* Before all tests, and after them. */
static inline int cache_make_folders(void **state)
{
	(void)state;
	test_scratch_folder(cache_folder);
	snprintf(cache_own, sizeof cache_own, "%s/hm-cache", cache_folder);
	return chmod(cache_folder, 0755) || mkdir(cache_own, 0755);
}

static inline int cache_remove_folders(void **state)
{
	char tag[128];
	cache_empty(state);
	snprintf(tag, sizeof tag, "%s/CACHEDIR.TAG", cache_own);
	unlink(tag);
	return rmdir(cache_own) || rmdir(cache_folder);
}

#endif
