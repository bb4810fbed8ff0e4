/* Files: see file.h. Output is outfile.c's. */
#include "base/file.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_file(struct hm_err *e, const char *path, const char *verb)
{
	return hm_err_system(e, errno, "%s: %s: %s", path, verb, strerror(errno));
}

int hm_file_read(const char *path, size_t cap, struct hm_buf *out, struct hm_err *e)
{
	int rc = 0, fd = hm_fd_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return refuse_file(e, path, "cannot open");
	for (size_t start = out->len;;) {
		if ((rc = hm_buf_reserve(out, 1 << 16, e)))
			break;
		ssize_t n = hm_fd_read(fd, out->data + out->len, 1 << 16);
		if (n < 0)
			rc = refuse_file(e, path, "cannot read");
		if (n <= 0)
			break;
		out->len += (size_t)n;
		if (out->len - start > cap) {
			rc = hm_err_set(e, HM_EDATA, "%s: larger than the %zu bytes allowed here", path, cap);
			break;
		}
	}
	close(fd);
	return rc;
}

int hm_map_open(struct hm_map *m, const char *path, struct hm_err *e)
{
	struct stat st;
	*m = (struct hm_map){0};
	int rc = 0, fd = hm_fd_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return refuse_file(e, path, "cannot open");
	if (fstat(fd, &st))
		rc = refuse_file(e, path, "cannot stat");
	else if (!S_ISREG(st.st_mode))
		rc = hm_err_set(e, HM_EDATA, "%s: not a regular file", path);
	else if (st.st_size) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			rc = refuse_file(e, path, "cannot map");
		else
			*m = (struct hm_map){p, (size_t)st.st_size};
	}
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

char *hm_file_follow(const char *path, struct hm_err *e)
{
	char *now = hm_strndup(path, strlen(path), e), to[PATH_MAX];
	for (int hops = 0; now && hops < 40; hops++) {
		ssize_t n = readlink(now, to, sizeof to - 1);
		if (n < 0)
			return now;
		to[n] = 0;
		const char *slash = strrchr(now, '/');
		struct hm_buf b = {0};
		int rc = to[0] == '/' || !slash
				 ? hm_buf_printf(&b, e, "%s", to)
				 : hm_buf_printf(&b, e, "%.*s/%s", (int)(slash - now), now, to);
		free(now);
		now = rc ? NULL : (char *)b.data;
	}
	if (now)
		hm_err_set(e, HM_EDATA, "%s: too many symbolic links", path);
	free(now);
	return NULL;
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

int hm_file_temporary(const char *folder, struct hm_err *e)
{
	struct hm_buf name = {0};
	const char *env = getenv("TMPDIR");
	folder = folder ? folder : env && *env ? env : "/var/tmp";
	int fd = hm_fd_open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd >= 0 ? fd : refuse_file(e, folder, "cannot write a temporary file there");
	if (hm_buf_printf(&name, e, "%s/hm-XXXXXX", folder))
		return HM_EDATA;
	fd = mkostemp((char *)name.data, O_CLOEXEC);
	fd = fd < 0 ? refuse_file(e, folder, "cannot write a temporary file there") : fd;
	if (fd >= 0)
		unlink((char *)name.data);
	hm_buf_clear(&name);
	return fd;
}

int hm_folder_make(const char *path, struct hm_err *e)
{
	struct stat st;
	if (mkdir(path, 0777) && errno != EEXIST)
		return hm_err_system(e, errno, "%s: %s", path, strerror(errno));
	if (!stat(path, &st) && !S_ISDIR(st.st_mode))
		return hm_err_set(e, HM_EDATA, "%s: not a folder", path);
	return access(path, W_OK | X_OK) ? hm_err_system(e, errno, "%s: %s", path, strerror(errno)) : 0;
}
