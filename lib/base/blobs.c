/* Byte strings by number. See blobs.h. */
#include "base/blobs.h"
#include "base/fd.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PENDING ((size_t)4 << 20)

static struct hm_blob *blob_list(const struct hm_blobs *b)
{
	return (struct hm_blob *)(void *)b->place.data;
}

static int flush_pending(struct hm_blobs *b, struct hm_err *e)
{
	if (hm_fd_write(b->fd, b->pending.data, b->pending.len))
		return hm_err_system(e, errno, "cannot write a temporary file: %s", strerror(errno));
	b->pending.len = 0;
	return 0;
}

static int append_bytes(struct hm_blobs *b, const void *p, size_t n, struct hm_err *e)
{
	if (hm_buf_add(&b->pending, p, n, e))
		return HM_EDATA;
	return b->pending.len < PENDING ? 0 : flush_pending(b, e);
}

/* Moves all blobs from memory into the file. */
static int spill_blobs(struct hm_blobs *b, struct hm_err *e)
{
	if ((b->fd = hm_file_temporary(NULL, e)) < 0)
		return HM_EDATA;
	b->spilled = true;
	for (size_t i = 0; i < b->n; i++) {
		if (append_bytes(b, blob_list(b)[i].at, blob_list(b)[i].size, e))
			return HM_EDATA;
		blob_list(b)[i].at = NULL;
	}
	hm_arena_clear(&b->arena);
	return 0;
}

static size_t size_of(const struct iovec *part, int parts)
{
	size_t n = 0;
	for (int i = 0; i < parts; i++)
		n += part[i].iov_len;
	return n;
}

bool hm_blobs_fit(const struct hm_blobs *b, const struct iovec *part, int parts)
{
	return !b->spilled && b->bytes + size_of(part, parts) <= b->limit;
}

int hm_blobs_add(struct hm_blobs *b, const struct iovec *part, int parts, struct hm_err *e)
{
	struct hm_blob blob = {.offset = b->bytes, .size = size_of(part, parts)};
	if (!b->spilled && !hm_blobs_fit(b, part, parts) && spill_blobs(b, e))
		return HM_EDATA;
	if (!b->spilled && !(blob.at = hm_arena_get(&b->arena, blob.size, e)))
		return HM_EDATA;
	size_t done = 0;
	for (int i = 0; i < parts; i++) {
		if (b->spilled && append_bytes(b, part[i].iov_base, part[i].iov_len, e))
			return HM_EDATA;
		if (!b->spilled && part[i].iov_len)
			memcpy(blob.at + done, part[i].iov_base, part[i].iov_len);
		done += part[i].iov_len;
	}
	if (hm_buf_add(&b->place, &blob, sizeof blob, e))
		return HM_EDATA;
	b->bytes += blob.size;
	b->n++;
	return 0;
}

int hm_blobs_end(struct hm_blobs *b, struct hm_err *e)
{
	int rc = b->spilled ? flush_pending(b, e) : 0;
	hm_buf_clear(&b->pending);
	return rc;
}

int hm_blobs_read(const struct hm_blobs *b, size_t i, size_t first, void *to, size_t n, struct hm_err *e)
{
	const struct hm_blob *blob = &blob_list(b)[i];
	if (blob->at) {
		memcpy(to, blob->at + first, n);
		return 0;
	}
	uint64_t at = blob->offset + first, written = b->bytes - b->pending.len;
	size_t there = at >= written ? 0 : n < written - at ? n : (size_t)(written - at);
	ssize_t got = there ? hm_fd_read_at(b->fd, to, there, at) : 0;
	if (got < (ssize_t)there)
		return hm_err_machine(e, "cannot read the temporary file: %s",
				      got < 0 ? strerror(errno) : "it has become shorter");
	if (n > there)
		memcpy((unsigned char *)to + there, b->pending.data + (at + there - written), n - there);
	return 0;
}

size_t hm_blobs_size(const struct hm_blobs *b, size_t i)
{
	return blob_list(b)[i].size;
}

void *hm_blobs_at(const struct hm_blobs *b, size_t i)
{
	return blob_list(b)[i].at;
}

void hm_blobs_reset(struct hm_blobs *b)
{
	if (b->spilled) {
		hm_blobs_clear(b);
		return;
	}
	hm_arena_reset(&b->arena);
	b->place.len = 0;
	b->n = 0;
	b->bytes = 0;
}

void hm_blobs_clear(struct hm_blobs *b)
{
	if (b->spilled)
		close(b->fd);
	hm_arena_clear(&b->arena);
	hm_buf_clear(&b->place);
	hm_buf_clear(&b->pending);
	*b = (struct hm_blobs){.limit = b->limit};
}
