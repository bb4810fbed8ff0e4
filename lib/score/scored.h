/* The scores of one system, or of several with their comparison, and their way to text, JSON and pictures. */
#ifndef HM_SCORED_H
#define HM_SCORED_H

#include "stat/scores.h"

struct hm_scored_options {
	double threshold;		  /* with two classes */
	const struct hm_predictions *fit; /* fit the threshold on these; NULL: take `threshold` */
	bool fit_same;	    /* `fit` is known to be what is scored; else the records are compared */
	const char *expect; /* spec of hm_expected_count; NULL: nothing is expected */
	size_t skipped;	    /* records that an earlier tool left out */
	bool allow_missing;
	struct hm_resampling bootstrap;
	bool brief;	  /* of several systems of two classes, leave out the bootstrap: nobody looks at its
			     intervals */
	bool calibration; /* compute the bins of every system; two classes */
	const char *echo; /* as in hm_scored, of the systems that were averaged */
	const char *by;	  /* the column by which the first system's records are grouped, or NULL */
	const struct hm_confounders *pairs; /* pairs of confounders to score, or NULL */
	const char *ablate[2];		    /* as in hm_scores, of the model that made the predictions */
	int64_t ablate_seed;
};

struct hm_scored {
	int k;				   /* systems */
	const struct hm_predictions *said; /* [k], borrowed */
	const char *name[HM_COMPARE_MAX];
	struct hm_matched matched;
	struct hm_sample sample[HM_COMPARE_MAX];
	struct hm_scores scores[HM_COMPARE_MAX];
	struct hm_classes each[HM_COMPARE_MAX]; /* with more than two classes */
	struct hm_bin bin[HM_COMPARE_MAX][HM_BINS];
	struct hm_pair *pair; /* [k(k-1)/2] when k > 1 */
	struct hm_threshold threshold;
	const char *echo; /* a system whose answers the labels are, and they are known from such alone; NULL:
			     there is none */
	struct hm_groups groups;
	struct hm_pairscore pairs;
};

/* Scores said[k], 1 <= k <= HM_COMPARE_MAX. Several systems are also compared, which needs a record with a
 * label. 0 or HM_EDATA. Caller frees with hm_scored_clear, also after a failure. */
int hm_scored_compute(struct hm_scored *s, const struct hm_predictions *said, int k,
		      const struct hm_scored_options *o, struct hm_err *e);
void hm_scored_clear(struct hm_scored *s);

/* Append the report, with the `errors` most confident wrong answers of a single system; append the JSON. */
int hm_scored_text(const struct hm_scored *s, size_t errors, struct hm_buf *out, struct hm_err *e);
int hm_scored_json(const struct hm_scored *s, struct hm_buf *out, struct hm_err *e);
/* Append the tables for LaTeX; the first system's answers as a submission, at the threshold that was used. */
int hm_scored_latex(const struct hm_scored *s, struct hm_buf *out, struct hm_err *e);
int hm_scored_submission(const struct hm_scored *s, struct hm_buf *out, struct hm_err *e);
/* Draw the pictures, whole or not at all. HM_EDATA: a ROC curve needs records of both of two classes, a
 * reliability diagram labelled records of two classes; gnuplot fails. */
int hm_scored_roc(const struct hm_scored *s, const char *path, struct hm_err *e);
int hm_scored_calibration(const struct hm_scored *s, const char *path, struct hm_err *e);

#endif
