/* hm-report: an experiment's table, or predictions alone, as pages: report.html, report.md, report.csv. */
#include "base/file.h"
#include "cli/cli.h"
#include "report/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	char *out;
	bool spreadsheet;
	struct hm_runs_options runs;
};

static const struct hm_opt table[] = {
	{.group = "Output"},
	{"output", 'o', HM_STR(out), "DIR",
	 "folder of the three files; default: that of RUNS.json, of predictions the current one",
	 .file = HM_FILE_OUT},
	{"spreadsheet", 0, HM_FLAG(spreadsheet), NULL,
	 "let no text of report.csv be a formula or a control character"},
	{.group = "Input"},
	{"allow-missing", 0, HM_FLAG(runs.allow_missing), NULL,
	 "report although a system failed on records, on the others"},
	{"follow-symlinks", 0, HM_FLAG(runs.follow_symlinks), NULL,
	 "let symbolic links lead out of the table's folder"},
	{0}};

static const struct hm_tool tool = {.name = "hm-report",
				    .summary = "write an experiment's report: HTML, Markdown, CSV",
				    .operands = "RUNS.json | [NAME=]PREDICTIONS.csv ...",
				    .table = table,
				    .min_operands = 1,
				    .max_operands = -1,
				    .own_try = true};

enum { CSV, MARKDOWN, HTML, PAGES }; /* the page for people last: whoever waits for it finds the others */

static const struct page {
	const char *name;
	int (*make)(const struct hm_findings *f, struct hm_buf *text, struct hm_err *e);
} pages[PAGES] = {
	[CSV] = {"report.csv", hm_page_csv},
	[MARKDOWN] = {"report.md", hm_page_markdown},
	[HTML] = {"report.html", hm_page_html},
};

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_runs runs;
	struct hm_findings findings;
	struct hm_buf path[PAGES];
};

static int name_pages(struct run *r, struct hm_err *e)
{
	int rc = 0;
	for (int i = 0; i < PAGES && !rc; i++) {
		struct hm_buf *path = &r->path[i];
		rc = r->o.out ? hm_buf_printf(path, e, "%s/%s", r->o.out, pages[i].name)
			      : hm_buf_printf(path, e, "%s%s", r->runs.folder, pages[i].name);
		if (!rc)
			hm_cli_output(&r->cli, (const char *)path->data);
	}
	return rc;
}

/* Reads the operands; declares the files that are read and will be written, the latter first where they do
 * not depend on an operand. */
static int read_runs(struct run *r, struct hm_err *e)
{
	if (r->o.out && name_pages(r, e))
		return HM_EDATA;
	int rc = hm_runs_open(&r->runs, r->cli.n_operands, r->cli.operands, &r->o.runs, e);
	if (!rc && !r->o.out)
		rc = name_pages(r, e);
	const char *const *read = (const char *const *)(void *)r->runs.files.data;
	for (size_t i = 0; !rc && i < r->runs.files.len / sizeof *read; i++)
		hm_cli_input(&r->cli, read[i]);
	return rc;
}

static int write_page(struct run *r, int i, struct hm_err *e)
{
	const char *path = (const char *)r->path[i].data;
	struct hm_buf text = {0};
	int rc = pages[i].make(&r->findings, &text, e);
	if (!rc)
		rc = hm_file_write(path, text.data, text.len, e);
	if (!rc)
		hm_cli_debug(&r->cli, "%s: %zu bytes", path, text.len);
	hm_buf_clear(&text);
	return rc;
}

int main(int argc, char **argv)
{
	static struct run r;
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	int rc = hm_cli_try_outputs(&r.cli, r.o.out, &e);
	if (!rc)
		rc = read_runs(&r, &e);
	if (!rc && r.runs.echo)
		hm_cli_warn(
			&r.cli,
			"%s: every label is the system's answer, as in a submission, where \"label\" is the "
			"prediction, and no other file knows the labels: then the scores say nothing",
			r.runs.echo);
	if (!rc)
		rc = hm_findings_compute(&r.findings, &r.runs, &e);
	r.findings.spreadsheet = r.o.spreadsheet;
	if (!rc && r.o.out)
		rc = hm_folder_make(r.o.out, &e);
	for (int i = 0; i < PAGES && !rc; i++)
		rc = write_page(&r, i, &e);
	for (int i = 0; i < PAGES; i++)
		hm_buf_clear(&r.path[i]);
	hm_findings_clear(&r.findings);
	hm_runs_clear(&r.runs);
	return hm_cli_end(&r.cli, rc, &e);
}
