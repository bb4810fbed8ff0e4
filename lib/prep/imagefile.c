/* Image files below a root folder: see imagefile.h. */
#include "prep/imagefile.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opening never waits for the writer of a FIFO, and never makes a terminal the controlling one. */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define READ_STEP ((size_t)64 << 10)

int hm_imageroot_open(struct hm_imageroot *r, const char *dir, bool follow_symlinks, struct hm_err *e)
{
	r->follow_symlinks = follow_symlinks;
	r->fd = hm_fd_open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (r->fd < 0)
		return hm_err_system(e, errno, "%s: cannot open the folder: %s", dir, strerror(errno));
	return 0;
}

void hm_imageroot_close(struct hm_imageroot *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

/* For kernels without openat2: opens one component after the other and refuses every link. */
static int open_stepwise(int root, const char *path)
{
	char name[PATH_MAX];
	int dir = dup(root), fd = -1;
	memcpy(name, path, strlen(path) + 1);
	for (char *at = name, *slash; dir >= 0; at = slash + 1) {
		slash = strchr(at, '/');
		if (!slash) {
			fd = hm_fd_open_at(dir, at, OPEN_FLAGS | O_NOFOLLOW, 0);
			break;
		}
		*slash = 0;
		int next = *at ? hm_fd_open_at(dir, at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
			       : dup(dir);
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

/* path is shorter than PATH_MAX. -1 with errno. */
static int open_below(const struct hm_imageroot *r, const char *path)
{
	struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	bool stepwise = false;
	long fd = -1;
	for (int tries = 0; tries < 100; tries++) {
		fd = r->follow_symlinks ? hm_fd_open_at(r->fd, path, OPEN_FLAGS, 0)
		     : stepwise		? open_stepwise(r->fd, path)
					: syscall(SYS_openat2, r->fd, path, &how, sizeof how);
		if (fd >= 0)
			break;
		if (!stepwise && (errno == ENOSYS || errno == EPERM) && !r->follow_symlinks)
			stepwise = true;
		else if (errno != EINTR && errno != EAGAIN) /* EAGAIN: something was renamed meanwhile */
			break;
	}
	return (int)fd;
}

/* What a path that leads nowhere may have been meant as. "" when nothing comes to mind. */
static const char *guess_meaning(const struct hm_imageroot *r, const char *path)
{
	struct stat st;
	if (strstr(path, "://"))
		return " (this is a URL, and only files are read)";
	if (strchr(path, '\\'))
		return " (the path has a backslash; \"/\" separates folders)";
	if (!fstatat(r->fd, path, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode))
		return " (it is a symbolic link to a file that is missing)";
	return "";
}

/* A name that leads to no file is the record's fault; all other failures are the machine's. */
static int refuse_open(const struct hm_imageroot *r, const char *path, struct hm_err *e)
{
	int why = errno;
	switch (why) {
	case EXDEV:
	case ELOOP:
		if (r->follow_symlinks)
			return hm_err_set(e, HM_EDATA, "cannot open: the symbolic links go in a circle");
		return hm_err_set(e, HM_EDATA,
				  "cannot open: a symbolic link leads out of the root folder "
				  "(--follow-symlinks allows it)");
	case ENXIO:
	case ENODEV:
		return hm_err_set(e, HM_EDATA, "cannot open: not a regular file");
	case ENOENT:
		return hm_err_set(e, HM_EDATA, "cannot open: %s%s", strerror(why), guess_meaning(r, path));
	case ENOTDIR:
	case EISDIR:
	case EACCES:
	case EPERM:
	case ENAMETOOLONG:
	case EINVAL:
	case EILSEQ:
		return hm_err_set(e, HM_EDATA, "cannot open: %s", strerror(why));
	default:
		return hm_err_machine(e, "cannot open: %s", strerror(why));
	}
}

static int refuse_size(struct hm_err *e)
{
	char most[HM_SIZE_TEXT];
	return hm_err_set(e, HM_EDATA, "the file is larger than %s", hm_size_text(HM_IMAGEFILE_MAX, most));
}

/* Reads to the end, whatever size the inode claims, but no more than `most` bytes. */
static int read_all(int fd, size_t size, size_t most, struct hm_buf *out, struct hm_err *e)
{
	for (;;) {
		size_t more = size >= out->len ? size - out->len + 1 : READ_STEP;
		if (hm_buf_reserve(out, more, e))
			return HM_EDATA;
		ssize_t n = hm_fd_read(fd, out->data + out->len, more);
		if (n < 0)
			return hm_err_machine(e, "cannot read: %s", strerror(errno));
		if (!n)
			return 0;
		out->len += (size_t)n;
		if (out->len > HM_IMAGEFILE_MAX)
			return refuse_size(e);
		if (out->len > most)
			return hm_err_set(e, HM_EDATA, "the file grows while it is read");
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

/* The regular file at path[0..len), and its size: a descriptor, or HM_EDATA. */
static int open_regular(const struct hm_imageroot *r, const char *path, size_t len, struct stat *st,
			struct hm_err *e)
{
	char name[PATH_MAX];
	if (!len)
		return hm_err_set(e, HM_EDATA, "the path is empty");
	if (len >= sizeof name || memchr(path, 0, len))
		return hm_err_set(e, HM_EDATA,
				  "the path is not a file name (it is too long or has a NUL in it)");
	memcpy(name, path, len);
	name[len] = 0;
	if (name[0] == '/')
		return hm_err_set(
			e, HM_EDATA,
			"the path is absolute, not below the root folder (hm-jsonl2rec --img-prefix cuts off "
			"its front)");
	if (has_dotdot(name))
		return hm_err_set(e, HM_EDATA, "the path leads upward (\"..\")");
	int fd = open_below(r, name), rc = 0;
	if (fd < 0)
		return refuse_open(r, name, e);
	if (fstat(fd, st))
		rc = hm_err_machine(e, "cannot read: %s", strerror(errno));
	else if (!S_ISREG(st->st_mode))
		rc = hm_err_set(e, HM_EDATA, "not a regular file");
	else if ((uint64_t)st->st_size > HM_IMAGEFILE_MAX)
		rc = refuse_size(e);
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

int hm_imagefile_read(const struct hm_imageroot *r, const char *path, size_t len, struct hm_budget *budget,
		      size_t *held, struct hm_buf *out, struct hm_err *e)
{
	struct stat st;
	out->len = *held = 0;
	int fd = open_regular(r, path, len, &st, e);
	if (fd < 0)
		return fd;
	size_t size = (size_t)st.st_size, most = size > HM_IMAGEFILE_SMALL ? size : HM_IMAGEFILE_SMALL;
	if (size > HM_IMAGEFILE_SMALL)
		hm_budget_take(budget, *held = size);
	int rc = read_all(fd, size, most, out, e);
	close(fd);
	return rc;
}

int hm_imagefile_check(const struct hm_imageroot *r, const char *path, size_t len, struct hm_err *e)
{
	struct stat st;
	int fd = open_regular(r, path, len, &st, e);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
