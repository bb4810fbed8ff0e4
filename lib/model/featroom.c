/* The files of a cache: which there are, and which go. See featroom.h. */
#include "model/featroom.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends(const char *name, const char *with)
{
	size_t n = strlen(name), k = strlen(with);
	return n > k && !strcmp(name + n - k, with);
}

static bool is_segment(const char *name)
{
	return ends(name, ".feat");
}

/* .tmp: one that was being written when its process was killed, where a file must have a name. */
static bool is_ours(const char *name)
{
	return is_segment(name) || ends(name, ".skim") || ends(name, ".tmp");
}

/* Calls fn for each file in the folder that is `wanted`. */
static int each_file(const char *folder, bool (*wanted)(const char *name),
		     int (*fn)(void *to, const char *path, struct hm_err *e), void *to, struct hm_err *e)
{
	struct hm_buf path = {0};
	const struct dirent *entry;
	DIR *d = opendir(folder);
	int rc = d ? 0 : hm_err_set(e, HM_EDATA, "%s: %s", folder, strerror(errno));
	while (!rc && (entry = readdir(d))) {
		if (!wanted(entry->d_name))
			continue;
		path.len = 0;
		rc = hm_buf_printf(&path, e, "%s/%s", folder, entry->d_name);
		if (!rc)
			rc = fn(to, (const char *)path.data, e);
	}
	if (d)
		closedir(d);
	hm_buf_clear(&path);
	return rc;
}

int hm_featroom_each(const char *folder, int (*fn)(void *to, const char *path, struct hm_err *e), void *to,
		     struct hm_err *e)
{
	return each_file(folder, is_segment, fn, to, e);
}

bool hm_featroom_remove(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool idle = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) && !unlink(path);
	if (fd >= 0)
		close(fd);
	return idle;
}

struct file {
	char *path;
	struct timespec used;
	uint64_t bytes;
	bool busy, segment;
};

struct files {
	struct hm_buf file; /* struct file[] */
	int segments;
	uint64_t sum, each; /* bytes; a segment that is being appended to counts as `each` */
};

static int note_file(void *to, const char *path, struct hm_err *e)
{
	struct files *all = to;
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
		struct file f = {hm_strndup(path, strlen(path), e), st.st_mtim, (uint64_t)st.st_size,
				 flock(fd, LOCK_EX | LOCK_NB) != 0, is_segment(path)};
		if (f.busy && f.bytes < all->each)
			f.bytes = all->each;
		all->sum += f.bytes;
		all->segments += f.segment;
		if (hm_buf_add(&all->file, &f, sizeof f, e))
			free(f.path);
	}
	if (fd >= 0)
		close(fd);
	return e->code;
}

static int older(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

int hm_featroom_make(const char *folder, uint64_t limit, uint64_t each, struct hm_err *e)
{
	struct files all = {.each = each};
	int rc = each_file(folder, is_ours, note_file, &all, e);
	struct file *file = (struct file *)(void *)all.file.data;
	size_t n = all.file.len / sizeof *file;
	if (n)
		qsort(file, n, sizeof *file, older);
	for (size_t i = 0; i < n; i++) {
		struct file *f = &file[i];
		bool goes = all.sum > limit || (f->segment && all.segments >= HM_FEATROOM_SEGMENTS);
		if (!rc && goes && !f->busy && hm_featroom_remove(f->path)) {
			all.sum -= f->bytes;
			all.segments -= f->segment;
		}
		free(f->path);
	}
	if (!rc && all.sum > limit)
		rc = hm_err_set(e, HM_EDATA, "%s: no room in %llu bytes while others write", folder,
				(unsigned long long)limit);
	hm_buf_clear(&all.file);
	return rc;
}
