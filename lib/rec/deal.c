/* The shards of a stream dealt out again: see deal.h. */
#include "rec/deal.h"
#include "json/build.h"
#include "rec/shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One shard. Without a shard in its history it has the number of its operand. */
struct input {
	struct hm_reader *reader;
	struct hm_piece piece;
	int operand;
	uint64_t records, skipped;
};

struct hm_deal {
	int n;
	struct input *in;   /* in the order in which they are dealt */
	struct input *last; /* gave the last record */
	uint64_t records;   /* given so far */
	uint64_t skipped;   /* of all inputs, after the end */
	uint64_t expect;    /* records of all inputs, when their ends can be seen; else 0 */
	bool cut;	    /* the histories name shards */
};

static const char *name_of(const struct input *in)
{
	return hm_reader_name(in->reader);
}

/* ---- opening: do the inputs belong together? ---- */

/* Compares what the histories say of an input and of the first operand. */
static int compare_shard(const struct input *first, const struct input *in, struct hm_err *e)
{
	const struct hm_shard *a = &first->piece.shard, *b = &in->piece.shard;
	if (a->n == b->n)
		return 0;
	if (!a->n || !b->n)
		return hm_err_set(e, HM_EDATA,
				  "%s: its history names no shard, but %s is shard %" PRIu64 "/%" PRIu64
				  ": give all shards of one stream and nothing else",
				  name_of(a->n ? in : first), name_of(a->n ? first : in), a->n ? a->i : b->i,
				  a->n ? a->n : b->n);
	return hm_err_set(e, HM_EDATA,
			  "%s: shard %" PRIu64 "/%" PRIu64 ", but %s is shard %" PRIu64 "/%" PRIu64
			  ": they are not cut from one stream",
			  name_of(in), b->i, b->n, name_of(first), a->i, a->n);
}

/* An input must be what the first operand is, but for the number of its shard. */
static int compare_input(const struct input *first, const struct input *in, struct hm_err *e)
{
	struct hm_err why = {0};
	int rc = compare_shard(first, in, e);
	if (!rc)
		rc = hm_schema_compare(hm_reader_schema(first->reader), name_of(in),
				       hm_reader_schema(in->reader), e);
	if (!rc && hm_pg_compare(in->piece.pg, first->piece.pg, &why))
		rc = hm_err_set(e, why.code, "%s: its history differs from that of %s: %s", name_of(in),
				name_of(first), why.text);
	if (!rc && !hm_json_same(hm_reader_meta(first->reader), hm_reader_meta(in->reader), e))
		rc = hm_err_set(e, HM_EDATA, "%s: its meta differs from that of %s", name_of(in),
				name_of(first));
	return rc;
}

static int open_input(struct hm_deal *d, int i, const char *path, struct hm_workers *w, struct hm_err *e)
{
	struct input *in = &d->in[i];
	in->operand = i;
	int rc = hm_reader_open_one(&in->reader, path, d->n, w, e);
	if (rc)
		return rc;
	if ((rc = hm_piece_read(&in->piece, hm_reader_pg(in->reader), e)))
		return hm_err_prefix(e, "%s", name_of(in));
	return i ? compare_input(&d->in[0], in, e) : 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct input *x = a, *y = b;
	uint64_t p = x->piece.shard.i, q = y->piece.shard.i;
	return p != q ? (p > q) - (p < q) : (x->operand > y->operand) - (x->operand < y->operand);
}

/* Makes the sentence that names the first of the missing shards. */
static int refuse_missing(const struct hm_deal *d, struct hm_err *e)
{
	uint64_t all = d->in[0].piece.shard.n, missing = all - (uint64_t)d->n, named = 0, i = 0;
	char list[128] = "";
	for (int k = 0; named < 3 && named < missing; i++) {
		if (k < d->n && d->in[k].piece.shard.i == i) {
			k++;
			continue;
		}
		size_t len = strlen(list);
		snprintf(list + len, sizeof list - len, "%s%" PRIu64 "/%" PRIu64, named++ ? ", " : "", i,
			 all);
	}
	return hm_err_set(e, HM_EDATA,
			  "%s is shard %" PRIu64 "/%" PRIu64 ", and of the others %" PRIu64
			  " %s missing: %s%s",
			  name_of(&d->in[0]), d->in[0].piece.shard.i, all, missing,
			  missing == 1 ? "is" : "are", list, missing > named ? ", ..." : "");
}

/* Puts the inputs into the order of their shards, each of which must be there once. */
static int order_inputs(struct hm_deal *d, struct hm_err *e)
{
	d->cut = d->in[0].piece.shard.n;
	if (d->cut)
		qsort(d->in, (size_t)d->n, sizeof *d->in, compare_places);
	for (int i = 0; !d->cut && i < d->n; i++)
		d->in[i].piece.shard = (struct hm_shard){(uint64_t)i, (uint64_t)d->n};
	for (int i = 1; i < d->n; i++)
		if (d->in[i].piece.shard.i == d->in[i - 1].piece.shard.i)
			return hm_err_set(e, HM_EDATA, "%s: shard %" PRIu64 "/%" PRIu64 ", and so is %s",
					  name_of(&d->in[i]), d->in[i].piece.shard.i, d->in[i].piece.shard.n,
					  name_of(&d->in[i - 1]));
	return d->in[0].piece.shard.n == (uint64_t)d->n ? 0 : refuse_missing(d, e);
}

/* ---- do the numbers fit? ---- */

