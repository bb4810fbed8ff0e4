/* Interrupted system calls: see fd.h. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#define MOST ((size_t)1 << 30) /* bytes of one call */

bool hm_fd_again(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	if (errno == EINTR)
		return true;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return false;
	/* An error or the other end's closing also ends the wait; the call made again then says which. */
	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return false;
	return true;
}

int hm_fd_open(const char *path, int flags, mode_t mode)
{
	return hm_fd_open_at(AT_FDCWD, path, flags, mode);
}

int hm_fd_open_at(int folder, const char *path, int flags, mode_t mode)
{
	int fd;
	do
		fd = openat(folder, path, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

ssize_t hm_fd_read(int fd, void *p, size_t n)
{
	ssize_t got;
	do
		got = read(fd, p, n < MOST ? n : MOST);
	while (got < 0 && hm_fd_again(fd, POLLIN));
	return got;
}

ssize_t hm_fd_read_at(int fd, void *p, size_t n, uint64_t at)
{
	size_t done = 0;
	while (done < n) {
		size_t want = n - done < MOST ? n - done : MOST;
		ssize_t got = pread(fd, (char *)p + done, want, (off_t)(at + done));
		if (got < 0 && hm_fd_again(fd, POLLIN))
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int hm_fd_write(int fd, const void *p, size_t n)
{
	const char *at = p;
	while (n) {
		ssize_t did = write(fd, at, n < MOST ? n : MOST);
		if (did < 0 && hm_fd_again(fd, POLLOUT))
			continue;
		if (!did)
			errno = ENOSPC; /* a device that takes nothing and says nothing */
		if (did <= 0)
			return -1;
		at += did;
		n -= (size_t)did;
	}
	return 0;
}

int hm_fd_write_at(int fd, const void *p, size_t n, uint64_t at)
{
	for (size_t done = 0; done < n;) {
		size_t want = n - done < MOST ? n - done : MOST;
		ssize_t did = pwrite(fd, (const char *)p + done, want, (off_t)(at + done));
		if (did < 0 && hm_fd_again(fd, POLLOUT))
			continue;
		if (!did)
			errno = ENOSPC;
		if (did <= 0)
			return -1;
		done += (size_t)did;
	}
	return 0;
}

int hm_fd_sync(int fd)
{
	int rc;
	do
		rc = fsync(fd);
	while (rc && errno == EINTR);
	return rc;
}

int hm_fd_sync_folder(int fd)
{
	return hm_fd_sync(fd) && errno != EINVAL && errno != EBADF && errno != EOPNOTSUPP &&
			       errno != ENOSYS && errno != EROFS
		       ? -1
		       : 0;
}

int hm_fd_close(int fd)
{
	int rc = close(fd);
	return rc && errno == EINTR ? 0 : rc;
}

int hm_fd_lock(int fd, int how)
{
	int rc;
	do
		rc = flock(fd, how);
	while (rc && errno == EINTR);
	return rc;
}
