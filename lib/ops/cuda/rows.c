/* This file launches the kernels of rows.cu: rows by index, and sums over rows. */
#include "ops/cuda/cuda.h"
#include "ops/cuda/textargs.h"

enum { THREADS = 256, WARPS = THREADS / 32 };
enum { PART = 64, PARTS = 512 }; /* of a sum: rows per part; parts at most */

static struct hm_grid grid_of_rows(int m)
{
	return hm_cuda_each(((size_t)m + WARPS - 1) / WARPS, THREADS);
}

void hm_cuda_gather(struct hm_device *d, void *y, const void *x, const int32_t *row, int s, int k)
{
	struct gather_args a = {.y = y, .x = x, .row = row, .s = s, .k = k};
	HM_LAUNCH(d, HM_BY_ACT(d, gather), grid_of_rows(s), a);
}

void hm_cuda_gather_backward(struct hm_device *d, void *dx, const void *dy, const int32_t *row, int s, int m,
			     int k)
{
	struct gather_args a = {.y = dx, .x = dy, .row = row, .s = s, .m = m, .k = k};
	HM_LAUNCH(d, HM_BY_ACT(d, gather_backward), grid_of_rows(m), a);
}

void hm_cuda_add_rows(struct hm_device *d, float *y, const int32_t *at, const float *table,
		      const int32_t *row, int m, int k)
{
	struct add_rows_args a = {.y = y, .at = at, .table = table, .row = row, .m = m, .k = k};
	HM_LAUNCH(d, add_rows, grid_of_rows(m), a);
}

/* All rows go to one: column sums. */
static void add_all(struct hm_device *d, float *y, const void *dy, const int32_t *at, int m, int k)
{
	int lot = (int)(16 / hm_dtype_size(d->act)), part = m > PART * PARTS ? (m + PARTS - 1) / PARTS : PART;
	int parts = (m + part - 1) / part;
	bool even = (uintptr_t)dy % 16 == 0 && k % lot == 0;
	struct part_rows_args a = {
		.dy = dy, .at = at, .m = m, .k = k, .rows = part, .columns = even ? 32 * lot : 32};
	a.part = hm_cuda_scratch(d, (size_t)PARTS * (size_t)k * sizeof *a.part);
	struct hm_grid grid = {(unsigned)((k + a.columns - 1) / a.columns), (unsigned)parts, THREADS, 0};
	HM_LAUNCH(d, HM_BY_ACT(d, part_rows), grid, a);
	struct add_parts_args sum = {.y = y, .part = a.part, .parts = parts, .stride = k, .k = k};
	HM_LAUNCH(d, add_parts, ((struct hm_grid){((unsigned)k + 31) / 32, 1, THREADS, 0}), sum);
}

void hm_cuda_add_rows_backward(struct hm_device *d, float *dtable, const int32_t *row, const void *dy,
			       const int32_t *at, int skip, int m, int k)
{
	struct add_rows_backward_args a = {
		.dtable = dtable, .row = row, .dy = dy, .at = at, .skip = skip, .m = m, .k = k};
	if (row)
		HM_LAUNCH(d, HM_BY_ACT(d, add_rows_backward), grid_of_rows(m), a);
	else if (skip != 0)
		add_all(d, dtable, dy, at, m, k);
}
