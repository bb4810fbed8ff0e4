/* This file has the training operations of the cpu device that move rows or add them, distributed among
 * d->threads threads. Sums over rows are divided by columns, or into chunks of a fixed number of rows that
 * are added in order, so the bytes do not depend on the number of threads. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/split.h"
#include "ops/cpu/vec.h"

#include <string.h>

enum { LINE = 64, BLOCK = 256 }; /* columns, elements: parts begin at multiples of it */

/* ---- elements */

void hm_cpu_zero(struct hm_device *d, void *dst, size_t bytes)
{
	if (hm_few(bytes / sizeof(float))) {
		memset(dst, 0, bytes);
		return;
	}
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++) {
		size_t from = hm_part(bytes, t, d->threads, 4096);
		memset((char *)dst + from, 0, hm_part(bytes, t + 1, d->threads, 4096) - from);
	}
}

HM_SIMD static void widen_run(float *y, const void *x, size_t n, bool bf16)
{
	hm_widen(y, x, n, bf16);
}

HM_SIMD static void narrow_run(void *y, const float *x, size_t n, bool bf16)
{
	hm_narrow(y, x, n, bf16);
}

void hm_cpu_widen(struct hm_device *d, float *y, const void *x, size_t n)
{
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++) {
		size_t from = hm_part(n, t, d->threads, BLOCK);
		widen_run(y + from, (const char *)x + from * hm_dtype_size(d->act),
			  hm_part(n, t + 1, d->threads, BLOCK) - from, d->act == HM_BF16);
	}
}

void hm_cpu_narrow(struct hm_device *d, void *y, const float *x, size_t n)
{
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++) {
		size_t from = hm_part(n, t, d->threads, BLOCK);
		narrow_run((char *)y + from * hm_dtype_size(d->act), x + from,
			   hm_part(n, t + 1, d->threads, BLOCK) - from, d->act == HM_BF16);
	}
}

/* ---- sums over rows */

size_t hm_cpu_chunks(int m)
{
	return ((size_t)m + HM_CHUNK - 1) / HM_CHUNK;
}

HM_SIMD static void add_chunks(float *out, const float *part, size_t chunks, size_t stride, size_t n)
{
	for (size_t j = 0; j < n; j++) {
		double sum = 0;
		for (size_t c = 0; c < chunks; c++)
			sum += part[c * stride + j];
		out[j] = (float)(out[j] + sum);
	}
}

void hm_cpu_add_chunks(struct hm_device *d, float *out, const float *part, size_t chunks, size_t stride,
		       size_t n)
{
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < (out ? d->threads : 0); t++) {
		size_t from = hm_part(n, t, d->threads, LINE);
		add_chunks(out + from, part + from, chunks, stride,
			   hm_part(n, t + 1, d->threads, LINE) - from);
	}
}

/* sum [n] = column sums of rows [from, to) of x act [.,n]; v: scratch [n]. */
HM_SIMD static void sum_rows(float *restrict sum, float *restrict v, const void *x, size_t from, size_t to,
			     size_t n, bool bf16)
{
	memset(sum, 0, n * sizeof *sum);
	for (size_t r = from; r < to; r++) {
		hm_widen(v, (const char *)x + r * n * (bf16 ? 2 : 4), n, bf16);
		for (size_t j = 0; j < n; j++)
			sum[j] += v[j];
	}
}

void hm_cpu_add_column_sums(struct hm_device *d, float *out, const void *x, int m, int n)
{
	size_t chunks = hm_cpu_chunks(m), each = (size_t)n;
	float *scratch = hm_cpu_scratch(d, (chunks + (size_t)d->threads) * each * sizeof *scratch);
	if (!scratch)
		return;
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		for (size_t c = hm_part(chunks, t, d->threads, 1); c < hm_part(chunks, t + 1, d->threads, 1);
		     c++)
			sum_rows(scratch + c * each, scratch + (chunks + (size_t)t) * each, x, c * HM_CHUNK,
				 (c + 1) * HM_CHUNK < (size_t)m ? (c + 1) * HM_CHUNK : (size_t)m, each,
				 d->act == HM_BF16);
	hm_cpu_add_chunks(d, out, scratch, chunks, each, each);
}

/* ---- rows by index */

