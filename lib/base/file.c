/* Files: see file.h. Output goes to an unnamed file (O_TMPFILE) where the file system has it, so that not
 * even kill -9 leaves one behind; elsewhere to a hidden name beside the target. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int sys_fail(struct hm_err *e, const char *path, const char *verb)
{
	return hm_err_set(e, HM_EDATA, "%s: %s: %s", path, verb, strerror(errno));
}

int hm_file_read(const char *path, size_t cap, struct hm_buf *out, struct hm_err *e)
{
	int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sys_fail(e, path, "cannot open");
	for (size_t start = out->len;;) {
		if ((rc = hm_buf_reserve(out, 1 << 16, e)))
			break;
		ssize_t n = read(fd, out->data + out->len, 1 << 16);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = sys_fail(e, path, "cannot read");
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
	int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return sys_fail(e, path, "cannot open");
	if (fstat(fd, &st))
		rc = sys_fail(e, path, "cannot stat");
	else if (!S_ISREG(st.st_mode))
		rc = hm_err_set(e, HM_EDATA, "%s: not a regular file", path);
	else if (st.st_size) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			rc = sys_fail(e, path, "cannot map");
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

struct hm_out {
	int fd, failed;
	bool stream;  /* written in place, nothing to rename */
	char *path;   /* as the user named it, for messages */
	char *target; /* after following symlinks */
	char *temp;   /* the hidden name; NULL while the file has none */
};

static void out_free(struct hm_out *o)
{
	if (o->fd > STDERR_FILENO)
		close(o->fd);
	free(o->path);
	free(o->target);
	free(o->temp);
	free(o);
}

/* The folder of o->target: "." or everything before its last slash. Caller frees. */
static char *folder_of(const struct hm_out *o, struct hm_err *e)
{
	const char *slash = strrchr(o->target, '/');
	if (!slash)
		return hm_strndup(".", 1, e);
	return hm_strndup(o->target, slash == o->target ? 1 : (size_t)(slash - o->target), e);
}

