/* lib/base's descriptors: signals, non-blocking mode and short counts are no failures; failures are. The
 * system calls are replaced by ones that fail in a given way now and then. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

static _Thread_local int fails, fault, calls; /* so many calls fail yet, with this errno; made at all */
static bool trickle;			      /* one byte a call */

static bool refuse_call(void)
{
	calls++;
	errno = fault;
	return fails && fails--;
}

ssize_t read(int fd, void *p, size_t n)
{
	return refuse_call() ? -1 : syscall(SYS_read, fd, p, trickle && n ? 1 : n);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	return refuse_call() ? -1 : syscall(SYS_pread64, fd, p, trickle && n ? 1 : n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
	if (fault == ENOSPC && fails)
		return 0;
	return refuse_call() ? -1 : syscall(SYS_write, fd, p, trickle && n ? 1 : n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (fault == ENOSPC && fails)
		return 0;
	return refuse_call() ? -1 : syscall(SYS_pwrite64, fd, p, trickle && n ? 1 : n, at);
}

int fsync(int fd)
{
	return refuse_call() ? -1 : (int)syscall(SYS_fsync, fd);
}

int flock(int fd, int how)
{
	return refuse_call() ? -1 : (int)syscall(SYS_flock, fd, how);
}

int openat(int from, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = va_arg(ap, mode_t);
	va_end(ap);
	return refuse_call() ? -1 : (int)syscall(SYS_openat, from, path, flags, mode);
}

int ftruncate(int fd, off_t bytes)
{
	return refuse_call() ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

int close(int fd)
{
	int rc = (int)syscall(SYS_close, fd); /* whatever it says, the descriptor is gone */
	return refuse_call() ? -1 : rc;
}

static void next_fault(int error, int times)
{
	fault = error;
	fails = times;
	calls = 0;
}

/* One round of all calls on a file; each is met by the fault `times` times. */
static void go_through(int error, int times)
{
	char path[] = "/tmp/hm-fd-XXXXXX", text[16] = "";
	next_fault(0, 0);
	close(mkstemp(path));
	next_fault(error, times);
	int fd = hm_fd_open(path, O_RDWR | O_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(calls, times + 1);
	next_fault(error, times);
	assert_int_equal(hm_fd_write(fd, "0123456789", 10), 0);
	next_fault(error, times);
	assert_int_equal(hm_fd_read_at(fd, text, 4, 3), 4);
	assert_memory_equal(text, "3456", 4);
	next_fault(error, times);
	assert_int_equal(hm_fd_read_at(fd, text, sizeof text, 3), 7);
	assert_int_equal(hm_fd_read_at(fd, text, sizeof text, 10), 0);
	next_fault(error, times);
	assert_int_equal(hm_fd_write_at(fd, "abc", 3, 5), 0);
	assert_int_equal(hm_fd_read_at(fd, text, sizeof text, 0), 10);
	assert_memory_equal(text, "01234abc89", 10);
	lseek(fd, 8, SEEK_SET);
	next_fault(error, times);
	assert_int_equal(hm_fd_read(fd, text, sizeof text), trickle ? 1 : 2);
	assert_int_equal(text[0], '8');
	next_fault(error, times);
	assert_int_equal(hm_fd_cut(fd, 9), 0);
	assert_int_equal(calls, times + 1);
	assert_int_equal(hm_fd_read_at(fd, text, sizeof text, 0), 9);
	next_fault(error, times);
	assert_int_equal(hm_fd_sync(fd), 0);
	assert_int_equal(calls, times + 1);
	next_fault(error, times);
	assert_int_equal(hm_fd_lock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(calls, times + 1);
	next_fault(error, times);
	assert_int_equal(hm_fd_close(fd), 0);
	assert_int_equal(calls, 1); /* never twice: the number may be another file's by then */
	next_fault(error, times);
	DIR *d = hm_fd_list("/tmp");
	assert_non_null(d);
	assert_int_equal(calls, times + 1);
	next_fault(0, 0);
	closedir(d);
	unlink(path);
}

static void signals_and_short_counts_are_no_failures(void **state)
{
	(void)state;
	for (int times = 0; times < 3; times++) {
		trickle = false;
		go_through(EINTR, times);
		trickle = true;
		go_through(EINTR, times);
	}
	trickle = false;
}

static void failures_are_reported(void **state)
{
	(void)state;
	char text[4];
	int fd = openat(AT_FDCWD, "/dev/zero", O_RDWR, 0);
	next_fault(EIO, 1);
	assert_int_equal(hm_fd_open("/dev/zero", O_RDONLY, 0), -1);
	next_fault(EIO, 1);
	assert_null(hm_fd_list("/tmp"));
	assert_int_equal(errno, EIO);
	next_fault(EIO, 1);
	assert_int_equal(hm_fd_cut(fd, 0), -1);
	next_fault(EIO, 1);
	assert_int_equal(hm_fd_write(fd, text, 4), -1);
	next_fault(EIO, 1);
	assert_int_equal(hm_fd_read(fd, text, 4), -1);
	next_fault(EIO, 1);
	assert_int_equal(hm_fd_read_at(fd, text, 4, 0), -1);
	next_fault(EIO, 1);
	assert_int_equal(hm_fd_sync(fd), -1);
	next_fault(EWOULDBLOCK, 1);
	assert_int_equal(hm_fd_lock(fd, LOCK_EX | LOCK_NB), -1); /* somebody has it: an answer, no fault */
	assert_int_equal(errno, EWOULDBLOCK);
	next_fault(ENOSPC, 1);
	assert_int_equal(hm_fd_write(fd, text, 4), -1);
	assert_int_equal(errno, ENOSPC);
	next_fault(ENOSPC, 1);
	assert_int_equal(hm_fd_write_at(fd, text, 4, 0), -1);
	assert_int_equal(errno, ENOSPC);
	next_fault(EIO, 1);
	assert_int_equal(hm_fd_write_at(fd, text, 4, 0), -1);
	next_fault(EIO, 1);
	assert_int_equal(hm_fd_close(fd), -1);
	assert_int_equal(errno, EIO);
	next_fault(0, 0);
}

/* More than a pipe holds, both ends in non-blocking mode. */
enum { LONG = 300000 };

static void *write_slowly(void *arg)
{
	static const char p[LONG] = {1};
	int fd = *(int *)arg;
	usleep(20000);
	for (int i = 0; i < LONG; i += LONG / 4) {
		usleep(2000);
		if (hm_fd_write(fd, p + i, LONG / 4))
			return NULL;
	}
	return arg;
}

static void non_blocking_pipes_are_waited_for(void **state)
{
	(void)state;
	int fd[2];
	pthread_t t;
	void *written = NULL;
	static char got[LONG + 1];
	size_t n = 0;
	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(read(fd[0], got, 1), -1); /* empty */
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(pthread_create(&t, NULL, write_slowly, &fd[1]), 0);
	while (n < LONG) {
		ssize_t more = hm_fd_read(fd[0], got + n, sizeof got - n);
		assert_true(more > 0);
		n += (size_t)more;
	}
	pthread_join(t, &written);
	assert_ptr_equal(written, &fd[1]);
	assert_int_equal(got[0], 1);
	close(fd[1]);
	assert_int_equal(hm_fd_read(fd[0], got, 1), 0); /* the end, not a wait */
	close(fd[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_and_short_counts_are_no_failures),
		cmocka_unit_test(failures_are_reported),
		cmocka_unit_test(non_blocking_pipes_are_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
