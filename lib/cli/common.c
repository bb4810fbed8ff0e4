/* The common options, and the rows that parser, --help and completion work on: a tool's own options, then the
 * common ones that it wants. See cli.h. */
#include "cli/private.h"

#include <assert.h>
#include <string.h>

static const struct hm_opt output[] = {{.group = "Output"},
				       {"output", 'o', HM_STR(out), "FILE",
					"file for the records, else standard output", .file = HM_FILE_OUT},
				       {0}};

static const struct hm_opt jobs[] = {{.group = "Computing"},
				     {"jobs", 'j', HM_INT(jobs), "N",
				      "threads; the output does not depend on it", .min = 1,
				      .max = HM_CLI_JOBS_MOST, .given = HM_GIVEN(jobs_given)},
				     {0}};

static const struct hm_opt device[] = {
	{"device", 0, HM_STR(device), "auto|cpu|cuda[:N]|ref", "where to compute"},
	{"precision", 0, HM_CHOICE(precision), "f32|bf16|tf32|auto",
	 "arithmetic of the networks; weights, statistics and loss are f32"},
	{0}};

static const struct hm_opt records[] = {
	{.group = "Record streams"},
	{"level", 0, HM_INT(level), "N", "zstd level", .min = 1, .max = 22},
	{"block-size", 0, HM_SIZE(block_size), "BYTES", "raw bytes per block", .min = 1, .max = 32 << 20},
	{"no-pg", 0, HM_FLAG(no_pg), NULL, "leave the history out of the output"},
	{0}};

static const struct hm_opt always[] = {
	{.group = "Messages"},
	{"verbose", 'v', HM_FLAG(verbose), NULL, "say more"},
	{"quiet", 'q', HM_FLAG(quiet), NULL, "no notices, no progress"},
	{"progress", 0, HM_FLAG(progress), NULL, "show progress even if stderr is not a terminal"},
	{"stats", 0, HM_STR(stats_file), "FILE", "write time, rate and peak memory there, as JSON",
	 .file = HM_FILE_OUT},
	{.group = "Help"},
	{"help", 'h', HM_FLAG(help), NULL, "print this text", .hidden = true},
	{"version", 0, HM_FLAG(version), NULL, "print the version and what is built in", .hidden = true},
	{"completion", 0, HM_CHOICE(completion), "bash|zsh", "print the completion script for this shell",
	 .hidden = true},
	{0}};

static bool at_end(const struct hm_opt *o)
{
	return !o->name && !o->group;
}

/* Appends a table to the rows, or counts it where there are none yet. */
static void add_rows(struct hm_cli_private *p, const struct hm_opt *table, void *base)
{
	const char *group = NULL;
	for (const struct hm_opt *o = table; !at_end(o); o++) {
		if (o->group) {
			group = o->group;
			continue;
		}
		assert(o->file ||
		       !hm_opt_names_file(o)); /* which files a call reads and writes must be known */
		if (p->row)
			p->row[p->rows] = (struct hm_row){o, base, group};
		p->rows++;
		group = NULL;
	}
}

static void add_tables(struct hm_cli *c, void *options)
{
	struct hm_cli_private *p = c->priv;
	int common = c->tool->common;
	p->rows = 0;
	add_rows(p, c->tool->table, options);
	p->own = p->rows;
	if (common & HM_CLI_OUT)
		add_rows(p, p->output, &p->o);
	if (common & HM_CLI_JOBS)
		add_rows(p, p->jobs, &p->o);
	if (common & HM_CLI_DEVICE)
		add_rows(p, device, &p->o);
	if (common & HM_CLI_REC)
		add_rows(p, records, &p->o);
	add_rows(p, always, &p->o);
}

void hm_opt_rows(struct hm_cli *c, void *options)
{
	struct hm_cli_private *p = c->priv;
	memcpy(p->output, output, sizeof output);
	memcpy(p->jobs, jobs, sizeof jobs);
	if (c->tool->output)
		p->output[1].help = c->tool->output;
	if (c->tool->jobs)
		p->jobs[1].help = c->tool->jobs;
	add_tables(c, options);
	if (!(p->row = hm_alloc((size_t)p->rows, sizeof *p->row, NULL)))
		hm_cli_no_memory(c->tool);
	add_tables(c, options);
}
