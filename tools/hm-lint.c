/* hm-lint: checks the splits of a data set before anything is trained on them. */
#include "base/file.h"
#include "cli/cli.h"
#include "feed/columns.h"
#include "report/auditpages.h"
#include "score/nearaudit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	struct hm_strs allow;
	char *json, *pairs;
	int64_t examples;
	double near;
	bool nearly, spreadsheet;
};

static const struct hm_opt table[] = {
	{.group = "Findings"},
	{"allow", 0, HM_LIST(allow), "KIND", "kind of finding that is no fault of this data (repeatable)"},
	{"near", 0, HM_DOUBLE(near), "T",
	 "also find records of two splits whose features have a cosine above T", .dmin = -1, .dmax = 1,
	 .given = HM_GIVEN(nearly)},
	{"examples", 0, HM_INT(examples), "N", "how many of each kind are shown", .max = 10000},
	{"pairs", 0, HM_STR(pairs), "FILE.csv", "write the confounders, for hm-score --pairs",
	 .file = HM_FILE_OUT},
	{"spreadsheet", 0, HM_FLAG(spreadsheet), NULL,
	 "let no id of --pairs be a formula or a control character"},
	{"json", 0, HM_STR(json), "FILE",
	 "write all of it as JSON; - is standard output, instead of the table", .file = HM_FILE_OUT},
	{0}};

static const struct hm_tool tool = {"hm-lint",	 "find what is wrong with the splits of a data set",
				    "FILE ...",	 table,
				    HM_CLI_JOBS, 1,
				    -1,		 .sandbox = HM_CLI_COMPUTE};

/* The columns by which images (captions) are compared, in order of preference. */
static const char *const image_columns[] = {"pixels", "image_grid", "image_feature", "img", NULL};
static const char *const near_columns[][2] = {{"image_feature", NULL}, {"text_feature", NULL}};
static const char *const caption_columns[] = {"text", "token_ids", "text_feature", NULL};

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_reader **in;
	struct hm_audit audit;
	struct hm_audit_view view;
	struct hm_nearaudit near;
	char near_names[64]; /* the columns that --near compares */
	struct hm_buf out, pairs;
};

static void read_allowed(struct run *r)
{
	for (int i = 0; i < r->o.allow.n; i++) {
		int c = 0;
		while (c < HM_AUDIT_FINDINGS && strcmp(r->o.allow.item[i], hm_audit_name(c)))
			c++;
		if (c == HM_AUDIT_FINDINGS)
			hm_cli_usage(
				&r->cli,
				"--allow '%s' is not a kind of finding; id-twice, id-shared, pair-twice, "
				"pair-shared, image-shared, caption-shared, near-shared, label-conflict, "
				"label-shift are",
				r->o.allow.item[i]);
		r->view.allowed[c] = true;
	}
}

/* All files call the classes alike: labels of the same number are compared. */
static int compare_labels(const struct run *r, struct hm_err *e)
{
	const struct hm_reader *named = NULL;
	for (int i = 0; i < r->cli.n_operands; i++) {
		const struct hm_schema *s = hm_reader_schema(r->in[i]);
		int label = hm_schema_find(s, "label");
		if (label < 0 || !cJSON_HasObjectItem(s->field[label].attr, "names"))
			continue;
		named = named ? named : r->in[i];
		const struct hm_schema *t = hm_reader_schema(named);
		if (hm_column_labels_compare(s, label, t, hm_schema_find(t, "label"), hm_reader_name(named),
					     e))
			return hm_err_prefix(e, "%s", hm_reader_name(r->in[i]));
	}
	return 0;
}

static int open_all(struct run *r, struct hm_err *e)
{
	int n = r->cli.n_operands;
	if (!(r->in = hm_alloc((size_t)n, sizeof *r->in, e)))
		return HM_EDATA;
	for (int i = 0; i < n; i++) {
		if (hm_reader_open(&r->in[i], r->cli.operands[i], r->cli.workers, e))
			return HM_EDATA;
		const struct hm_schema *s = hm_reader_schema(r->in[i]);
		int id = hm_schema_find(s, "id");
		if (id < 0 || s->field[id].dtype != HM_UTF8)
			return hm_err_set(e, HM_EDATA,
					  "%s: there is no column \"id\" (hm-jsonl2rec makes it)",
					  hm_reader_name(r->in[i]));
	}
	return compare_labels(r, e);
}

/* The first of these columns that all files have, prepared alike, or NULL. */
static const char *find_common_column(const struct run *r, const char *const *name)
{
	for (; *name; name++) {
		const struct hm_field *first = NULL;
		int i = 0;
		for (; i < r->cli.n_operands; i++) {
			const struct hm_schema *s = hm_reader_schema(r->in[i]);
			int at = hm_schema_find(s, *name);
			const struct hm_field *f = at < 0 ? NULL : &s->field[at];
			first = i ? first : f;
			if (!f || f->dtype != first->dtype || f->ndim != first->ndim ||
			    memcmp(f->dim, first->dim, (size_t)f->ndim * sizeof *f->dim) ||
			    (f->attr != first->attr && !cJSON_Compare(f->attr, first->attr, true)))
				break;
		}
		if (i == r->cli.n_operands)
			return *name;
	}
	return NULL;
}

