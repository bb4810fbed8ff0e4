/* hm-jsonl2rec: JSON lines to records of id, img, text, label and whatever fields are to be kept. */
#include "prep/jsonl.h"
#include "prep/lines.h"
#include "rows2rec.h"

#include <inttypes.h>
#include <stdio.h>

struct options {
	struct rows_options rows;
};

static const struct hm_opt table[] = {
	{.group = "Fields"},
	ROWS_FIELDS("field of the id, a string or an integer", "what a caption that is null or absent is"),
	{.group = "Which lines"},
	ROWS_WHICH("line"),
	{0}};

static const struct hm_tool tool = {.name = "hm-jsonl2rec",
				    .summary = "turn JSON lines into records",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC,
				    .max_operands = -1,
				    .sandbox = HM_CLI_PARSE};

/* A file, and the line in hand. */
struct reader {
	struct hm_lines lines;
	const char *line;
	size_t len;
	struct hm_jsonl_rec rec;
};

static int open_lines(struct rows_in *in, const char *path, struct hm_err *e)
{
	struct reader *r = in->reader;
	int rc = hm_lines_open(&r->lines, path, e);
	in->name = r->lines.name;
	return rc;
}

static int next_object(struct rows_in *in, struct hm_err *e)
{
	struct reader *r = in->reader;
	int rc;
	hm_jsonl_clear(&r->rec);
	do
		rc = hm_lines_next(&r->lines, &r->line, &r->len, e);
	while (rc == 1 && hm_line_blank(r->line, r->len));
	in->lost = rc < 0;
	in->line = r->lines.line;
	if (rc != 1)
		return rc;
	if (hm_jsonl_parse(in->form, r->line, r->len, &r->rec, e))
		return hm_err_prefix(e, "%s: line %" PRIu64, in->name, in->line);
	in->v = &r->rec.v;
	return 1;
}

static void locate_id(const struct rows_in *in, char *out, size_t cap)
{
	const struct reader *r = in->reader;
	snprintf(out, cap, "at column %zu", hm_jsonl_id_column(r->line, r->len, &r->rec));
}

static void close_lines(struct rows_in *in)
{
	struct reader *r = in->reader;
	hm_jsonl_clear(&r->rec);
	hm_lines_close(&r->lines);
}

int main(int argc, char **argv)
{
	static const struct rows_reader jsonl = {"line",    "object",	 open_lines, next_object,
						 locate_id, close_lines, NULL};
	struct options o = {ROWS_OPTIONS};
	struct reader r = {0};
	struct hm_cli cli;
	hm_cli_begin(&cli, &tool, &o, argc, argv);
	return rows_to_records(&cli, &o.rows, &jsonl, &r);
}
