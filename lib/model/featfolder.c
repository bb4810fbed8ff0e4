/* Finds and removes the files of a cache. See featfolder.h. */
#include "model/featfolder.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char own_name[] = "hm-cache", tag_name[] = "CACHEDIR.TAG";

/* The first line is what https://bford.info/cachedir/ asks for: backups leave such folders out. */
static const char tag[] =
	"Signature: 8a477f597d28d172789f06886806bc55\n"
	"# Features that hm-encode --cache keeps. Any file here may be removed at any time.\n";

/* ---- which files are hm's ---- */

static const char *skip_hex(const char *s)
{
	while (isxdigit((unsigned char)*s) && !isupper((unsigned char)*s))
		s++;
	return s;
}

/* "5f3e21a0-1b2c3d-4e5.feat": seconds, nanoseconds, process. */
static bool is_segment(const char *name)
{
	for (int i = 0; i < 3; i++) {
		const char *end = skip_hex(name);
		if (end == name || (i < 2 && *end != '-'))
			return false;
		name = end + (i < 2);
	}
	return !strcmp(name, ".feat");
}

/* 32 hexadecimal digits and ".skim"; or the temporary file of a process that was killed while it wrote one: a
 * dot in front, and at the end a dot, a number or random letters, and ".tmp". */
static bool is_sidefile(const char *name)
{
	bool temporary = *name == '.';
	const char *end = skip_hex(name += temporary);
	if (end - name != 32 || strncmp(end, ".skim", 5) != 0)
		return false;
	end += 5;
	if (!temporary || *end != '.')
		return !temporary && !*end;
	for (name = ++end; isalnum((unsigned char)*end);)
		end++;
	return end > name && !strcmp(end, ".tmp");
}

static bool is_named(const char *name)
{
	return is_segment(name) || is_sidefile(name);
}

/* Whether the open file begins like its kind: a segment, or a stream of records. */
static bool is_proved(int fd, bool segment)
{
	static const char records[] = "\x5b\x2a\x4d\x18", head[] = "HMRH";
	char first[12];
	if (hm_fd_read_at(fd, first, sizeof first, 0) <
	    (ssize_t)(segment ? sizeof HM_FEATFOLDER_MAGIC - 1 : 12))
		return false;
	if (segment)
		return !memcmp(first, HM_FEATFOLDER_MAGIC, sizeof HM_FEATFOLDER_MAGIC - 1);
	return !memcmp(first, records, 4) && !memcmp(first + 8, head, 4);
}

/* ---- folders ---- */

static char *join_path(const char *folder, const char *name, struct hm_err *e)
{
	struct hm_buf path = {0};
	return hm_buf_printf(&path, e, "%s/%s", folder, name) ? NULL : (char *)path.data;
}

/* Marks a folder as a cache, unless it is marked. */
static void mark_folder(const char *folder)
{
	struct hm_err ignored = {0};
	char *path = join_path(folder, tag_name, &ignored);
	if (path && access(path, F_OK))
		hm_file_write(path, tag, sizeof tag - 1, &ignored);
	free(path);
}

int hm_featfolder_open(struct hm_featfolder *r, const char *folder, struct hm_err *e)
{
	*r = (struct hm_featfolder){0};
	if (!(r->user = hm_strndup(folder, strlen(folder), e)) || !(r->own = join_path(folder, own_name, e)))
		return HM_EDATA;
	if (mkdir(folder, 0777) && errno != EEXIST && errno != EROFS)
		return hm_err_system(e, errno, "%s: cannot make the folder: %s", folder, strerror(errno));
	if (mkdir(r->own, 0777) && errno != EEXIST) {
		if (errno != EACCES && errno != EPERM && errno != EROFS)
			return hm_err_system(e, errno, "%s: cannot make a folder in it: %s", folder,
					     strerror(errno));
		free(r->own); /* the user's folder may still hold an older version's files */
		r->own = NULL;
		r->readonly = true;
	}
	if (access(r->own ? r->own : folder, R_OK | X_OK))
		return hm_err_system(e, errno, "%s: cannot read the folder: %s", r->own ? r->own : folder,
				     strerror(errno));
	r->readonly = r->readonly || access(r->own, W_OK);
	if (!r->readonly)
		mark_folder(r->own);
	return 0;
}

void hm_featfolder_clear(struct hm_featfolder *r)
{
	free(r->user);
	free(r->own);
	*r = (struct hm_featfolder){0};
}

