/* Image files below a root folder: see imagefile.h. */
#include "prep/imagefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Neither waits for a FIFO's writer nor takes a terminal over. */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define READ_STEP ((size_t)64 << 10)

int hm_imageroot_open(struct hm_imageroot *r, const char *dir, bool follow_symlinks, struct hm_err *e)
{
	r->follow_symlinks = follow_symlinks;
	r->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return hm_err_set(e, HM_EDATA, "%s: cannot open the folder: %s", dir, strerror(errno));
	return 0;
}

void hm_imageroot_close(struct hm_imageroot *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

/* Where there is no openat2: every component opened by itself, none of them a link. path is cut up. */
static int walk(int root, char *path)
{
	int dir = dup(root), fd = -1;
	for (char *at = path, *slash; dir >= 0; at = slash + 1) {
		slash = strchr(at, '/');
		if (!slash) {
			fd = openat(dir, at, OPEN_FLAGS | O_NOFOLLOW);
			break;
		}
		*slash = 0;
		int next = *at ? openat(dir, at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : dup(dir);
		int why = errno;
		close(dir);
		errno = why;
		dir = next;
	}
	int why = errno;
	if (dir >= 0)
		close(dir);
	errno = why;
	return fd;
}

static int open_below(const struct hm_imageroot *r, char *path)
{
	struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	if (r->follow_symlinks)
		return openat(r->fd, path, OPEN_FLAGS);
	long fd = -1;
	for (int tries = 0; tries < 100; tries++) { /* EAGAIN: something was renamed meanwhile */
		fd = syscall(SYS_openat2, r->fd, path, &how, sizeof how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return walk(r->fd, path);
	return (int)fd;
}

static const char *open_failure(void)
{
	switch (errno) {
	case EXDEV:
	case ELOOP:
		return "a symbolic link leads out of the root folder";
	case ENXIO:
		return "not a regular file";
	default:
		return strerror(errno);
	}
}

/* Reads what fd has, whatever size its inode tells. */
static int read_all(int fd, size_t size, struct hm_buf *out, struct hm_err *e)
{
	for (;;) {
		size_t more = size > out->len ? size - out->len + 1 : READ_STEP;
		if (hm_buf_reserve(out, more, e))
			return HM_EDATA;
		ssize_t n = read(fd, out->data + out->len, more);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hm_err_set(e, HM_EDATA, "cannot read: %s", strerror(errno));
		if (!n)
			return 0;
		out->len += (size_t)n;
		if (out->len > HM_IMAGEFILE_MAX)
			return hm_err_set(e, HM_EDATA, "the file is longer than %zu bytes", HM_IMAGEFILE_MAX);
	}
}

static bool has_dotdot(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (at[0] == '.' && at[1] == '.' && (!at[2] || at[2] == '/'))
			return true;
	}
	return false;
}

int hm_imagefile_read(const struct hm_imageroot *r, const char *path, size_t len, struct hm_buf *out,
		      struct hm_err *e)
{
	char name[PATH_MAX];
	struct stat st;
	out->len = 0;
	if (!len)
		return hm_err_set(e, HM_EDATA, "the path is empty");
	if (len >= sizeof name || memchr(path, 0, len))
		return hm_err_set(e, HM_EDATA, "the path is no file name");
	memcpy(name, path, len);
	name[len] = 0;
	if (name[0] == '/')
		return hm_err_set(e, HM_EDATA, "the path is absolute, not below the root folder");
	if (has_dotdot(name))
		return hm_err_set(e, HM_EDATA, "the path leads upward (\"..\")");
	int fd = open_below(r, name);
	if (fd < 0)
		return hm_err_set(e, HM_EDATA, "cannot open: %s", open_failure());
	int rc = 0;
	if (fstat(fd, &st))
		rc = hm_err_set(e, HM_EDATA, "cannot read: %s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		rc = hm_err_set(e, HM_EDATA, "not a regular file");
	else if ((uint64_t)st.st_size > HM_IMAGEFILE_MAX)
		rc = hm_err_set(e, HM_EDATA, "the file is longer than %zu bytes", HM_IMAGEFILE_MAX);
	else
		rc = read_all(fd, (size_t)st.st_size, out, e);
	close(fd);
	return rc;
}
