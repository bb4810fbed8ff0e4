/* One input of a join: records by their ids. Ids must be unique. Records that come before they are asked for
 * are copied and wait: HM_BYID_MEMORY bytes of them in memory, more in a temporary file without a name. */
#ifndef HM_BYID_H
#define HM_BYID_H

#include "base/blobs.h"
#include "base/strmap.h"
#include "rec/rec.h"

#define HM_BYID_MEMORY ((size_t)64 << 20)

struct hm_byid {
	struct hm_reader *reader;
	int id;			 /* its id column, -1 none */
	struct hm_strmap seen;	 /* ids read so far */
	struct hm_strmap early;	 /* id -> number in `waiting` */
	struct hm_blobs waiting; /* records read and not yet asked for, and `taken` that were */
	uint64_t taken;
	struct hm_buf found; /* the record given last, when it was in the file */
};
/* `needed`: an input without ids is refused. Caller closes with hm_byid_close, also after a failure. */
int hm_byid_open(struct hm_byid *b, const char *path, bool needed, struct hm_workers *w, struct hm_err *e);
void hm_byid_close(struct hm_byid *b);
/* The next record, borrowed until the next call. 1, 0 at the end, HM_EDATA also when its id was there before.
 */
int hm_byid_next(struct hm_byid *b, struct hm_rec *rec, struct hm_err *e);
/* The record of that id, borrowed until the next call. 1, 0 when the input has none, HM_EDATA. */
int hm_byid_find(struct hm_byid *b, const struct hm_val *id, struct hm_rec *rec, struct hm_err *e);
/* `b` is at its end and has no record of that id, which `first` gave last. Reads `first` on and makes the
 * sentence that counts and names all ids that `b` lacks. HM_EDATA. */
int hm_byid_refuse(const struct hm_byid *b, struct hm_byid *first, const struct hm_val *id, struct hm_err *e);
/* `first` is at its end. Reads `b` on: 0 when all its ids were in `first`, else HM_EDATA. */
int hm_byid_check_end(struct hm_byid *b, const struct hm_byid *first, struct hm_err *e);

#endif
