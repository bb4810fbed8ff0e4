/* This file launches the functions of single elements, and prepares dropout for all operations that use it.
 */
#include "ops/cuda/cuda.h"
#include "ops/cuda/textargs.h"
#include "ops/dropmask.h"

/* The grid for n elements, mostly 16 bytes per thread at a time. */
static struct hm_grid grid_of(struct hm_device *d, size_t n)
{
	size_t lot = 16 / hm_dtype_size(d->act);
	return hm_cuda_loop(d, (n + lot - 1) / lot);
}

void hm_cuda_activate(struct hm_device *d, void *y, const void *x, size_t n, enum hm_act f)
{
	struct element_args a = {y, x, NULL, n};
	if (f == HM_ACT_QUICK_GELU)
		HM_LAUNCH(d, HM_BY_ACT(d, quick_gelu), grid_of(d, n), a);
	else
		HM_LAUNCH(d, HM_BY_ACT(d, gelu), grid_of(d, n), a);
}

void hm_cuda_activate_backward(struct hm_device *d, void *dx, const void *dy, const void *x, size_t n,
			       enum hm_act f)
{
	struct element_args a = {dx, x, dy, n};
	if (f == HM_ACT_QUICK_GELU)
		HM_LAUNCH(d, HM_BY_ACT(d, quick_gelu_backward), grid_of(d, n), a);
	else
		HM_LAUNCH(d, HM_BY_ACT(d, gelu_backward), grid_of(d, n), a);
}

void hm_cuda_tanh(struct hm_device *d, void *y, const void *x, size_t n)
{
	struct element_args a = {y, x, NULL, n};
	HM_LAUNCH(d, HM_BY_ACT(d, tanh), grid_of(d, n), a);
}

void hm_cuda_tanh_backward(struct hm_device *d, void *dx, const void *dy, const void *y, size_t n)
{
	struct element_args a = {dx, y, dy, n};
	HM_LAUNCH(d, HM_BY_ACT(d, tanh_backward), grid_of(d, n), a);
}

void hm_cuda_widen(struct hm_device *d, float *y, const void *x, size_t n)
{
	struct element_args a = {y, x, NULL, n};
	HM_LAUNCH(d, HM_BY_ACT(d, widen), grid_of(d, n), a);
}

void hm_cuda_narrow(struct hm_device *d, void *y, const float *x, size_t n)
{
	struct element_args a = {y, x, NULL, n};
	HM_LAUNCH(d, HM_BY_ACT(d, narrow), grid_of(d, n), a);
}

struct hm_drop hm_cuda_drop(struct hm_device *d, const struct hm_dropout *drop)
{
	if (!hm_dropout_on(drop))
		return (struct hm_drop){0};
	const struct hm_draw w = {drop->first, drop->longest, drop->step};
	return (struct hm_drop){.draw = hm_cuda_vary(d, &w, sizeof w),
				.key = {(uint32_t)drop->seed, (uint32_t)(drop->seed >> 32)},
				.site = drop->site,
				.limit = hm_dropout_limit(drop),
				.scale = hm_dropout_scale(drop),
				.on = 1,
				.straddle = drop->first % 4 != 0};
}

void hm_cuda_dropout(struct hm_device *d, void *y, const void *x, const struct hm_dropout *drop, size_t n)
{
	struct dropout_args a = {y, x, n, hm_cuda_drop(d, drop)};
	if (a.drop.on)
		HM_LAUNCH(d, HM_BY_ACT(d, dropout), grid_of(d, n), a);
	else if (y != x)
		hm_cuda_copy(d, y, x, n * hm_dtype_size(d->act));
}
