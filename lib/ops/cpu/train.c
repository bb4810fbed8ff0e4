/* This file has f32 linear layers on the cpu device, forward and backward. Those of few outputs are vector
 * loops, made for the last layer of a head: many inputs, rows that pass through the cache once. Others are
 * products by oneDNN (widelinear.c). */
#include "ops/cpu/cpu.h"
#include "ops/cpu/vec.h"

enum {
	GROUP = 4, /* outputs computed together */
	FEW = 16   /* outputs that are worth no product by oneDNN */
};

/* Layers that take the same x: [n] outputs each of k inputs. A pass uses the arrays that it needs. */
struct layers {
	const float *const *w, *const *b; /* [heads] */
	float *const *y;
	float *const *dw;
	const float *const *dy;
	size_t heads, n, k;
};

/* One output of one of them. */
struct output {
	const float *w, *dy;
	float *dw, *y;
	float b;
};

/* The outputs from number `first` on of the layers in turn; returns how many they are. */
HM_INLINE size_t list_outputs(const struct layers *l, struct output o[GROUP], size_t first)
{
	size_t outs = l->heads * l->n - first < GROUP ? l->heads * l->n - first : GROUP;
	for (size_t c = 0; c < outs; c++) {
		size_t h = (first + c) / l->n, i = (first + c) % l->n;
		o[c] = l->y ? (struct output){.w = l->w[h] + i * l->k,
					      .y = l->y[h] + i,
					      .b = l->b[h] ? l->b[h][i] : 0}
			    : (struct output){.dw = l->dw[h] + i * l->k, .dy = l->dy[h] + i};
	}
	return outs;
}

/* Sum of a[j]*b[j] for j < k, in four vectors. */
HM_INLINE float dot(const float *a, const float *b, size_t k)
{
	hm_vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
	size_t j = 0;
	for (; j + 4 * HM_LANES <= k; j += 4 * HM_LANES) {
		s0 += *(const hm_vec *)(a + j) * *(const hm_vec *)(b + j);
		s1 += *(const hm_vec *)(a + j + 16) * *(const hm_vec *)(b + j + 16);
		s2 += *(const hm_vec *)(a + j + 32) * *(const hm_vec *)(b + j + 32);
		s3 += *(const hm_vec *)(a + j + 48) * *(const hm_vec *)(b + j + 48);
	}
	s0 += s1 + (s2 + s3);
	float sum = hm_vec_sum(&s0);
	for (; j < k; j++)
		sum += a[j] * b[j];
	return sum;
}

/* sum[r][c] := dot(x + r * k, o[c].w, k) for two rows and two outputs, with AVX-512: what is loaded serves
 * twice. */
HM_INLINE void dot_square(float sum[2][2], const float *x, const struct output *o, size_t k)
{
	hm_vec s[2][2][4] = {0};
	size_t j = 0;
	for (; j + 4 * HM_LANES <= k; j += 4 * HM_LANES)
#pragma GCC unroll 4
		for (size_t q = 0; q < 4; q++) {
			size_t at = j + q * HM_LANES;
			hm_vec x0 = *(const hm_vec *)(x + at), x1 = *(const hm_vec *)(x + k + at),
			       w0 = *(const hm_vec *)(o[0].w + at), w1 = *(const hm_vec *)(o[1].w + at);
			s[0][0][q] += x0 * w0;
			s[0][1][q] += x0 * w1;
			s[1][0][q] += x1 * w0;
			s[1][1][q] += x1 * w1;
		}
#pragma GCC unroll 4
	for (size_t t = 0; t < 4; t++) {
		hm_vec *p = s[t / 2][t % 2];
		p[0] += p[1] + (p[2] + p[3]);
		float all = hm_vec_sum(&p[0]);
		for (size_t i = j; i < k; i++)
			all += x[t / 2 * k + i] * o[t % 2].w[i];
		sum[t / 2][t % 2] = all;
	}
}