HM_SIMD static void add_run(float *restrict y, const float *restrict x, size_t n)
{
	for (size_t j = 0; j < n; j++)
		y[j] += x[j];
}

void hm_cpu_add_rows(struct hm_device *d, float *y, const int32_t *at, const float *table, const int32_t *row,
		     int m, int k)
{
#pragma omp parallel for num_threads(d->threads)
	for (int r = 0; r < m; r++)
		add_run(y + (size_t)(at ? at[r] : r) * k, table + (row ? (size_t)row[r] : 0) * k, (size_t)k);
}

/* One part of the columns, row by row in order: several rows may be added to one row of the table. */
HM_SIMD static void add_rows_back(float *dtable, const int32_t *row, const void *dy, const int32_t *at,
				  int skip, int m, size_t k, size_t from, size_t to, bool bf16)
{
	float v[BLOCK];
	for (int r = 0; r < m; r++) {
		int32_t target = row ? row[r] : 0;
		const char *x = (const char *)dy + (size_t)(at ? at[r] : r) * k * (bf16 ? 2 : 4);
		for (size_t c = from; c < to && target != skip; c += BLOCK) {
			size_t n = to - c < BLOCK ? to - c : BLOCK;
			float *y = dtable + (size_t)target * k + c;
			hm_widen(v, x + c * (bf16 ? 2 : 4), n, bf16);
			for (size_t j = 0; j < n; j++)
				y[j] += v[j];
		}
	}
}

void hm_cpu_add_rows_backward(struct hm_device *d, float *dtable, const int32_t *row, const void *dy,
			      const int32_t *at, int skip, int m, int k)
{
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		add_rows_back(dtable, row, dy, at, skip, m, (size_t)k,
			      hm_part((size_t)k, t, d->threads, LINE),
			      hm_part((size_t)k, t + 1, d->threads, LINE), d->act == HM_BF16);
}

void hm_cpu_gather_backward(struct hm_device *d, void *dx, const void *dy, const int32_t *row, int s, int m,
			    int k)
{
	size_t bytes = (size_t)k * hm_dtype_size(d->act);
	hm_cpu_zero(d, dx, (size_t)m * bytes);
	for (int j = 0; j < s; j++)
		memcpy((char *)dx + (size_t)row[j] * bytes, (const char *)dy + (size_t)j * bytes, bytes);
}

void hm_cpu_copy_columns(struct hm_device *d, float *y, int ldy, const float *x, int ldx, int m, int k)
{
	(void)d;
	for (size_t r = 0; r < (size_t)m; r++)
		memcpy(y + r * ldy, x + r * ldx, (size_t)k * sizeof *y);
}

HM_SIMD static void scale_run(float *y, const float *x, float scale, size_t n)
{
	for (size_t j = 0; j < n; j++)
		y[j] = scale * x[j];
}

void hm_cpu_scale_rows(struct hm_device *d, float *y, const float *x, const float *scale, int n, int k)
{
#pragma omp parallel for num_threads(d->threads)
	for (int r = 0; r < n; r++)
		scale_run(y + (size_t)r * k, x + (size_t)r * k, scale[r], (size_t)k);
}

/* dx += scale*dy; returns the sum of dy*x, of 16 sums that do not depend on the instruction set. */
HM_SIMD static float scale_back(float *dx, const float *dy, const float *x, float scale, size_t n)
{
	float part[16] = {0}, sum = 0;
	size_t j = 0;
	for (; j + 16 <= n; j += 16)
		for (size_t i = 0; i < 16; i++) {
			part[i] += dy[j + i] * x[j + i];
			dx[j + i] += scale * dy[j + i];
		}
	for (; j < n; j++) {
		part[j % 16] += dy[j] * x[j];
		dx[j] += scale * dy[j];
	}
	for (size_t i = 0; i < 16; i++)
		sum += part[i];
	return sum;
}

void hm_cpu_scale_rows_backward(struct hm_device *d, float *dx, float *dscale, const float *dy,
				const float *x, const float *scale, int n, int k)
{
#pragma omp parallel for num_threads(d->threads)
	for (int r = 0; r < n; r++)
		dscale[r] += scale_back(dx + (size_t)r * k, dy + (size_t)r * k, x + (size_t)r * k, scale[r],
					(size_t)k);
}
