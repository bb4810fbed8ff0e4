/* Features of records as unit vectors, to be compared by cosine. A row is the concatenation of a record's
 * feature columns, each first brought to length 1, and then itself brought to length 1: x/max(|x|, 1e-12). */
#ifndef HM_NEARROWS_H
#define HM_NEARROWS_H

#include "base/strmap.h"
#include "rec/rec.h"

#define HM_NEAR_COLUMNS 8	       /* columns that make a row, at most */
#define HM_NEAR_WIDE ((size_t)1 << 20) /* numbers in a row, at most */

struct hm_nearcolumns {
	int n, at[HM_NEAR_COLUMNS];	    /* in the schema */
	size_t width[HM_NEAR_COLUMNS], dim; /* numbers of each, and of all */
	int id, label, error;		    /* columns too; -1: there is none (id is always there) */
};
/* Finds the columns that `names` lists, separated by commas. 0, or HM_EDATA: one is missing, twice, or holds
 * no vector of F32, F16 or BF16; `label` is no label. */
int hm_nearcolumns_find(struct hm_nearcolumns *c, const char *names, const struct hm_schema *s,
			struct hm_err *e);
/* Whether the columns a of s and b of t hold the same features: widths, and every attribute that both sides
 * say. HM_EDATA names what differs, and both values. */
int hm_nearcolumns_compare(const struct hm_nearcolumns *a, const struct hm_schema *s,
			   const struct hm_nearcolumns *b, const struct hm_schema *t, struct hm_err *e);
/* The name of the first of the columns that says which encoder made it on one side only; NULL: there is none.
 */
const char *hm_nearcolumns_unknown(const struct hm_nearcolumns *a, const struct hm_schema *s,
				   const struct hm_nearcolumns *b, const struct hm_schema *t);
/* Whether a row is all zeros, as some programs write them for what they could not read: it is alike to
 * nothing. */
bool hm_nearrow_zero(const float *row, size_t dim);
/* The record's row into out [dim]. HM_EDATA: a value is not finite. */
int hm_nearrow_make(const struct hm_nearcolumns *c, const struct hm_rec *rec, float *out, struct hm_err *e);

/* The rows of a whole input. A zeroed struct is empty; freed by hm_nearrows_clear. */
struct hm_nearrows {
	size_t n, cap, dim;
	float *row; /* [n,dim] */
	struct hm_nearrow {
		const char *id; /* NUL-terminated */
		int32_t label;	/* -1: none */
	} * item;		/* [n] */
	bool repeats;		/* ids may occur again; `ids` stays empty */
	size_t failed;		/* records with `error`, which have no row */
	size_t zeros;		/* rows that are all zeros */
	struct hm_strmap ids;	/* id -> its row */
	struct hm_arena text;
};
/* Adds the record's row, or counts it as failed. The sentence says nothing of the record. */
int hm_nearrows_add(struct hm_nearrows *r, const struct hm_nearcolumns *c, const struct hm_rec *rec,
		    struct hm_err *e);
/* Reads `in` to its end. The sentence begins with the file, and the record where one is at fault. */
int hm_nearrows_read(struct hm_nearrows *r, const struct hm_nearcolumns *c, struct hm_join *in,
		     struct hm_err *e);
/* XXH3-128 of ids, labels and rows, as 32 hex digits and a NUL. 0 or HM_EDATA (memory). */
int hm_nearrows_digest(const struct hm_nearrows *r, char out[33], struct hm_err *e);
void hm_nearrows_clear(struct hm_nearrows *r);

#endif