/* Records that were left out after the cut took their turns with them. */
static int check_skipped(const struct hm_deal *d, const struct input *in, struct hm_err *e)
{
	if (!in->skipped || (d->cut && !in->piece.loser))
		return 0;
	if (!d->cut)
		return hm_err_set(e, HM_EDATA,
				  "%s: %" PRIu64
				  " records were left out (--on-error skip), and no history says "
				  "that it was before the stream was cut, so the order of the others is not "
				  "known: let --on-error keep make the shards, with their history",
				  name_of(in), in->skipped);
	return hm_err_set(e, HM_EDATA,
			  "%s: %" PRIu64
			  " records were left out (--on-error skip), perhaps by %.80s after the "
			  "stream was cut, so the order of the others is not known: make the shards with "
			  "--on-error keep",
			  name_of(in), in->skipped, in->piece.loser);
}

static int check_numbers(const struct hm_deal *d, struct hm_err *e)
{
	const struct input *first = &d->in[0];
	int rc = 0;
	for (int i = 0; !rc && i < d->n; i++)
		rc = check_skipped(d, &d->in[i], e);
	for (int i = 1; !rc && i < d->n; i++) {
		const struct input *in = &d->in[i], *before = in - 1;
		const struct input *other = in->records > before->records      ? before
					    : in->records + 1 < first->records ? first
									       : NULL;
		if (other)
			rc = hm_err_set(e, HM_EDATA,
					"%s (shard %d/%d) has %" PRIu64 " records and %s (shard %d/%d) has "
					"%" PRIu64
					": a shard has as many as shard 0 or one fewer, and no more "
					"than the one before it",
					name_of(in), i, d->n, in->records, name_of(other),
					(int)(other - d->in), d->n, other->records);
	}
	return rc;
}

/* Files say their numbers in advance: what cannot be is known before the work. */
static int check_promises(struct hm_deal *d, struct hm_err *e)
{
	for (int i = 0; i < d->n; i++) {
		const struct hm_end *end = hm_reader_promise(d->in[i].reader);
		if (!end) {
			d->expect = 0;
			return 0;
		}
		d->in[i].records = end->records;
		d->in[i].skipped = end->skipped;
		d->expect += end->records;
	}
	return check_numbers(d, e);
}

int hm_deal_open(struct hm_deal **out, int n, char *const *paths, struct hm_workers *w, struct hm_err *e)
{
	struct hm_deal *d = hm_alloc(1, sizeof *d, e);
	int rc = HM_EDATA, standard = 0;
	*out = NULL;
	if (d && (d->in = hm_alloc((size_t)n, sizeof *d->in, e))) {
		d->n = n;
		rc = 0;
	}
	for (int i = 0; !rc && i < n; i++)
		if (!strcmp(paths[i], "-") && standard++)
			rc = hm_err_set(e, HM_EUSAGE, "standard input is named twice");
	for (int i = 0; !rc && i < n; i++)
		rc = open_input(d, i, paths[i], w, e);
	if (!rc)
		rc = order_inputs(d, e);
	if (!rc)
		rc = check_promises(d, e);
	if (rc) {
		hm_deal_close(d);
		return rc;
	}
	for (int i = 0; i < n; i++)
		hm_reader_ahead(d->in[i].reader);
	*out = d;
	return 0;
}

void hm_deal_close(struct hm_deal *d)
{
	if (!d)
		return;
	for (int i = 0; i < d->n; i++) {
		hm_reader_close(d->in[i].reader);
		hm_piece_clear(&d->in[i].piece);
	}
	free(d->in);
	free(d);
}

/* ---- reading ---- */

/* An input has no record where its turn is: all others must be at their ends, too. They are counted. */
static int check_ends(struct hm_deal *d, struct hm_err *e)
{
	struct hm_rec rec;
	int rc;
	for (int i = 0; i < d->n; i++) {
		struct input *in = &d->in[i];
		while ((rc = hm_reader_next(in->reader, &rec, e)) == 1)
			;
		if (rc)
			return rc;
		in->records = hm_reader_end(in->reader)->records;
		in->skipped = hm_reader_end(in->reader)->skipped;
		d->skipped += in->skipped;
	}
	return check_numbers(d, e);
}

int hm_deal_next(struct hm_deal *d, struct hm_rec *rec, struct hm_err *e)
{
	struct input *in = &d->in[d->records % (uint64_t)d->n];
	if (d->last)
		hm_reader_ahead(d->last->reader);
	d->last = NULL;
	int rc = hm_reader_next(in->reader, rec, e);
	if (rc <= 0)
		return rc ? rc : check_ends(d, e);
	d->last = in;
	d->records++;
	return 1;
}

/* ---- asking ---- */

const struct hm_schema *hm_deal_schema(const struct hm_deal *d)
{
	return hm_reader_schema(d->in[0].reader);
}

const cJSON *hm_deal_meta(const struct hm_deal *d)
{
	return hm_reader_meta(d->in[0].reader);
}

const cJSON *hm_deal_pg(const struct hm_deal *d)
{
	return d->in[0].piece.pg;
}

const char *hm_deal_place(const struct hm_deal *d, uint64_t k, uint64_t *number)
{
	*number = k / (uint64_t)d->n;
	return name_of(&d->in[k % (uint64_t)d->n]);
}

uint64_t hm_deal_skipped(const struct hm_deal *d)
{
	return d->skipped;
}

uint64_t hm_deal_expect(const struct hm_deal *d)
{
	return d->expect;
}
