/* The bytes of a stream in order, from a file or a pipe; as many are in memory as a frame needs. See
 * format.h. */
#include "base/fd.h"
#include "rec/format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAST_READ ((size_t)64 << 10)
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

/* Reads some of the next n bytes to the end of b. 1, 0 at the end of the input, HM_EDATA. */
static int read_some(const struct hm_source *s, struct hm_buf *b, size_t n, struct hm_err *e)
{
	n = n > LARGEST_READ ? LARGEST_READ : n;
	if (hm_buf_reserve(b, n, e))
		return HM_EDATA;
	ssize_t got = hm_fd_read(s->fd, b->data + b->len, n);
	if (got < 0)
		return hm_err_system(e, errno, "cannot read: %s", strerror(errno));
	b->len += (size_t)got;
	return got > 0;
}

int hm_source_need(struct hm_source *s, size_t n, struct hm_err *e)
{
	int rc = 1;
	if (hm_source_left(s) >= n)
		return 1;
	if (s->at) {
		memmove(s->in.data, s->in.data + s->at, s->in.len - s->at);
		s->in.len -= s->at;
		s->at = 0;
	}
	while (rc == 1 && s->in.len < n)
		rc = read_some(s, &s->in, n - s->in.len < LEAST_READ ? LEAST_READ : n - s->in.len, e);
	return rc;
}

/* What the sentence says when the input ends before END; `left` bytes were read and not consumed. */
static int report_cut(const struct hm_source *s, size_t left, uint64_t records, struct hm_err *e)
{
	return hm_err_set(e, HM_EDATA,
			  "the stream ends without its end mark (after %llu records, byte %llu): it was cut, "
			  "or its producer died",
			  (unsigned long long)records, (unsigned long long)(s->offset + left));
}

/* Gives b room for n bytes in all, and no more. */
static int hold_all(struct hm_buf *b, size_t n, struct hm_err *e)
{
	struct hm_buf whole = {0};
	if (hm_buf_reserve(&whole, n, e) || hm_buf_add(&whole, b->data, b->len, e)) {
		hm_buf_clear(&whole);
		return HM_EDATA;
	}
	hm_buf_clear(b);
	*b = whole;
	return 1;
}

int hm_source_take(struct hm_source *s, struct hm_buf *out, size_t n, uint64_t records, struct hm_err *e)
{
	size_t left = hm_source_left(s), there = left < n ? left : n;
	int rc = 1;
	out->len = 0;
	if (hm_buf_add(out, hm_source_here(s), there, e))
		return HM_EDATA;
	while (rc == 1 && out->len < n) {
		if (out->cap < n && out->len >= n / 4) /* so many bytes are believed */
			rc = hold_all(out, n, e);
		if (rc == 1)
			rc = read_some(s, out, n - out->len, e);
	}
	if (rc == 1) {
		s->at += there;
		s->offset += n;
		return 0;
	}
	return rc ? rc : report_cut(s, out->len, records, e);
}

int hm_source_must(struct hm_source *s, size_t n, uint64_t records, struct hm_err *e)
{
	int rc = hm_source_need(s, n, e);
	return rc == 1 ? 0 : rc ? rc : report_cut(s, hm_source_left(s), records, e);
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
