/* Files of weights that stay mapped: whether one was written into meanwhile. See weights.h. */
#include "base/fd.h"
#include "weights/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICKS_NS = 20 * 1000 * 1000 }; /* a tick of the kernel's clock takes at most half of it */

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Returns once a write would get another time stamp than the last one did: many kernels take the time of the
 * last tick of the clock. */
static int await_tick(int fd, struct stat *was)
{
	const struct timespec millisecond = {.tv_nsec = 1000000};
	for (int i = 0; i < 2 * TICKS_NS / 1000000; i++) {
		struct timespec now;
		if (fstat(fd, was))
			return -1;
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
		int64_t ahead = nanoseconds(was->st_mtim) - nanoseconds(now);
		if (ahead < 0 || ahead > TICKS_NS)
			break;
		nanosleep(&millisecond, NULL);
	}
	return 0;
}

int hm_weights_map_file(struct hm_weights_file *f, const char *path, struct hm_err *e)
{
	int rc = 0;
	f->fd = hm_fd_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (f->fd < 0)
		return hm_err_system(e, errno, "%s: cannot open: %s", path, strerror(errno));
	if (await_tick(f->fd, &f->was))
		rc = hm_err_system(e, errno, "%s: cannot stat: %s", path, strerror(errno));
	if (!rc)
		rc = hm_map_fd(&f->map, f->fd, path, e);
	if (rc)
		close(f->fd);
	return rc;
}

void hm_weights_unmap_file(struct hm_weights_file *f)
{
	hm_map_close(&f->map);
	close(f->fd);
}

int hm_weights_unchanged(const struct hm_weights *w, struct hm_err *e)
{
	for (size_t i = 0; w && i < w->store->files; i++) {
		const struct hm_weights_file *f = &w->store->file[i];
		struct stat now;
		if (fstat(f->fd, &now) || now.st_size != f->was.st_size ||
		    nanoseconds(now.st_mtim) != nanoseconds(f->was.st_mtim))
			return hm_err_set(e, HM_EDATA, "%s: changed while it was in use", f->path);
	}
	return 0;
}
