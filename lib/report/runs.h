/* The table of an experiment, RUNS.json, and the files that it names: predictions, training logs, statistics,
 * commands, a contact sheet. All of it is held in memory for the report. hm-report(1) describes the format.
 */
#ifndef HM_RUNS_H
#define HM_RUNS_H

#include "prep/imagefile.h"
#include "report/published.h"
#include "stat/paired.h"
#include "stat/predictions.h"

#include <cjson/cJSON.h>

/* At most so many rows of a table, trials (random seeds) of a row, pairs of a claim. */
#define HM_RUNS_ROWS 64
#define HM_RUNS_TRIALS 64
#define HM_RUNS_PAIRS 16

/* The points of a curve; x rises. */
struct hm_curve {
	size_t n;
	double *x, *y; /* [n] */
};

/* One training and its answers. What is unknown is NaN or "". */
struct hm_trial {
	int64_t seed;
	const char *command;
	const char *history;		/* a line per tool behind the predictions: name, version, options */
	const struct hm_sample *sample; /* of the examples that all trials share, in the same order */
	double accuracy, auroc;		/* at threshold .5 */
	struct hm_interval accuracy_ci, auroc_ci; /* Wilson, DeLong */
	double loss, seconds;			  /* training loss of the last epoch, time of the training */
	struct hm_curve train, val;		  /* loss by step: training, validation */
};

struct hm_row {
	const char *name, *title, *options, *note;
	int64_t part;
	bool selected; /* the epoch was chosen on the same examples that it is scored on */
	struct hm_published published;
	int n; /* trials */
	struct hm_trial *trial;
};

enum hm_claim_kind { HM_CLAIM_BETTER, HM_CLAIM_NOT_WORSE, HM_CLAIM_SAME };

struct hm_claim {
	const char *text;
	enum hm_claim_kind kind;
	double margin;
	int n;
	struct {
		const struct hm_row *a, *b;
		const char *note; /* in what else they differ */
	} pair[HM_RUNS_PAIRS];
};

struct hm_stage {
	const char *name;
	double seconds, records, memory; /* records: NaN when not counted; memory in bytes */
};

struct hm_runs {
	const char *title, *data, *image, *text, *baseline, *sheet_of;
	const char **about; /* [n_about] paragraphs */
	double train, dev;  /* examples of the data set */
	double baseline_accuracy;
	bool published[HM_PUBLISHED]; /* some row has this number that was published of it */
	bool echo; /* every label of every file is that system's answer: hm_predictions_echo */
	int n_rows, n_claims, n_stages, n_about;
	struct hm_row *row;
	struct hm_claim *claim;
	struct hm_stage *stage;
	struct hm_literature literature;
	struct hm_buf sheet;	   /* a PNG file, or empty */
	struct hm_buf files;	   /* const char *[]: paths of the files that were read */
	struct hm_matched matched; /* of all trials */
	/* for runs.c and runsfiles.c */
	cJSON *json;
	char *folder;
	struct hm_imageroot root; /* the folder */
	int systems;
	struct hm_predictions *system; /* [systems] */
	struct hm_sample *sample;      /* [systems] */
	struct hm_arena arena;
};

/* Reads `path` and the files it names: all below its folder, links out of it only when follow_symlinks. 0, or
 * HM_EDATA with a sentence that names the file and what is wrong. Caller clears, also after a failure. */
int hm_runs_read(struct hm_runs *r, const char *path, bool follow_symlinks, struct hm_err *e);
void hm_runs_clear(struct hm_runs *r);

#endif
