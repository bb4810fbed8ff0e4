/* f32 linear layers of few outputs on the cpu device: vector loops, made for the last layer of a head, which
 * has many inputs. Several layers that take the same input are computed in one pass over it. */
#include "ops/cpu/narrowlinear.h"
#include "ops/cpu/vec.h"

enum { GROUP = 4 }; /* outputs computed together */

/* One output of one of them. */
struct output {
	const float *w, *dy;
	float *dw, *y;
	float b;
};

HM_INLINE const float *row_at(const struct hm_narrow *l, size_t r)
{
	return l->at ? l->at[r] : l->x + r * l->k;
}

/* The outputs from number `first` on of the layers in turn; returns how many they are. */
HM_INLINE size_t list_outputs(const struct hm_narrow *l, struct output o[GROUP], size_t first)
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

/* Outputs of ROWS rows that are computed together with AVX-512, PAIR without. Each is the same sum, however
 * many there are: lane l adds the products of every sixteenth number from l on, then lanes are added. */
enum { ROWS = 4, PAIR = 2 };

/* y[c] of the row x for each of the outputs; lanes [outs,16] hold the products of its first j numbers. */
HM_INLINE void end_outputs(const struct output *o, size_t outs, const float *lanes, const float *x, size_t at,
			   size_t j, size_t k)
{
	for (size_t c = 0; c < outs; c++, lanes += HM_LANES) {
		float sum = hm_vec_sum((const hm_vec *)lanes);
		for (size_t i = j; i < k; i++)
			sum = fmaf(x[i], o[c].w[i], sum);
		o[c].y[at] = sum + o[c].b;
	}
}

/* Of the rows x[0..ROWS), which are number `at` and following. Meanwhile the rows `next` are fetched. */
HM_INLINE void set_outputs_wide(const struct output *o, size_t at, size_t outs, const float *const *x,
				const float *const *next, size_t n, size_t k)
{
	hm_vec s[ROWS][GROUP] = {0}, w[GROUP];
	float lanes[ROWS][GROUP][HM_LANES];
	size_t j = 0;
	for (; j + HM_LANES <= k; j += HM_LANES) {
#pragma GCC unroll 4
		for (size_t c = 0; c < outs; c++)
			w[c] = *(const hm_vec *)(o[c].w + j);
#pragma GCC unroll 4
		for (size_t r = 0; r < ROWS; r++) {
			hm_vec v = *(const hm_vec *)(x[r] + j);
			__builtin_prefetch(next[r] + j);
#pragma GCC unroll 4
			for (size_t c = 0; c < outs; c++)
				hm_vec_fma(&s[r][c], &v, &w[c]);
		}
	}
#pragma GCC unroll 4
	for (size_t r = 0; r < ROWS; r++)
#pragma GCC unroll 4
		for (size_t c = 0; c < outs; c++)
			*(hm_vec *)lanes[r][c] = s[r][c];
	for (size_t r = 0; r < ROWS; r++)
		end_outputs(o, outs, lanes[r][0], x[r], (at + r) * n, j, k);
}

HM_INLINE void set_outputs_half(const struct output *o, size_t at, size_t outs, const float *const *x,
				const float *const *next, size_t rows, size_t n, size_t k)
{
	hm_vec8 s[PAIR][PAIR][2] = {0}, w[PAIR][2];
	float lanes[PAIR][PAIR][HM_LANES];
	size_t j = 0;
	for (; j + HM_LANES <= k; j += HM_LANES) {
		for (size_t r = 0; r < rows; r++)
			__builtin_prefetch(next[r] + j);
#pragma GCC unroll 4
		for (size_t c = 0; c < 2 * outs; c++)
			w[c / 2][c % 2] = *(const hm_vec8 *)(o[c / 2].w + j + c % 2 * HM_HALF);
#pragma GCC unroll 4
		for (size_t r = 0; r < 2 * rows; r++) {
			hm_vec8 v = *(const hm_vec8 *)(x[r / 2] + j + r % 2 * HM_HALF);
#pragma GCC unroll 2
			for (size_t c = 0; c < outs; c++)
				hm_vec8_fma(&s[r / 2][c][r % 2], &v, &w[c][r % 2]);
		}
	}
#pragma GCC unroll 2
	for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
		for (size_t c = 0; c < outs; c++) {
			*(hm_vec8 *)lanes[r][c] = s[r][c][0];
			*(hm_vec8 *)(lanes[r][c] + HM_HALF) = s[r][c][1];
		}
	for (size_t r = 0; r < rows; r++)
		end_outputs(o, outs, lanes[r][0], x[r], (at + r) * n, j, k);
}

