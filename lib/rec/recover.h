/* Reads what is left of a damaged stream: every block whose hashes are right, in the order of the file. After
 * damage the next block is found by its frame's magic number. HEAD must be undamaged, because the blocks
 * cannot be understood without the schema.
 *
 *   hm_recover_open(&r, path, e);
 *   while ((rc = hm_recover_next(r, &rec, e)) == 1) ...          rc 0: no more, < 0: out of memory or I/O
 *   for (i = 0; i < hm_recover_losses(r); i++) ... hm_recover_loss(r, i) ...
 *
 * A record is never given twice: a block that begins before the end of the previous one is left out and
 * listed as a loss. */
#ifndef HM_RECOVER_H
#define HM_RECOVER_H

#include "rec/rec.h"

struct hm_recover;
/* `path` "-" or NULL is standard input. */
int hm_recover_open(struct hm_recover **r, const char *path, struct hm_err *e);
void hm_recover_close(struct hm_recover *r); /* NULL is fine */
const struct hm_schema *hm_recover_schema(const struct hm_recover *r);
const cJSON *hm_recover_meta(const struct hm_recover *r);
const cJSON *hm_recover_pg(const struct hm_recover *r);
/* The next record of a good block, borrowed until the next call. 1, 0 at the end of the input, HM_EDATA. */
int hm_recover_next(struct hm_recover *r, struct hm_rec *rec, struct hm_err *e);
/* After the end: what was lost or is contradictory, one sentence each, in the order of the file. There are
 * none for an undamaged stream. Borrowed. */
size_t hm_recover_losses(const struct hm_recover *r);
const char *hm_recover_loss(const struct hm_recover *r, size_t i);
/* After the end: the number of records given, and of those that the producer had left out (0 when END is
 * lost). */
uint64_t hm_recover_records(const struct hm_recover *r);
uint64_t hm_recover_skipped(const struct hm_recover *r);

#endif
