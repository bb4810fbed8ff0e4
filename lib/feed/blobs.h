/* Byte strings by number: in memory up to a limit, then in a temporary file that has no name (in $TMPDIR,
 * else /var/tmp), from where they are read one at a time. */
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
	size_t limit; /* bytes held in memory; set by the user, all else zero */
	size_t n;
	struct hm_arena arena;
	struct hm_buf place;   /* struct hm_blob[n] */
	struct hm_buf pending; /* of the file: not yet written */
	uint64_t bytes;	       /* of all blobs */
	int fd;		       /* the file, once `spilled` */
	bool spilled;
};

/* Whether a blob of these parts would still be held in memory. */
bool hm_blobs_fit(const struct hm_blobs *b, const struct iovec *part, int parts);
/* Appends one blob made of the parts. 0 or HM_EDATA. */
int hm_blobs_add(struct hm_blobs *b, const struct iovec *part, int parts, struct hm_err *e);
/* Writes what is pending; after the last add, before the first read. 0 or HM_EDATA. */
int hm_blobs_end(struct hm_blobs *b, struct hm_err *e);
/* Bytes first .. first+n of blob i into `to`. */
int hm_blobs_read(const struct hm_blobs *b, size_t i, size_t first, void *to, size_t n, struct hm_err *e);
size_t hm_blobs_size(const struct hm_blobs *b, size_t i);
/* The blob where it lies in memory, NULL when it lies in the file. */
void *hm_blobs_at(const struct hm_blobs *b, size_t i);
void hm_blobs_clear(struct hm_blobs *b);

#endif