/* row[i] := row number r + i of m, of those behind the last one the last. */
HM_INLINE void list_rows(const struct hm_narrow *l, const float *row[ROWS], size_t r, size_t m)
{
	for (size_t i = 0; i < ROWS; i++)
		row[i] = row_at(l, r + i < m ? r + i : m - 1);
}

/* The outputs o[0..outs) of all rows. The loops are compiled for the constants that they are called with. */
HM_INLINE void forward_group(const struct hm_narrow *l, const struct output *o, size_t outs, size_t m)
{
	size_t r = 0, whole = outs == GROUP ? GROUP : 0, pairs = outs / PAIR * PAIR, n = l->n, k = l->k;
	const float *x[ROWS], *next[ROWS];
	for (; hm_vec_wide() && r + ROWS <= m; r += ROWS) {
		list_rows(l, x, r, m);
		list_rows(l, next, r + ROWS, m);
		if (whole)
			set_outputs_wide(o, r, GROUP, x, next, n, k);
		else if (pairs)
			set_outputs_wide(o, r, PAIR, x, next, n, k);
		if (outs > pairs)
			set_outputs_wide(o + pairs, r, 1, x, next, n, k);
	}
	for (; r + PAIR <= m; r += PAIR) {
		list_rows(l, x, r, m);
		list_rows(l, next, r + PAIR, m);
		for (size_t c = 0; c < pairs; c += PAIR)
			set_outputs_half(o + c, r, PAIR, x, next, PAIR, n, k);
		if (outs > pairs)
			set_outputs_half(o + pairs, r, 1, x, next, PAIR, n, k);
	}
	if (r < m)
		list_rows(l, x, r, m);
	for (size_t c = 0; r < m && c < outs; c++)
		set_outputs_half(o + c, r, 1, x, x, 1, n, k);
}

HM_SIMD_FMA void hm_narrow_forward(const struct hm_narrow *l, size_t m)
{
	struct output o[GROUP];
	for (size_t first = 0, outs; first < l->heads * l->n; first += outs) {
		outs = list_outputs(l, o, first);
		forward_group(l, o, outs, m);
	}
}

/* y [k] += f * x [k]. */
HM_INLINE void axpy(float *restrict y, const float *restrict x, float f, size_t k)
{
	for (size_t j = 0; j < k; j++)
		y[j] = fmaf(f, x[j], y[j]);
}

/* Numbers of m rows: a copy without gaps, or those from column j on where the layers' rows are, from row
 * `from` on. */
struct columns {
	const struct hm_narrow *l;
	const float *copy; /* [m,WIDE]; NULL: none */
	size_t from, j, m;
};

HM_INLINE const float *columns_at(const struct columns *x, size_t r)
{
	return x->copy ? x->copy + r * (4 * HM_LANES) : row_at(x->l, x->from + r) + x->j;
}

/* o[c].dw [j .. j + 64) += dy^T x over m rows, with AVX-512: the sums stay in registers, and a row that is
 * loaded serves all outputs. dy has row stride n. */
enum { WIDE = 4 * HM_LANES, PANEL = 64 };
HM_INLINE void add_products_wide(const struct output *o, const struct columns *x, size_t outs)
{
	hm_vec s[GROUP][4];
	size_t j = x->j, n = x->l->n;
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			s[c][q] = *(const hm_vec *)(o[c].dw + j + q * HM_LANES);
	for (size_t r = 0; r < x->m; r++) {
		const float *row = columns_at(x, r);
#pragma GCC unroll 4
		for (size_t q = 0; q < 4; q++) {
			hm_vec v = *(const hm_vec *)(row + q * HM_LANES);
#pragma GCC unroll 4
			for (size_t c = 0; c < outs; c++)
				hm_vec_fma1(&s[c][q], &v, o[c].dy[r * n]);
		}
	}
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			*(hm_vec *)(o[c].dw + j + q * HM_LANES) = s[c][q];
}

