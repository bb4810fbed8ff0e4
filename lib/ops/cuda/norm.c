/* This file launches LayerNorm and the operations around it: norm.cu and normback.cu. */
#include "ops/cuda/cuda.h"
#include "ops/cuda/textargs.h"
#include "ops/dropmask.h"

enum {
	MOST_HELD = 32 * 32,
	WARPS = 4,
	BLOCKS = 264
}; /* of add_norm_backward: two per multiprocessor of an H100 */

/* Whether rows of k activations and of k floats all begin at multiples of 16 bytes and fit a warp's
 * registers. */
static int fits_registers(const struct hm_device *d, int k, const void *const *p, int n)
{
	uintptr_t all = 0;
	for (int j = 0; j < n; j++)
		all |= (uintptr_t)p[j];
	return k <= MOST_HELD && (size_t)k * hm_dtype_size(d->act) % 16 == 0 && k % 4 == 0 && all % 16 == 0;
}

static struct hm_grid grid_of_rows(int m)
{
	return hm_cuda_each(((size_t)m + WARPS - 1) / WARPS, WARPS * 32);
}

void hm_cuda_embed(struct hm_device *d, void *y, const int32_t *id, const int32_t *pos, const float *word,
		   const float *position, const float *type0, const float *gamma, const float *beta,
		   double eps, int m, int k)
{
	struct norm_args a = {.y = y,
			      .id = id,
			      .pos = pos,
			      .word = word,
			      .position = position,
			      .type0 = type0,
			      .gamma = gamma,
			      .beta = beta,
			      .m = m,
			      .k = k,
			      .eps = (float)eps};
	a.held = fits_registers(d, k, (const void *const[]){y, word, position, type0, gamma, beta}, 6);
	HM_LAUNCH(d, HM_BY_ACT(d, embed), grid_of_rows(m), a);
}

void hm_cuda_layer_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
			const float *beta, double eps, int m, int k)
{
	struct norm_args a = {.y = y,
			      .x = (void *)(uintptr_t)x, /* layer_norm only reads it */
			      .res = res,
			      .gamma = gamma,
			      .beta = beta,
			      .m = m,
			      .k = k,
			      .eps = (float)eps};
	a.held = fits_registers(d, k, (const void *const[]){y, x, res, gamma, beta}, 5);
	HM_LAUNCH(d, HM_BY_ACT(d, layer_norm), grid_of_rows(m), a);
}

void hm_cuda_add_norm(struct hm_device *d, void *y, float *stats, void *x, const void *res,
		      const float *gamma, const float *beta, double eps, const struct hm_dropout *drop, int m,
		      int k)
{
	struct norm_args a = {.y = y,
			      .x = x,
			      .res = res,
			      .gamma = gamma,
			      .beta = beta,
			      .stats = stats,
			      .drop = hm_cuda_drop(d, drop),
			      .m = m,
			      .k = k,
			      .eps = (float)eps};
	a.held = !a.drop.straddle && fits_registers(d, k, (const void *const[]){y, x, res, gamma, beta}, 5);
	HM_LAUNCH(d, HM_BY_ACT(d, add_norm), grid_of_rows(m), a);
}

void hm_cuda_add_norm_backward(struct hm_device *d, void *ds, void *dx, float *dgamma, float *dbeta,
			       const void *dy, const void *dy2, const void *skip, const void *s,
			       const float *stats, const float *gamma, const struct hm_dropout *drop, int m,
			       int k)
{
	struct norm_backward_args a = {.ds = ds,
				       .dx = dx,
				       .dy = dy,
				       .dy2 = dy2,
				       .skip = skip,
				       .s = s,
				       .stats = stats,
				       .gamma = gamma,
				       .m = m,
				       .k = k};
	a.held = (!hm_dropout_on(drop) || drop->first % 4 == 0) &&
		 fits_registers(d, k, (const void *const[]){ds, dx, dy, dy2, skip, s, gamma}, 7);
	int warps = a.held ? WARPS : 1, blocks = (m + warps - 1) / warps;
	blocks = blocks < BLOCKS ? blocks : BLOCKS;
	if (dgamma || dbeta)
		a.part = hm_cuda_scratch(d, (size_t)BLOCKS * 2 * (size_t)k * sizeof *a.part);
	a.drop = hm_cuda_drop(d, drop);
	struct hm_grid grid = {(unsigned)blocks, 1, (unsigned)warps * 32, 0};
	HM_LAUNCH(d, HM_BY_ACT(d, add_norm_backward), grid, a);
	if (!a.part)
		return;
	struct add_parts_args sum = {
		.y = dgamma, .y2 = dbeta, .part = a.part, .parts = blocks, .stride = 2 * k, .k = k};
	HM_LAUNCH(d, add_parts, ((struct hm_grid){((unsigned)k + 31) / 32, 2, 256, 0}), sum);
}
