/* A preload library that makes the clock jump: from the JUMP_AT-th reading of the time of day on (counted
 * from 1; 1: from the start) it is JUMP_BY seconds away. What is asked to have "the time now" gets that time.
 * The monotonic clock goes on as it does when somebody sets the real clock. JUMP_SAY: a file that gets a line
 * for each reading. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static atomic_long readings;

static long number(const char *name, long otherwise)
{
	const char *s = getenv(name);
	return s && *s ? strtol(s, NULL, 10) : otherwise;
}

static struct timespec now(void)
{
	struct timespec t;
	const char *say = getenv("JUMP_SAY");
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
	if (atomic_fetch_add(&readings, 1) + 1 >= number("JUMP_AT", 1))
		t.tv_sec += number("JUMP_BY", 0);
	int fd = say ? open(say, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
	if (fd >= 0 && write(fd, "read\n", 5) == 5)
		close(fd);
	return t;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
		return (int)syscall(SYS_clock_gettime, clock, t);
	*t = now();
	return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	(void)zone;
	struct timespec n = now();
	*t = (struct timeval){n.tv_sec, n.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *t)
{
	time_t n = now().tv_sec;
	return t ? (*t = n) : n;
}

static int set_times(int fd, const char *path, const struct timespec given[2], int flags)
{
	struct timespec t[2] = {now(), now()};
	return (int)syscall(SYS_utimensat, fd, path, given ? given : t, flags);
}

int futimens(int fd, const struct timespec t[2])
{
	return set_times(fd, NULL, t, 0);
}

int utimensat(int fd, const char *path, const struct timespec t[2], int flags)
{
	return set_times(fd, path, t, flags);
}
