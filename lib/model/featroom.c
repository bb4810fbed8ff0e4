/* Segment files: which there are, and which go. See featroom.h. */
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

int hm_featroom_each(const char *folder, int (*fn)(void *to, const char *path, struct hm_err *e), void *to,
		     struct hm_err *e)
{
	struct hm_buf path = {0};
	const struct dirent *entry;
	DIR *d = opendir(folder);
	int rc = d ? 0 : hm_err_set(e, HM_EDATA, "%s: %s", folder, strerror(errno));
	while (!rc && (entry = readdir(d))) {
		size_t len = strlen(entry->d_name);
		if (len <= 5 || strcmp(entry->d_name + len - 5, ".feat"))
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
	bool busy;
};

struct files {
	struct file file[HM_FEATROOM_SEGMENTS];
	size_t n;
	uint64_t sum, each; /* bytes; a segment that is being appended to counts as `each` */
};

static int note_file(void *to, const char *path, struct hm_err *e)
{
	struct files *all = to;
	struct file *f = &all->file[all->n];
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && all->n < HM_FEATROOM_SEGMENTS) {
		*f = (struct file){hm_strndup(path, strlen(path), e), st.st_mtim, (uint64_t)st.st_size,
				   flock(fd, LOCK_EX | LOCK_NB) != 0};
		if (f->busy && f->bytes < all->each)
			f->bytes = all->each;
		all->sum += f->bytes;
		all->n++;
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
	struct files *all = hm_alloc(1, sizeof *all, e);
	if (!all)
		return HM_EDATA;
	all->each = each;
	int rc = hm_featroom_each(folder, note_file, all, e);
	qsort(all->file, all->n, sizeof *all->file, older);
	for (size_t i = 0; i < all->n; i++) {
		struct file *f = &all->file[i];
		if (!rc && all->sum > limit && !f->busy && hm_featroom_remove(f->path))
			all->sum -= f->bytes;
		free(f->path);
	}
	if (!rc && all->sum > limit)
		rc = hm_err_set(e, HM_EDATA, "%s: no room in %llu bytes while others write", folder,
				(unsigned long long)limit);
	free(all);
	return rc;
}
