/* The skeleton of a tool: begin and end. See cli.h. */
#include "cli/private.h"
#include "base/cpus.h"
#include "base/fd.h"
#include "base/file.h"
#include "json/build.h"
#include "ops/ops.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

_Noreturn void hm_cli_no_memory(const struct hm_tool *tool)
{
	struct hm_cli c = {.tool = tool};
	hm_cli_message(&c, "error: ", "out of memory");
	exit(1);
}

void hm_text_add(struct hm_text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int rc = hm_buf_vprintf(&t->b, NULL, fmt, ap);
	va_end(ap);
	if (rc)
		hm_cli_no_memory(t->tool);
}

static _Noreturn void print_and_exit(struct hm_cli *c, const struct hm_text *t)
{
	char why[80];
	if (!hm_fd_write(STDOUT_FILENO, t->b.data, t->b.len))
		exit(0);
	snprintf(why, sizeof why, "standard output: cannot write: %s", strerror(errno));
	hm_cli_message(c, "error: ", why);
	exit(1);
}

static _Noreturn void print_help(struct hm_cli *c)
{
	struct hm_text t = {c->tool};
	hm_opt_usage(c, &t, 80);
	hm_text_add(&t, "%s\n\n", c->tool->summary);
	hm_opt_list(c, &t);
	hm_text_add(&t,
		    "\nExit status: 0 done, 1 data or I/O, 2 wrong call, 3 device or precision absent.\n");
	print_and_exit(c, &t);
}

static _Noreturn void print_version(struct hm_cli *c)
{
	struct hm_text t = {c->tool};
	hm_text_add(&t, "%s %s\n", c->tool->name, HM_VERSION);
	if (c->tool->backends) {
		char text[256];
		hm_text_add(&t, "devices: %s\n", c->tool->backends(text, sizeof text));
	}
	char sandbox[80];
	hm_cli_confined(c, sandbox, sizeof sandbox);
	hm_text_add(&t, "sandbox: %s\n", sandbox);
	print_and_exit(c, &t);
}

static _Noreturn void print_completion(struct hm_cli *c)
{
	struct hm_text t = {c->tool};
	hm_opt_completion(c, c->priv->o.completion, &t);
	print_and_exit(c, &t);
}

/* "error: …", and for a wrong call where to read on. */
static void complain(struct hm_cli *c, int code, const char *text)
{
	char line[80];
	hm_cli_message(c, "error: ", text);
	int n = snprintf(line, sizeof line, "see %s --help\n", c->tool->name);
	if (code == HM_EUSAGE && !c->silent)
		hm_cli_write_stderr(line, (size_t)n);
}

static _Noreturn void wrong_call(struct hm_cli *c, const char *text)
{
	complain(c, HM_EUSAGE, text);
	exit(2);
}

/* For who forgot the input and would wait for ever. */
static _Noreturn void print_usage(struct hm_cli *c)
{
	struct hm_text t = {c->tool};
	hm_cli_message(c, "error: ", "the input would be read from a terminal: name a file or use a pipe");
	hm_opt_usage(c, &t, 80);
	hm_text_add(&t, "see %s --help\n", c->tool->name);
	hm_cli_write_stderr((const char *)t.b.data, t.b.len);
	exit(2);
}

void hm_cli_device(struct hm_cli *c, const char *name)
{
	if (!strcmp(c->device, "auto") && strcmp(name, "cpu"))
		hm_cli_notice(c, "computing on device %s", name);
}

/* What the tool may know of the common options. */
static void publish_common(struct hm_cli *c)
{
	const struct options *o = &c->priv->o;
	c->out = o->out;
	c->jobs = o->jobs;
	c->device = o->device;
	c->precision = o->precision;
	c->verbose = o->verbose;
	c->quiet = o->quiet;
	c->jobs_given = o->jobs_given;
	c->writer.level = (int)o->level;
	c->writer.block_size = (size_t)o->block_size;
	c->writer.no_pg = o->no_pg;
}

/* A standard descriptor that is closed would be taken by the next file that is opened, and what is said would
 * go into it. It becomes /dev/null: standard input for writing and standard output for reading alone, so that
 * their use is an error; what goes to standard error is lost. */
static void open_standard(void)
{
	static const int mode[] = {O_WRONLY, O_RDONLY, O_WRONLY};
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd]) != fd)
			_exit(1);
}

static void init_cli(struct hm_cli *c, const struct hm_tool *tool, int argc)
{
	*c = (struct hm_cli){.tool = tool};
	c->priv = hm_alloc(1, sizeof *c->priv, NULL);
	c->operands = hm_alloc((size_t)argc + 1, sizeof *c->operands, NULL);
	if (!c->priv || !c->operands)
		hm_cli_no_memory(tool);
	int given = tool->common & HM_CLI_JOBS ? hm_cpus_given() : 1;
	c->priv->o = (struct options){.jobs = given < HM_CLI_JOBS_MOST ? given : HM_CLI_JOBS_MOST,
				      .device = "auto",
				      .level = 1,
				      .block_size = 1 << 20,
				      .completion = -1};
	c->priv->tty = isatty(STDERR_FILENO);
	clock_gettime(CLOCK_MONOTONIC, &c->priv->start);
	c->priv->shown = c->priv->start;
}

