/* hm-npy2rec: arrays that other programs wrote (.npy, safetensors) to records: features, labels, any numbers,
 * one row for each id. */
#include "base/filekind.h"
#include "cli/cli.h"
#include "feed/arraycolumn.h"
#include "feed/columns.h"
#include "feed/columnspec.h"
#include "feed/idfile.h"
#include "json/build.h"
#include "weights/weights.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct options {
	char *ids;
	struct hm_strs columns, tensors;
	bool replace;
	int on_error;
};

static const struct hm_opt table[] = {
	{.group = "Input"},
	{"ids", 0, HM_STR(ids), "FILE", "ids of the rows: text, JSON lines, records or .npy",
	 .required = true, .file = HM_FILE_IN},
	{"column", 0, HM_LIST(columns), "NAME=FILE[,KEY=VALUE...]",
	 "a .npy file, or the tensor NAME of FILE, as a column (repeatable)", .file = HM_FILE_IN},
	{"safetensors", 0, HM_LIST(tensors), "FILE[,KEY=VALUE...]",
	 "every tensor of FILE as a column (repeatable)", .file = HM_FILE_IN},
	{.group = "Records"},
	{"replace", 0, HM_FLAG(replace), NULL, "replace columns that the ids' records have already"},
	{"on-error", 0, HM_CHOICE(on_error), "fail|skip|keep", "what to do about a row that is not finite"},
	{0}};

static const struct hm_tool tool = {.name = "hm-npy2rec",
				    .summary = "turn arrays of other programs into records",
				    .operands = "",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC,
				    .sandbox = HM_CLI_PARSE};

/* A column's place in the output, and where its values come from. */
struct source {
	struct hm_columnspec spec;  /* its attributes go to the schema */
	struct hm_weights *weights; /* the tensors that the columns of this and the next sources are in */
	struct hm_arraycolumn column;
};

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_idfile *ids;
	struct hm_schema schema; /* the ids' columns that stay, then the new ones, then perhaps `error` */
	int kept[HM_MAX_FIELDS], n_kept;
	struct hm_columnspec file[HM_MAX_FIELDS]; /* of --safetensors */
	int n;					  /* sources */
	struct source source[HM_MAX_FIELDS];
	int error, id; /* columns of the ids' records; error -1: none there */
	bool add_error, narrowed;
	struct hm_writer *w;
	uint64_t seen, bad;
};

/* ---- the columns ---- */

static struct source *add_source(struct run *r)
{
	if (r->n == HM_MAX_FIELDS)
		hm_cli_usage(&r->cli, "more than %d columns", HM_MAX_FIELDS);
	return &r->source[r->n++];
}

/* A call is wrong before any file is opened. */
static void parse_columns(struct run *r)
{
	struct hm_err e = {0};
	for (int i = 0; i < r->o.columns.n; i++) {
		struct source *s = add_source(r);
		if (hm_columnspec_parse(&s->spec, r->o.columns.item[i], true, &e))
			hm_cli_usage(&r->cli, "--column: %s", e.text);
		if (!strcmp(s->spec.name, hm_column_name(HM_COLUMN_ID)))
			hm_cli_usage(&r->cli, "--column id: the ids are those of --ids");
		for (int j = 0; j < i; j++)
			if (!strcmp(s->spec.name, r->source[j].spec.name))
				hm_cli_usage(&r->cli, "--column %s is given twice", s->spec.name);
		hm_cli_input(&r->cli, s->spec.file);
	}
	if (r->o.tensors.n > HM_MAX_FIELDS)
		hm_cli_usage(&r->cli, "--safetensors is given %d times, %d is the limit", r->o.tensors.n,
			     HM_MAX_FIELDS);
	for (int i = 0; i < r->o.tensors.n; i++) {
		if (hm_columnspec_parse(&r->file[i], r->o.tensors.item[i], false, &e))
			hm_cli_usage(&r->cli, "--safetensors: %s", e.text);
		hm_cli_input(&r->cli, r->file[i].file);
	}
	if (!r->o.columns.n && !r->o.tensors.n)
		hm_cli_usage(&r->cli, "no array is given: --column NAME=FILE.npy or --safetensors FILE");
}

static bool is_label(const struct source *s)
{
	return !strcmp(s->spec.name, hm_column_name(HM_COLUMN_LABEL));
}

/* --column: the array of a .npy file, or one tensor of a file of weights. */
static int open_column(struct source *s, struct hm_err *e)
{
	const char *file = s->spec.file;
	struct hm_map map;
	if (hm_map_open(&map, file, e))
		return HM_EDATA;
	const struct hm_filekind *k = hm_filekind_find(map.data, map.len);
	hm_map_close(&map);
	if (!k || k->group != HM_FILEKIND_WEIGHTS)
		return hm_npyarray_open(&s->column.from, file, e);
	if (hm_weights_open(&s->weights, file, &(struct hm_weights_options){.names_first = true}, e))
		return HM_EDATA;
	const struct hm_tensor *t = hm_weights_find(s->weights, s->spec.name);
	char names[256];
	if (!t)
		return hm_err_set(e, HM_EDATA, "%s: there is no tensor \"%s\"; there are %s", file,
				  s->spec.name, hm_weights_sample(s->weights, names, sizeof names));
	if (hm_weights_verify(s->weights, t, 1, e))
		return hm_err_prefix(e, "%s", file);
	hm_npyarray_of_tensor(&s->column.from, t);
	return 0;
}

