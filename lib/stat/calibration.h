/* Calibration: of the records to which a system gives about this probability, how many are of class 1? In the
 * bins of ECE. */
#ifndef HM_CALIBRATION_H
#define HM_CALIBRATION_H

#include "stat/interval.h"

struct hm_bin {
	size_t n, positive;
	double p, share;       /* mean probability, share of class 1; NaN when n = 0 */
	struct hm_interval ci; /* Wilson, of the share */
};
/* Of a sample of two classes. */
void hm_calibration_compute(const struct hm_sample *s, struct hm_bin bin[HM_BINS]);

/* The reliability diagram of k systems on the same examples as a PNG file: shares with intervals over mean
 * probabilities, below it how many records each bin has. Samples have two classes and at least one example.
 * HM_EDATA when gnuplot is not installed or fails. */
int hm_calibration_plot(const char *path, const struct hm_sample *s, const char *const *name, int k,
			struct hm_err *e);

#endif