/* The outputs o[0..outs) of all rows. */
HM_INLINE void forward_group(const struct output *o, size_t outs, const float *x, size_t m, size_t n,
			     size_t k)
{
	size_t r = 0, pairs = hm_vec_wide() ? outs / 2 * 2 : 0;
	float sum[2][2];
	for (; pairs && r + 2 <= m; r += 2) {
		for (size_t c = 0; c < pairs; c += 2) {
			dot_square(sum, x + r * k, o + c, k);
			for (size_t t = 0; t < 4; t++)
				o[c + t % 2].y[(r + t / 2) * n] = sum[t / 2][t % 2] + o[c + t % 2].b;
		}
		for (size_t c = pairs; c < outs; c++)
			for (size_t t = r; t < r + 2; t++)
				o[c].y[t * n] = dot(x + t * k, o[c].w, k) + o[c].b;
	}
	for (; r < m; r++)
		for (size_t c = 0; c < outs; c++)
			o[c].y[r * n] = dot(x + r * k, o[c].w, k) + o[c].b;
}

HM_SIMD static void forward_few(const struct layers *l, const float *x, size_t m)
{
	struct output o[GROUP];
	for (size_t first = 0, outs; first < l->heads * l->n; first += outs) {
		outs = list_outputs(l, o, first);
		forward_group(o, outs, x, m, l->n, l->k);
	}
}

/* y [k] += f * x [k]. */
HM_INLINE void axpy(float *restrict y, const float *restrict x, float f, size_t k)
{
	for (size_t j = 0; j < k; j++)
		y[j] += f * x[j];
}

HM_SIMD static void add_rows(float *db, const float *dy, size_t m, size_t n)
{
	for (size_t r = 0; r < m; r++)
		axpy(db, dy + r * n, 1, n);
}

/* o[c].dw [j .. j + 64) += dy^T x over m rows, with AVX-512: the sums stay in registers, and a row that is
 * loaded serves all outputs. dy has row stride n, x has ldx. */
enum { WIDE = 4 * HM_LANES, PANEL = 64 };
HM_INLINE void add_products_wide(const struct output *o, const float *x, size_t ldx, size_t m, size_t n,
				 size_t j, size_t outs)
{
	hm_vec s[GROUP][4];
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			s[c][q] = *(const hm_vec *)(o[c].dw + j + q * HM_LANES);
	for (size_t r = 0; r < m; r++, x += ldx)
#pragma GCC unroll 4
		for (size_t q = 0; q < 4; q++) {
			hm_vec v = *(const hm_vec *)(x + q * HM_LANES);
#pragma GCC unroll 4
			for (size_t c = 0; c < outs; c++)
				s[c][q] += v * o[c].dy[r * n];
		}
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			*(hm_vec *)(o[c].dw + j + q * HM_LANES) = s[c][q];
}

/* The same for 32 columns, in the registers that others have: two outputs at most. */
HM_INLINE void add_products_half(const struct output *o, const float *x, size_t ldx, size_t m, size_t n,
				 size_t j, size_t outs)
{
	hm_vec8 s[2][4];
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			s[c][q] = *(const hm_vec8 *)(o[c].dw + j + q * HM_HALF);
	for (size_t r = 0; r < m; r++, x += ldx)
#pragma GCC unroll 4
		for (size_t q = 0; q < 4; q++) {
			hm_vec8 v = *(const hm_vec8 *)(x + q * HM_HALF);
#pragma GCC unroll 2
			for (size_t c = 0; c < outs; c++)
				s[c][q] += v * o[c].dy[r * n];
		}
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			*(hm_vec8 *)(o[c].dw + j + q * HM_HALF) = s[c][q];
}

/* x [m,64] of the columns from j on for one group after another: a copy without gaps, if it serves several.
 */
HM_INLINE void add_products_tile(const struct layers *l, const float *x, size_t m, size_t from, size_t j)
{
	float panel[PANEL * WIDE];
	struct output o[GROUP];
	size_t all = l->heads * l->n, k = l->k, ld = k, outs;
	const float *rows = x + from * k + j;
	if (all > GROUP) {
		for (size_t r = 0; r < m; r++)
			for (size_t q = 0; q < WIDE; q += HM_LANES)
				*(hm_vec *)(panel + r * WIDE + q) = *(const hm_vec *)(rows + r * k + q);
		rows = panel;
		ld = WIDE;
	}
	for (size_t first = 0; first < all; first += outs) {
		outs = list_outputs(l, o, first);
		for (size_t c = 0; c < outs; c++)
			o[c].dy += from * l->n;
		if (outs == GROUP)
			add_products_wide(o, rows, ld, m, l->n, j, GROUP);
		else
			for (size_t c = 0; c < outs; c += 2)
				add_products_wide(o + c, rows, ld, m, l->n, j, outs - c > 1 ? 2 : 1);
	}
}

