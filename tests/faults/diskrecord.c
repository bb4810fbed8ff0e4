/* Writes down what a tool does to files, for tests/faults/crash.bats: loaded in front of libc (LD_PRELOAD),
 * it appends each call that changes a disk to the file DISK_LOG, as diskops.h says. With DISK_NAMED set the
 * disk has no files without a name. */
#include "diskops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock =
	PTHREAD_MUTEX_INITIALIZER; /* calls are written down in the order of their effects */

static void write_op(uint64_t kind, uint64_t a, uint64_t b, const char *name, const char *other,
		     const void *data, size_t n)
{
	static int to = -1;
	struct diskop op = {kind, a, b, name ? strlen(name) : 0, other ? strlen(other) : 0, n};
	struct iovec part[] = {
		{&op, sizeof op}, {(void *)name, op.name}, {(void *)other, op.other}, {(void *)data, n}};
	if (to < 0)
		to = (int)syscall(SYS_openat, AT_FDCWD, getenv("DISK_LOG"),
				  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (writev(to, part, 4) != (ssize_t)(sizeof op + op.name + op.other + n))
		abort();
}

static uint64_t inode_of(int fd)
{
	struct stat st;
	return !fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) ? st.st_ino : 0;
}

/* The inode of the folder that the path is in; *name := its last part. */
static uint64_t folder_of(int from, const char *path, const char **name)
{
	char folder[PATH_MAX];
	struct stat st;
	const char *slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	return fstatat(from, folder, &st, 0) ? 0 : st.st_ino;
}

int openat(int from, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = va_arg(ap, mode_t);
	va_end(ap);
	const char *name;
	int unnamed = (flags & O_TMPFILE) == O_TMPFILE;
	errno = EOPNOTSUPP;
	if (unnamed && getenv("DISK_NAMED"))
		return -1;
	pthread_mutex_lock(&lock);
	int there = !faccessat(from, path, F_OK, AT_SYMLINK_NOFOLLOW);
	int fd = (int)syscall(SYS_openat, from, path, flags, mode), why = errno;
	uint64_t folder = folder_of(from, path, &name), inode = fd < 0 ? 0 : inode_of(fd);
	if (inode && (unnamed || (flags & O_CREAT && !there)))
		write_op('N', inode, 0, NULL, NULL, NULL, 0);
	if (inode && flags & O_CREAT && !there)
		write_op('E', folder, inode, name, NULL, NULL, 0);
	if (inode && flags & O_TRUNC)
		write_op('T', inode, 0, NULL, NULL, NULL, 0);
	pthread_mutex_unlock(&lock);
	errno = why;
	return fd;
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = va_arg(ap, mode_t);
	va_end(ap);
	return openat(AT_FDCWD, path, flags, mode);
}

static ssize_t note_write(int fd, const void *p, ssize_t n, off_t at)
{
	int why = errno;
	uint64_t inode = n > 0 ? inode_of(fd) : 0;
	if (inode)
		write_op('W', inode, (uint64_t)(at < 0 ? lseek(fd, 0, SEEK_CUR) - n : at), NULL, NULL, p,
			 (size_t)n);
	errno = why;
	return n;
}

ssize_t write(int fd, const void *p, size_t n)
{
	pthread_mutex_lock(&lock);
	ssize_t did = note_write(fd, p, syscall(SYS_write, fd, p, n), -1);
	pthread_mutex_unlock(&lock);
	return did;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	pthread_mutex_lock(&lock);
	ssize_t did = note_write(fd, p, syscall(SYS_pwrite64, fd, p, n, at), at);
	pthread_mutex_unlock(&lock);
	return did;
}

/* Calls that return 0 and change one inode, or names. */
#define NOTED(CALL, ...)                                                                                     \
	do {                                                                                                 \
		pthread_mutex_lock(&lock);                                                                   \
		int rc = (int)(CALL), why = errno;                                                           \
		if (!rc)                                                                                     \
			write_op(__VA_ARGS__);                                                               \
		pthread_mutex_unlock(&lock);                                                                 \
		errno = why;                                                                                 \
		return rc;                                                                                   \
	} while (0)

int fsync(int fd)
{
	NOTED(syscall(SYS_fsync, fd), 'S', inode_of(fd), 0, NULL, NULL, NULL, 0);
}

int ftruncate(int fd, off_t n)
{
	NOTED(syscall(SYS_ftruncate, fd, n), 'T', inode_of(fd), (uint64_t)n, NULL, NULL, NULL, 0);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
	const char *name;
	struct stat st;
	uint64_t folder = folder_of(to, new, &name);
	uint64_t inode = fstatat(from, old, &st, 0) ? 0 : st.st_ino;
	NOTED(syscall(SYS_linkat, from, old, to, new, flags), 'E', folder, inode, name, NULL, NULL, 0);
}

int renameat(int from, const char *old, int to, const char *new)
{
	const char *name, *other;
	uint64_t a = folder_of(from, old, &name), b = folder_of(to, new, &other);
	NOTED(syscall(SYS_renameat2, from, old, to, new, 0), 'R', a, b, name, other, NULL, 0);
}

int rename(const char *old, const char *new)
{
	return renameat(AT_FDCWD, old, AT_FDCWD, new);
}

int unlinkat(int from, const char *path, int flags)
{
	const char *name;
	uint64_t folder = folder_of(from, path, &name);
	NOTED(syscall(SYS_unlinkat, from, path, flags), 'U', folder, 0, name, NULL, NULL, 0);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode)
{
	const char *name;
	struct stat st;
	uint64_t folder = folder_of(AT_FDCWD, path, &name);
	pthread_mutex_lock(&lock);
	int rc = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode), why = errno;
	if (!rc && !stat(path, &st)) {
		write_op('N', st.st_ino, 1, NULL, NULL, NULL, 0);
		write_op('E', folder, st.st_ino, name, NULL, NULL, 0);
	}
	pthread_mutex_unlock(&lock);
	errno = why;
	return rc;
}
