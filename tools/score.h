/* hm-score in four files: hm-score.c has the options, score_call.c checks the call, score_run.c reads and
 * scores, score_write.c writes. This is what they share. */
#ifndef HM_SCORE_H
#define HM_SCORE_H

#include "cli/cli.h"
#include "score/scored.h"
#include "score/system.h"
#include "score/truth.h"
#include "stat/ensemble.h"
#include "towerwords.h"

/* The user's options. */
struct options {
	char *model, *labels, *csv, *submission, *latex, *json, *roc, *calibration, *sheet, *threshold, *by,
		*pairs, *expect, *out, *columns[HM_SIDES];
	struct hm_strs ablate;
	int average;
	bool averaged, compare, allow_missing, unknown, mismatch, keep, replace, no_normalize, spreadsheet;
	int64_t seed, bootstrap, errors, batch_size;
	struct tower_words tower;
};

struct hm_score {
	struct hm_cli cli;
	struct options o;
	int k;	    /* systems that are scored */
	int loaded; /* systems that are read: of --average all operands */
	struct hm_predictions said[HM_COMPARE_MAX], fit;
	struct hm_confounders pairs;
	struct hm_truth truth;	  /* of --labels */
	struct hm_device *device; /* NULL without a model */
	struct hm_system source;  /* what was read last */
	struct hm_scored_options how;
	struct hm_feature_names columns[HM_SIDES];
	enum hm_ablation ablate[HM_SIDES];
	struct hm_scored scored;
	const char *name[HM_COMPARE_MAX]; /* of --compare's systems */
	char *path[HM_COMPARE_MAX];
	struct hm_buf report, json, csv, submission, latex;
};

/* score_call.c: checks the call and fills what follows from it: k, loaded, columns, ablate, how. A wrong call
 * ends the tool. */
void hm_score_check(struct hm_score *r);

/* score_run.c: reads the systems, scores them, has written what was asked for. 0 or a negative code. */
int hm_score_run(struct hm_score *r, struct hm_err *e);
/* score_write.c: writes the files and the report. 0 or a negative code. */
int hm_score_write(struct hm_score *r, struct hm_err *e);
void hm_score_clear(struct hm_score *r);

#endif
