/* A seeded bootstrap: percentile intervals of numbers that are computed from resamples, n examples drawn out
 * of n with replacement. */
#ifndef HM_BOOTSTRAP_H
#define HM_BOOTSTRAP_H

#include "base/workers.h"
#include "stat/interval.h"

struct hm_resampling {
	size_t resamples; /* 0: no intervals */
	uint64_t seed;
	struct hm_workers *workers; /* may be NULL */
};

/* value[] := the numbers of one resample. weight[n]: how often each example was drawn. `worker` counts from
 * 0, below the number of workers; no two calls at a time have the same. NaN: undefined for this resample. */
typedef void hm_measure(void *ctx, const uint32_t *weight, int worker, double *value);

/* ci[values]: 95 % intervals of the numbers. Draw i, try t uses the random stream (seed, HM_RNG_BOOTSTRAP, i,
 * t). A draw whose examples all have the same label is drawn again; when all n have the same there are no
 * intervals. Draws for which a number is undefined do not count for it; there is no interval unless half of
 * them are left. Quantiles are interpolated linearly, as numpy does. The result does not depend on the number
 * of workers. 0 or HM_EDATA (memory). */
int hm_bootstrap_values(size_t n, const int32_t *label, const struct hm_resampling *how, int values,
			hm_measure *measure, void *ctx, struct hm_interval *ci, struct hm_err *e);

/* The same for every metric of hm_metrics_compute. */
int hm_bootstrap(const struct hm_sample *s, const struct hm_resampling *how,
		 struct hm_interval ci[HM_METRICS], struct hm_err *e);

#endif
