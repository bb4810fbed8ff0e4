/* Numbered byte strings. They are kept in memory up to a limit, then in a temporary file without a name (in
 * $TMPDIR, else /var/tmp), from which they are read one at a time. */
#ifndef HM_BLOBS_H
#define HM_BLOBS_H

#include "base/mem.h"

#include <sys/uio.h>

struct hm_blob {
	unsigned char *at; /* NULL: in the file */
	uint64_t offset;
	size_t size;
};

struct hm_blobs {
	size_t limit; /* bytes to hold in memory; set by the caller, all else zero */
	size_t n;
	struct hm_arena arena;
	struct hm_buf place;   /* struct hm_blob[n] */
	struct hm_buf pending; /* bytes of the file that are not written yet */
	uint64_t bytes;	       /* of all blobs */
	int fd;		       /* the file, once `spilled` */
	bool spilled;
};

/* Whether a blob made of these parts would still fit into memory. */
bool hm_blobs_fit(const struct hm_blobs *b, const struct iovec *part, int parts);
/* Appends one blob made of the parts. 0 or HM_EDATA. */
int hm_blobs_add(struct hm_blobs *b, const struct iovec *part, int parts, struct hm_err *e);
/* Writes what is pending and frees its buffer. Call after the last add. 0 or HM_EDATA. */
int hm_blobs_end(struct hm_blobs *b, struct hm_err *e);
/* to[0..n) := bytes first .. first+n-1 of blob i; also between two adds. 0 or HM_EDATA. */
int hm_blobs_read(const struct hm_blobs *b, size_t i, size_t first, void *to, size_t n, struct hm_err *e);
size_t hm_blobs_size(const struct hm_blobs *b, size_t i);
/* The address of blob i in memory; NULL if it is in the file. */
void *hm_blobs_at(const struct hm_blobs *b, size_t i);
/* Without blobs again; some memory is kept, a file is closed. */
void hm_blobs_reset(struct hm_blobs *b);
void hm_blobs_clear(struct hm_blobs *b);

#endif
