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
	bool no_pg, verbose, quiet, progress, help, version;
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

struct hm_cli_private {
	struct options o;
	struct hm_row *row;	      /* [rows] the tool's options, then the common ones */
	int rows, own;		      /* the first `own` are the tool's */
	struct timespec start, shown; /* begin; last progress line */
	bool tty, line_open;	      /* stderr is a terminal; a progress line stands on it */
	uint64_t done, total;
	const char *noun;
	int stats;
	struct hm_stat stat[HM_CLI_STATS];
	char also[64]; /* shown behind it */
};

/* common.c: fills c->priv->row; aborts without memory. */
void hm_opt_rows(struct hm_cli *c, void *options);

/* opt.c: parses argv into the structs of the rows; operands go to c->operands. Returns NULL, or the sentence
 * about what is wrong in `text`. */
const char *hm_opt_parse(struct hm_cli *c, int argc, char **argv, char *text, size_t cap);
/* The usage line, folded at `width` columns (0: not), and --help's list of options, appended to b. */
void hm_opt_usage(const struct hm_cli *c, struct hm_buf *b, size_t width);
void hm_opt_list(const struct hm_cli *c, struct hm_buf *b);

/* complete.c: the completion script for bash (0) or zsh (1), appended to b. */
void hm_opt_completion(const struct hm_cli *c, int shell, struct hm_buf *b);

/* message.c: one line, one write, control bytes masked; an open progress line is wiped first. */
void hm_cli_message(struct hm_cli *c, const char *kind, const char *text);

#endif
