/* What the files of lib/cli share. */
#ifndef HM_CLI_PRIVATE_H
#define HM_CLI_PRIVATE_H

#include "cli/cli.h"

#include <time.h>

/* What the common options set; they are parsed as a tool's own are. */
struct options {
	char *out, *device, *stats_file;
	int64_t jobs, level, block_size;
	int precision, completion; /* completion -1: not asked for; else the shell's place in its words */
	bool no_pg, verbose, quiet, progress, help, version, jobs_given;
};

/* An option of the tool, or a common one, and the struct that it sets a member of. */
struct hm_row {
	const struct hm_opt *opt;
	char *base;
	const char *group; /* heading in front of it in --help, or NULL */
	bool seen;	   /* the call gives it */
};

/* A number of the tool's own for --stats. */
struct hm_stat {
	const char *key;
	double v;
};
enum { HM_CLI_STATS = 8 };

enum { HM_CLI_JOBS_MOST = 256 }; /* threads of -j */

struct hm_cli_private {
	struct options o;
	struct hm_row *row;		  /* [rows] the tool's options, then the common ones */
	struct hm_opt output[3], jobs[3]; /* with this tool's help */
	int rows, own;			  /* the first `own` are the tool's */
	struct hm_buf inputs, outputs;	  /* the files of the call, see callfiles.c */
	struct hm_arena names;		  /* their paths, where argv does not hold them */
	const struct hm_opt *to_stdout;	  /* the option whose output is "-" */
	bool reads_stdin;
	struct timespec start, shown; /* begin; last progress line */
	bool tty, line_open;	      /* stderr is a terminal; a progress line stands on it */
	uint64_t done, total;
	const char *noun;
	int stats;
	struct hm_stat stat[HM_CLI_STATS];
	char also[64]; /* shown behind it */
};

/* cli.c: ends the tool with "out of memory", exit 1. */
_Noreturn void hm_cli_no_memory(const struct hm_tool *tool);

/* endings.c: from now on a signal that ends the tool removes its hidden files first, and a mapped file that
 * was cut is an error with exit 1. */
void hm_cli_catch_signals(const struct hm_tool *tool);

/* A text that is made for standard output. Without memory the tool ends: no part of it is printed. */
struct hm_text {
	const struct hm_tool *tool;
	struct hm_buf b;
};
void hm_text_add(struct hm_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* common.c: fills c->priv->row. */
void hm_opt_rows(struct hm_cli *c, void *options);

/* opt.c: parses argv into the structs of the rows; operands go to c->operands. Returns NULL, or the sentence
 * about what is wrong in `text`. */
const char *hm_opt_parse(struct hm_cli *c, int argc, char **argv, char *text, size_t cap);
/* "--name" or "-x", as the user would type it; returns out. */
const char *hm_opt_spelled(const struct hm_opt *o, char out[80]);

/* optvalue.c: stores a value into the option's struct. NULL, or the sentence about what is wrong in `text`.
 */
const char *hm_opt_store(const struct hm_opt *o, void *base, char *value, char *text, size_t cap);

/* opthelp.c: the usage line, folded at `width` columns (0: not folded), and --help's list of options. */
void hm_opt_usage(const struct hm_cli *c, struct hm_text *t, size_t width);
void hm_opt_list(const struct hm_cli *c, struct hm_text *t);

/* complete.c: the completion script for bash (0) or zsh (1). */
void hm_opt_completion(const struct hm_cli *c, int shell, struct hm_text *t);
/* Whether an option's `arg` names a file: "FILE", "MODEL", "SPEC", "COLUMN=FILE", "P|fit:FILE". */
bool hm_opt_names_file(const struct hm_opt *o);

/* callfiles.c: notes the files of the call; a wrong call if an output is an input or another output, or if a
 * name is empty. */
void hm_opt_check_files(struct hm_cli *c);

/* The path within an option's value: behind = in "COLUMN=FILE", behind "fit:" in "P|fit:FILE"; NULL when the
 * value names none. */
const char *hm_opt_path(const struct hm_opt *o, const char *value);

/* confine.c: enters the tool's sandbox, before any thread is made. */
void hm_cli_confine(struct hm_cli *c);
/* "seccomp+landlock", or why there is none. Only the options must have been parsed. */
void hm_cli_confined(const struct hm_cli *c, char *out, size_t cap);

/* message.c: one line, one write, masked as hm_utf8_mask does; an open progress line is wiped first. */
void hm_cli_message(struct hm_cli *c, const char *kind, const char *text);
/* n bytes to standard error; what cannot be written there is lost. */
void hm_cli_write_stderr(const char *p, size_t n);

#endif
