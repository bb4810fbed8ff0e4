/* Each split against those before it. See nearaudit.h. */
#include "score/nearaudit.h"

enum { WINDOW = 4096 }; /* rows that are compared at once */

int hm_nearaudit_split(struct hm_nearaudit *n, const char *names, const struct hm_schema *s, struct hm_err *e)
{
	if (hm_nearcolumns_find(&n->columns, names, s, e))
		return HM_EDATA;
	if (!n->schema) {
		n->schema = s;
		n->first = n->columns;
	}
	n->rows.repeats = true;
	if (hm_nearcolumns_compare(&n->first, n->schema, &n->columns, s, e))
		return HM_EDATA;
	return hm_buf_add(&n->begin, &n->rows.n, sizeof n->rows.n, e);
}

int hm_nearaudit_add(struct hm_nearaudit *n, const struct hm_rec *rec, size_t item, struct hm_err *e)
{
	size_t had = n->rows.n;
	int rc = hm_nearrows_add(&n->rows, &n->columns, rec, e);
	return rc || n->rows.n == had ? rc : hm_buf_add(&n->item, &item, sizeof item, e);
}

/* Compares the rows from `begin` to `end` with those before them. */
static int compare_split(struct hm_nearaudit *n, size_t begin, size_t end, double least, struct hm_device *d,
			 struct hm_workers *w, struct hm_buf *found, struct hm_err *e)
{
	struct hm_nearrows before = n->rows;
	struct hm_nearest *s = NULL;
	before.n = begin;
	int rc = begin && end > begin ? hm_nearest_open(&s, &before, d, w, e) : 0;
	for (size_t at = begin; !rc && s && at < end; at += WINDOW)
		rc = hm_nearest_above(s, n->rows.row + at * n->rows.dim,
				      end - at < WINDOW ? end - at : WINDOW, at, least, found, e);
	hm_nearest_close(s);
	return rc;
}

int hm_nearaudit_run(struct hm_nearaudit *n, double least, struct hm_workers *w, struct hm_buf *pairs,
		     struct hm_err *e)
{
	const size_t *begin = (const size_t *)(const void *)n->begin.data,
		     *item = (const size_t *)(const void *)n->item.data;
	size_t splits = n->begin.len / sizeof *begin;
	struct hm_buf found = {0};
	struct hm_device *d = hm_device_open("auto", HM_PREC_F32, e);
	int rc = d ? 0 : e->code;
	for (size_t i = 1; !rc && i < splits; i++)
		rc = compare_split(n, begin[i], i + 1 < splits ? begin[i + 1] : n->rows.n, least, d, w,
				   &found, e);
	struct hm_near_pair *p = (struct hm_near_pair *)(void *)found.data;
	if (!rc)
		hm_near_sort(p, found.len / sizeof *p);
	for (size_t i = 0; !rc && i < found.len / sizeof *p; i++) {
		const size_t two[2] = {item[p[i].row], item[p[i].query]};
		rc = hm_buf_add(pairs, two, sizeof two, e);
	}
	hm_device_close(d);
	hm_buf_clear(&found);
	return rc;
}

void hm_nearaudit_clear(struct hm_nearaudit *n)
{
	hm_nearrows_clear(&n->rows);
	hm_buf_clear(&n->item);
	hm_buf_clear(&n->begin);
}
