/* hm-view: what is in a stream, or in a file of weights. One JSON line per record unless something else is
 * asked for: the schema, the history, a check, arrays for NumPy, a contact sheet. */
#include "base/file.h"
#include "cli/cli.h"
#include "feed/columns.h"
#include "draw/sheet.h"
#include "json/build.h"
#include "model/modelprint.h"
#include "rec/npy.h"
#include "rec/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	bool full, schema, history, verify, has_head;
	struct hm_strs npy;
	char *sheet;
	int64_t sheet_count, head;
};

static const struct hm_opt table[] = {
	{.group = "What is shown"},
	{"head", 0, HM_INT(head), "N", "only the first N records", .max = INT64_MAX,
	 .given = HM_GIVEN(has_head)},
	{"full", 0, HM_FLAG(full), NULL, "print tensors whole, as nested arrays"},
	{"schema", 0, HM_FLAG(schema), NULL, "print the columns and the counts instead"},
	{"history", 0, HM_FLAG(history), NULL, "print the commands that made the stream instead"},
	{"verify", 0, HM_FLAG(verify), NULL, "read all of it, print nothing; exit 0 or 1"},
	{.group = "Files"},
	{"npy", 0, HM_LIST(npy), "COLUMN=FILE", "write the column as a NumPy array (repeatable)",
	 .file = HM_FILE_OUT},
	{"sheet", 0, HM_STR(sheet), "FILE.png", "draw a contact sheet of the column pixels",
	 .file = HM_FILE_OUT},
	{"sheet-count", 0, HM_INT(sheet_count), "N", "pictures on the sheet", .min = 1, .max = 400},
	{0}};

static const struct hm_tool tool = {"hm-view",
				    "show what is in a record stream or a model file",
				    "[FILE ...]",
				    table,
				    HM_CLI_OUT | HM_CLI_JOBS,
				    0,
				    -1,
				    .output = "file for what is printed, else standard output",
				    .sandbox = HM_CLI_PARSE,
				    .joins = true};

struct view {
	struct hm_cli cli;
	struct options o;
	struct hm_join *in;
	struct hm_out *out;
	struct hm_buf text;
	bool lines; /* JSON lines were asked for */
	struct hm_npy *npy[HM_MAX_FIELDS];
	int column[HM_MAX_FIELDS];
	struct hm_sheet sheet;
	uint64_t n;
};

static int flush_text(void *view, struct hm_err *e)
{
	struct view *v = view;
	int rc = hm_json_tame(&v->text, 0, e);
	rc = rc ? rc : hm_out_write(v->out, v->text.data, v->text.len, e);
	v->text.len = 0;
	return rc;
}

/* A ragged column has a second file. */
static int open_column(struct view *v, int i, const char *file, struct hm_err *e)
{
	const struct hm_field *f = &hm_join_schema(v->in)->field[v->column[i]];
	struct hm_buf offsets = {0};
	int rc = 0;
	if (f->ndim && f->dim[0] < 0 && !(rc = hm_buf_printf(&offsets, e, "%s.offsets.npy", file)))
		hm_cli_output(&v->cli, (const char *)offsets.data);
	hm_buf_clear(&offsets);
	return rc ? rc : hm_npy_open(&v->npy[i], file, f, e);
}

static int open_npy(struct view *v, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(v->in);
	if (v->o.npy.n > HM_MAX_FIELDS)
		hm_cli_usage(&v->cli, "--npy is given %d times, %d is the limit", v->o.npy.n, HM_MAX_FIELDS);
	for (int i = 0; i < v->o.npy.n; i++) {
		char *file = strchr(v->o.npy.item[i], '=');
		if (!file || !file[1])
			hm_cli_usage(&v->cli, "--npy takes COLUMN=FILE, not '%s'", v->o.npy.item[i]);
		*file++ = 0;
		if ((v->column[i] = hm_schema_find(s, v->o.npy.item[i])) < 0)
			return hm_err_set(e, HM_EDATA, "%s: there is no column '%s'", hm_join_name(v->in),
					  v->o.npy.item[i]);
		if (open_column(v, i, file, e))
			return HM_EDATA;
	}
	return 0;
}

static int open_sheet(struct view *v, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(v->in);
	int p;
	if (hm_column_need(s, HM_COLUMN_PIXELS, &p, e))
		return hm_err_prefix(e, "%s", hm_join_name(v->in));
	return hm_sheet_init(&v->sheet, (int)v->o.sheet_count, e);
}

static void add_to_sheet(struct view *v, const struct hm_rec *r)
{
	const struct hm_schema *s = r->schema;
	int p = hm_column_at(s, HM_COLUMN_PIXELS), id = hm_column_at(s, HM_COLUMN_ID), class = -1;
	int label = hm_column_at(s, HM_COLUMN_LABEL), text = hm_column_at(s, HM_COLUMN_TEXT);
	char title[64], shown[16] = "none";
	if (label >= 0 && s->field[label].dtype == HM_I32 && !s->field[label].ndim)
		memcpy(&class, r->val[label].data, sizeof class);
	if (class >= 0)
		snprintf(shown, sizeof shown, "%d", class);
	snprintf(title, sizeof title, "label %s  id %.*s", shown,
		 id >= 0 ? (int)(r->val[id].count < 20 ? r->val[id].count : 20) : 0,
		 id >= 0 ? (const char *)r->val[id].data : "");
	hm_sheet_add(&v->sheet, r->val[p].data, (int)s->field[p].dim[2], (int)s->field[p].dim[1], title,
		     text >= 0 ? r->val[text].data : "", text >= 0 ? r->val[text].count : 0,
		     class > 0 ? 0xc03020 : 0);
}

