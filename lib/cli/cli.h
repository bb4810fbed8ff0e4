/* What every tool shares: the option table and its parser, --help, --version and shell completion made from
 * it, messages, progress, the exit status. Only tools/ may include it. A tool names a struct for its options,
 * fills a table that says which option sets which member, calls hm_cli_begin, works, and returns hm_cli_end.
 *
 *   struct options { char *root; int64_t size; int fit; };
 *   static const struct hm_opt table[] = {
 *           {.group = "Images"},
 *           {"root", 0, HM_STR(root), "DIR", "folder that img paths are relative to", .required = true},
 *           {"size", 0, HM_INT(size), "N", "side of the square, in pixels", .min = 1, .max = 4096},
 *           {"fit", 0, HM_CHOICE(fit), "squash|crop", "how to reach the square"},
 *           {0}};
 *   ...
 *   struct options o = {.size = 224};
 *   hm_cli_begin(&cli, &tool, &o, argc, argv);
 */
#ifndef HM_CLI_H
#define HM_CLI_H

#include "base/err.h"
#include "base/workers.h"
#include "rec/rec.h"
#include "rec/shard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hm_opt_kind {
	HM_OPT_FLAG,   /* bool: set to true */
	HM_OPT_INT,    /* int64_t in [min, max]; the error names the range */
	HM_OPT_DOUBLE, /* double, finite, in [dmin, dmax] when dmin < dmax */
	HM_OPT_STR,    /* char *, points into argv */
	HM_OPT_LIST,   /* struct hm_strs *, repeatable, adds up */
	HM_OPT_CHOICE, /* int: index of the word in `arg`, words separated by | */
	HM_OPT_SIZE,   /* int64_t bytes, suffix K M G (powers of 1024), in [min, max] */
	HM_OPT_SHARD,  /* struct hm_shard, "I/N" with I from 0 to N-1 */
};

struct hm_strs {
	int n;
	char *item[256]; /* point into argv */
};

/* Kind and place of an option: the member of the caller's `struct options` that it sets. A member of another
 * type does not compile. */
#define HM_OPT_AT(MEMBER, ...)                                                                               \
	(offsetof(struct options, MEMBER) + 0 * sizeof(_Generic(&((struct options *)0)->MEMBER, __VA_ARGS__)))
#define HM_FLAG(MEMBER) HM_OPT_FLAG, HM_OPT_AT(MEMBER, bool * : 0)
#define HM_INT(MEMBER) HM_OPT_INT, HM_OPT_AT(MEMBER, int64_t * : 0)
#define HM_DOUBLE(MEMBER) HM_OPT_DOUBLE, HM_OPT_AT(MEMBER, double * : 0)
#define HM_STR(MEMBER) HM_OPT_STR, HM_OPT_AT(MEMBER, char ** : 0, const char ** : 0)
#define HM_LIST(MEMBER) HM_OPT_LIST, HM_OPT_AT(MEMBER, struct hm_strs * : 0)
#define HM_CHOICE(MEMBER) HM_OPT_CHOICE, HM_OPT_AT(MEMBER, int * : 0)
#define HM_SIZE(MEMBER) HM_OPT_SIZE, HM_OPT_AT(MEMBER, int64_t * : 0)
#define HM_SHARD(MEMBER) HM_OPT_SHARD, HM_OPT_AT(MEMBER, struct hm_shard * : 0)
/* For `given`: a bool of the same struct that becomes true when the user gives the option. */
#define HM_GIVEN(MEMBER) (1 + HM_OPT_AT(MEMBER, bool * : 0))

/* What a tool does with the file that an option's value names. */
enum hm_opt_file {
	HM_FILE_NONE,  /* the value names no file, or a folder */
	HM_FILE_IN,    /* reads it, or files in it when it is a folder */
	HM_FILE_OUT,   /* writes it */
	HM_FILE_STATE, /* writes it, and reads it to go on: a checkpoint */
	HM_FILE_BELOW, /* reads files below it, a folder, which something else names */
	HM_FILE_KEPT,  /* keeps files of its own in it, a folder, which it makes */
};

