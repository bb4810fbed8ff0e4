/* Calibration by bins. See calibration.h. */
#include "stat/calibration.h"

#include <math.h>

void hm_calibration_compute(const struct hm_sample *s, struct hm_bin bin[HM_BINS])
{
	double sum[HM_BINS] = {0};
	for (int b = 0; b < HM_BINS; b++)
		bin[b] = (struct hm_bin){.p = NAN, .share = NAN, .ci = {NAN, NAN}};
	for (size_t i = 0; i < s->n; i++) {
		int b = hm_prob_bin(s->score[i]);
		bin[b].n++;
		bin[b].positive += s->label[i] == 1;
		sum[b] += s->score[i];
	}
	for (int b = 0; b < HM_BINS; b++) {
		if (!bin[b].n)
			continue;
		bin[b].p = sum[b] / (double)bin[b].n;
		bin[b].share = (double)bin[b].positive / (double)bin[b].n;
		bin[b].ci = hm_wilson(bin[b].positive, bin[b].n);
	}
}
