/* What runs.c and runsfiles.c share, and nobody else. Members that are absent or of another type are "" and
 * NaN. */
#ifndef HM_RUNSPARTS_H
#define HM_RUNSPARTS_H

#include "report/runs.h"

enum { HM_RUNS_FILE = 64 << 20, HM_RUNS_DEPTH = 16 }; /* bytes of a file, levels of its JSON */

const char *hm_runs_str(const cJSON *o, const char *key);
double hm_runs_number(const cJSON *o, const char *key);

/* The path, in the arena, of a file below the table's folder. NULL with `e` set when the name leads elsewhere
 * (absolute,
 * "..", a symbolic link), or to no regular file. */
const char *hm_runs_path(struct hm_runs *r, const char *name, struct hm_err *e);
/* The text of the file that member `key` names, NUL-terminated, into the arena; "" where it names none. */
int hm_runs_contents(struct hm_runs *r, const cJSON *o, const char *key, const char **out, size_t *len,
		     struct hm_err *e);
/* "predictions", a CSV of two classes, into p. */
int hm_runs_predictions(struct hm_runs *r, const cJSON *o, struct hm_predictions *p, struct hm_err *e);
/* "history", what hm-view --history prints, into the trial, a line a tool. */
int hm_runs_history(struct hm_runs *r, const cJSON *o, struct hm_trial *t, struct hm_err *e);
/* "log" into the trial's curves and last loss. */
int hm_runs_log(struct hm_runs *r, const cJSON *o, struct hm_trial *t, struct hm_err *e);
/* "stats", a --stats file; NULL where it names none. Caller frees with cJSON_Delete. */
int hm_runs_stats(struct hm_runs *r, const cJSON *o, cJSON **stats, struct hm_err *e);

#endif