struct hm_opt {
	const char *name; /* long name without dashes; NULL: the row names a group, or ends the table */
	char letter;	  /* short name or 0 */
	enum hm_opt_kind kind;
	size_t at;	  /* offset of the value in the caller's struct, which holds the default */
	const char *arg;  /* "N", "DIR", "a|b"; NULL for a flag */
	const char *help; /* one line, no full stop */
	int64_t min, max;
	double dmin, dmax;
	bool required;
	size_t given;		      /* HM_GIVEN(member), or 0 */
	const char *(*preset)(int i); /* of "SPEC": the names behind init:, i from 0, NULL after the last */
	enum hm_opt_file file;
	bool anywhere;	   /* a call with it reads files that may lie anywhere */
	bool temporary;	   /* a call with it may keep data in $TMPDIR */
	bool program;	   /* a call with it runs another program, and so has no sandbox */
	bool hidden;	   /* in --help, but not in the usage line */
	const char *group; /* alone in its row: the heading of the options below it in --help */
	bool no_operand;   /* the call takes no operands with it, and does not read standard input instead */
};

/* Common options. -v -q --progress --stats --help --version --completion are always there. The usage line
 * lists a tool's own options in table order, then the common ones, then the operands; --help, --version and
 * --completion are left out. Shell completion is made from the same table: the words of a choice, files where
 * `arg` names one (FILE, DIR, MODEL, SPEC). */
enum {
	HM_CLI_OUT = 1,	   /* -o FILE */
	HM_CLI_JOBS = 2,   /* -j N */
	HM_CLI_REC = 4,	   /* --level --block-size --no-pg */
	HM_CLI_DEVICE = 8, /* --device --precision */
};

/* The sandbox of a tool (base/sandbox.h), which hm_cli_begin enters. From then on the tool opens only what
 * the call names: operands and the options' files (enum hm_opt_file). HM_SANDBOX=0 in the environment leaves
 * it away. */
enum hm_cli_sandbox {
	HM_CLI_OPEN,	/* none: the tool starts other programs or processes */
	HM_CLI_PARSE,	/* it reads and writes */
	HM_CLI_COMPUTE, /* it computes with networks, too, for which oneDNN makes machine code; none with CUDA
			 */
};

struct hm_cli;
struct hm_tool {
	const char *name;     /* "hm-imgprep" */
	const char *summary;  /* one line, as in the man page's .Nd */
	const char *operands; /* "[FILE ...]" or "" */
	const struct hm_opt *table;
	int common;			/* HM_CLI_* */
	int min_operands, max_operands; /* max -1: any number */
	/* For --version: hm_device_backends with HM_CLI_DEVICE, else NULL. It is a pointer so that tools that
	 * compute nothing are not linked with the devices. */
	char *(*backends)(char *out, size_t cap);
	/* The tool calls hm_cli_try_outputs itself: it may be one of several processes, of which one writes.
	 */
	bool own_try;
	const char *output, *jobs; /* what --help says about -o and -j; NULL: the usual line, if it is true */
	enum hm_cli_sandbox sandbox;
	bool joins; /* several operands are joined by id, for which data may be kept in $TMPDIR */
	/* Whether operand `i` is words of a stranger, which name no file to open; NULL: none is. */
	bool (*is_words)(const struct hm_cli *c, int i);
};

/* The values of the common options, and the state of a tool's skeleton. */
struct hm_cli {
	const struct hm_tool *tool;
	char *out;	    /* -o, NULL: standard output */
	int64_t jobs;	    /* -j, default: the processors given to the run (base/cpus.h), at most 256 */
	char *device;	    /* --device, default "auto" */
	int precision;	    /* --precision, an enum hm_precision */
	int verbose, quiet; /* -v, -q */
	bool jobs_given;    /* -j is the user's */
	bool silent;	    /* for the tool to set: no message, no file of --stats; another process speaks */
	struct hm_writer_options writer;
	int n_operands;
	char **operands;	    /* if none was given, the one operand "-", unless the tool takes none */
	struct hm_workers *workers; /* `jobs` threads, with HM_CLI_JOBS; freed by hm_cli_end */
	struct hm_cli_private *priv;
};

