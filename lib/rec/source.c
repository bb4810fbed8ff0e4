/* The bytes of a stream in order, from a file or a pipe; as many are in memory as a frame needs. See
 * format.h. */
#include "base/fd.h"
#include "rec/format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAST_READ ((size_t)256 << 10)
/* Memory grows with the bytes that arrive, not with what a header claims. */
#define LARGEST_READ ((size_t)4 << 20)

int hm_source_open(struct hm_source *s, const char *path, struct hm_err *e)
{
	*s = (struct hm_source){.fd = STDIN_FILENO};
	if (path && strcmp(path, "-"))
		s->fd = hm_fd_open(path, O_RDONLY | O_CLOEXEC, 0);
	return s->fd < 0 ? hm_err_system(e, errno, "cannot open: %s", strerror(errno)) : 0;
}

void hm_source_close(struct hm_source *s)
{
	if (s->fd > STDERR_FILENO)
		close(s->fd);
	hm_buf_clear(&s->in);
	s->fd = -1;
}

int hm_source_need(struct hm_source *s, size_t n, struct hm_err *e)
{
	if (hm_source_left(s) >= n)
		return 1;
	if (s->at) {
		memmove(s->in.data, s->in.data + s->at, s->in.len - s->at);
		s->in.len -= s->at;
		s->at = 0;
	}
	while (s->in.len < n) {
		size_t want = n - s->in.len;
		want = want < LEAST_READ ? LEAST_READ : want > LARGEST_READ ? LARGEST_READ : want;
		if (hm_buf_reserve(&s->in, want, e))
			return HM_EDATA;
		ssize_t got = hm_fd_read(s->fd, s->in.data + s->in.len, want);
		if (got < 0)
			return hm_err_system(e, errno, "cannot read: %s", strerror(errno));
		if (!got)
			return 0;
		s->in.len += (size_t)got;
	}
	return 1;
}

int hm_source_must(struct hm_source *s, size_t n, uint64_t records, struct hm_err *e)
{
	int rc = hm_source_need(s, n, e);
	if (rc)
		return rc < 0 ? rc : 0;
	return hm_err_set(e, HM_EDATA,
			  "the stream ends without its end mark (after %llu records, byte %llu): it was cut, "
			  "or its producer died",
			  (unsigned long long)records, (unsigned long long)(s->offset + hm_source_left(s)));
}

const unsigned char *hm_source_here(const struct hm_source *s)
{
	return s->in.data + s->at;
}

size_t hm_source_left(const struct hm_source *s)
{
	return s->in.len - s->at;
}

void hm_source_skip(struct hm_source *s, size_t n)
{
	s->at += n;
	s->offset += n;
}

bool hm_source_last(const struct hm_source *s, unsigned char frame[8 + HM_END_SIZE], uint64_t *at)
{
	const size_t size = 8 + HM_END_SIZE;
	struct stat st;
	if (fstat(s->fd, &st) || !S_ISREG(st.st_mode) || st.st_size < (off_t)size)
		return false;
	*at = (uint64_t)st.st_size - size;
	return hm_fd_read_at(s->fd, frame, size, *at) == (ssize_t)size;
}