static int temp_name(struct hm_out *o, struct hm_err *e)
{
	struct hm_buf b = {0};
	const char *slash = strrchr(o->target, '/'), *base = slash ? slash + 1 : o->target;
	int rc = hm_buf_printf(&b, e, "%.*s.%.200s.%ld.tmp", (int)(base - o->target), o->target, base,
			       (long)getpid()); /* the name itself may be as long as a name can be */
	if (!rc)
		rc = hm_buf_add(&b, "", 1, e);
	o->temp = (char *)b.data;
	return rc;
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

static int open_beside(struct hm_out *o, mode_t mode, struct hm_err *e)
{
	char *folder = folder_of(o, e);
	if (!folder)
		return HM_EDATA;
	bool nameable = !access("/proc/self/fd", X_OK); /* needed to give it a name in the end */
	o->fd = nameable ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode) : -1;
	free(folder);
	if (o->fd >= 0)
		return 0;
	if (nameable && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return sys_fail(e, o->path, "cannot write beside it");
	if (temp_name(o, e))
		return HM_EDATA;
	unlink(o->temp); /* left by a killed run of the same process number */
	o->fd = open(o->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	return o->fd < 0 ? sys_fail(e, o->path, "cannot write beside it") : 0;
}

struct hm_out *hm_out_open(const char *path, struct hm_err *e)
{
	struct stat st;
	struct hm_out *o = hm_alloc(1, sizeof *o, e);
	if (!o)
		return NULL;
	o->fd = -1;
	o->path = hm_strndup(path, strlen(path), e);
	if (!o->path)
		goto fail;
	if (!strcmp(path, "-")) {
		o->fd = STDOUT_FILENO;
		o->stream = true;
		return o;
	}
	bool exists = !stat(path, &st);
	if (exists && S_ISDIR(st.st_mode)) {
		hm_err_set(e, HM_EDATA, "%s: is a folder", path);
		goto fail;
	}
	if (exists && !S_ISREG(st.st_mode)) {
		o->stream = true;
		o->fd = open(path, O_WRONLY | O_CLOEXEC);
		if (o->fd >= 0)
			return o;
		sys_fail(e, path, "cannot open");
		goto fail;
	}
	mode_t mask = umask(0);
	umask(mask);
	mode_t mode = exists ? st.st_mode & 07777 : 0666 & ~mask;
	o->target = hm_file_follow(path, e);
	if (!o->target || open_beside(o, mode, e))
		goto fail;
	fchmod(o->fd, mode);
	return o;
fail:
	out_free(o);
	return NULL;
}

int hm_out_write(struct hm_out *o, const void *p, size_t n, struct hm_err *e)
{
	const char *at = p;
	if (o->failed)
		return hm_err_set(e, HM_EDATA, "%s: an earlier write failed", o->path);
	while (n) {
		ssize_t did = write(o->fd, at, n > 1 << 30 ? 1 << 30 : n);
		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0) {
			o->failed = 1;
			return sys_fail(e, o->stream && o->fd == STDOUT_FILENO ? "standard output" : o->path,
					"cannot write");
		}
		at += did;
		n -= (size_t)did;
	}
	return 0;
}

bool hm_out_is_stream(const struct hm_out *o)
{
	return o->stream;
}

int hm_out_fd(const struct hm_out *o)
{
	return o->fd;
}

static int make_real(struct hm_out *o, struct hm_err *e)
{
	if (fsync(o->fd))
		return sys_fail(e, o->path, "cannot sync");
	if (!o->temp) {
		char self[64];
		if (temp_name(o, e))
			return HM_EDATA;
		snprintf(self, sizeof self, "/proc/self/fd/%d", o->fd);
		unlink(o->temp); /* left by a run of the same process number that was killed between two calls
				  */
		if (linkat(AT_FDCWD, self, AT_FDCWD, o->temp, AT_SYMLINK_FOLLOW))
			return sys_fail(e, o->path, "cannot name the finished file");
	}
	if (rename(o->temp, o->target)) {
		int rc = sys_fail(e, o->path, "cannot rename the finished file");
		unlink(o->temp);
		return rc;
	}
	char *folder = folder_of(o, NULL);
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		fsync(fd); /* some file systems refuse it on folders; the rename has happened either way */
		close(fd);
	}
	free(folder);
	return 0;
}

int hm_out_commit(struct hm_out *o, struct hm_err *e)
{
	int rc = o->failed ? hm_err_set(e, HM_EDATA, "%s: an earlier write failed", o->path) : 0;
	if (!rc && !o->stream)
		rc = make_real(o, e);
	if (!rc && o->fd > STDERR_FILENO) {
		if (close(o->fd))
			rc = sys_fail(e, o->path, "cannot close");
		o->fd = -1;
	}
	if (rc)
		hm_out_abort(o);
	else
		out_free(o);
	return rc;
}

void hm_out_abort(struct hm_out *o)
{
	if (!o)
		return;
	if (o->temp)
		unlink(o->temp);
	out_free(o);
}

int hm_file_temporary(const char *folder, struct hm_err *e)
{
	struct hm_buf name = {0};
	const char *env = getenv("TMPDIR");
	folder = folder ? folder : env && *env ? env : "/var/tmp";
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd >= 0 ? fd : sys_fail(e, folder, "cannot write a temporary file there");
	if (hm_buf_printf(&name, e, "%s/hm-XXXXXX", folder))
		return HM_EDATA;
	fd = mkostemp((char *)name.data, O_CLOEXEC);
	fd = fd < 0 ? sys_fail(e, folder, "cannot write a temporary file there") : fd;
	if (fd >= 0)
		unlink((char *)name.data);
	hm_buf_clear(&name);
	return fd;
}

int hm_file_write(const char *path, const void *p, size_t n, struct hm_err *e)
{
	struct hm_out *o = hm_out_open(path, e);
	if (!o)
		return HM_EDATA;
	if (hm_out_write(o, p, n, e)) {
		hm_out_abort(o);
		return HM_EDATA;
	}
	return hm_out_commit(o, e);
}
