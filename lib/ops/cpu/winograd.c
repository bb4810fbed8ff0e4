/* This file computes 3x3 convolutions of stride 1 by Winograd's transform: see winograd.h. An image is cut
 * into tiles of 4x4 outputs, each of 6x6 inputs. Some tiles at a time are transformed, multiplied with the
 * transformed filter, one matrix product per place of the 36, and transformed back. */
#include "ops/cpu/winograd.h"
#include "ops/cpu/cpu.h"
#include "ops/cpu/strip.h"

#include <stdlib.h>
#include <string.h>

struct hm_winograd {
	struct hm_conv c;
	float *u; /* [36, cout/32, cin, 32]: the filter, transformed */
	float *b; /* [cout] */
};

#if defined(__x86_64__)
#include "ops/cpu/winogradline.h"

bool hm_winograd_takes(const struct hm_conv *c)
{
	return c->kernel == 3 && c->stride == 1 && c->pad == 1 && c->cin % HM_LANES == 0 &&
	       c->cout % COLUMNS == 0;
}

/* u [36] (`step` apart) [32] = the filters from one input to 32 outputs, w [32] (`filter` apart) [3,3],
 * transformed in double: only the result is rounded. */
HM_SIMD static void transform_filters(float *u, size_t step, const float *w, size_t filter)
{
	double taps[9][COLUMNS], half[3 * IN][COLUMNS], out[PLACES][COLUMNS];
	for (size_t k = 0; k < COLUMNS; k++)
		for (size_t t = 0; t < 9; t++)
			taps[t][k] = w[k * filter + t];
	for (size_t r = 0; r < 3; r++)
		transform_filter_line(half + r * IN, (const double(*)[COLUMNS])taps + r * 3, 1, 1);
	for (size_t s = 0; s < IN; s++)
		transform_filter_line(out + s, (const double(*)[COLUMNS])half + s, IN, IN);
	for (size_t at = 0; at < PLACES; at++)
		for (size_t k = 0; k < COLUMNS; k++)
			u[at * step + k] = (float)out[at][k];
}

struct hm_winograd *hm_winograd_new(const struct hm_conv *c, const float *w, const float *b, struct hm_err *e)
{
	struct hm_winograd *p = hm_alloc(1, sizeof *p, e);
	size_t cin = (size_t)c->cin, cout = (size_t)c->cout;
	if (!p)
		return NULL;
	p->c = *c;
	p->u = hm_alloc(PLACES * cin * cout, sizeof *p->u, e);
	p->b = hm_alloc(cout, sizeof *p->b, e);
	if (!p->u || !p->b) {
		hm_winograd_free(p);
		return NULL;
	}
	if (b)
		memcpy(p->b, b, cout * sizeof *b);
	for (size_t k = 0; k < cout; k += COLUMNS)
		for (size_t j = 0; j < cin; j++)
			transform_filters(p->u + k * cin + j * COLUMNS, cin * cout, w + (k * cin + j) * 9,
					  cin * 9);
	return p;
}

WIDE_INLINE __m512 load(const void *x, size_t at, bool bf16)
{
	if (!bf16)
		return _mm512_loadu_ps((const float *)x + at);
	__m256i half = _mm256_loadu_si256((const void *)((const uint16_t *)x + at));
	return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
}

/* How far apart two images, two positions and two strips of 16 channels lie, in elements. */
struct place {
	size_t image, pixel, strip;
};

static struct place find_place(size_t block, int h, int w, int c)
{
	size_t hw = (size_t)h * (size_t)w;
	if (block == 1)
		return (struct place){hw * (size_t)c, (size_t)c, HM_LANES};
	return (struct place){hw * (size_t)c, HM_LANES, hw * HM_LANES};
}

/* One call's work. */
struct job {
	const struct hm_winograd *p;
	void *y;
	const void *x;
	struct place in, out;
	int h, w, across; /* tiles in a row */
	size_t tiles;	  /* of an image */
	float *v, *m;	  /* [36, rows, cin], [36, rows, cout], places vstep and mstep apart */
	size_t rows, vstep, mstep;
};

/* A tile's input: its first element and the bytes to the next row, position and strip of channels. */
struct patch {
	const char *at;
	size_t row, pixel, strip;
};

/* t [36] = the transform of a strip of a tile's input. */
WIDE_INLINE void transform_patch(__m512 *t, const struct patch *from, size_t strip, bool bf16)
{
	const char *x = from->at + strip * from->strip;
#pragma GCC unroll 6
	for (int s = 0; s < IN; s++) {
		__m512 d[IN];
#pragma GCC unroll 6
		for (int r = 0; r < IN; r++)
			d[r] = load(x + (size_t)r * from->row + (size_t)s * from->pixel, 0, bf16);
		transform_input(t + s, IN, d);
	}
}

