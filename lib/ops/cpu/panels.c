/* Linear layers of inference with AVX2. See panels.h. */
#include "ops/cpu/panels.h"

#include <stdlib.h>
#include <string.h>

#if HM_ONEDNN && defined(__x86_64__)
#include "ops/cpu/cpu.h"
#include "ops/cpu/curves.h"

#include <immintrin.h>

struct hm_panels {
	struct hm_weight head;
	size_t n, k, panels; /* outputs, inputs; panels are n/16, rounded up */
	enum hm_act act;
	float *w; /* [k/DEPTH][panels][DEPTH][16]: the last inputs are fewer; outputs past n are 0 */
	float *b; /* [panels*16] */
};

#define TARGET __attribute__((target("avx2,fma")))
#define TARGET_INLINE TARGET HM_INLINE

/* Rows and columns of a tile of y, whose sums are twelve of sixteen registers. A panel of DEPTH inputs by
 * COLUMNS outputs stays in the first cache while it is multiplied with BAND rows, which stay in the second.
 */
enum { ROWS = 6, LANES = 8, COLUMNS = 2 * LANES, DEPTH = 256, BAND = 24 * ROWS };

bool hm_panels_take(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* a [rows/6][depth][6] = x [rows,depth] (row stride k); rows past the last are 0. */
static void pack_rows(float *a, const float *x, size_t k, size_t rows, size_t depth)
{
	for (size_t r = 0; r < rows; r += ROWS, a += ROWS * depth)
		for (size_t q = 0; q < ROWS; q++)
			for (size_t j = 0; j < depth; j++)
				a[j * ROWS + q] = r + q < rows ? x[(r + q) * k + j] : 0;
}

/* y [6,16] (row stride ldy) = a [depth,6]^T . w [depth,16], added to what is there unless it is the first.
 * Meanwhile the lines from `next` on are fetched. */
TARGET_INLINE void multiply_tile(float *y, size_t ldy, const float *a, const float *w, size_t depth,
				 const float *next, bool first)
{
	__m256 s[ROWS][2];
#pragma GCC unroll 6
	for (size_t r = 0; r < ROWS; r++)
		for (size_t q = 0; q < 2; q++)
			s[r][q] = first ? _mm256_setzero_ps() : _mm256_loadu_ps(y + r * ldy + q * LANES);
	for (size_t j = 0; j < depth; j++, a += ROWS, w += COLUMNS) {
		__m256 w0 = _mm256_loadu_ps(w), w1 = _mm256_loadu_ps(w + LANES);
		__builtin_prefetch(next + j * COLUMNS, 0, 2);
#pragma GCC unroll 6
		for (size_t r = 0; r < ROWS; r++) {
			__m256 v = _mm256_set1_ps(a[r]);
			s[r][0] = _mm256_fmadd_ps(v, w0, s[r][0]);
			s[r][1] = _mm256_fmadd_ps(v, w1, s[r][1]);
		}
	}
#pragma GCC unroll 6
	for (size_t r = 0; r < ROWS; r++)
		for (size_t q = 0; q < 2; q++)
			_mm256_storeu_ps(y + r * ldy + q * LANES, s[r][q]);
}

TARGET_INLINE void activate_lanes(hm_vec8 *v, enum hm_act act)
{
	if (act == HM_ACT_GELU)
		hm_gelu_lanes(v);
	else if (act == HM_ACT_QUICK_GELU)
		hm_quick_lanes(v);
	else if (act == HM_ACT_RELU)
		*v = (hm_vec8)((hm_vec8_int)*v & ~(*v < 0)); /* NaN stays NaN */
	else if (act == HM_ACT_TANH)
		for (int l = 0; l < LANES; l++)
			(*v)[l] = tanhf((*v)[l]);
}

/* y [6,16] := f(y + b). */
TARGET_INLINE void finish_tile(float *y, size_t ldy, const float *b, enum hm_act act)
{
	for (size_t r = 0; r < ROWS; r++)
		for (size_t q = 0; q < COLUMNS; q += LANES) {
			hm_vec8 v = *(hm_vec8 *)(y + r * ldy + q) + *(const hm_vec8 *)(b + q);
			activate_lanes(&v, act);
			*(hm_vec8 *)(y + r * ldy + q) = v;
		}
}

static void copy_tile(float *to, size_t ldto, const float *from, size_t ldfrom, size_t rows, size_t columns)
{
	for (size_t r = 0; r < rows; r++)
		memcpy(to + r * ldto, from + r * ldfrom, columns * sizeof *to);
}

/* Some inputs of some rows: a as packed, w at their panels, y at the rows. */
struct band {
	const struct hm_panels *p;
	const float *a, *w;
	float *y;
	size_t rows, depth;
	bool first, last; /* of the inputs */
};

/* The tile at row r of panel o. Where it goes past the edge of y, it is computed elsewhere and copied. */
TARGET_INLINE void compute_tile(const struct band *t, size_t r, size_t o, const float *next)
{
	const struct hm_panels *p = t->p;
	size_t rows = t->rows - r, columns = p->n - o * COLUMNS, ldy = p->n;
	float *out = t->y + r * ldy + o * COLUMNS, *y = out, own[ROWS * COLUMNS];
	const float *w = t->w + o * COLUMNS * t->depth;
	bool whole = rows >= ROWS && columns >= COLUMNS;
	rows = rows < ROWS ? rows : ROWS;
	columns = columns < COLUMNS ? columns : COLUMNS;
	if (!whole) {
		y = own;
		ldy = COLUMNS;
		memset(own, 0, sizeof own);
		if (!t->first)
			copy_tile(y, ldy, out, p->n, rows, columns);
	}
	if (t->first)
		multiply_tile(y, ldy, t->a + r * t->depth, w, t->depth, next, true);
	else
		multiply_tile(y, ldy, t->a + r * t->depth, w, t->depth, next, false);
	if (t->last)
		finish_tile(y, ldy, p->b + o * COLUMNS, p->act);
	if (!whole)
		copy_tile(out, p->n, y, ldy, rows, columns);
}

TARGET static void compute_band(const struct band *t)
{
	for (size_t o = 0; o < t->p->panels; o++)
		for (size_t r = 0; r < t->rows; r += ROWS) /* the first tile fetches the next panel */
			compute_tile(t, r, o, t->w + (o + (!r && o + 1 < t->p->panels)) * COLUMNS * t->depth);
}

static void run_panels(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int m)
{
	const struct hm_panels *p = (const struct hm_panels *)wt;
	float *a = hm_cpu_scratch(d, (size_t)BAND * DEPTH * sizeof *a);
	if (!a)
		return;
	for (size_t row = 0; row < (size_t)m; row += BAND) {
		struct band t = {.p = p, .a = a, .w = p->w, .y = (float *)y + row * p->n};
		t.rows = (size_t)m - row < BAND ? (size_t)m - row : BAND;
		for (size_t from = 0; from < p->k; from += t.depth) {
			t.depth = p->k - from < DEPTH ? p->k - from : DEPTH;
			t.first = from == 0;
			t.last = from + t.depth == p->k;
			pack_rows(a, (const float *)x + row * p->k + from, p->k, t.rows, t.depth);
			compute_band(&t);
			t.w += p->panels * COLUMNS * t.depth;
		}
	}
}

static void free_panels(struct hm_weight *wt)
{
	struct hm_panels *p = (struct hm_panels *)wt;
	free(p->w);
	free(p->b);
	free(p);
}

static const struct hm_weight_kind panels_kind = {.matmul = run_panels, .free = free_panels};

struct hm_weight *hm_panels_pack(const struct hm_linear *l, const float *w, const float *b, struct hm_err *e)
{
	struct hm_panels *p = hm_alloc(1, sizeof *p, e);
	if (!p)
		return NULL;
	*p = (struct hm_panels){
		.head.kind = &panels_kind, .n = (size_t)l->n, .k = (size_t)l->k, .act = l->act};
	p->panels = (p->n + COLUMNS - 1) / COLUMNS;
	p->w = hm_alloc(p->panels * COLUMNS * p->k, sizeof *p->w, e);
	p->b = hm_alloc(p->panels * COLUMNS, sizeof *p->b, e);
	if (!p->w || !p->b) {
		free_panels(&p->head);
		return NULL;
	}
	if (b)
		memcpy(p->b, b, p->n * sizeof *b);
	float *to = p->w;
	for (size_t from = 0, depth; from < p->k; from += depth) {
		depth = p->k - from < DEPTH ? p->k - from : DEPTH;
		for (size_t o = 0; o < p->panels * COLUMNS; o += COLUMNS, to += depth * COLUMNS)
			for (size_t c = o; c < o + COLUMNS && c < p->n; c++)
				for (size_t j = 0; j < depth; j++)
					to[j * COLUMNS + c - o] = w[c * p->k + from + j];
	}
	return &p->head;
}

#else
bool hm_panels_take(void)
{
	return false;
}

struct hm_weight *hm_panels_pack(const struct hm_linear *l, const float *w, const float *b, struct hm_err *e)
{
	(void)l, (void)w, (void)b;
	hm_err_set(e, HM_EDEVICE, "this processor has no AVX2");
	return NULL;
}
#endif
