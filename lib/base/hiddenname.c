/* Hidden names: see hiddenname.h. */
#include "base/hiddenname.h"
#include "base/fd.h"
#include "base/hex.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char ending[] = ".tmp";
enum { DIGITS = HM_HIDDEN_MARK - 1 }; /* and one more for a slot */

void hm_hidden_mark(char mark[HM_HIDDEN_MARK])
{
	char id[64], digits[HM_HEX];
	int fd = hm_fd_open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0);
	ssize_t n = fd < 0 ? -1 : hm_fd_read(fd, id, sizeof id);
	if (fd >= 0)
		close(fd);
	hm_hex_digest(id, n > 0 ? (size_t)n : 0, digits);
	snprintf(mark, HM_HIDDEN_MARK, "%.*s", n > 0 ? DIGITS : 0, digits);
}

int hm_hidden_name(const char *base, const char *mark, int i, char name[HM_HIDDEN_NAME])
{
	uint64_t random;
	/* 200: the name itself may be as long as a name can be */
	if (*mark && i < HM_HIDDEN_SLOTS)
		snprintf(name, HM_HIDDEN_NAME, ".%.200s.%s%d%s", base, mark, i, ending);
	else if (getrandom(&random, sizeof random, 0) == sizeof random)
		snprintf(name, HM_HIDDEN_NAME, ".%.200s.%016" PRIx64 "%s", base, random, ending);
	else
		return -1;
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Only who holds the lock of a file may take its name away: it stays this file's until then. */
static void remove_dead(int folder, const char *name)
{
	struct stat st, now;
	int fd = hm_fd_open_at(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !hm_fd_lock(fd, LOCK_EX | LOCK_NB) &&
	    !fstatat(folder, name, &now, AT_SYMLINK_NOFOLLOW) && same_file(&st, &now))
		unlinkat(folder, name, 0);
	close(fd);
}

void hm_hidden_remove_dead(int folder, const char *base, const char *mark)
{
	char name[HM_HIDDEN_NAME];
	for (int i = 0; *mark && i < HM_HIDDEN_SLOTS; i++)
		if (!hm_hidden_name(base, mark, i, name))
			remove_dead(folder, name);
}

/* ---- in a signal handler ---- */

/* Whether the last part of a path is a hidden name. */
static bool is_hidden(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t n = strlen(name), end = sizeof ending - 1, digits = 0;
	if (*name != '.' || n < end || strcmp(name + n - end, ending) != 0)
		return false;
	while (digits < n - end && strchr("0123456789abcdef", name[n - end - digits - 1]))
		digits++;
	return (digits == DIGITS || digits == DIGITS + 1) && n > end + digits + 2 &&
	       name[n - end - digits - 1] == '.';
}

/* The digits of a number that is not negative, and a NUL. */
static void write_number(char *to, int v)
{
	char digit[16];
	int n = 0;
	do
		digit[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*to++ = digit[--n];
	*to = 0;
}

/* A descriptor that the process was given stays open in programs that it starts; its own do not. */
static void remove_open(int fd)
{
	char link[40] = "/proc/self/fd/", path[PATH_MAX];
	struct stat st, now;
	write_number(link + strlen(link), fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n <= 0)
		return;
	path[n] = 0;
	if (is_hidden(path) && fcntl(fd, F_GETFD) == FD_CLOEXEC && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    !lstat(path, &now) && same_file(&st, &now))
		unlink(path);
}

void hm_hidden_remove_own(void)
{
	struct rlimit most;
	int n = getrlimit(RLIMIT_NOFILE, &most) || most.rlim_cur > 4096 ? 4096 : (int)most.rlim_cur;
	for (int fd = STDERR_FILENO + 1; fd < n; fd++)
		remove_open(fd);
}
