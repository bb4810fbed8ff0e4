/* A folder of features whose one segment anybody wrote: it opens, a look-up gives what was put or nothing,
 * what is put then is there for the next. The input is the segment. */
#include "model/featcache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char key[2][16] = {"0123456789abcdef", "a second entry.."};
static const float value[3] = {1, -2, 0.5F};

static char folder[] = "/tmp/fuzz_featcache.XXXXXX", own[64]; /* the user's, and the cache's below it */

static struct hm_featcache *open_cache(void)
{
	struct hm_err e = {0};
	struct hm_featcache *c = hm_featcache_open(folder, 1 << 20, &e);
	if (!c)
		abort();
	return c;
}

static bool get_entry(struct hm_featcache *c, int i)
{
	float v[3];
	return hm_featcache_get(c, key[i], v, 3);
}

static void close_cache(struct hm_featcache *c)
{
	struct hm_err e = {0};
	if (hm_featcache_close(c, &e))
		abort();
}

static void empty_folder(void)
{
	DIR *d = opendir(own);
	const struct dirent *entry;
	char path[512];
	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof path, "%s/%s", own, entry->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
}

static void remove_folder(void)
{
	empty_folder();
	rmdir(own);
	rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	char path[128];
	if (size > 100000)
		return 0;
	if (!made) {
		if (!mkdtemp(folder) || atexit(remove_folder))
			abort();
		snprintf(own, sizeof own, "%s/hm-cache", folder);
		if (mkdir(own, 0700))
			abort();
	}
	made = true;
	empty_folder();
	snprintf(path, sizeof path, "%s/5f-1a-2.feat", own);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd))
		abort();
	struct hm_featcache *c = open_cache();
	for (int i = 0; i < 2; i++)
		get_entry(c, i);
	for (int i = 0; i < 2; i++)
		hm_featcache_put(c, key[i], value, 3);
	close_cache(c);
	c = open_cache();
	if (!get_entry(c, 0) || !get_entry(c, 1))
		abort();
	close_cache(c);
	return 0;
}