HM_SIMD static void add_products(const struct layers *l, const float *x, size_t m)
{
	size_t done = 0, k = l->k, n = l->n, outs;
	struct output o[GROUP];
	for (; hm_vec_wide() && done + WIDE <= k; done += WIDE)
		for (size_t from = 0, rows; from < m; from += rows) {
			rows = m - from < PANEL ? m - from : PANEL;
			add_products_tile(l, x, rows, from, done);
		}
	for (size_t first = 0; first < l->heads * n; first += outs) {
		size_t j = done;
		outs = list_outputs(l, o, first);
		for (; j + WIDE / 2 <= k; j += WIDE / 2)
			for (size_t c = 0; c < outs; c += 2)
				add_products_half(o + c, x + j, k, m, n, j, outs - c > 1 ? 2 : 1);
		for (size_t r = 0; r < m; r++)
			for (size_t c = 0; c < outs; c++)
				axpy(o[c].dw + j, x + r * k + j, o[c].dy[r * n], k - j);
	}
}

HM_SIMD static void set_gradient(float *dx, const float *dy, const float *w, size_t m, size_t n, size_t k)
{
	for (size_t r = 0; r < m; r++) {
		for (size_t j = 0; j < k; j++)
			dx[r * k + j] = 0;
		for (size_t c = 0; c < n; c++)
			axpy(dx + r * k, w + c * k, dy[r * n + c], k);
	}
}

void hm_cpu_linears_forward(struct hm_device *d, float *const *y, const float *x, const float *const *w,
			    const float *const *b, int heads, int m, int n, int k)
{
#if HM_ONEDNN
	if (n > FEW) {
		for (int h = 0; h < heads; h++)
			hm_dnnl_linear_forward(d, y[h], x, w[h], b[h], m, n, k);
		return;
	}
#endif
	(void)d;
	const struct layers l = {
		.w = w, .b = b, .y = y, .heads = (size_t)heads, .n = (size_t)n, .k = (size_t)k};
	forward_few(&l, x, (size_t)m);
}

void hm_cpu_linears_backward(struct hm_device *d, float *const *dw, float *const *db, const float *const *dy,
			     const float *x, int heads, int m, int n, int k)
{
	for (int h = 0; h < heads; h++)
		if (db[h])
			add_rows(db[h], dy[h], (size_t)m, (size_t)n);
#if HM_ONEDNN
	if (n > FEW) {
		for (int h = 0; h < heads; h++)
			hm_dnnl_linear_backward(d, NULL, dw[h], dy[h], x, NULL, m, n, k);
		return;
	}
#endif
	(void)d;
	const struct layers l = {.dw = dw, .dy = dy, .heads = (size_t)heads, .n = (size_t)n, .k = (size_t)k};
	add_products(&l, x, (size_t)m);
}

void hm_cpu_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			   int m, int n, int k)
{
	hm_cpu_linears_forward(d, &y, x, &w, &b, 1, m, n, k);
}

void hm_cpu_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			    const float *x, const float *w, int m, int n, int k)
{
#if HM_ONEDNN
	if (n > FEW) {
		if (db)
			add_rows(db, dy, (size_t)m, (size_t)n);
		hm_dnnl_linear_backward(d, dx, dw, dy, x, w, m, n, k);
		return;
	}
#endif
	if (dx)
		set_gradient(dx, dy, w, (size_t)m, (size_t)n, (size_t)k);
	if (dw)
		hm_cpu_linears_backward(d, &dw, &db, &dy, x, 1, m, n, k);
	else if (db)
		add_rows(db, dy, (size_t)m, (size_t)n);
}