/* Copies the part of a tile's input that is inside the image; `out` is zero where it is not. */
static void copy_edge(char *out, size_t size, const struct job *j, size_t from, int top, int left)
{
	int r0 = top < 0, c0 = left < 0;
	int r1 = top + IN > j->h ? j->h - top : IN, c1 = left + IN > j->w ? j->w - left : IN;
	size_t strip = HM_LANES * size;
	for (int r = r0; r < r1; r++)
		for (int s = c0; s < c1; s++)
			memcpy(out + (size_t)(r * IN + s) * strip,
			       (const char *)j->x +
				       (from + (size_t)((top + r) * j->w + left + s) * j->in.pixel) * size,
			       strip);
}

/* Row `row` of v = the input of tile `tile`, transformed. */
WIDE_INLINE void gather_tile(const struct job *j, size_t tile, size_t row, bool bf16)
{
	const size_t size = bf16 ? sizeof(uint16_t) : sizeof(float);
	size_t cin = (size_t)j->p->c.cin, spot = tile % j->tiles, image = tile / j->tiles * j->in.image;
	int top = (int)(spot / (size_t)j->across) * OUT - 1, left = (int)(spot % (size_t)j->across) * OUT - 1;
	bool inside = top >= 0 && left >= 0 && top + IN <= j->h && left + IN <= j->w;
	float edge[PLACES * HM_LANES] = {0};
	struct patch from = {(const char *)edge, IN * HM_LANES * size, HM_LANES * size, 0};
	if (inside)
		from = (struct patch){
			(const char *)j->x + (image + (size_t)(top * j->w + left) * j->in.pixel) * size,
			(size_t)j->w * j->in.pixel * size, j->in.pixel * size, j->in.strip * size};
	for (size_t c = 0; c < cin; c += HM_LANES) {
		__m512 t[PLACES];
		if (!inside)
			copy_edge((char *)edge, size, j, image + c / HM_LANES * j->in.strip, top, left);
		transform_patch(t, &from, c / HM_LANES, bf16);
#pragma GCC unroll 6
		for (int r = 0; r < IN; r++) {
			__m512 line[IN];
			transform_input(line, 1, t + r * IN);
			for (int s = 0; s < IN; s++)
				_mm512_storeu_ps(j->v + (size_t)(r * IN + s) * j->vstep + row * cin + c,
						 line[s]);
		}
	}
}

/* m [8,32] (row stride ldm) = v [8,cin] . u [cin,32]. Meanwhile cin lines from `next` on are fetched: the
 * processor does so by itself only within a page. */
WIDE_INLINE void multiply_block(float *m, size_t ldm, const float *v, size_t cin, const float *u,
				const float *next)
{
	__m512 s[ROWS][2];
#pragma GCC unroll 8
	for (int r = 0; r < ROWS; r++)
		s[r][0] = s[r][1] = _mm512_setzero_ps();
	for (size_t c = 0; c < cin; c++, u += COLUMNS) {
		__builtin_prefetch(next + c * HM_LANES, 0, 2);
		__m512 u0 = _mm512_loadu_ps(u), u1 = _mm512_loadu_ps(u + HM_LANES);
#pragma GCC unroll 8
		for (size_t r = 0; r < ROWS; r++) {
			__m512 a = _mm512_set1_ps(v[r * cin + c]);
			s[r][0] = _mm512_fmadd_ps(a, u0, s[r][0]);
			s[r][1] = _mm512_fmadd_ps(a, u1, s[r][1]);
		}
	}
#pragma GCC unroll 8
	for (size_t r = 0; r < ROWS; r++) {
		_mm512_storeu_ps(m + r * ldm, s[r][0]);
		_mm512_storeu_ps(m + r * ldm + HM_LANES, s[r][1]);
	}
}

/* m = v . u at each place, of n tiles rounded up. Two blocks of tiles together fetch the next part of u. */
WIDE static void multiply_places(const struct job *j, size_t n)
{
	size_t cin = (size_t)j->p->c.cin, cout = (size_t)j->p->c.cout, half = cin * HM_LANES;
	const float *u = j->p->u;
	for (size_t at = 0; at < PLACES; at++)
		for (size_t k = 0; k < cout; k += COLUMNS, u += 2 * half)
			for (size_t row = 0; row < n; row += ROWS)
				multiply_block(j->m + at * j->mstep + row * cout + k, cout,
					       j->v + at * j->vstep + row * cin, cin, u,
					       u + (row & ROWS ? 3 : 2) * half);
}