/* What training asks for is cheaper to say now. */
static void check_origin(struct run *r, const char *name)
{
	static const enum hm_column feature[] = {HM_COLUMN_IMAGE_FEATURE, HM_COLUMN_IMAGE_GRID,
						 HM_COLUMN_TEXT_FEATURE};
	for (int i = 0; i < 3; i++)
		if (!strcmp(name, hm_column_name(feature[i])) &&
		    !hm_schema_attr(&r->schema, hm_schema_find(&r->schema, name), "encoder"))
			hm_cli_notice(
				&r->cli,
				"column \"%s\" does not say which encoder made it: with \",encoder=TEXT\" "
				"it does, without it tools want --allow-unknown-features",
				name);
}

static int add_column(struct run *r, struct source *s, struct hm_err *e)
{
	int old = hm_schema_find(&r->schema, s->spec.name);
	bool given = old >= 0 && old < r->n_kept;
	if (given && !r->o.replace)
		return hm_err_set(e, HM_EDATA, "%s: column \"%s\" exists already (--replace to replace it)",
				  hm_idfile_name(r->ids), s->spec.name);
	if (given) {
		hm_schema_remove(&r->schema, old);
		memmove(r->kept + old, r->kept + old + 1, (size_t)(--r->n_kept - old) * sizeof *r->kept);
	}
	cJSON *attr = s->spec.attr;
	s->spec.attr = NULL;
	int rc = hm_arraycolumn_open(&s->column, s->spec.name, s->spec.file, attr, &r->schema, e);
	r->narrowed |= s->column.from.dtype == HM_F64;
	if (!rc)
		check_origin(r, s->spec.name);
	const struct hm_arraycolumn *a = &r->source[0].column, *b = &s->column;
	if (!rc && a->rows != b->rows)
		rc = hm_err_set(e, HM_EDATA, "column \"%s\" (%s) has %zu rows and column \"%s\" (%s) has %zu",
				a->name, a->file, a->rows, b->name, b->file, b->rows);
	return rc;
}

/* --safetensors: a source for each tensor that no --column gives. */
static int add_tensors(struct run *r, const struct hm_columnspec *spec, struct hm_err *e)
{
	struct hm_weights *w = NULL;
	int rc = hm_weights_open(&w, spec->file, NULL, e), first = r->n;
	for (size_t i = 0; !rc && i < w->n; i++) {
		bool given = false;
		for (int j = 0; j < r->o.columns.n; j++)
			given |= !strcmp(r->source[j].spec.name, w->tensor[i].name);
		if (given)
			continue;
		struct source *s = add_source(r);
		s->spec.name = w->tensor[i].name;
		s->spec.file = spec->file;
		if (spec->attr && !is_label(s) && !(s->spec.attr = hm_json_copy(spec->attr, e)))
			rc = e->code;
		hm_npyarray_of_tensor(&s->column.from, &w->tensor[i]);
		rc = rc ? rc : add_column(r, s, e);
	}
	if (r->n > first)
		r->source[first].weights = w;
	else
		hm_weights_close(w);
	return rc;
}

static int open_columns(struct run *r, struct hm_err *e)
{
	const struct hm_schema *s = hm_idfile_schema(r->ids);
	int rc = hm_schema_copy(&r->schema, s, e);
	if (!rc)
		rc = hm_column_find(s, HM_COLUMN_ERROR, &r->error, e);
	for (r->n_kept = 0; r->n_kept < s->n; r->n_kept++)
		r->kept[r->n_kept] = r->n_kept;
	for (int i = 0; !rc && i < r->o.columns.n; i++)
		if (!(rc = open_column(&r->source[i], e)))
			rc = add_column(r, &r->source[i], e);
	for (int i = 0; !rc && i < r->o.tensors.n; i++)
		rc = add_tensors(r, &r->file[i], e);
	if (!rc && !r->n)
		rc = hm_err_set(e, HM_EDATA, "%s: it holds no tensor", r->file[0].file);
	r->add_error = r->o.on_error == HM_KEEP && r->error < 0;
	if (!rc && r->add_error &&
	    hm_schema_add(&r->schema, hm_column_name(HM_COLUMN_ERROR), HM_UTF8, 0, NULL, NULL, e) < 0)
		rc = HM_EDATA;
	return rc;
}

/* ---- the records ---- */

/* The values of a record. What is wrong with its rows goes to `why`; the record's own values stay. */
static int gather_values(struct run *r, const struct hm_rec *rec, struct hm_val *val, struct hm_err *why)
{
	int n = 0, rc = 0;
	for (int i = 0; i < r->n_kept; i++)
		val[n++] = rec->val[r->kept[i]];
	for (int i = 0; i < r->n; i++)
		if (hm_arraycolumn_row(&r->source[i].column, (size_t)r->seen, &val[n++], why))
			rc = HM_EDATA;
	if (r->add_error)
		val[n] = (struct hm_val){why->text, strlen(why->text)};
	for (int i = 0; i < r->n_kept; i++)
		if (r->kept[i] == r->error && !val[i].count)
			val[i] = (struct hm_val){why->text, strlen(why->text)};
	return rc;
}

