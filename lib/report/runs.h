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
	double seed;
	const char *command;
	const char *history;		/* a line per tool behind the predictions: name, version, options */
	const struct hm_sample *sample; /* of the examples that all trials share, in the same order */
	double accuracy, auroc;		/* at threshold .5; auroc: NaN unless there are two classes */
	struct hm_interval accuracy_ci, auroc_ci; /* Wilson, DeLong */
	size_t failed;				  /* records that it has no answer to */
	double loss, seconds;			  /* training loss of the last epoch, time of the training */
	struct hm_curve train, val;		  /* loss by step: training, validation */
};

struct hm_row {
	const char *name, *title, *options, *note;
	double part;   /* NaN: not given */
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

struct hm_runs_options {
	bool follow_symlinks; /* links may lead out of the table's folder */
	bool allow_missing;   /* records on which a run failed are left out; else they are an error */
};

struct hm_runs {
	const char *title, *data, *image, *text, *baseline, *sheet_of;
	const char *claims_about; /* whose claims they are: a paragraph */
	const char **about;	  /* [n_about] paragraphs */
	bool made;		  /* the data is made (hm-synth) */
	bool random;		  /* an encoder is named init:..., of random weights */
	double train, dev;	  /* examples of the data set */
	double baseline_accuracy;
	bool published[HM_PUBLISHED]; /* some row has this number that was published of it */
	const char *
		echo; /* hm_predictions_echoes: a file of predictions whose labels are its answers; or NULL */
	bool given;   /* made of operands, not of a table: paths are the caller's */
	int n_rows, n_claims, n_stages, n_about;
	struct hm_row *row;
	struct hm_claim *claim;
	struct hm_stage *stage;
	struct hm_literature literature;
	struct hm_buf sheet; /* a PNG file, or empty */
	struct hm_buf files; /* const char *[]: paths of the files that were read */
	/* Of all trials, which have the same classes; also how many records count for no score. */
	struct hm_matched matched;
	/* for runs*.c alone */
	cJSON *json;
	char *folder;		  /* of the table, with its slash; "": the current one */
	struct hm_imageroot root; /* the folder; not open when given */
	int systems;
	struct hm_predictions *system; /* [systems] */
	struct hm_sample *sample;      /* [systems] */
	struct hm_arena arena;
};

/* Reads the n > 0 operands of a call: either one table, and the files it names, all below its folder; or
 * files of predictions, each NAME=FILE or FILE, a row of one trial each, whose default name is that of the
 * file without its folder and ".csv". Its first bytes tell a table. An operand is a FILE if there is such a
 * file, else NAME=FILE. 0, HM_EDATA with a sentence that names the file and what is wrong, or HM_EUSAGE: a
 * table among several operands, or two rows of one name. Caller clears, also after a failure. */
int hm_runs_open(struct hm_runs *r, int n, char *const *operands, const struct hm_runs_options *o,
		 struct hm_err *e);
/* Appends why records count for no score, NUL-terminated: "some row failed on 80 ("a" on 78, run 2 of "b" on
 * 9), 5 more have no label"; "" when all count. At most three runs are named. 0 or HM_EDATA (memory). */
int hm_runs_uncounted(const struct hm_runs *r, struct hm_buf *out, struct hm_err *e);
void hm_runs_clear(struct hm_runs *r);

#endif
