/* The outputs of many operations, one after the other, and two promises about them: cpu agrees with ref in
 * either precision, and no byte of cpu's depends on the number of threads. */
#ifndef TEST_OPOUTPUTS_H
#define TEST_OPOUTPUTS_H

#include "base/rng.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct outputs {
	float *at;
	size_t n, cap, mark[256]; /* where output j begins */
	int count;
};

/* Runs the operations on d. `all`: also those that take the longest. */
typedef void op_sequence(struct hm_device *d, struct outputs *o, bool all);

/* n normal numbers; caller frees. */
static inline float *random_floats(uint32_t seed, size_t n, uint32_t which)
{
	struct hm_rng r;
	float *x = malloc((n ? n : 1) * sizeof *x);
	hm_rng_init(&r, seed, HM_RNG_SYNTH, which, 0);
	for (size_t j = 0; j < n; j++)
		x[j] = (float)hm_rng_normal(&r);
	return x;
}

static inline void take_output(struct outputs *o, const void *x, size_t n, enum hm_dtype type)
{
	assert_true(o->n + n <= o->cap && o->count < 255);
	assert_int_equal(hm_to_f32(type, x, n, o->at + o->n, NULL), 0);
	o->mark[o->count++] = o->n;
	o->mark[o->count] = o->n += n;
}

/* NULL when this processor has no such precision. */
static inline struct hm_device *open_device(const char *name, bool bf16, int threads)
{
	struct hm_device *d = hm_device_open(name, bf16 ? HM_PREC_BF16 : HM_PREC_F32, NULL);
	assert_true(d || bf16);
	if (d)
		d->threads = threads;
	return d;
}

/* Caller frees ->at. Closes d. */
static inline struct outputs run_sequence(op_sequence *run, struct hm_device *d, size_t cap, bool all)
{
	struct hm_err e = {0};
	struct outputs o = {.at = malloc(cap * sizeof *o.at), .cap = cap};
	run(d, &o, all);
	if (hm_device_error(d, &e))
		fail_msg("%s", e.text);
	hm_device_close(d);
	return o;
}

/* Each output within bound[bf16] of the largest number in ref's. */
static inline void check_cpu_agrees(op_sequence *run, size_t cap, const double bound[2])
{
	for (int bf16 = 0; bf16 < 2; bf16++) {
		struct hm_device *cpu = open_device("cpu", bf16, 2);
		if (!cpu)
			continue;
		struct outputs a = run_sequence(run, cpu, cap, true),
			       b = run_sequence(run, open_device("ref", bf16, 1), cap, true);
		assert_int_equal(a.count, b.count);
		for (int j = 0; j < a.count; j++) {
			double most = 1e-30, worst = 0;
			for (size_t i = b.mark[j]; i < b.mark[j + 1]; i++) {
				most = fmax(most, fabs((double)b.at[i]));
				worst = fmax(worst, isfinite(a.at[i]) ? fabs((double)a.at[i] - b.at[i])
								      : (double)INFINITY);
			}
			if (!(worst <= bound[bf16] * most))
				fail_msg("output %d%s: off by %g of the largest, %g", j, bf16 ? " bf16" : "",
					 worst / most, most);
		}
		free(a.at);
		free(b.at);
	}
}

static inline void check_threads_do_not_matter(op_sequence *run, size_t cap)
{
	for (int bf16 = 0; bf16 < 2; bf16++)
		for (int threads = 2; threads <= 5; threads++) {
			struct hm_device *one = open_device("cpu", bf16, 1);
			if (!one)
				continue;
			struct outputs a = run_sequence(run, one, cap, false),
				       b = run_sequence(run, open_device("cpu", bf16, threads), cap, false);
			assert_int_equal(a.n, b.n);
			for (size_t j = 0; j < a.n; j++)
				if (memcmp(&a.at[j], &b.at[j], sizeof *a.at))
					fail_msg("element %zu differs with %d threads", j, threads);
			free(a.at);
			free(b.at);
		}
}

#endif