static int take_record(struct run *r, const struct hm_rec *rec, struct hm_err *e)
{
	struct hm_val val[HM_MAX_FIELDS + 1];
	struct hm_err why = {0};
	int bad = gather_values(r, rec, val, &why);
	if (bad && (why.machine || r->o.on_error == HM_FAIL)) {
		hm_err_pass(e, &why);
		return hm_record_error(hm_idfile_name(r->ids), r->seen, &rec->val[r->id], NULL, e);
	}
	r->bad += bad != 0;
	if (bad)
		hm_cli_debug(&r->cli, "record %" PRIu64 ": %s", r->seen, why.text);
	return bad && r->o.on_error == HM_SKIP ? 0 : hm_writer_put(r->w, val, e);
}

/* The numbers of ids and rows must be the same: both are counted to their ends. */
static int take_records(struct run *r, struct hm_err *e)
{
	struct hm_rec rec;
	char first[HM_RECORD_ID] = "";
	const struct hm_arraycolumn *c = &r->source[0].column;
	int rc;
	while ((rc = hm_idfile_next(r->ids, &rec, e)) == 1) {
		const struct hm_val *id = &rec.val[r->id];
		if (!r->seen)
			hm_utf8_mask(id->data, id->count, first, sizeof first);
		if (r->seen < c->rows && (rc = take_record(r, &rec, e)))
			return rc;
		hm_cli_progress(&r->cli, ++r->seen, c->rows, "records");
	}
	const char *hint =
		strchr(first, ',') ? "; of a table hm-csv2rec makes records, which --ids takes" : "";
	if (!rc && r->seen != c->rows)
		rc = hm_err_set(e, HM_EDATA, "%s has %" PRIu64 " ids%s%s%s and %s has %zu rows%s",
				hm_idfile_name(r->ids), r->seen, r->seen ? " (the first is \"" : "", first,
				r->seen ? "\")" : "", c->file, c->rows, hint);
	return rc;
}

/* What changes the result; the files' names do not. */
static cJSON *list_options(const struct run *r, struct hm_err *e)
{
	static const char *const words[] = {"fail", "skip", "keep"};
	cJSON *p = hm_json_object(e), *names = hm_json_add_array(p, "column", e);
	for (int i = 0; i < r->n; i++)
		hm_json_add_str(names, NULL, r->source[i].spec.name, e);
	hm_json_add_bool(p, "replace", r->o.replace, e);
	hm_json_add_str(p, "on-error", words[r->o.on_error], e);
	return hm_json_whole(p, e);
}

static int open_all(struct run *r, struct hm_err *e)
{
	bool label = true;
	for (int i = 0; i < r->n; i++)
		label &= !is_label(&r->source[i]);
	int rc = hm_idfile_open(&r->ids, r->o.ids, label, r->cli.workers, e);
	if (rc || (rc = open_columns(r, e)))
		return rc;
	r->id = hm_idfile_id(r->ids);
	cJSON *pg = hm_pg_append(hm_idfile_pg(r->ids), tool.name, list_options(r, e), e);
	rc = pg ? hm_writer_open(&r->w, r->cli.out, &r->schema, hm_idfile_meta(r->ids), pg, &r->cli.writer,
				 r->cli.workers, e)
		: HM_EDATA;
	cJSON_Delete(pg);
	return rc;
}

static void close_all(struct run *r)
{
	hm_writer_abort(r->w);
	for (int i = 0; i < r->n; i++) {
		hm_arraycolumn_close(&r->source[i].column);
		hm_weights_close(r->source[i].weights);
		hm_columnspec_clear(&r->source[i].spec);
	}
	for (int i = 0; i < r->o.tensors.n; i++)
		hm_columnspec_clear(&r->file[i]);
	hm_schema_clear(&r->schema);
	hm_idfile_close(r->ids);
}

int main(int argc, char **argv)
{
	struct run r = {0};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	parse_columns(&r);
	int rc = open_all(&r, &e);
	if (!rc && r.narrowed)
		hm_cli_notice(&r.cli, "arrays of f64 are rounded to F32");
	if (!rc)
		rc = take_records(&r, &e);
	if (!rc) {
		uint64_t out = r.o.on_error == HM_SKIP ? r.bad : 0;
		rc = hm_writer_finish(r.w, hm_idfile_skipped(r.ids) + out, &e);
		r.w = NULL;
	}
	if (!rc && r.bad)
		hm_cli_notice(&r.cli, "%" PRIu64 " bad record%s %s", r.bad, r.bad == 1 ? "" : "s",
			      r.o.on_error == HM_SKIP ? "left out"
						      : "kept, with what is wrong in the column error");
	close_all(&r);
	return hm_cli_end(&r.cli, rc, &e);
}
