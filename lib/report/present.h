/* Presents what lib/stat computes: as text to read, as JSON, CSV and pictures. Text, JSON and CSV are
 * appended to buffers. All functions return 0 or HM_EDATA (memory). */
#ifndef HM_PRESENT_H
#define HM_PRESENT_H

#include "stat/scores.h"

/* The table of metrics with intervals and baselines, the confusion matrix, notes on what the numbers cannot
 * tell, and the last line: `accuracy 0.5580 [0.5142, 0.6010]  auroc 0.6123 [0.5631, 0.6615]  n 500`. */
int hm_scores_text(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e);
/* The object of hm-score --json on one line, canonical; NaN is null, and so is the confusion matrix of more
 * classes than HM_CONFUSION_MOST. */
#define HM_CONFUSION_MOST 200
int hm_scores_json(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e);

/* k <= HM_COMPARE_MAX systems and the k(k-1)/2 pairs of them. The tables call the systems A to Z. */
int hm_compare_text(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *out,
		    struct hm_err *e);
/* {"n":…,"systems":[…as hm_scores_json, and "name"…],"pairs":[…]} */
int hm_compare_json(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *out,
		    struct hm_err *e);

/* Tables for LaTeX with the package booktabs: a row per system with accuracy, AUROC (macro F1 and macro AUROC
 * with more than two classes) and intervals; of several systems a row per pair, of one with more than two
 * classes a row per class. */
int hm_scores_latex(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *out,
		    struct hm_err *e);

/* id,proba,label; with more than two classes id,proba_0,…,label; then name, the label's word, if the classes
 * have words. Probabilities are written by %.9g, so that they read back as the same f32. A failed record has
 * empty probabilities, an unknown label is empty. `put` writes ids and words: hm_buf_field, or hm_buf_cell.
 */
int hm_predictions_csv(const struct hm_predictions *p, hm_field_writer *put, struct hm_buf *out,
		       struct hm_err *e);
/* A submission to a challenge: id,proba,label of every record that has an answer, the label being the answer
 * at the threshold. Two classes. */
int hm_submission_csv(const struct hm_predictions *p, double threshold, struct hm_buf *out, struct hm_err *e);
/* The first `count` records of hm_errors_find, a line each. */
int hm_errors_text(const struct hm_predictions *p, const struct hm_matched *m, const struct hm_sample *s,
		   size_t count, struct hm_buf *out, struct hm_err *e);

/* What a picture's file is, by the ending of its name, in any case: .png, .svg, .pdf. */
enum hm_picture { HM_PICTURE_NONE, HM_PICTURE_PNG, HM_PICTURE_SVG, HM_PICTURE_PDF };
enum hm_picture hm_picture_kind(const char *path);

/* Pictures of k systems on the same examples, drawn by gnuplot as a file at `path`, whole or not at all. The
 * path must have one of the endings. name[k]: the systems'; classes[2]: the words of the classes, or NULL.
 * Both also return HM_EDATA when gnuplot is not installed or fails. ROC: a curve per system, its name and
 * AUROC in the legend. Samples have examples of both of two classes. */
int hm_roc_plot(const char *path, const struct hm_sample *s, const char *const *name, int k,
		const char *const *classes, struct hm_err *e);
/* The reliability diagram: shares of class 1 with intervals over mean probabilities, below it how many
 * records each bin has. Samples have two classes and at least one example. */
int hm_calibration_plot(const char *path, const struct hm_sample *s, const char *const *name, int k,
			const char *const *classes, struct hm_err *e);

#endif
