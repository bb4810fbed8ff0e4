/* The ids of records whose columns stand elsewhere, in their order. Its first bytes say what it is:
 *
 *   records (.hmr)   all columns, attributes and history are passed on; one is `id`
 *   JSON lines       `id`, and `label` where it is wanted
 *   a text           one id per line
 *   .npy             integers, or texts (NumPy's U and S)
 *
 *   hm_idfile_open(&f, path, true, workers, e)
 *   while ((rc = hm_idfile_next(f, &rec, e)) == 1) ...
 */
#ifndef HM_IDFILE_H
#define HM_IDFILE_H

#include "rec/rec.h"

struct hm_idfile;
/* `path` "-" is standard input (a .npy must be a file). `label`: JSON lines give the column label too, -1
 * where a line has none. 0 or HM_EDATA. */
int hm_idfile_open(struct hm_idfile **f, const char *path, bool label, struct hm_workers *w,
		   struct hm_err *e);
void hm_idfile_close(struct hm_idfile *f); /* NULL is fine */
const struct hm_schema *hm_idfile_schema(const struct hm_idfile *f);
/* Index of the column id. */
int hm_idfile_id(const struct hm_idfile *f);
/* Those of the records; NULL of other files. */
const cJSON *hm_idfile_meta(const struct hm_idfile *f);
const cJSON *hm_idfile_pg(const struct hm_idfile *f);
const char *hm_idfile_name(const struct hm_idfile *f); /* the path, or "standard input" */
/* The next record, borrowed until the next call: 1, 0 at the end, HM_EDATA; an id that comes twice is one. */
int hm_idfile_next(struct hm_idfile *f, struct hm_rec *rec, struct hm_err *e);
/* After the end: how many records the stream says were left out; 0 of other files. */
uint64_t hm_idfile_skipped(const struct hm_idfile *f);

#endif