/* What can be said against a call before any file is opened. */
static void check_call(struct hm_cli *c)
{
	enum hm_device_name which;
	int index;
	if (!hm_device_parse(c->device, &which, &index))
		hm_cli_usage(c, "--device takes auto|cpu|cuda[:N]|ref, not '%s'", c->device);
	hm_opt_check_files(c);
	if (c->priv->reads_stdin && isatty(STDIN_FILENO))
		print_usage(c);
	if (c->tool->common & HM_CLI_REC && c->tool->common & HM_CLI_OUT && !c->out && isatty(STDOUT_FILENO))
		hm_cli_usage(c, "records are not written to a terminal: use -o FILE or a pipe");
}

void hm_cli_begin(struct hm_cli *c, const struct hm_tool *tool, void *options, int argc, char **argv)
{
	char text[512];
	struct hm_err e = {0};
	open_standard();
	hm_cli_catch_signals(tool);
	init_cli(c, tool, argc);
	hm_opt_rows(c, options);
	const struct options *o = &c->priv->o;
	const char *wrong = hm_opt_parse(c, argc, argv, text, sizeof text);
	if (o->help)
		print_help(c);
	if (o->version)
		print_version(c);
	if (o->completion >= 0)
		print_completion(c);
	if (wrong)
		wrong_call(c, wrong);
	publish_common(c);
	check_call(c);
	if (!tool->own_try && hm_cli_try_outputs(c, NULL, &e))
		exit(hm_cli_end(c, HM_EDATA, &e));
	hm_cli_confine(c);
	if (tool->common & HM_CLI_JOBS && !(c->workers = hm_workers_new((int)c->jobs, &e)))
		exit(hm_cli_end(c, HM_EDATA, &e));
}

void hm_cli_usage(struct hm_cli *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	wrong_call(c, text);
}

void hm_cli_stat(struct hm_cli *c, const char *key, double v)
{
	assert(c->priv->stats < HM_CLI_STATS);
	c->priv->stat[c->priv->stats++] = (struct hm_stat){key, v};
}

static int write_stats(struct hm_cli *c, struct hm_err *e)
{
	struct timespec now;
	struct rusage use;
	struct hm_buf b = {0};
	clock_gettime(CLOCK_MONOTONIC, &now);
	getrusage(RUSAGE_SELF, &use);
	double wall = (double)(now.tv_sec - c->priv->start.tv_sec) +
		      1e-9 * (double)(now.tv_nsec - c->priv->start.tv_nsec);
	cJSON *o = hm_json_object(e);
	hm_json_add_str(o, "tool", c->tool->name, e);
	hm_json_add_num(o, "wall_s", wall, e);
	hm_json_add_num(o, "user_s", (double)use.ru_utime.tv_sec + 1e-6 * (double)use.ru_utime.tv_usec, e);
	if (c->tool->common & HM_CLI_JOBS)
		hm_json_add_num(o, "jobs", (double)c->jobs, e);
	hm_json_add_num(o, "peak_memory_bytes", 1024.0 * (double)use.ru_maxrss, e);
	if (c->priv->noun) {
		hm_json_add_num(o, c->priv->noun, (double)c->priv->done, e);
		hm_json_add_num(o, "rate", wall > 0 ? (double)c->priv->done / wall : 0, e);
	}
	for (int i = 0; i < c->priv->stats; i++)
		hm_json_add_num(o, c->priv->stat[i].key, c->priv->stat[i].v, e);
	int rc = hm_json_line(o, &b, e);
	if (!rc)
		rc = hm_file_write(c->priv->o.stats_file, b.data, b.len, e);
	hm_buf_clear(&b);
	return rc;
}

int hm_cli_end(struct hm_cli *c, int rc, const struct hm_err *e)
{
	struct hm_err late = {0};
	if (c->priv->line_open && c->priv->tty && hm_fd_write(STDERR_FILENO, "\r\033[K", 4))
		rc = rc ? rc : HM_EDATA;
	c->priv->line_open = false;
	hm_workers_free(c->workers);
	c->workers = NULL;
	if (rc >= 0 && c->priv->o.stats_file && !c->silent)
		rc = write_stats(c, &late);
	if (rc >= 0 && (fflush(stdout) || ferror(stdout)))
		rc = hm_err_set(&late, HM_EDATA, "standard output: cannot write: %s", strerror(errno));
	if (rc < 0) {
		const struct hm_err *why = late.code ? &late : e;
		complain(c, rc, why && why->code ? why->text : "it failed without a reason given");
	}
	free(c->priv->row);
	hm_buf_clear(&c->priv->inputs);
	hm_buf_clear(&c->priv->outputs);
	hm_arena_clear(&c->priv->names);
	free(c->priv);
	free(c->operands);
	return rc < 0 ? -rc : 0;
}
