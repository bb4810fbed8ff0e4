/* Output files: see file.h. All names are given in the folder that was opened in the beginning, so nobody can
 * lead them into another one meanwhile. */
#include "base/fd.h"
#include "base/file.h"
#include "base/hiddenname.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_output(struct hm_err *e, const char *path, const char *verb)
{
	return hm_err_system(e, errno, "%s: %s: %s", path, verb, strerror(errno));
}

struct hm_out {
	int fd, folder; /* folder: the target's; -1 for a stream */
	bool failed;
	bool stream;		     /* written in place, nothing to rename */
	char *path;		     /* as the user named it, for messages */
	char *name;		     /* of the target in its folder */
	char hidden[HM_HIDDEN_NAME]; /* the hidden name; "" while the file has none */
	char mark[HM_HIDDEN_MARK];   /* of hidden names; "": they are random */
};

static void out_free(struct hm_out *o)
{
	if (o->fd > STDERR_FILENO)
		close(o->fd);
	if (o->folder >= 0)
		close(o->folder);
	free(o->path);
	free(o->name);
	free(o);
}

/* ---- opening ---- */

/* Who can lock a file under a marked name takes it for dead, so its writer keeps it locked. False if somebody
 * was quicker, or if there are no locks: names are random from then on. */
static bool lock_file(struct hm_out *o)
{
	struct stat st;
	if (!*o->mark)
		return true;
	if (hm_fd_lock(o->fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			*o->mark = 0;
		return false;
	}
	return !*o->hidden || (!fstat(o->fd, &st) && st.st_nlink);
}

static int open_unnamed(struct hm_out *o, mode_t mode)
{
	if (access("/proc/self/fd", X_OK)) { /* which gives it a name in the end */
		errno = EOPNOTSUPP;
		return -1;
	}
	o->fd = hm_fd_open_at(o->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
	if (o->fd < 0)
		return -1;
	lock_file(o);
	return 0;
}

static int open_hidden(struct hm_out *o, mode_t mode)
{
	for (int i = 0; !hm_hidden_name(o->name, o->mark, i, o->hidden); i++) {
		o->fd = hm_fd_open_at(o->folder, o->hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (o->fd < 0 && errno != EEXIST)
			break;
		if (o->fd < 0)
			continue;
		if (lock_file(o))
			return 0;
		if (!*o->mark)
			unlinkat(o->folder, o->hidden, 0);
		close(o->fd);
		o->fd = -1;
	}
	*o->hidden = 0;
	return -1;
}

/* `old`: the file that will be replaced, or NULL. The umask is the kernel's matter. */
static int open_new(struct hm_out *o, const struct stat *old, struct hm_err *e)
{
	mode_t mode = old ? 0600 : 0666;
	hm_hidden_mark(o->mark);
	hm_hidden_remove_dead(o->folder, o->name, o->mark);
	int rc = open_unnamed(o, mode);
	if (rc && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		rc = open_hidden(o, mode);
	if (rc)
		return refuse_output(e, o->path, "cannot create a file in its folder");
	if (old)
		fchmod(o->fd, old->st_mode & 0777);
	return 0;
}

/* Whether the kernel would refuse to replace a file in a folder like /tmp: it is another user's. */
static int check_sticky(const struct hm_out *o, const struct stat *old, struct hm_err *e)
{
	struct stat in;
	uid_t me = geteuid();
	if (!me || fstat(o->folder, &in) || !(in.st_mode & S_ISVTX) || in.st_uid == me || old->st_uid == me)
		return 0;
	return hm_err_set(e, HM_EDATA, "%s: cannot be replaced: another user's file in a folder like /tmp",
			  o->path);
}

/* A target that exists and may be replaced: like cp, only one that may be written. */
static int check_old(const struct hm_out *o, struct stat *old, struct hm_err *e)
{
	if (fstatat(o->folder, o->name, old, AT_SYMLINK_NOFOLLOW))
		return refuse_output(e, o->path, "cannot be replaced");
	if (!S_ISREG(old->st_mode))
		return hm_err_set(e, HM_EDATA, "%s: something else took its place", o->path);
	if (!faccessat(o->folder, o->name, W_OK, AT_EACCESS))
		return check_sticky(o, old, e);
	if (errno != EACCES)
		return refuse_output(e, o->path, "cannot be replaced");
	return hm_err_set(e, HM_EDATA, "%s: is read-only, and so not replaced", o->path);
}

static int open_stream(struct hm_out *o, struct hm_err *e)
{
	struct stat st;
	o->stream = true;
	o->fd = hm_fd_open(o->path, O_WRONLY | O_CLOEXEC, 0);
	if (o->fd < 0)
		return refuse_output(e, o->path, "cannot open");
	if (!fstat(o->fd, &st) && !S_ISREG(st.st_mode))
		return 0;
	return hm_err_set(e, HM_EDATA, "%s: something else took its place", o->path);
}

static int open_target(struct hm_out *o, struct hm_err *e)
{
	struct stat st, old;
	if (!strcmp(o->path, "-")) {
		o->fd = STDOUT_FILENO;
		o->stream = true;
		return 0;
	}
	if ((o->folder = hm_file_folder(o->path, &o->name, e)) < 0)
		return HM_EDATA;
	bool exists = !stat(o->path, &st);
	if (!exists && errno != ENOENT) /* such as a name that is too long */
		return refuse_output(e, o->path, "cannot create");
	if (!*o->name || (exists && S_ISDIR(st.st_mode)))
		return hm_err_set(e, HM_EDATA, "%s: is a folder", o->path);
	if (exists && !S_ISREG(st.st_mode))
		return open_stream(o, e);
	if (exists && check_old(o, &old, e))
		return HM_EDATA;
	return open_new(o, exists ? &old : NULL, e);
}

struct hm_out *hm_out_open(const char *path, struct hm_err *e)
{
	struct hm_out *o = hm_alloc(1, sizeof *o, e);
	if (!o)
		return NULL;
	o->fd = o->folder = -1;
	o->path = hm_strndup(path, strlen(path), e);
	if (o->path && !open_target(o, e))
		return o;
	hm_out_abort(o);
	return NULL;
}

/* ---- writing ---- */

int hm_out_write(struct hm_out *o, const void *p, size_t n, struct hm_err *e)
{
	if (o->failed)
		return hm_err_set(e, HM_EDATA, "%s: an earlier write failed", o->path);
	if (!hm_fd_write(o->fd, p, n))
		return 0;
	o->failed = true;
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

/* ---- the end ---- */

/* Gives an unnamed file the target's name, or a hidden name when the target exists already. */
static int name_file(struct hm_out *o, struct hm_err *e)
{
	char self[64];
	const char *name = o->name;
	snprintf(self, sizeof self, "/proc/self/fd/%d", o->fd);
	for (int i = 0; linkat(AT_FDCWD, self, o->folder, name, AT_SYMLINK_FOLLOW); i++) {
		int why = errno;
		*o->hidden = 0;
		errno = why;
		if (why != EEXIST || hm_hidden_name(o->name, o->mark, i, o->hidden))
			return refuse_output(e, o->path, "cannot name the finished file");
		name = o->hidden;
	}
	return 0;
}

static int take_name(struct hm_out *o, struct hm_err *e)
{
	if (!*o->hidden && name_file(o, e))
		return HM_EDATA;
	if (*o->hidden && renameat(o->folder, o->hidden, o->folder, o->name))
		return refuse_output(e, o->path, "cannot rename the finished file");
	*o->hidden = 0;
	return 0;
}

static int make_real(struct hm_out *o, bool sync_name, struct hm_err *e)
{
	sigset_t all, before;
	if (hm_fd_sync(o->fd))
		return refuse_output(e, o->path, "cannot sync");
	sigfillset(&all); /* what ends the process waits, for the file has a hidden name in between */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = take_name(o, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !rc && sync_name && hm_fd_sync_folder(o->folder)
		       ? refuse_output(e, o->path, "cannot sync its folder")
		       : rc;
}

static int commit(struct hm_out *o, bool sync_name, struct hm_err *e)
{
	int rc = o->failed ? hm_err_set(e, HM_EDATA, "%s: an earlier write failed", o->path) : 0;
	if (!rc && !o->stream)
		rc = make_real(o, sync_name, e);
	if (!rc && o->fd > STDERR_FILENO) {
		/* a file that is synced and named is there, whatever its closing says */
		if (hm_fd_close(o->fd) && o->stream)
			rc = refuse_output(e, o->path, "cannot close");
		o->fd = -1;
	}
	hm_out_abort(o);
	return rc;
}

int hm_out_commit(struct hm_out *o, struct hm_err *e)
{
	return commit(o, true, e);
}

int hm_out_commit_unsynced(struct hm_out *o, struct hm_err *e)
{
	return commit(o, false, e);
}

void hm_out_abort(struct hm_out *o)
{
	if (!o)
		return;
	if (*o->hidden)
		unlinkat(o->folder, o->hidden, 0);
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
