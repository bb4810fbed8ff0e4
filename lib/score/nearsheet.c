/* Reads the training records a second time, for the pixels of the few that are drawn. See nearsheet.h. */
#include "score/nearsheet.h"
#include "base/file.h"
#include "draw/sheet.h"
#include "feed/columns.h"

#include <stdio.h>
#include <string.h>

#define OTHER 0xc03020 /* frames a neighbour of another label */

int hm_nearsheet_check(const struct hm_schema *s, const char *file, struct hm_err *e)
{
	int px;
	return hm_column_need(s, HM_COLUMN_PIXELS, &px, e) ? hm_err_prefix(e, "%s", file) : 0;
}

int hm_nearsheet_add(struct hm_nearsheet *s, const struct hm_rec *rec, const struct hm_near *near,
		     double vote, struct hm_err *e)
{
	if (s->record.n == HM_NEARSHEET_MOST)
		return 0;
	s->near[s->record.n] = *near;
	s->vote[s->record.n] = vote;
	return hm_batch_add(&s->record, rec, e);
}

/* Copies the records of `in` that are the nearest of some; where[i] := the number of i's in `kept`. */
static int keep_nearest(const struct hm_nearsheet *s, const struct hm_nearrows *rows, struct hm_join *in,
			struct hm_batch *kept, int *where, struct hm_err *e)
{
	int id = hm_column_at(hm_join_schema(in), HM_COLUMN_ID), rc, missing = s->record.n;
	struct hm_rec rec;
	while ((rc = hm_join_next(in, &rec, e)) == 1) {
		uint64_t row;
		bool wanted = false;
		if (!hm_strmap_find(&rows->ids, rec.val[id].data, rec.val[id].count, &row))
			continue;
		for (int i = 0; i < s->record.n; i++)
			if (s->near[i].row == row && where[i] < 0) {
				where[i] = kept->n;
				wanted = true;
				missing--;
			}
		if (wanted && hm_batch_add(kept, &rec, e))
			return HM_EDATA;
	}
	if (!rc && missing)
		return hm_err_set(e, HM_EDATA, "%s: changed while it was read", hm_join_name(in));
	return rc;
}

static void draw_record(struct hm_sheet *sheet, const struct hm_rec *rec, const char *title, hm_rgb mark)
{
	int px = hm_column_at(rec->schema, HM_COLUMN_PIXELS),
	    text = hm_column_at(rec->schema, HM_COLUMN_TEXT);
	const struct hm_field *f = &rec->schema->field[px];
	hm_sheet_add(sheet, rec->val[px].data, (int)f->dim[2], (int)f->dim[1], title,
		     text < 0 ? "" : rec->val[text].data, text < 0 ? 0 : rec->val[text].count, mark);
}

/* "id 123, label 1"; returns the label, -1: unknown. */
static int32_t describe_record(const struct hm_rec *rec, char *out, size_t cap)
{
	int id = hm_column_at(rec->schema, HM_COLUMN_ID), label = hm_column_at(rec->schema, HM_COLUMN_LABEL);
	int32_t y = -1;
	if (label >= 0)
		memcpy(&y, rec->val[label].data, sizeof y);
	int n = rec->val[id].count < 20 ? (int)rec->val[id].count : 20;
	if (y >= 0)
		snprintf(out, cap, "id %.*s, label %d", n, (const char *)rec->val[id].data, (int)y);
	else
		snprintf(out, cap, "id %.*s", n, (const char *)rec->val[id].data);
	return y;
}

static void draw_pairs(const struct hm_nearsheet *s, const struct hm_batch *kept, const int *where,
		       struct hm_sheet *sheet)
{
	for (int i = 0; i < s->record.n; i++) {
		const struct hm_rec *a = &s->record.rec[i], *b = &kept->rec[where[i]];
		char who[64], title[80];
		int32_t label = describe_record(a, who, sizeof who), other;
		snprintf(title, sizeof title, "%s, %+.3f", who, s->vote[i]);
		draw_record(sheet, a, title, 0);
		other = describe_record(b, who, sizeof who);
		snprintf(title, sizeof title, "%.4f: %s", s->near[i].similarity, who);
		draw_record(sheet, b, title, label >= 0 && other != label ? OTHER : 0);
	}
}

int hm_nearsheet_write(struct hm_nearsheet *s, const char *path, const struct hm_nearrows *rows, int n,
		       char *const *inputs, struct hm_workers *w, struct hm_err *e)
{
	int where[HM_NEARSHEET_MOST], cells = 2 * s->record.n;
	struct hm_batch kept = {0};
	struct hm_sheet sheet = {0};
	struct hm_join *in = NULL;
	struct hm_buf png = {0};
	for (int i = 0; i < HM_NEARSHEET_MOST; i++)
		where[i] = -1;
	int rc = hm_join_open(&in, n, inputs, w, e);
	if (!rc)
		rc = hm_nearsheet_check(hm_join_schema(in), hm_join_name(in), e);
	if (!rc)
		rc = keep_nearest(s, rows, in, &kept, where, e);
	if (!rc)
		rc = hm_sheet_init(&sheet, cells ? cells : 1, e);
	if (!rc) {
		draw_pairs(s, &kept, where, &sheet);
		rc = hm_sheet_png(&sheet, &png, e);
	}
	if (!rc)
		rc = hm_file_write(path, png.data, png.len, e);
	hm_join_close(in);
	hm_batch_clear(&kept);
	hm_sheet_clear(&sheet);
	hm_buf_clear(&png);
	return rc;
}

void hm_nearsheet_clear(struct hm_nearsheet *s)
{
	hm_batch_clear(&s->record);
}
