/* The tail of a stream: INDX and END, which list and count the blocks before them. The writer and the reader
 * count in the same way; the writer writes the tail from its counts, the reader compares the tail with its
 * own. */
#ifndef HM_TAIL_H
#define HM_TAIL_H

#include "rec/format.h"

struct hm_tail {
	struct hm_buf blocks;	     /* struct hm_block_info[], in the order of the stream */
	uint64_t records, raw_bytes; /* sums over these blocks */
	void *digest;		     /* XXH3_state_t */
};
int hm_tail_init(struct hm_tail *t, struct hm_err *e);
void hm_tail_clear(struct hm_tail *t);
size_t hm_tail_count(const struct hm_tail *t); /* of the blocks */
/* Counts a block. Its offset must be set. 0 or HM_EDATA. */
int hm_tail_add(struct hm_tail *t, const struct hm_block_info *b, struct hm_err *e);
/* The digest is over the schema's canonical JSON, then over all payloads, in order. */
void hm_tail_digest(struct hm_tail *t, const void *p, size_t n);
/* Appends INDX and END to `out`, for a stream in which INDX begins at byte `at`. 0 or HM_EDATA. */
int hm_tail_write(const struct hm_tail *t, uint64_t at, uint64_t skipped, struct hm_buf *out,
		  struct hm_err *e);
/* Reads what follows the last block, to the end of the input, and compares it with the counts. 0 or
 * HM_EDATA. */
int hm_tail_read(const struct hm_tail *t, struct hm_source *in, struct hm_end *end, struct hm_err *e);

#endif
