/* The shards of a stream dealt out again: record k comes from shard k mod N. Records, schema, meta, history
 * and the number of skipped records are those of the stream that was not cut. Streams that cannot be the
 * shards of one stream are refused by name, at the latest at the end. */
#ifndef HM_DEAL_H
#define HM_DEAL_H

#include "rec/rec.h"

struct hm_deal;
/* Opens n >= 1 paths, "-" for standard input, and reads their headers. If the histories say which shard each
 * is, that is its place, whatever the order of the paths; if none of them names a shard, the order counts.
 * Memory holds one block of each, or what one reader would read ahead alone if that is more. */
int hm_deal_open(struct hm_deal **d, int n, char *const *paths, struct hm_workers *w, struct hm_err *e);
void hm_deal_close(struct hm_deal *d); /* NULL is fine */
const struct hm_schema *hm_deal_schema(const struct hm_deal *d);
const cJSON *hm_deal_meta(const struct hm_deal *d);
const cJSON *hm_deal_pg(const struct hm_deal *d); /* without the cut */
/* As hm_reader_next. At the end all inputs were read to theirs, and their numbers of records fit. */
int hm_deal_next(struct hm_deal *d, struct hm_rec *rec, struct hm_err *e);
/* The file of record k, which was read, and the record's number in that file. */
const char *hm_deal_place(const struct hm_deal *d, uint64_t k, uint64_t *number);
uint64_t hm_deal_skipped(const struct hm_deal *d); /* after the end: of all inputs */
uint64_t hm_deal_expect(const struct hm_deal *d);  /* as hm_reader_expect */

#endif