/* The features that all files have, separated by a comma. */
static int choose_near_columns(struct run *r, struct hm_err *e)
{
	for (int i = 0; i < 2; i++)
		if (find_common_column(r, near_columns[i])) {
			size_t n = strlen(r->near_names);
			snprintf(r->near_names + n, sizeof r->near_names - n, "%s%s", n ? "," : "",
				 near_columns[i][0]);
		}
	return *r->near_names
		       ? 0
		       : hm_err_set(e, HM_EDATA,
				    "--near compares image_feature and text_feature, and not all files have "
				    "one, made alike (hm-encode makes them)");
}

static int read_split(struct run *r, struct hm_reader *in, struct hm_err *e)
{
	const struct hm_schema *s = hm_reader_schema(in);
	int id = hm_schema_find(s, "id"), label = hm_schema_find(s, "label"),
	    error = hm_schema_find(s, "error");
	int image = r->view.image ? hm_schema_find(s, r->view.image) : -1;
	int caption = r->view.caption ? hm_schema_find(s, r->view.caption) : -1;
	struct hm_rec rec;
	int rc = hm_audit_split(&r->audit, hm_reader_name(in), e);
	if (!rc && r->o.nearly && hm_nearaudit_split(&r->near, r->near_names, s, e))
		rc = hm_err_prefix(e, "%s", hm_reader_name(in));
	if (label >= 0 && (s->field[label].dtype != HM_I32 || s->field[label].ndim))
		return hm_err_set(e, HM_EDATA, "%s: column \"label\" is no label", hm_reader_name(in));
	size_t before = r->audit.n;
	while (!rc && (rc = hm_reader_next(in, &rec, e)) == 1) {
		struct hm_audit_record to = {rec.val[id].data, rec.val[id].count, -1, NULL, NULL, 0, 0};
		bool broken = error >= 0 && rec.val[error].count; /* its pixels are zeros */
		if (label >= 0)
			memcpy(&to.label, rec.val[label].data, sizeof to.label);
		if (image >= 0 && !broken) {
			to.image = rec.val[image].data;
			to.image_len = rec.val[image].count * hm_dtype_size(s->field[image].dtype);
		}
		if (caption >= 0) {
			to.caption = rec.val[caption].data;
			to.caption_len = rec.val[caption].count * hm_dtype_size(s->field[caption].dtype);
		}
		uint64_t number = hm_audit_split_at(&r->audit, r->audit.n_splits - 1)->records;
		rc = hm_audit_add(&r->audit, &to, e);
		if (!rc && r->o.nearly)
			rc = hm_nearaudit_add(&r->near, &rec, r->audit.n - 1, e);
		if (rc)
			return hm_record_error(hm_reader_name(in), number, &rec.val[id], NULL, e);
		hm_cli_progress(&r->cli, r->audit.n, 0, "records");
	}
	if (!rc && r->audit.n == before)
		hm_cli_warn(&r->cli, "%s: no records", hm_reader_name(in));
	return rc;
}

static int find_near(struct run *r, struct hm_err *e)
{
	int rc = hm_nearaudit_run(&r->near, r->o.near, r->cli.workers, &r->pairs, e);
	if (!rc)
		hm_audit_near(&r->audit, (const size_t(*)[2])(const void *)r->pairs.data,
			      r->pairs.len / sizeof(size_t[2]));
	return rc;
}

static int write_all(struct run *r, struct hm_err *e)
{
	bool instead = r->o.json && !strcmp(r->o.json, "-");
	int rc = 0;
	if (r->o.pairs &&
	    !(rc = hm_audit_pairs(&r->audit, r->o.spreadsheet ? hm_buf_cell : hm_buf_quote, &r->out, e)))
		rc = hm_file_write(r->o.pairs, r->out.data, r->out.len, e);
	r->out.len = 0;
	if (!rc && r->o.json && !(rc = hm_audit_json(&r->audit, &r->view, &r->out, e)))
		rc = hm_file_write(r->o.json, r->out.data, r->out.len, e);
	r->out.len = 0;
	if (!rc && !instead && !(rc = hm_audit_text(&r->audit, &r->view, &r->out, e)))
		rc = hm_file_write("-", r->out.data, r->out.len, e);
	return rc;
}

int main(int argc, char **argv)
{
	static struct run r = {.o = {.examples = 3}};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	read_allowed(&r);
	if (r.o.spreadsheet && !r.o.pairs)
		hm_cli_usage(&r.cli, "--spreadsheet says how --pairs is written, which is not given");
	int rc = open_all(&r, &e), findings = 0;
	if (!rc) {
		r.view.image = find_common_column(&r, image_columns);
		r.view.caption = find_common_column(&r, caption_columns);
	}
	if (!rc && r.o.nearly)
		rc = choose_near_columns(&r, &e);
	for (int i = 0; !rc && i < r.cli.n_operands; i++)
		rc = read_split(&r, r.in[i], &e);
	if (!rc && r.o.nearly)
		rc = find_near(&r, &e);
	if (!rc && !(rc = hm_audit_run(&r.audit, (size_t)r.o.examples, &e)) && !(rc = write_all(&r, &e)))
		findings = hm_audit_findings(&r.audit, &r.view);
	for (int i = 0; r.in && i < r.cli.n_operands; i++)
		hm_reader_close(r.in[i]);
	free(r.in);
	hm_audit_clear(&r.audit);
	hm_nearaudit_clear(&r.near);
	hm_buf_clear(&r.out);
	hm_buf_clear(&r.pairs);
	int status = hm_cli_end(&r.cli, rc, &e);
	return status ? status : findings > 0;
}
