/* What the files of the fault loops share: a case of the table, a folder's contents, a run and what came of
 * it. */
#ifndef FAULTS_LOOPS_H
#define FAULTS_LOOPS_H

#include "shim.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The kinds of faults, each a loop over k. */
enum kind { K_ALLOC, K_ALLOC_EVER, K_IO, K_IO_EVER, K_ROOM, K_INTR, K_AGAIN, K_CUT, K_KILL, KINDS };
struct kind_row {
	const char *name, *says;
	bool ever;	  /* the k-th place and all that follow */
	bool transparent; /* nothing may change: the right bytes alone are allowed */
};
extern const struct kind_row kind_rows[KINDS];
/* The bits of the kinds in a list of names with commas; takes the list apart. */
unsigned find_kinds(char *list);

enum { WORDS = 64, FILES = 32 };

/* A row of the table. Every string is NUL-terminated and lives as long as the table. */
struct case_row {
	const char *name, *tool;
	char *argv[WORDS],
		*then[WORDS];	  /* then: the call after a fault; argv unless the row says otherwise */
	const char *in, *then_in; /* standard input */
	const char *old[FILES], *from[FILES];	/* files with old content; folders that are copied */
	const char *loose[FILES], *late[FILES]; /* never compared; compared only after the second call */
	int n_old, n_from, n_loose, n_late;
	bool warn;	/* warnings may stand next to an error or a success */
	bool many;	/* several outputs: some may be new when a later one fails */
	bool stream;	/* standard output is a record stream */
	bool again;	/* after a fault, the second call must give the right bytes */
	int status;	/* of a run without faults */
	unsigned kinds; /* bits: which loops */
};
struct case_table {
	struct case_row *row;
	int n;
};
/* Reads the table; `inputs` stands for each @. Ends the program when it is not well formed. */
void read_table(struct case_table *t, const char *path, const char *inputs);

/* The files below a folder, sorted by path. */
struct snapshot {
	struct file {
		char *path;
		char *data;
		size_t len;
	} * file;
	size_t n;
};
void take_snapshot(struct snapshot *s, const char *folder);
void free_snapshot(struct snapshot *s);
const struct file *find_in(const struct snapshot *s, const char *path);
bool same_file(const struct file *a, const struct file *b); /* NULL: not there */
char *read_whole(const char *path, size_t *len);	    /* "" where it cannot be read */
void empty_folder(const char *folder);
void copy_folder(const char *from, const char *to);

/* A tool that waits for orders. */
struct server {
	pid_t pid;
	int order, reply;
};
void start_server(struct server *s, char *const *argv, const char *shim, const char *page_path);
void stop_server(struct server *s);

/* One run and what came of it. */
struct outcome {
	int status;	     /* exit status; -signal; HANG */
	long places, failed; /* places of this kind that were met, that failed */
	int row;	     /* of the first failed call in syscall_rows; -1 none */
	char path[256];	     /* its path */
	char *out, *err;
	size_t out_len, err_len;
	struct snapshot after;
};
enum { HANG = -1000, SECONDS = 20 };
extern volatile sig_atomic_t time_is_up; /* set by SIGALRM */
void run_tool(const struct server *s, struct shim_page *page, enum kind kind, long k, struct outcome *o);
void free_outcome(struct outcome *o);

/* tracer.c: lets `pid`, which has stopped itself, run with the k-th call of the kind failing. */
void trace_calls(pid_t pid, enum kind kind, long k, struct outcome *o);

/* judge.c: what may be said of a run. */
enum verdict { V_UNTOUCHED, V_RIGHT, V_REFUSED, V_KILLED, V_WRONG };
struct judgement {
	enum verdict verdict;
	char why[1024]; /* of V_WRONG */
};
/* good: the run without faults; before: the folder before the run. */
void judge_run(const struct case_row *c, enum kind kind, const struct snapshot *before,
	       const struct outcome *good, const struct outcome *o, struct judgement *j);
/* The second call, after the `first` with its fault. */
void judge_second(const struct case_row *c, const struct outcome *good, const struct outcome *first,
		  const struct outcome *o, struct judgement *j);

enum { CASES = 256, PARTS = 3 }; /* PARTS: each case and kind is cut into, for the workers */

/* Of a case and kind: how many places it has, runs, those that met a fault, and what came of them. */
struct tally {
	atomic_long places, runs, met, verdict[V_WRONG + 1];
};

/* The call of the program, and what its workers share. */
struct loops {
	int jobs, verbose;
	long step, offset, cap, first, only; /* 0: no cap, not only the first, not only one */
	unsigned kinds;
	const char *name, *inputs, *work, *shim;
	struct case_table table;
	struct shared {
		atomic_int next;
		struct tally tally[CASES][KINDS];
	} * shared;
};

/* worker.c: the worker of that number, until nothing is left to try. */
void work_on(const struct loops *l, int number);

_Noreturn void end_loops(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
