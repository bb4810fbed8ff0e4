/* Shards: part I of N of a stream, records I, I+N, I+2N, ... counted from 0. What a history says of the shard
 * that its stream is, and that history as it would be if nothing had been cut. rec/deal.h puts the streams
 * together again. */
#ifndef HM_SHARD_H
#define HM_SHARD_H

#include "base/err.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* Part i of n; n 0: the whole. */
struct hm_shard {
	uint64_t i, n;
};
static inline bool hm_shard_has(const struct hm_shard *s, uint64_t k)
{
	return !s->n || k % s->n == s->i;
}
/* How many of `total` things are in the shard. */
uint64_t hm_shard_count(const struct hm_shard *s, uint64_t total);
/* Reads "I/N", decimal digits alone, I < N < 10^9. False, *s unset, for any other text. */
bool hm_shard_parse(const char *text, struct hm_shard *s);
/* Adds the member "shard" to the options of a step of the history; for the whole, nothing. */
void hm_shard_add(const struct hm_shard *s, cJSON *options, struct hm_err *e);

/* What a stream is a part of, as far as its history says so. */
struct hm_piece {
	struct hm_shard shard; /* n 0: the history names none */
	cJSON *pg;	       /* the history that the stream would have if it had not been cut */
	const char *loser;     /* the tool that may have left out records after the cut, or NULL; borrowed
				  from the history */
};
/* Reads a history. The last cut counts: the streams that a shard was cut into make that shard again. It is
 * taken out of the history: the option "shard" of the step; the whole step if it is hm-cat's and that was its
 * only option. Where a stream was joined of shards that several tools made of lines, each of these steps
 * loses the option.
 *
 * HM_EDATA for an option that is not I/N, and for histories after which no order of the records is sure: the
 * cut was also a --head or --limit, or a later hm-cat joined or cut the stream. The caller clears `p` in any
 * case. */
int hm_piece_read(struct hm_piece *p, const cJSON *pg, struct hm_err *e);
void hm_piece_clear(struct hm_piece *p);
/* 0 if the histories, which are without cuts, are equal; else HM_EDATA and "step 2 (hm-imgprep) has
 * "size":48, not "size":32", in which `a` comes first. */
int hm_pg_compare(const cJSON *a, const cJSON *b, struct hm_err *e);

#endif
