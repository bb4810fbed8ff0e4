/* All that is known of one or several systems once they are scored, and its way to text, JSON, CSV and
 * pictures. */
#ifndef HM_SCORED_H
#define HM_SCORED_H

#include "stat/scores.h"

struct hm_scored_options {
	double threshold;
	bool asked; /* the threshold is the user's wish; else 0.5, which more than two classes ignore */
	const struct hm_predictions *fit; /* fit the threshold on these; NULL: the one above */
	bool fit_same;			  /* they are known to be what is scored; else it is found out */
	const char *expect;		  /* hm_expected_count's */
	size_t skipped;
	bool allow_missing;
	size_t resamples;
	uint64_t seed;		    /* of the bootstrap */
	struct hm_workers *workers; /* may be NULL */
	bool calibration;	    /* the bins of every system, two classes */
	const char *by; /* the column by which the first system's records are grouped; NULL: none */
	const struct hm_confounders *pairs; /* score these too; may be NULL */
	const char *ablate[2];		    /* hm_scores's, of the model that made the predictions */
	int64_t ablate_seed;
};

struct hm_scored {
	int k;				   /* systems */
	const struct hm_predictions *said; /* [k], borrowed */
	const char *name[HM_COMPARE_MAX];
	struct hm_matched matched;
	struct hm_sample sample[HM_COMPARE_MAX];
	struct hm_scores scores[HM_COMPARE_MAX];
	struct hm_bin bin[HM_COMPARE_MAX][HM_BINS];
	struct hm_pair *pair; /* [k(k-1)/2] when k > 1 */
	struct hm_threshold threshold;
	bool echo; /* all that is known of the labels are systems' own answers */
	struct hm_groups groups;
	struct hm_pairscore pairs;
};

/* Scores said[0..k), 1 <= k <= HM_COMPARE_MAX; several are compared, which takes a labelled record. 0 or
 * HM_EDATA. Caller frees with hm_scored_clear, also after a failure. */
int hm_scored_compute(struct hm_scored *s, const struct hm_predictions *said, int k,
		      const struct hm_scored_options *o, struct hm_err *e);
void hm_scored_clear(struct hm_scored *s);

/* The report, with the `errors` most confident errors of a single system; the JSON. Append. */
int hm_scored_text(const struct hm_scored *s, size_t errors, struct hm_buf *out, struct hm_err *e);
int hm_scored_json(const struct hm_scored *s, struct hm_buf *out, struct hm_err *e);
/* The pictures, whole or not at all. HM_EDATA: there is no ROC curve without records of both of two classes,
 * no reliability diagram without records of two classes; gnuplot fails. */
int hm_scored_roc(const struct hm_scored *s, const char *path, struct hm_err *e);
int hm_scored_calibration(const struct hm_scored *s, const char *path, struct hm_err *e);

#endif
