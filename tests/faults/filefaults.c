/* Faults of files, for tests/faults/signals.bats, loaded into the tools in front of libc (LD_PRELOAD):
 *
 *   FILEFAULT=notmpfile   the file system has no files without a name
 *   FILEFAULT=cut         the file CUT_FILE is cut to CUT_TO bytes as soon as it is mapped
 *   FILEFAULT=kill        the process is killed instead of its first rename */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int wants(const char *fault)
{
	const char *is = getenv("FILEFAULT");
	return is && strstr(is, fault) != NULL;
}

int openat(int from, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = va_arg(ap, mode_t);
	va_end(ap);
	errno = EOPNOTSUPP;
	if ((flags & O_TMPFILE) == O_TMPFILE && wants("notmpfile"))
		return -1;
	return (int)syscall(SYS_openat, from, path, flags, mode);
}

int renameat(int from, const char *old, int to, const char *new)
{
	if (wants("kill"))
		kill(getpid(), SIGKILL);
	return (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	char link[40] = "/proc/self/fd/", path[PATH_MAX];
	const char *cut = getenv("CUT_FILE"), *size = getenv("CUT_TO");
	void *p = (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
	if (fd < 0 || fd > 99 || !cut || !size || !wants("cut"))
		return p;
	link[14] = (char)('0' + fd / 10);
	link[15] = (char)('0' + fd % 10);
	ssize_t len =
		readlink(fd < 10 ? (link[14] = link[15], link[15] = 0, link) : link, path, sizeof path - 1);
	path[len > 0 ? len : 0] = 0;
	if (!strcmp(path, cut))
		(void)!truncate(cut, strtol(size, NULL, 10));
	return p;
}