/* Calls fn for each file of one folder whose name is `wanted`. */
static int each_file(const char *folder, bool own, bool (*wanted)(const char *name),
		     int (*fn)(void *to, const char *path, bool own, struct hm_err *e), void *to,
		     struct hm_err *e)
{
	const struct dirent *entry;
	DIR *d = hm_fd_list(folder);
	int rc = d || !own ? 0 : hm_err_system(e, errno, "%s: %s", folder, strerror(errno));
	while (!rc && d && (entry = readdir(d))) {
		if (!wanted(entry->d_name))
			continue;
		char *path = join_path(folder, entry->d_name, e);
		rc = path ? fn(to, path, own, e) : HM_EDATA;
		free(path);
	}
	if (d)
		closedir(d);
	return rc;
}

static int each_wanted(const struct hm_featfolder *r, bool (*wanted)(const char *name),
		       int (*fn)(void *to, const char *path, bool own, struct hm_err *e), void *to,
		       struct hm_err *e)
{
	int rc = r->own ? each_file(r->own, true, wanted, fn, to, e) : 0;
	return rc ? rc : each_file(r->user, false, wanted, fn, to, e);
}

int hm_featfolder_each(const struct hm_featfolder *r,
		       int (*fn)(void *to, const char *path, bool own, struct hm_err *e), void *to,
		       struct hm_err *e)
{
	return each_wanted(r, is_segment, fn, to, e);
}

/* ---- room ---- */

/* Opens a file that is hm's, to be locked. -1 for any other file. */
static int open_ours(const char *path, struct stat *st)
{
	const char *name = strrchr(path, '/') + 1;
	int fd = hm_fd_open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd >= 0 && !fstat(fd, st) && S_ISREG(st->st_mode) && is_proved(fd, is_segment(name)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool hm_featfolder_remove(const char *path)
{
	struct stat st;
	int fd = open_ours(path, &st);
	bool idle = fd >= 0 && !hm_fd_lock(fd, LOCK_EX | LOCK_NB) && !unlink(path);
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

#define DAY 86400 /* seconds by which clocks of two machines may differ */

struct files {
	struct hm_buf file; /* struct file[] */
	time_t now;
	int segments;
	uint64_t sum, each; /* bytes; a locked segment counts as `each` at least */
};

static int note_file(void *to, const char *path, bool own, struct hm_err *e)
{
	struct files *all = to;
	struct stat st;
	int fd = open_ours(path, &st);
	(void)own;
	if (fd < 0)
		return 0;
	struct file f = {hm_strndup(path, strlen(path), e), st.st_mtim, (uint64_t)st.st_size,
			 hm_fd_lock(fd, LOCK_EX | LOCK_NB) != 0, is_segment(strrchr(path, '/') + 1)};
	if (f.busy && f.bytes < all->each)
		f.bytes = all->each;
	if (f.used.tv_sec > all->now + DAY)
		f.used = (struct timespec){0}; /* a wrong clock's; it would outlast every other file */
	all->sum += f.bytes;
	all->segments += f.segment;
	if (!f.path || hm_buf_add(&all->file, &f, sizeof f, e))
		free(f.path);
	close(fd);
	return e->code;
}

static int compare_use(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

int hm_featfolder_make(const struct hm_featfolder *r, uint64_t limit, uint64_t each, struct hm_err *e)
{
	struct files all = {.now = time(NULL), .each = each, .sum = HM_FEATFOLDER_TAG};
	char size[HM_SIZE_TEXT];
	int rc = each_wanted(r, is_named, note_file, &all, e);
	struct file *file = (struct file *)(void *)all.file.data;
	size_t n = all.file.len / sizeof *file;
	if (n)
		qsort(file, n, sizeof *file, compare_use);
	for (size_t i = 0; i < n; i++) {
		struct file *f = &file[i];
		bool goes = all.sum > limit || (f->segment && all.segments >= HM_FEATFOLDER_SEGMENTS);
		if (!rc && goes && !f->busy && hm_featfolder_remove(f->path)) {
			all.sum -= f->bytes;
			all.segments -= f->segment;
		}
		free(f->path);
	}
	if (!rc && all.sum > limit)
		rc = hm_err_set(e, HM_EDATA,
				"%s: the cache's limit of %s leaves no room while other processes write",
				r->user, hm_size_text(limit, size));
	hm_buf_clear(&all.file);
	return rc;
}
