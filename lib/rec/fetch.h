/* Random access to the records of a regular .hmr file, by its index (INDX). Some unpacked blocks are cached.
 * For many passes in shuffled order over records that do not fit into memory; to read once and in order, use
 * hm_reader.
 *
 *   hm_fetch_open(&f, path, (size_t)256 << 20, e)
 *   hm_fetch_get(f, k, &rec, e)           k < hm_fetch_end(f)->records */
#ifndef HM_FETCH_H
#define HM_FETCH_H

#include "rec/rec.h"

struct hm_fetch;
/* Checks that HEAD, INDX and END agree with each other and with the file's size. Blocks are checked when they
 * are fetched. END's digest over all records is not checked; a caller that needs it reads the file once with
 * hm_reader. `cache`: bytes of unpacked blocks to keep; at least one block is kept. HM_EDATA when the file is
 * damaged, not regular or without an index; the sentence begins with the path. */
int hm_fetch_open(struct hm_fetch **f, const char *path, size_t cache, struct hm_err *e);
void hm_fetch_close(struct hm_fetch *f); /* NULL is fine */
const struct hm_schema *hm_fetch_schema(const struct hm_fetch *f);
const struct hm_end *hm_fetch_end(const struct hm_fetch *f);
/* Gives record k, borrowed until the next call. Its block is checked as hm_reader checks it. 0 or HM_EDATA.
 * Any thread may call, but only one at a time. */
int hm_fetch_get(struct hm_fetch *f, uint64_t k, struct hm_rec *rec, struct hm_err *e);

#endif
