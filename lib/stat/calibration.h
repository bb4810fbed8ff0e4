/* Calibration: how many of the records to which a system gives about the same probability are of class 1? The
 * bins are those of ECE. */
#ifndef HM_CALIBRATION_H
#define HM_CALIBRATION_H

#include "stat/interval.h"

struct hm_bin {
	size_t n, positive;
	double p, share;       /* mean probability, share of class 1; NaN when n = 0 */
	struct hm_interval ci; /* Wilson, of the share */
};
/* The sample has two classes. */
void hm_calibration_compute(const struct hm_sample *s, struct hm_bin bin[HM_BINS]);

#endif
