/* Learning rate schedules. See schedule.h. */
#include "train/schedule.h"

#include <math.h>

double hm_schedule_factor(enum hm_schedule s, int64_t k, int64_t total, int64_t warmup)
{
	if (k < warmup)
		return (double)k / (double)warmup;
	double span = total > warmup ? (double)(total - warmup) : 1, at = (double)(k - warmup) / span;
	switch (s) {
	case HM_LINEAR:
		return at < 1 ? (double)(total - k) / span : 0;
	case HM_COSINE:
		return at < 1 ? 0.5 * (1 + cos(M_PI * at)) : 0;
	default:
		return 1;
	}
}
