/* Records by number, in any order: the random access that the index (INDX) of a regular .hmr file allows. A
 * few unpacked blocks are held, the least recently used one goes first. For many passes in shuffled order
 * over a set that does not fit memory; who reads once and in order uses hm_reader.
 *
 *   hm_fetch_open(&f, path, (size_t)256 << 20, e)
 *   hm_fetch_get(f, k, &rec, e)           k < hm_fetch_end(f)->records */
#ifndef HM_FETCH_H
#define HM_FETCH_H

#include "rec/rec.h"

struct hm_fetch;
/* Checks HEAD, INDX and END, and that they agree with each other and the file's size; blocks when they are
 * fetched. END's digest over all records is not computed: who needs it has read the file once and compares.
 * `cache`: bytes of unpacked blocks held; one block always is. HM_EDATA, the sentence begins with the path:
 * no regular file, no index, damage. */
int hm_fetch_open(struct hm_fetch **f, const char *path, size_t cache, struct hm_err *e);
void hm_fetch_close(struct hm_fetch *f); /* NULL is fine */
const struct hm_schema *hm_fetch_schema(const struct hm_fetch *f);
const struct hm_end *hm_fetch_end(const struct hm_fetch *f);
/* Record k, borrowed until the next call. Its block is checked as the reader does, by every hash and layout
 * rule. 0 or HM_EDATA. Any thread may call, one at a time. */
int hm_fetch_get(struct hm_fetch *f, uint64_t k, struct hm_rec *rec, struct hm_err *e);

#endif