static int show_record(struct view *v, const struct hm_rec *r, struct hm_err *e)
{
	for (int i = 0; i < v->o.npy.n; i++)
		if (hm_npy_put(v->npy[i], &r->val[v->column[i]], e))
			return HM_EDATA;
	if (v->o.sheet)
		add_to_sheet(v, r);
	if (!v->lines)
		return 0;
	const struct hm_print_flush flush = {flush_text, v};
	if (hm_rec_print(r, v->o.full, &v->text, &flush, e) || hm_buf_add(&v->text, "\n", 1, e))
		return HM_EDATA;
	return v->text.len < HM_PRINT_PIECE ? 0 : flush_text(v, e);
}

/* {"columns":[...],"records":n,"blocks":n,"skipped":n} */
static int print_schema(struct view *v, struct hm_err *e)
{
	const struct hm_end *end = hm_join_end(v->in);
	cJSON *s = hm_json_object(e);
	hm_json_add_tree(s, "columns", hm_schema_to_json(hm_join_schema(v->in), e), e);
	hm_json_add_num(s, "records", (double)end->records, e);
	hm_json_add_num(s, "blocks", (double)end->blocks, e);
	hm_json_add_num(s, "skipped", (double)end->skipped, e);
	return hm_json_line(s, &v->text, e);
}

static int finish_outputs(struct view *v, struct hm_err *e)
{
	int rc = 0;
	if (v->o.schema)
		rc = print_schema(v, e);
	if (!rc && v->o.history)
		rc = hm_json_write(hm_join_pg(v->in), &v->text, e) || hm_buf_add(&v->text, "\n", 1, e)
			     ? HM_EDATA
			     : 0;
	for (int i = 0; i < v->o.npy.n && !rc; i++) {
		rc = hm_npy_finish(v->npy[i], e);
		v->npy[i] = NULL;
	}
	if (!rc && v->o.sheet) {
		struct hm_buf png = {0};
		rc = hm_sheet_png(&v->sheet, &png, e);
		rc = rc ? rc : hm_file_write(v->o.sheet, png.data, png.len, e);
		hm_buf_clear(&png);
	}
	if (!rc)
		rc = flush_text(v, e);
	if (!rc) {
		rc = hm_out_commit(v->out, e);
		v->out = NULL;
	}
	return rc;
}

/* A model file or other weights: one object instead of records. */
static int view_model(struct view *v, const char *path, struct hm_err *e)
{
	const struct options *o = &v->o;
	if (o->full || o->schema || o->has_head || o->npy.n || o->sheet)
		hm_cli_usage(&v->cli, "'%s' holds weights: --history and --verify alone go with them", path);
	int rc = o->history ? hm_model_print_history(path, &v->text, e) : hm_model_print(path, &v->text, e);
	if (rc)
		return rc;
	if (o->verify)
		v->text.len = 0;
	if (!(v->out = hm_out_open(v->cli.out ? v->cli.out : "-", e)) || flush_text(v, e))
		return HM_EDATA;
	rc = hm_out_commit(v->out, e);
	v->out = NULL;
	return rc;
}

static int view_records(struct view *v, struct hm_err *e)
{
	struct hm_rec rec;
	int rc = hm_join_open(&v->in, v->cli.n_operands, v->cli.operands, v->cli.workers, e);
	if (rc || (rc = open_npy(v, e)) || (v->o.sheet && (rc = open_sheet(v, e))))
		return rc;
	if (!(v->out = hm_out_open(v->cli.out ? v->cli.out : "-", e)))
		return HM_EDATA;
	/* A broken stream is seen also where only its beginning is shown: it is read to its end. */
	while ((rc = hm_join_next(v->in, &rec, e)) == 1) {
		if ((!v->o.has_head || v->n < (uint64_t)v->o.head) && show_record(v, &rec, e) < 0)
			return HM_EDATA;
		hm_cli_progress(&v->cli, ++v->n, hm_join_expect(v->in), "records");
	}
	return rc ? rc : finish_outputs(v, e);
}

int main(int argc, char **argv)
{
	struct view v = {.o = {.sheet_count = 24}};
	struct hm_err e = {0};
	hm_cli_begin(&v.cli, &tool, &v.o, argc, argv);
	v.lines = !v.o.schema && !v.o.history && !v.o.verify && !v.o.sheet && !v.o.npy.n;
	int rc = v.cli.n_operands == 1 && hm_model_recognise(v.cli.operands[0])
			 ? view_model(&v, v.cli.operands[0], &e)
			 : view_records(&v, &e);
	for (int i = 0; i < HM_MAX_FIELDS; i++)
		hm_npy_abort(v.npy[i]);
	hm_sheet_clear(&v.sheet);
	hm_out_abort(v.out);
	hm_buf_clear(&v.text);
	hm_join_close(v.in);
	return hm_cli_end(&v.cli, rc, &e);
}
