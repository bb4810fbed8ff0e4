/* What lib/base's output files call, replaced by functions that fail in a given way, for test programs that
 * look at what goes wrong between two system calls. A test has a folder of its own with one target in it. */
#ifndef TEST_OUTCALLS_H
#define TEST_OUTCALLS_H

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64], target[128];
static struct hm_err e;
static bool no_tmpfile, no_locks; /* as on NFS and FAT */
static bool foreign_folder, foreign_link, foreign_file;
static int same_number, links, opens, umasks; /* random numbers that are still alike; calls */
static int kill_at_rename;		      /* a signal that comes between link and rename */
static int syncs;			      /* calls of fsync */
static int sync_error, times = 0;	      /* what the next `times` calls of fsync say */

int openat(int from, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = va_arg(ap, mode_t);
	va_end(ap);
	errno = EOPNOTSUPP;
	opens++;
	return no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE
		       ? -1
		       : (int)syscall(SYS_openat, from, path, flags, mode);
}

static void (*before_lock)(void); /* what another process does before the next lock */

int flock(int fd, int how)
{
	void (*first)(void) = before_lock;
	before_lock = NULL;
	if (first)
		first();
	errno = ENOLCK;
	return no_locks ? -1 : (int)syscall(SYS_flock, fd, how);
}

mode_t umask(mode_t mask)
{
	umasks++;
	return (mode_t)syscall(SYS_umask, mask);
}

/* Folders are of another user, when a test wants it so. */
int fstat(int fd, struct stat *st)
{
	int rc = (int)syscall(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH);
	if (foreign_folder && S_ISDIR(st->st_mode))
		st->st_uid = getuid() + 1;
	if (foreign_link && S_ISLNK(st->st_mode))
		st->st_uid = getuid() + 2;
	return rc;
}

int fstatat(int from, const char *path, struct stat *st, int flags)
{
	int rc = (int)syscall(SYS_newfstatat, from, path, st, flags);
	if (!rc && foreign_file)
		st->st_uid = geteuid() + 2;
	return rc;
}

/* Root may do what the tests see refused. */
uid_t geteuid(void)
{
	return foreign_file ? 7 : (uid_t)syscall(SYS_geteuid);
}

int renameat(int from, const char *old, int to, const char *new)
{
	if (kill_at_rename)
		kill(getpid(), kill_at_rename);
	return (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
	if (same_number <= 0)
		return syscall(SYS_getrandom, p, n, flags);
	same_number--;
	memset(p, 0x5a, n);
	return (ssize_t)n;
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
	links++;
	return (int)syscall(SYS_linkat, from, old, to, new, flags);
}

int fsync(int fd)
{
	syncs++;
	errno = sync_error;
	return times && times-- ? -1 : (int)syscall(SYS_fsync, fd);
}

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	snprintf(folder, sizeof folder, "/tmp/hm-outfile-XXXXXX");
	char *made = mkdtemp(folder);
	snprintf(target, sizeof target, "%s/f", folder);
	return !made;
}

/* Files in the folder; removes them when asked to. */
static int count_files(bool removing)
{
	DIR *d = opendir(folder);
	char path[512];
	int n = 0;
	for (struct dirent *f; (f = readdir(d));) {
		if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, ".."))
			continue;
		n++;
		snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
		if (removing)
			unlink(path);
	}
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	(void)state;
	no_tmpfile = no_locks = foreign_folder = foreign_link = foreign_file = false;
	same_number = times = kill_at_rename = 0;
	count_files(true);
	return rmdir(folder);
}

static void holds(const char *path, const char *text)
{
	struct hm_buf b = {0};
	assert_int_equal(hm_file_read(path, 1 << 20, &b, &e), 0);
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(b.data, text, b.len);
	hm_buf_clear(&b);
}

#endif