/* Writes tile `tile` of y from row `row` of m. */
WIDE_INLINE void scatter_tile(const struct job *j, size_t tile, size_t row, bool bf16)
{
	const struct hm_conv *k = &j->p->c;
	size_t cout = (size_t)k->cout, spot = tile % j->tiles;
	int top = (int)(spot / (size_t)j->across) * OUT, left = (int)(spot % (size_t)j->across) * OUT;
	int rows = j->h - top < OUT ? j->h - top : OUT, columns = j->w - left < OUT ? j->w - left : OUT;
	for (size_t c = 0; c < cout; c += HM_LANES) {
		__m512 t[OUT * IN], y[OUT * OUT], bias = _mm512_loadu_ps(j->p->b + c);
		size_t to = tile / j->tiles * j->out.image + c / HM_LANES * j->out.strip;
#pragma GCC unroll 6
		for (size_t s = 0; s < IN; s++) {
			__m512 m[IN];
			for (size_t r = 0; r < IN; r++)
				m[r] = _mm512_loadu_ps(j->m + (r * IN + s) * j->mstep + row * cout + c);
			transform_output(t + s, IN, m);
		}
#pragma GCC unroll 4
		for (int r = 0; r < OUT; r++)
			transform_output(y + r * OUT, 1, t + r * IN);
		for (int r = 0; r < rows; r++)
			for (int s = 0; s < columns; s++) {
				size_t at = to + (size_t)((top + r) * j->w + left + s) * j->out.pixel;
				__m512 v = y[r * OUT + s] + bias;
				if (k->residual)
					v += load(j->y, at, bf16);
				if (k->relu)
					v = _mm512_max_ps(_mm512_setzero_ps(), v); /* NaN stays NaN */
				hm_strip_store(j->y, at, (const hm_vec *)&v, HM_LANES, bf16);
			}
	}
}

WIDE static void gather_tiles(const struct job *j, size_t first, size_t n, bool bf16)
{
	for (size_t row = 0; row < n; row++)
		if (bf16)
			gather_tile(j, first + row, row, true);
		else
			gather_tile(j, first + row, row, false);
}

WIDE static void scatter_tiles(const struct job *j, size_t first, size_t n, bool bf16)
{
	for (size_t row = 0; row < n; row++)
		if (bf16)
			scatter_tile(j, first + row, row, true);
		else
			scatter_tile(j, first + row, row, false);
}

/* So many tiles at a time: what becomes of them should stay in the cache next to a processor, and the filter,
 * which is read once for all of them, should not be what takes the time. */
static size_t count_rows(const struct hm_conv *c, size_t all)
{
	enum { CACHE = 1 << 20, LEAST = 32 };
	size_t rows = CACHE / ((size_t)(c->cin + c->cout) * PLACES * sizeof(float));
	rows = rows < LEAST ? LEAST : rows;
	rows = rows > all ? all : rows;
	return (rows + ROWS - 1) / ROWS * ROWS;
}

void hm_winograd_run(struct hm_device *d, void *y, const void *x, const struct hm_winograd *p, int i, int h,
		     int w)
{
	const size_t block = ((struct hm_cpu *)d->ctx)->block;
	const bool bf16 = d->act == HM_BF16;
	size_t cin = (size_t)p->c.cin, cout = (size_t)p->c.cout;
	struct job j = {.p = p, .y = y, .x = x, .h = h, .w = w, .across = (w + OUT - 1) / OUT};
	if (d->err.code)
		return;
	j.in = find_place(block, h, w, p->c.cin);
	j.out = find_place(block, h, w, p->c.cout);
	j.tiles = (size_t)j.across * (size_t)((h + OUT - 1) / OUT);
	j.rows = count_rows(&p->c, j.tiles * (size_t)i);
	j.vstep = j.rows * cin + HM_LANES;
	j.mstep = j.rows * cout + HM_LANES;
	j.v = hm_cpu_scratch(d, PLACES * (j.vstep + j.mstep) * sizeof(float));
	if (!j.v)
		return;
	j.m = j.v + PLACES * j.vstep;
	for (size_t first = 0, all = j.tiles * (size_t)i; first < all; first += j.rows) {
		size_t n = all - first < j.rows ? all - first : j.rows;
		gather_tiles(&j, first, n, bf16);
		multiply_places(&j, n);
		scatter_tiles(&j, first, n, bf16);
	}
}

#else
bool hm_winograd_takes(const struct hm_conv *c)
{
	(void)c;
	return false;
}

struct hm_winograd *hm_winograd_new(const struct hm_conv *c, const float *w, const float *b, struct hm_err *e)
{
	(void)c, (void)w, (void)b;
	hm_err_set(e, HM_EDEVICE, "this processor has no AVX-512");
	return NULL;
}

void hm_winograd_run(struct hm_device *d, void *y, const void *x, const struct hm_winograd *p, int i, int h,
		     int w)
{
	(void)d, (void)y, (void)x, (void)p, (void)i, (void)h, (void)w;
}
#endif

void hm_winograd_free(struct hm_winograd *p)
{
	if (!p)
		return;
	free(p->u);
	free(p->b);
	free(p);
}