/* Begins a tool. `options` is the caller's struct options and holds the defaults. These calls end here:
 *   --help, --version, --completion: printed, exit 0
 *   a wrong call: one line that says what is wrong and which option or word is nearest, one line that says
 * where to read on; exit 2. Wrong is also an output that is an input or another output (see enum
 * hm_opt_file), and records to a terminal (HM_CLI_REC without -o) input from a terminal: the usage line; exit
 * 2 Standard descriptors that are closed are opened on /dev/null first, so that no file of the tool gets
 * their numbers. */
void hm_cli_begin(struct hm_cli *c, const struct hm_tool *tool, void *options, int argc, char **argv);

/* Opens and closes again each output that an option names: one that is in no folder, or that may not be
 * written, is found before the work. What was there stays; pipes and devices are left alone. `folder`: the
 * one of them, as the call gives it, that is a folder or will be, or NULL. 0, or HM_EDATA. hm_cli_begin does
 * it, but for tools with `own_try`. */
int hm_cli_try_outputs(const struct hm_cli *c, const char *folder, struct hm_err *e);

/* Whether the call gives the option, by its long name. */
bool hm_cli_given(const struct hm_cli *c, const char *name);

/* Declares a file that neither an option nor an operand names: a page written into a folder, a table that
 * another file refers to. If an output is also an input or another output the tool ends with exit 2, as in
 * hm_cli_begin. The path is copied. */
void hm_cli_input(struct hm_cli *c, const char *path);
void hm_cli_output(struct hm_cli *c, const char *path);
/* For one of many outputs with names that differ: compares it with the inputs and forgets it. */
void hm_cli_output_once(struct hm_cli *c, const char *path);

/* Ends the tool for a wrong call that was found after parsing; prints as hm_cli_begin does, exit 2. */
void hm_cli_usage(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

/* Ends a tool and returns its exit status. rc is 0 or a negative code; for the latter it prints `e`. Writes
 * --stats, flushes standard output (a failed flush is exit 1), wipes the progress line, and frees what
 * hm_cli_begin made. */
int hm_cli_end(struct hm_cli *c, int rc, const struct hm_err *e);

/* "hm-x: warning: …" and "hm-x: notice: …" on standard error, each in one write, masked as hm_utf8_mask
 * does. -q silences notices; hm_cli_debug prints only with -v. */
void hm_cli_warn(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* For a tool that ends without hm_cli_end. */
void hm_cli_error(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hm_cli_notice(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A notice that says which device `--device auto` chose, unless it chose the processor. */
void hm_cli_device(struct hm_cli *c, const char *name);
void hm_cli_debug(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A number of the tool's own for --stats, under a static key ("cache_hits"), at most eight of them. */
void hm_cli_stat(struct hm_cli *c, const char *key, double v);

/* Progress: `done` of `total` (0: unknown) things of this noun ("records"). Shown as count, rate and ETA when
 * stderr is a terminal, or with --progress; costs nothing otherwise. Call as often as you like. */
void hm_cli_progress(struct hm_cli *c, uint64_t done, uint64_t total, const char *noun);
/* Text that the progress line shows as well from now on ("loss 0.69"), cut to 63 bytes. */
void hm_cli_progress_also(struct hm_cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Stores a value as `--name value` in the call would, into `options`, which may be any struct options: a
 * sweep parses each line into a copy. Only the tool's own options are known here. A flag takes "true" or
 * "false". Returns NULL, or the sentence about what is wrong, which is in `text`. */
const char *hm_cli_set(const struct hm_cli *c, void *options, const char *name, char *value, char *text,
		       size_t cap);

/* --on-error fail|skip|keep, as an HM_OPT_CHOICE. */
enum hm_on_error { HM_FAIL, HM_SKIP, HM_KEEP };

#endif
