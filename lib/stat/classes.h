/* Scores of each of more than two classes, one against the rest, and their averages, as scikit-learn defines
 * them (precision_recall_fscore_support, f1_score, roc_auc_score with multi_class "ovr"). */
#ifndef HM_CLASSES_H
#define HM_CLASSES_H

#include "stat/bootstrap.h"

/* Averages over the classes. */
enum hm_macro {
	HM_MACRO_PRECISION, /* mean over the classes that some label or some answer is, as scikit-learn's
			       default */
	HM_MACRO_RECALL,
	HM_MACRO_F1,
	HM_MACRO_AUROC, /* mean over all classes; undefined when one has no AUROC */
	HM_WEIGHTED_F1, /* mean over the labels of their classes' F1 */
	HM_MACROS
};
/* The average's key in JSON: "macro_f1". Static storage. */
const char *hm_macro_key(enum hm_macro m);

/* What is undefined is NaN. Precision, recall and F1 are 0 where the divisor is 0 (scikit-learn's
 * zero_division=0), but undefined for a class that no label and no answer is. AUROC, of the class's
 * probability, is undefined when no label is the class, or every one. */
struct hm_class {
	size_t support, answers, right; /* examples with this label, with this answer, with both */
	double precision, recall, f1, auroc;
};

struct hm_classes {
	int n;			 /* C */
	struct hm_class *item;	 /* [C] */
	size_t *confusion;	 /* [C, C]: [label, answer] */
	double value[HM_MACROS]; /* all undefined without examples */
	struct hm_interval ci[HM_MACROS];
};
/* prob[n, C] are those from which the sample is made; NULL: no AUROC is computed. The intervals are of the
 * bootstrap, in which a resample's averages are those of the classes in it. 0 or HM_EDATA (memory). Caller
 * frees with hm_classes_clear, also after a failure. */
int hm_classes_compute(struct hm_classes *c, const struct hm_sample *s, const double *prob,
		       const struct hm_resampling *how, struct hm_err *e);
void hm_classes_clear(struct hm_classes *c);

#endif
