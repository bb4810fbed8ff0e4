/* Output files: see file.h. Hidden names are random and are given only to new files, so that two processes
 * never write the same one, not even on two machines that share a folder. */
#include "base/fd.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_output(struct hm_err *e, const char *path, const char *verb)
{
	return hm_err_system(e, errno, "%s: %s: %s", path, verb, strerror(errno));
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

static void forget_name(struct hm_out *o)
{
	free(o->temp);
	o->temp = NULL;
}

/* Makes up a hidden name in the target's folder. */
static int choose_name(struct hm_out *o, struct hm_err *e)
{
	struct hm_buf b = {0};
	uint64_t random;
	const char *slash = strrchr(o->target, '/'), *base = slash ? slash + 1 : o->target;
	forget_name(o);
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return refuse_output(e, o->path, "cannot get a random number");
	/* 200: the name itself may be as long as a name can be */
	if (hm_buf_printf(&b, e, "%.*s.%.200s.%016" PRIx64 ".tmp", (int)(base - o->target), o->target, base,
			  random))
		return HM_EDATA;
	o->temp = (char *)b.data;
	return 0;
}

static int open_beside(struct hm_out *o, mode_t mode, struct hm_err *e)
{
	char *folder = folder_of(o, e);
	if (!folder)
		return HM_EDATA;
	bool nameable = !access("/proc/self/fd", X_OK); /* needed to give it a name in the end */
	o->fd = nameable ? hm_fd_open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode) : -1;
	free(folder);
	if (o->fd >= 0)
		return 0;
	if (nameable && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return refuse_output(e, o->path, "cannot create a file in its folder");
	do
		if (choose_name(o, e))
			return HM_EDATA;
	while ((o->fd = hm_fd_open(o->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)) < 0 &&
	       errno == EEXIST);
	return o->fd < 0 ? refuse_output(e, o->path, "cannot create a file in its folder") : 0;
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
		o->fd = hm_fd_open(path, O_WRONLY | O_CLOEXEC, 0);
		if (o->fd >= 0)
			return o;
		refuse_output(e, path, "cannot open");
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
	if (o->failed)
		return hm_err_set(e, HM_EDATA, "%s: an earlier write failed", o->path);
	if (!hm_fd_write(o->fd, p, n))
		return 0;
	o->failed = 1;
	return refuse_output(e, o->stream && o->fd == STDOUT_FILENO ? "standard output" : o->path,
			     "cannot write");
}

bool hm_out_is_stream(const struct hm_out *o)
{
	return o->stream;
}

int hm_out_fd(const struct hm_out *o)
{
	return o->fd;
}

/* Gives an unnamed file the target's name, or a hidden name when the target exists already. */
static int name_file(struct hm_out *o, struct hm_err *e)
{
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", o->fd);
	const char *name = o->target;
	while (linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW)) {
		if (errno != EEXIST) {
			forget_name(o);
			return refuse_output(e, o->path, "cannot name the finished file");
		}
		if (choose_name(o, e))
			return HM_EDATA;
		name = o->temp;
	}
	return 0;
}

static int make_real(struct hm_out *o, struct hm_err *e)
{
	if (hm_fd_sync(o->fd))
		return refuse_output(e, o->path, "cannot sync");
	if (!o->temp && name_file(o, e))
		return HM_EDATA;
	if (o->temp && rename(o->temp, o->target))
		return refuse_output(e, o->path, "cannot rename the finished file");
	forget_name(o);
	char *folder = folder_of(o, NULL);
	int fd = folder ? hm_fd_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) : -1;
	if (fd >= 0) {
		hm_fd_sync(fd); /* some file systems refuse it on folders; the name is there either way */
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
		/* a file that is synced and named is there, whatever its closing says */
		if (hm_fd_close(o->fd) && o->stream)
			rc = refuse_output(e, o->path, "cannot close");
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
