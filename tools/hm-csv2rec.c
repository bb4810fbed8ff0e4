/* hm-csv2rec: a table in CSV or TSV to records of id, img, text, label and whatever fields are to be kept. */
#include "json/build.h"
#include "prep/csvfields.h"
#include "rows2rec.h"

#include <stdio.h>

struct options {
	struct rows_options rows;
	char *delimiter;
};

static const struct hm_opt table[] = {
	{.group = "Fields"},
	{"delimiter", 0, HM_STR(delimiter), "tab|CHAR", "what stands between the fields of a row"},
	ROWS_FIELDS("field of the id", "what an empty caption is"),
	{.group = "Which rows"},
	ROWS_WHICH("row"),
	{0}};

static const struct hm_tool tool = {.name = "hm-csv2rec",
				    .summary = "turn CSV or TSV into records",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC,
				    .max_operands = -1,
				    .sandbox = HM_CLI_PARSE};

struct reader {
	struct hm_csvfields file;
	char delimiter;
	bool labels_wanted;
	struct hm_cli *cli;
};

/* A file without labels is fine, unless they were asked for. */
static int check_label(const struct reader *r, const struct hm_form *f, struct hm_err *e)
{
	struct hm_err why = {0};
	if (r->file.label >= 0)
		return 0;
	hm_csvfields_missing(&r->file, f->label, "label-field", "--label-field names another", &why);
	if (r->labels_wanted)
		return hm_err_set(e, why.code, "%s; without --labels and --label-field records have no label",
				  why.text);
	hm_cli_notice(r->cli, "%s: its records have no label", why.text);
	return 0;
}

static int open_table(struct rows_in *in, const char *path, struct hm_err *e)
{
	struct reader *r = in->reader;
	int rc = hm_csvfields_open(&r->file, path, r->delimiter, in->form, e);
	in->name = r->file.rows.lines.name;
	return rc ? rc : check_label(r, in->form, e);
}

static int next_row(struct rows_in *in, struct hm_err *e)
{
	struct reader *r = in->reader;
	int rc = hm_csvfields_next(&r->file, in->form, e);
	in->line = r->file.rows.line;
	in->lost = rc < 0 && r->file.rows.lost;
	in->v = &r->file.v;
	return rc;
}

static void locate_id(const struct rows_in *in, char *out, size_t cap)
{
	snprintf(out, cap, "in the field \"%.64s\"", in->form->id);
}

static void close_table(struct rows_in *in)
{
	struct reader *r = in->reader;
	hm_csvfields_close(&r->file);
}

static void add_own(const struct rows_in *in, cJSON *p, struct hm_err *e)
{
	const struct reader *r = in->reader;
	const char text[2] = {r->delimiter};
	hm_json_add_str(p, "delimiter", r->delimiter == '\t' ? "tab" : text, e);
}

int main(int argc, char **argv)
{
	static const struct rows_reader csv = {"row",	  "row",       open_table, next_row,
					       locate_id, close_table, add_own};
	struct options o = {ROWS_OPTIONS, ","};
	struct reader r = {0};
	struct hm_cli cli;
	hm_cli_begin(&cli, &tool, &o, argc, argv);
	r.cli = &cli;
	r.labels_wanted = o.rows.label_given || o.rows.labels;
	r.delimiter = hm_csvrows_delimiter(o.delimiter);
	if (!r.delimiter)
		hm_cli_usage(&cli, "--delimiter takes tab or one ASCII character, not '%s'", o.delimiter);
	return rows_to_records(&cli, &o.rows, &csv, &r);
}
