/* hm-report: an experiment's table as pages: report.html, report.md, report.csv. */
#include "base/file.h"
#include "cli/cli.h"
#include "report/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	char *out;
};

static const struct hm_opt table[] = {
	{.group = "Output"},
	{"output", 'o', HM_STR(out), "DIR", "folder of the three files; that of RUNS.json unless given"},
	{0}};

static const struct hm_tool tool = {
	"hm-report", "write an experiment's report: HTML, Markdown, CSV", "RUNS.json", table, 0, 1, 1};

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_runs runs;
	struct hm_findings findings;
};

static int page(struct run *r, const char *name,
		int (*make)(const struct hm_findings *, struct hm_buf *, struct hm_err *), struct hm_err *e)
{
	const char *in = r->cli.operands[0], *slash = strrchr(in, '/');
	struct hm_buf path = {0}, text = {0};
	if (r->o.out)
		hm_buf_printf(&path, e, "%s/%s", r->o.out, name);
	else
		hm_buf_printf(&path, e, "%.*s%s", slash ? (int)(slash + 1 - in) : 0, in, name);
	int rc = e->code ? e->code : make(&r->findings, &text, e);
	if (!rc)
		rc = hm_file_write((const char *)path.data, text.data, text.len, e);
	if (!rc)
		hm_cli_debug(&r->cli, "%s: %zu bytes", (const char *)path.data, text.len);
	hm_buf_clear(&path);
	hm_buf_clear(&text);
	return rc;
}

int main(int argc, char **argv)
{
	static struct run r;
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	int rc = hm_runs_read(&r.runs, r.cli.operands[0], &e);
	if (!rc)
		rc = hm_findings_compute(&r.findings, &r.runs, &e);
	/* the page for people last: whoever waits for it finds the others */
	if (!rc && !(rc = page(&r, "report.csv", hm_page_csv, &e)) &&
	    !(rc = page(&r, "report.md", hm_page_markdown, &e)))
		rc = page(&r, "report.html", hm_page_html, &e);
	hm_findings_clear(&r.findings);
	hm_runs_clear(&r.runs);
	return hm_cli_end(&r.cli, rc, &e);
}
