/* Files: see file.h. Output is outfile.c's. */
#include "base/file.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_file(struct hm_err *e, const char *path, const char *verb)
{
	return hm_err_system(e, errno, "%s: %s: %s", path, verb, strerror(errno));
}

static int refuse_size(struct hm_err *e, const char *path, size_t cap)
{
	return hm_err_set(e, HM_EDATA, "%s: larger than the %zu bytes allowed here", path, cap);
}

/* Bytes that an open file says it has; 0 when it is not a regular one. */
static uint64_t size_of(int fd)
{
	struct stat st;
	return !fstat(fd, &st) && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

int hm_file_read(const char *path, size_t cap, struct hm_buf *out, struct hm_err *e)
{
	int rc = 0, fd = hm_fd_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return refuse_file(e, path, "cannot open");
	uint64_t size = size_of(fd);
	if (size > cap)
		rc = refuse_size(e, path, cap);
	for (size_t start = out->len; !rc;) {
		size_t done = out->len - start,
		       more = done <= size && size ? (size_t)size - done + 1 : 1 << 16;
		if ((rc = hm_buf_reserve(out, more, e)))
			break;
		ssize_t n = hm_fd_read(fd, out->data + out->len, more);
		if (n < 0)
			rc = refuse_file(e, path, "cannot read");
		if (n <= 0)
			break;
		out->len += (size_t)n;
		if (out->len - start > cap)
			rc = refuse_size(e, path, cap);
	}
	close(fd);
	return rc;
}

int hm_map_fd(struct hm_map *m, int fd, const char *path, struct hm_err *e)
{
	struct stat st;
	*m = (struct hm_map){0};
	if (fstat(fd, &st))
		return refuse_file(e, path, "cannot stat");
	if (!S_ISREG(st.st_mode))
		return hm_err_set(e, HM_EDATA, "%s: not a regular file", path);
	if (!st.st_size)
		return 0;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return refuse_file(e, path, "cannot map");
	*m = (struct hm_map){p, (size_t)st.st_size};
	return 0;
}

int hm_map_open(struct hm_map *m, const char *path, struct hm_err *e)
{
	*m = (struct hm_map){0};
	int fd = hm_fd_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return refuse_file(e, path, "cannot open");
	int rc = hm_map_fd(m, fd, path, e);
	close(fd);
	return rc;
}

void hm_map_close(struct hm_map *m)
{
	if (m->len)
		munmap((void *)(uintptr_t)m->data, m->len);
	*m = (struct hm_map){0};
}

void hm_map_release(const struct hm_map *m)
{
	if (m->len)
		madvise((void *)(uintptr_t)m->data, m->len, MADV_DONTNEED);
}

/* Whether a link may be followed, by the rule of the kernel's protected_symlinks, which the kernel itself
 * keeps only where that is switched on: anybody can put a link into a folder like /tmp. */
static int check_link(const char *path, const struct stat *link, int folder, struct hm_err *e)
{
	struct stat st;
	if (fstat(folder, &st))
		return refuse_file(e, path, "cannot stat its folder");
	if ((st.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) || link->st_uid == geteuid() ||
	    link->st_uid == st.st_uid)
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "%s: a symbolic link of another user in a folder where everybody may write", path);
}

