/* The picture of ROC curves, drawn by gnuplot. */
#ifndef HM_PLOT_H
#define HM_PLOT_H

#include "stat/metrics.h"

/* One curve a sample, with its name and AUROC in the legend, as a PNG file at `path` (whole or not at all).
 * Samples have two classes, and examples of both. HM_EDATA when gnuplot is not installed or fails. */
int hm_roc_plot(const char *path, const struct hm_sample *s, const char *const *name, int k,
		struct hm_err *e);

#endif
