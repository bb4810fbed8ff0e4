/* This file launches batch norm in training. Forward reads x once for its statistics and once to normalise
 * it; backward reads dy and x once for the sums and once for dx. The pieces of the sums depend on the shape
 * alone. */
#include "ops/cuda/imageops.h"

enum {
	LANES = 32, /* threads side by side, at most: 512 bytes of a row of bf16 */
	DEEP = 8, /* at least so many rows per thread, so that partial sums are a small part of the traffic */
	PIECES = 512 /* pieces at most: about four blocks per multiprocessor of an H100 */
};

/* Sets the sizes of a pass over x [m,c]. `wide` arrays must all allow 16 bytes at a time. */
static void set_sizes(struct batch_norm_args *a, size_t m, int c, bool wide)
{
	uint32_t units = (uint32_t)(wide ? c / 8 : c), step;
	a->m = (uint32_t)m;
	a->c = (uint32_t)c;
	a->wide = wide;
	a->lanes = units < LANES ? units : LANES;
	step = HM_BN_THREADS / a->lanes;
	a->run = step * DEEP;
	a->rows = a->run;
	if (a->m > a->rows * PIECES)
		a->rows = (a->m + PIECES - 1) / PIECES;
	a->chunks = (a->m + a->rows - 1) / a->rows;
}

static struct hm_grid grid_of(const struct batch_norm_args *a, uint32_t rows)
{
	uint32_t channels = a->lanes * (a->wide ? 8 : 1);
	return (struct hm_grid){(a->m + rows - 1) / rows, (a->c + channels - 1) / channels, HM_BN_THREADS, 0};
}

static struct hm_grid by_channel(const struct batch_norm_args *a)
{
	uint32_t channels = HM_BN_THREADS / HM_BN_TEAM;
	return (struct hm_grid){(a->c + channels - 1) / channels, 1, HM_BN_THREADS, 0};
}

/* False: an error sticks. */
static bool get_scratch(struct batch_norm_args *a, struct hm_device *d)
{
	size_t pieces = (a->m + a->run - 1) / a->run; /* smaller batches never need more memory than this */
	pieces = pieces < PIECES ? pieces : PIECES;
	size_t part = a->chunks ? pieces * 2 * a->c * sizeof *a->part : 0;
	a->part = hm_cuda_scratch(d, part + 3 * a->c * sizeof *a->coef);
	a->coef = (float *)(void *)((char *)a->part + part);
	return a->part;
}

void hm_cuda_batch_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
			const float *beta, float *mean, float *var, float *save, const struct hm_bn *b, int i,
			int h, int w, int c)
{
	struct batch_norm_args a = {.y = y,
				    .x = x,
				    .res = res,
				    .gamma = gamma,
				    .beta = beta,
				    .mean = mean,
				    .var = var,
				    .save = save,
				    .eps = b->eps,
				    .momentum = b->momentum,
				    .batch = b->mode != HM_BN_EVAL,
				    .relu = b->relu};
	size_t m = (size_t)i * h * w;
	if (a.batch && m < 2)
		hm_err_set(&d->err, HM_EDATA, "batch norm in training needs more than one value per channel");
	if (d->err.code || !hm_cuda_counts(d, m))
		return;
	set_sizes(&a, m, c, hm_cuda_wide(c, y, x, res) && hm_cuda_wide(c, save, NULL, NULL));
	if (!a.batch)
		a.chunks = 0;
	if (!get_scratch(&a, d))
		return;
	if (a.batch)
		HM_LAUNCH(d, HM_BY_ACT(d, batch_norm_sums), grid_of(&a, a.rows), a);
	HM_LAUNCH(d, batch_norm_totals, by_channel(&a), a);
	HM_LAUNCH(d, HM_BY_ACT(d, batch_norm_apply), grid_of(&a, a.run), a);
}

void hm_cuda_batch_norm_backward(struct hm_device *d, void *dx, void *dres, float *dgamma, float *dbeta,
				 const void *dy, const void *dy2, const void *y, const void *x,
				 const float *gamma, const float *save, const struct hm_bn *b, int i, int h,
				 int w, int c)
{
	bool wanted = b->mode != HM_BN_TRAIN_FROZEN;
	struct batch_norm_args a = {.dx = dx,
				    .dres = dres,
				    .x = x,
				    .dy = dy,
				    .dy2 = dy2,
				    .seen = b->relu ? y : NULL,
				    .gamma = gamma,
				    .save = (float *)(uintptr_t)save, /* read only here */
				    .dgamma = wanted ? dgamma : NULL,
				    .dbeta = wanted ? dbeta : NULL,
				    .batch = b->mode != HM_BN_EVAL,
				    .relu = b->relu};
	size_t m = (size_t)i * h * w;
	if (!hm_cuda_counts(d, m))
		return;
	set_sizes(&a, m, c,
		  hm_cuda_wide(c, dx, dres, x) && hm_cuda_wide(c, dy, dy2, a.seen) &&
			  hm_cuda_wide(c, save, NULL, NULL));
	if (!dres && !a.dgamma && !a.dbeta && !(dx && a.batch))
		a.chunks = 0;
	if (!get_scratch(&a, d))
		return;
	if (a.chunks)
		HM_LAUNCH(d, HM_BY_ACT(d, batch_norm_dots), grid_of(&a, a.rows), a);
	if (dx || a.dgamma || a.dbeta)
		HM_LAUNCH(d, batch_norm_slopes, by_channel(&a), a);
	if (dx)
		HM_LAUNCH(d, HM_BY_ACT(d, batch_norm_backward), grid_of(&a, a.run), a);
}
