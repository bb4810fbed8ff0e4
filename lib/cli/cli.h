/* What every tool shares: the option table and its parser, --help and --version made from it, messages,
 * progress, the exit status. Only tools/ may include it. A tool is: fill a table, hm_cli_begin, work,
 * return hm_cli_end.
 *
 *   static struct { char *root; int64_t size; int fit; } o = {.size = 224};     (const table, so static)
 *   static const struct hm_opt table[] = {
 *           {"root", 0, HM_OPT_STR, &o.root, "DIR", "folder that img paths are relative to", .required =
 * true},
 *           {"size", 0, HM_OPT_INT, &o.size, "N", "side of the square, in pixels", .min = 1, .max = 4096},
 *           {"fit", 0, HM_OPT_CHOICE, &o.fit, "squash|crop", "how to reach the square"},
 *           {0}};
 */
#ifndef HM_CLI_H
#define HM_CLI_H

#include "base/err.h"
#include "base/workers.h"
#include "rec/rec.h"

#include <stdbool.h>
#include <stdint.h>

enum hm_opt_kind {
	HM_OPT_FLAG,   /* bool: set to true */
	HM_OPT_INT,    /* int64_t in [min, max]; the error names the range */
	HM_OPT_DOUBLE, /* double, finite, in [dmin, dmax] when dmin < dmax */
	HM_OPT_STR,    /* char *, points into argv */
	HM_OPT_LIST,   /* struct hm_strs *, repeatable, adds up */
	HM_OPT_CHOICE, /* int: index of the word in `arg`, words parted by | */
	HM_OPT_SIZE,   /* int64_t bytes, suffix K M G (powers of 1024), in [min, max] */
	HM_OPT_SHARD,  /* struct hm_shard, "I/N" with I from 0 to N-1 */
};

struct hm_strs {
	int n;
	char *item[256]; /* point into argv */
};

/* Part i of n: things i, i+n, i+2n, ... counted from 0; n 0: all of them. */
struct hm_shard {
	uint64_t i, n;
};
static inline bool hm_shard_has(const struct hm_shard *s, uint64_t k)
{
	return !s->n || k % s->n == s->i;
}

struct hm_opt {
	const char *name; /* long name without dashes */
	char letter;	  /* short name or 0 */
	enum hm_opt_kind kind;
	void *to;	  /* holds the default before parsing */
	const char *arg;  /* "N", "DIR", "a|b"; NULL for a flag */
	const char *help; /* one line, no full stop */
	int64_t min, max;
	double dmin, dmax;
	bool required;
	bool *given;		      /* set when the user gave it; may be NULL */
	const char *(*preset)(int i); /* of "SPEC": the names behind init:, i from 0, NULL after the last */
};

/* Groups of common options. -v -q --progress --stats --help --version --completion are always there. The
 * usage line lists a tool's own options in table order, then the common ones, then the operands; --help,
 * --version and --completion are left out. Shell completion is made from the same table: the words of a
 * choice, files where `arg` names one (FILE, DIR, MODEL, SPEC). */
enum {
	HM_CLI_OUT = 1,	   /* -o FILE */
	HM_CLI_JOBS = 2,   /* -j N */
	HM_CLI_REC = 4,	   /* --level --block-size --no-pg */
	HM_CLI_DEVICE = 8, /* --device */
};

struct hm_tool {
	const char *name;     /* "hm-imgprep" */
	const char *summary;  /* one line, as in the man page's .Nd */
	const char *operands; /* "[FILE ...]" or "" */
	const struct hm_opt *table;
	int common;			/* HM_CLI_* */
	int min_operands, max_operands; /* max -1: any number */
	const char *(*backends)(void);	/* for --version: what arithmetic is built in; NULL for none */
};

/* The common options' values and what the tool skeleton keeps. */
struct hm_cli {
	const struct hm_tool *tool;
	char *out;	    /* -o, NULL: standard output */
	int64_t jobs;	    /* -j, default: all cores */
	char *device;	    /* --device, default "auto" */
	int verbose, quiet; /* -v, -q */
	struct hm_writer_options writer;
	int n_operands;
	char **operands; /* at least one: "-" when none was given and min_operands is 0 and max is not */
	struct hm_workers *workers; /* jobs threads; made by hm_cli_begin when HM_CLI_JOBS */
	cJSON *stats;		    /* for --stats: add numbers, e.g. "cache_hits" */
	struct hm_cli_private *priv;
};

/* Parses; answers --help and --version; a wrong call prints one line and one of usage, exit 2. Also refuses
 * binary output to a terminal (HM_CLI_REC without -o). Does not return on any of these. */
void hm_cli_begin(struct hm_cli *c, const struct hm_tool *tool, int argc, char **argv);

/* A wrong call found after parsing: the line, usage, exit 2. */
void hm_cli_usage(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

/* The exit status for rc (0 or a negative code): prints `e` when rc < 0, closes the progress line, writes
 * --stats, flushes stdout and turns a failed flush into exit 1. Frees what begin made. */
int hm_cli_end(struct hm_cli *c, int rc, const struct hm_err *e);

/* "hm-x: warning: …", "hm-x: notice: …" on stderr, one write, control bytes masked; notices are silenced by
 * -q, hm_cli_debug needs -v. */
void hm_cli_warn(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hm_cli_notice(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says which device --device auto has become, unless it is the processor. */
void hm_cli_device(struct hm_cli *c, const char *name);
void hm_cli_debug(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Progress: `done` of `total` (0: unknown) things of this noun ("records"). Shown as count, rate and ETA when
 * stderr is a terminal, or with --progress; costs nothing otherwise. Call as often as you like. */
void hm_cli_progress(struct hm_cli *c, uint64_t done, uint64_t total, const char *noun);
/* What the progress line shall say beside that from now on ("loss 0.69"), cut to 63 bytes. */
void hm_cli_progress_also(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As if `--name value` of the tool's own options stood in the call: stores the value. A flag takes "true" or
 * "false". NULL, or the sentence about what is wrong in `text`. */
const char *hm_cli_set(struct hm_cli *c, const char *name, char *value, char *text, size_t cap);

/* --on-error fail|skip|keep, as an HM_OPT_CHOICE. */
enum hm_on_error { HM_FAIL, HM_SKIP, HM_KEEP };

#endif