/* The same for 32 columns, in the registers that others have: two outputs at most. */
HM_INLINE void add_products_half(const struct output *o, const struct columns *x, size_t outs)
{
	hm_vec8 s[2][4];
	size_t j = x->j, n = x->l->n;
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			s[c][q] = *(const hm_vec8 *)(o[c].dw + j + q * HM_HALF);
	for (size_t r = 0; r < x->m; r++) {
		const float *row = columns_at(x, r);
#pragma GCC unroll 4
		for (size_t q = 0; q < 4; q++) {
			hm_vec8 v = *(const hm_vec8 *)(row + q * HM_HALF);
#pragma GCC unroll 2
			for (size_t c = 0; c < outs; c++)
				hm_vec8_fma1(&s[c][q], &v, o[c].dy[r * n]);
		}
	}
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			*(hm_vec8 *)(o[c].dw + j + q * HM_HALF) = s[c][q];
}

/* 64 columns for one group after another: of a copy, if it serves several. */
HM_INLINE void add_products_tile(const struct columns *there)
{
	float panel[PANEL * WIDE];
	struct columns tile = *there, *x = &tile;
	struct output o[GROUP];
	size_t all = x->l->heads * x->l->n, outs;
	for (size_t r = 0; all > GROUP && r < x->m; r++)
		for (size_t q = 0; q < WIDE; q += HM_LANES)
			*(hm_vec *)(panel + r * WIDE + q) = *(const hm_vec *)(columns_at(x, r) + q);
	if (all > GROUP)
		x->copy = panel;
	for (size_t first = 0; first < all; first += outs) {
		outs = list_outputs(x->l, o, first);
		for (size_t c = 0; c < outs; c++)
			o[c].dy += x->from * x->l->n;
		if (outs == GROUP)
			add_products_wide(o, x, GROUP);
		else if (outs >= PAIR)
			add_products_wide(o, x, PAIR);
		if (outs % PAIR)
			add_products_wide(o + outs - 1, x, 1);
	}
}

HM_SIMD_FMA void hm_narrow_add_products(const struct hm_narrow *l, size_t m)
{
	size_t done = 0, k = l->k, n = l->n, outs;
	struct output o[GROUP];
	for (; hm_vec_wide() && done + WIDE <= k; done += WIDE)
		for (size_t from = 0, rows; from < m; from += rows) {
			rows = m - from < PANEL ? m - from : PANEL;
			add_products_tile(&(struct columns){.l = l, .from = from, .j = done, .m = rows});
		}
	for (size_t first = 0; first < l->heads * n; first += outs) {
		struct columns x = {.l = l, .j = done, .m = m};
		outs = list_outputs(l, o, first);
		for (; x.j + WIDE / 2 <= k; x.j += WIDE / 2) {
			for (size_t c = 0; c + PAIR <= outs; c += PAIR)
				add_products_half(o + c, &x, PAIR);
			if (outs % PAIR)
				add_products_half(o + outs - 1, &x, 1);
		}
		for (size_t r = 0; r < m; r++)
			for (size_t c = 0; c < outs; c++)
				axpy(o[c].dw + x.j, row_at(l, r) + x.j, o[c].dy[r * n], k - x.j);
	}
}

HM_SIMD_FMA void hm_narrow_input_gradient(float *dx, const float *dy, const float *w, size_t m, size_t n,
					  size_t k)
{
	for (size_t r = 0; r < m; r++) {
		for (size_t j = 0; j < k; j++)
			dx[r * k + j] = 0;
		for (size_t c = 0; c < n; c++)
			axpy(dx + r * k, w + c * k, dy[r * n + c], k);
	}
}
