/* Reads the input a second time, for the pixels of the few records that are drawn. See errorsheet.h. */
#include "score/errorsheet.h"
#include "feed/columns.h"
#include "base/file.h"
#include "draw/sheet.h"
#include "report/cells.h"
#include "rec/rec.h"
#include "stat/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 400

struct errors {
	const struct hm_predictions *p;
	const struct hm_matched *m;
	const struct hm_sample *s;
	size_t *at, n;		/* positions in the sample, the worst first */
	struct hm_strmap ranks; /* id -> 0 .. n-1, in the same order */
	struct hm_batch kept;	/* the records, in the order of the input */
	uint64_t where[MOST];	/* rank -> number in `kept` */
};

static const char *id_of(const struct errors *x, size_t rank)
{
	return x->p->item[x->m->item[x->at[rank]]].id;
}

static int find_errors(struct errors *x, size_t most, struct hm_err *e)
{
	int rc = hm_errors_find(x->m, x->s, &x->at, &x->n, e);
	x->n = x->n < most ? x->n : most;
	for (uint64_t k = 0; !rc && k < x->n; k++)
		if (hm_strmap_add(&x->ranks, id_of(x, k), strlen(id_of(x, k)), &k, e) < 0)
			rc = HM_EDATA;
	return rc;
}

static int read_records(struct errors *x, struct hm_join *in, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(in);
	int px, id = hm_column_at(s, HM_COLUMN_ID), rc;
	struct hm_rec rec;
	uint64_t rank;
	if (hm_column_need(s, HM_COLUMN_PIXELS, &px, e))
		return hm_err_prefix(e, "%s", hm_join_name(in));
	while ((rc = hm_join_next(in, &rec, e)) == 1) {
		if (!hm_strmap_find(&x->ranks, rec.val[id].data, rec.val[id].count, &rank))
			continue;
		x->where[rank] = (uint64_t)x->kept.n;
		if ((rc = hm_batch_add(&x->kept, &rec, e)))
			return rc;
	}
	if (!rc && (size_t)x->kept.n != x->n)
		rc = hm_err_set(e, HM_EDATA, "%s: changed while it was read", hm_join_name(in));
	return rc;
}

static void draw_errors(const struct errors *x, const struct hm_schema *s, struct hm_sheet *sheet)
{
	int px = hm_column_at(s, HM_COLUMN_PIXELS), text = hm_column_at(s, HM_COLUMN_TEXT);
	const struct hm_field *f = &s->field[px];
	for (size_t k = 0; k < x->n; k++) {
		const struct hm_val *v = x->kept.rec[x->where[k]].val;
		char title[160];
		const char *const *names = x->p->names;
		char number[2][HM_CELL_NUMBER];
		snprintf(title, sizeof title, "label %s, said %s  id %s",
			 hm_cell_class(names, x->s->label[x->at[k]], number[0]),
			 hm_cell_class(names, x->s->answer[x->at[k]], number[1]), id_of(x, k));
		hm_sheet_add(sheet, v[px].data, (int)f->dim[2], (int)f->dim[1], title,
			     text < 0 ? "" : v[text].data, text < 0 ? 0 : v[text].count, 0xc03020);
	}
}

int hm_errorsheet_write(const char *path, size_t most, int n, char *const *inputs, struct hm_workers *w,
			const struct hm_predictions *p, const struct hm_matched *m, const struct hm_sample *s,
			struct hm_err *e)
{
	struct errors x = {.p = p, .m = m, .s = s};
	struct hm_sheet sheet = {0};
	struct hm_join *in = NULL;
	struct hm_buf png = {0};
	int rc = find_errors(&x, most < MOST ? most : MOST, e);
	if (!rc)
		rc = hm_join_open(&in, n, inputs, w, e);
	if (!rc)
		rc = read_records(&x, in, e);
	if (!rc)
		rc = hm_sheet_init(&sheet, x.n ? (int)x.n : 1, e);
	if (!rc) {
		draw_errors(&x, hm_join_schema(in), &sheet);
		rc = hm_sheet_png(&sheet, &png, e);
	}
	if (!rc)
		rc = hm_file_write(path, png.data, png.len, e);
	hm_batch_clear(&x.kept);
	hm_join_close(in);
	hm_sheet_clear(&sheet);
	hm_strmap_clear(&x.ranks);
	hm_buf_clear(&png);
	free(x.at);
	return rc;
}