/* to := what the link `name` in the open folder points to. 1; 0 if it is no link or is not there. */
static int read_link(const char *path, int folder, const char *name, char to[PATH_MAX], struct hm_err *e)
{
	struct stat st;
	int rc = 0, fd = hm_fd_open_at(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (!fstat(fd, &st) && S_ISLNK(st.st_mode) && !(rc = check_link(path, &st, folder, e))) {
		ssize_t n = readlinkat(fd, "", to, PATH_MAX - 1);
		to[n > 0 ? n : 0] = 0;
		rc = n > 0 ? 1 : refuse_file(e, path, "cannot read the symbolic link");
	}
	close(fd);
	return rc;
}

/* Opens the folder of `path`, which begins at the folder `from`. -1 with errno. */
static int open_folder(int from, const char *path, struct hm_err *e)
{
	const char *slash = strrchr(path, '/');
	char *folder = !slash ? hm_strndup(".", 1, e)
			      : hm_strndup(path, slash == path ? 1 : (size_t)(slash - path), e);
	errno = ENOMEM;
	int fd = folder ? hm_fd_open_at(from, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) : -1;
	if (fd < 0 && errno == EACCES) /* write and search are enough to make a file there */
		fd = hm_fd_open_at(from, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	free(folder);
	return fd;
}

int hm_file_folder(const char *path, char **name, struct hm_err *e)
{
	char now[PATH_MAX];
	int folder = AT_FDCWD, more = 1;
	*name = NULL;
	if (snprintf(now, sizeof now, "%s", path) >= (int)sizeof now)
		return hm_err_set(e, HM_EDATA, "%s: the name is too long", path);
	for (int hops = 0; more > 0 && hops < 40; hops++) {
		const char *slash = strrchr(now, '/');
		int from = folder;
		folder = open_folder(from, now, e);
		int why = errno;
		if (from >= 0)
			close(from);
		errno = why;
		free(*name);
		*name = NULL;
		if (folder < 0)
			return refuse_file(e, path, "cannot open its folder");
		*name = hm_strndup(slash ? slash + 1 : now, strlen(slash ? slash + 1 : now), e);
		more = *name ? read_link(path, folder, *name, now, e) : HM_EDATA;
	}
	if (more > 0)
		more = hm_err_set(e, HM_EDATA, "%s: too many symbolic links", path);
	if (!more)
		return folder;
	close(folder);
	free(*name);
	*name = NULL;
	return more;
}

const char *hm_file_temporary_folder(void)
{
	const char *env = getenv("TMPDIR");
	return env && *env ? env : "/var/tmp";
}

int hm_file_there(const char *path, struct hm_err *e)
{
	if (!access(path, F_OK))
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : refuse_file(e, path, "cannot look for it");
}

int hm_file_is_folder(const char *path, struct hm_err *e)
{
	struct stat st;
	if (!stat(path, &st))
		return S_ISDIR(st.st_mode);
	struct hm_err why = {0};
	hm_err_system(&why, errno, "%s: cannot look for it: %s", path, strerror(errno));
	return why.machine ? hm_err_pass(e, &why) : 0;
}

static int refuse_temporary(struct hm_err *e, const char *folder)
{
	return hm_err_system(e, errno, "%s: cannot write a temporary file there%s: %s",
			     folder ? folder : hm_file_temporary_folder(),
			     folder ? "" : " (TMPDIR may name another folder)", strerror(errno));
}

int hm_file_temporary(const char *chosen, struct hm_err *e)
{
	struct hm_buf name = {0};
	const char *folder = chosen ? chosen : hm_file_temporary_folder();
	int fd = hm_fd_open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd >= 0 ? fd : refuse_temporary(e, chosen);
	if (hm_buf_printf(&name, e, "%s/hm-XXXXXX", folder))
		return HM_EDATA;
	fd = mkostemp((char *)name.data, O_CLOEXEC);
	fd = fd < 0 ? refuse_temporary(e, chosen) : fd;
	if (fd >= 0)
		unlink((char *)name.data);
	hm_buf_clear(&name);
	return fd;
}

int hm_file_sync_name(const char *path, struct hm_err *e)
{
	size_t n = strlen(path);
	char *bare, *name;
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (!(bare = hm_strndup(path, n, e)))
		return HM_EDATA;
	int folder = hm_file_folder(bare, &name, e), rc = folder < 0 ? HM_EDATA : 0;
	if (!rc && hm_fd_sync_folder(folder))
		rc = refuse_file(e, path, "cannot sync its folder");
	if (folder >= 0)
		close(folder);
	free(bare);
	free(name);
	return rc;
}

int hm_folder_make(const char *path, struct hm_err *e)
{
	struct stat st;
	if (!mkdir(path, 0777))
		return hm_file_sync_name(path, e);
	if (errno != EEXIST)
		return refuse_file(e, path, "cannot make the folder");
	if (!stat(path, &st) && !S_ISDIR(st.st_mode))
		return hm_err_set(e, HM_EDATA, "%s: not a folder", path);
	if (access(path, W_OK | X_OK))
		return hm_err_system(e, errno, "%s: cannot write into the folder: %s", path, strerror(errno));
	return 0;
}
