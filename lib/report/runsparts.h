/* What runs*.c and published.c share. Nobody else includes it. A member that is
 * absent or of another type reads as "" or NaN. */
#ifndef HM_RUNSPARTS_H
#define HM_RUNSPARTS_H

#include "report/runs.h"

enum { HM_RUNS_FILE = 64 << 20, HM_RUNS_DEPTH = 16 }; /* bytes of a file, levels of its JSON */

const char *hm_runs_str(const cJSON *o, const char *key);
double hm_runs_number(const cJSON *o, const char *key);

/* The array of at most `most` objects under `key`. Returns their number, 0 when it is absent, or HM_EDATA. */
int hm_runs_objects(const cJSON *o, const char *key, int most, const cJSON **array, struct hm_err *e);

/* Reads "rows" of the table, and the files of their trials. */
int hm_runs_rows(struct hm_runs *r, struct hm_err *e);
/* HM_EDATA when no example counts, or when a run failed on some and `allow` is false: the sentence says on
 * how many, and which run. */
int hm_runs_check(const struct hm_runs *r, bool allow, struct hm_err *e);
/* Reads "claims" about these rows; reads "stages". */
int hm_runs_claims(struct hm_runs *r, struct hm_err *e);
int hm_runs_stages(struct hm_runs *r, struct hm_err *e);
/* Reads "literature" of the table into r->literature, and compares its pairs. */
int hm_runs_literature(struct hm_runs *r, struct hm_err *e);

/* The path of a file below the table's folder, in the arena; of a given file, its own. NULL with `e` set when
 * the name leads out of the folder (absolute, "..", a symbolic link) or to no regular file. */
const char *hm_runs_path(struct hm_runs *r, const char *name, struct hm_err *e);
/* *out: the text of the file that member `key` names, NUL-terminated, in the arena; "" without such a member.
 */
int hm_runs_contents(struct hm_runs *r, const cJSON *o, const char *key, const char **out, size_t *len,
		     struct hm_err *e);
/* Reads "predictions", a CSV, into p. */
int hm_runs_predictions(struct hm_runs *r, const cJSON *o, struct hm_predictions *p, struct hm_err *e);
/* Reads "history", the output of hm-view --history, into the trial: a line per tool. */
int hm_runs_history(struct hm_runs *r, const cJSON *o, struct hm_trial *t, struct hm_err *e);
/* Reads "log" into the trial's curves and last loss. */
int hm_runs_log(struct hm_runs *r, const cJSON *o, struct hm_trial *t, struct hm_err *e);
/* *stats: the tree of "stats", a --stats file; NULL without such a member. Caller frees with cJSON_Delete. */
int hm_runs_stats(struct hm_runs *r, const cJSON *o, cJSON **stats, struct hm_err *e);

#endif
