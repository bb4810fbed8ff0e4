/* This file has the loops of Winograd's convolution. An image is cut into tiles of 4x4 outputs, each of 6x6
 * inputs. Some tiles at a time are transformed, multiplied with the transformed filter, one matrix product
 * per place of the 36, and transformed back. winogradwide.c and winogradhalf.c include it. They say how wide
 * a vector is: `vec`, LANES floats; V(name), the intrinsic function; load and store of images; TARGET, the
 * instruction set; ROWS and COLUMNS, the product's block of registers; CACHE, the bytes of the cache next to
 * a processor that some tiles may fill. */

#include <string.h>

enum { LINE = 64 / sizeof(float) }; /* numbers in a line of a cache */

/* t [6], `step` apart, = the transform of d [6]. */
TARGET_INLINE void transform_input(vec *t, size_t step, const vec *d)
{
	const vec a = V(set1_ps)(A), b = V(set1_ps)(B), aa = V(set1_ps)(A * A), bb = V(set1_ps)(B * B),
		  sum = V(set1_ps)(A * A + B * B), prod = V(set1_ps)(A * A * B * B);
	vec even = V(fnmadd_ps)(bb, d[2], d[4]), odd = V(fnmadd_ps)(bb, d[1], d[3]);
	vec even2 = V(fnmadd_ps)(aa, d[2], d[4]), odd2 = V(fnmadd_ps)(aa, d[1], d[3]);
	t[0] = V(fnmadd_ps)(sum, d[2], V(fmadd_ps)(prod, d[0], d[4]));
	t[step] = V(fmadd_ps)(a, odd, even);
	t[2 * step] = V(fnmadd_ps)(a, odd, even);
	t[3 * step] = V(fmadd_ps)(b, odd2, even2);
	t[4 * step] = V(fnmadd_ps)(b, odd2, even2);
	t[5 * step] = V(fnmadd_ps)(sum, d[3], V(fmadd_ps)(prod, d[1], d[5]));
}

/* y [4], `step` apart, = the transform of m [6] back. */
TARGET_INLINE void transform_output(vec *y, size_t step, const vec *m)
{
	const vec a = V(set1_ps)(A), b = V(set1_ps)(B), aa = V(set1_ps)(A * A), bb = V(set1_ps)(B * B),
		  aaa = V(set1_ps)(A * A * A), bbb = V(set1_ps)(B * B * B);
	vec s1 = m[1] + m[2], d1 = m[1] - m[2];
	vec s2 = m[3] + m[4], d2 = m[3] - m[4];
	y[0] = m[0] + s1 + s2;
	y[step] = V(fmadd_ps)(a, d1, b * d2);
	y[2 * step] = V(fmadd_ps)(aa, s1, bb * s2);
	y[3 * step] = V(fmadd_ps)(aaa, d1, V(fmadd_ps)(bbb, d2, m[5]));
}

/* How far apart two images, two positions and two strips of LANES channels lie, in elements. */
struct place {
	size_t image, pixel, strip;
};

static struct place find_place(size_t block, int h, int w, int c)
{
	size_t hw = (size_t)h * (size_t)w;
	if (block == 1)
		return (struct place){hw * (size_t)c, (size_t)c, LANES};
	return (struct place){hw * (size_t)c, LANES, hw * LANES};
}

/* Some tiles' work. */
struct job {
	const struct hm_winograd_call *p;
	struct place in, out;
	size_t across, tiles; /* in a row, in an image */
	float *v, *m;	      /* [36, rows, cin], [36, rows, cout], places vstep and mstep apart */
	size_t rows, vstep, mstep;
};

/* A tile's input: its first element and the bytes to the next row, position and strip of channels. */
struct patch {
	const char *at;
	size_t row, pixel, strip;
};

/* t [36] = the transform of a strip of a tile's input. */
TARGET_INLINE void transform_patch(vec *t, const struct patch *from, size_t strip, bool bf16)
{
	const char *x = from->at + strip * from->strip;
#pragma GCC unroll 6
	for (int s = 0; s < IN; s++) {
		vec d[IN];
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
	int r1 = top + IN > j->p->h ? j->p->h - top : IN, c1 = left + IN > j->p->w ? j->p->w - left : IN;
	size_t strip = LANES * size;
	for (int r = r0; r < r1; r++)
		for (int s = c0; s < c1; s++)
			memcpy(out + (size_t)(r * IN + s) * strip,
			       (const char *)j->p->x +
				       (from + (size_t)((top + r) * j->p->w + left + s) * j->in.pixel) * size,
			       strip);
}

/* Row `row` of v = the input of tile `tile`, transformed. */
TARGET_INLINE void gather_tile(const struct job *j, size_t tile, size_t row, bool bf16)
{
	const size_t size = bf16 ? sizeof(uint16_t) : sizeof(float);
	size_t cin = (size_t)j->p->c.cin, spot = tile % j->tiles, image = tile / j->tiles * j->in.image;
	int top = (int)(spot / j->across) * OUT - 1, left = (int)(spot % j->across) * OUT - 1;
	bool inside = top >= 0 && left >= 0 && top + IN <= j->p->h && left + IN <= j->p->w;
	float edge[PLACES * LANES] = {0};
	struct patch from = {(const char *)edge, IN * LANES * size, LANES * size, 0};
	if (inside)
		from = (struct patch){
			(const char *)j->p->x + (image + (size_t)(top * j->p->w + left) * j->in.pixel) * size,
			(size_t)j->p->w * j->in.pixel * size, j->in.pixel * size, j->in.strip * size};
	for (size_t c = 0; c < cin; c += LANES) {
		vec t[PLACES];
		if (!inside)
			copy_edge((char *)edge, size, j, image + c / LANES * j->in.strip, top, left);
		transform_patch(t, &from, c / LANES, bf16);
#pragma GCC unroll 6
		for (int r = 0; r < IN; r++) {
			vec line[IN];
			transform_input(line, 1, t + r * IN);
			for (int s = 0; s < IN; s++)
				V(storeu_ps)(j->v + (size_t)(r * IN + s) * j->vstep + row * cin + c, line[s]);
		}
	}
}

/* m [ROWS,COLUMNS] (row stride ldm) = v [ROWS,cin] . u [cin,COLUMNS]. Meanwhile cin lines from `next` on are
 * fetched: the processor does so by itself only within a page. */
TARGET_INLINE void multiply_block(float *m, size_t ldm, const float *v, size_t cin, const float *u,
				  const float *next)
{
	vec s[ROWS][2];
#pragma GCC unroll 8
	for (int r = 0; r < ROWS; r++)
		s[r][0] = s[r][1] = V(setzero_ps)();
	for (size_t c = 0; c < cin; c++, u += COLUMNS) {
		__builtin_prefetch(next + c * LINE, 0, 2);
		vec u0 = V(loadu_ps)(u), u1 = V(loadu_ps)(u + LANES);
#pragma GCC unroll 8
		for (size_t r = 0; r < ROWS; r++) {
			vec a = V(set1_ps)(v[r * cin + c]);
			s[r][0] = V(fmadd_ps)(a, u0, s[r][0]);
			s[r][1] = V(fmadd_ps)(a, u1, s[r][1]);
		}
	}
#pragma GCC unroll 8
	for (size_t r = 0; r < ROWS; r++) {
		V(storeu_ps)(m + r * ldm, s[r][0]);
		V(storeu_ps)(m + r * ldm + LANES, s[r][1]);
	}
}

/* m = v . u at each place, of n tiles rounded up. Blocks of tiles together fetch the next part of u, each of
 * them a line of it per input. */
TARGET static void multiply_places(const struct job *j, size_t n)
{
	size_t cin = (size_t)j->p->c.cin, cout = (size_t)j->p->c.cout;
	const size_t lines = COLUMNS / LINE;
	const float *u = j->p->u;
	for (size_t at = 0; at < PLACES; at++)
		for (size_t k = 0; k < cout; k += COLUMNS, u += cin * COLUMNS)
			for (size_t row = 0; row < n; row += ROWS)
				multiply_block(j->m + at * j->mstep + row * cout + k, cout,
					       j->v + at * j->vstep + row * cin, cin, u,
					       u + cin * (COLUMNS + row / ROWS % lines * LINE));
}

/* Writes tile `tile` of y from row `row` of m. */
TARGET_INLINE void scatter_tile(const struct job *j, size_t tile, size_t row, bool bf16)
{
	const struct hm_conv *k = &j->p->c;
	size_t cout = (size_t)k->cout, spot = tile % j->tiles;
	int top = (int)(spot / j->across) * OUT, left = (int)(spot % j->across) * OUT;
	int rows = j->p->h - top < OUT ? j->p->h - top : OUT,
	    columns = j->p->w - left < OUT ? j->p->w - left : OUT;
	for (size_t c = 0; c < cout; c += LANES) {
		vec t[OUT * IN], y[OUT * OUT], bias = V(loadu_ps)(j->p->b + c);
		size_t to = tile / j->tiles * j->out.image + c / LANES * j->out.strip;
#pragma GCC unroll 6
		for (size_t s = 0; s < IN; s++) {
			vec m[IN];
			for (size_t r = 0; r < IN; r++)
				m[r] = V(loadu_ps)(j->m + (r * IN + s) * j->mstep + row * cout + c);
			transform_output(t + s, IN, m);
		}
#pragma GCC unroll 4
		for (int r = 0; r < OUT; r++)
			transform_output(y + r * OUT, 1, t + r * IN);
		for (int r = 0; r < rows; r++)
			for (int s = 0; s < columns; s++) {
				size_t at = to + (size_t)((top + r) * j->p->w + left + s) * j->out.pixel;
				vec v = y[r * OUT + s] + bias;
				if (k->residual)
					v += load(j->p->y, at, bf16);
				if (k->relu)
					v = V(max_ps)(V(setzero_ps)(), v); /* NaN stays NaN */
				store(j->p->y, at, v, bf16);
			}
	}
}

TARGET static void gather_tiles(const struct job *j, size_t first, size_t n, bool bf16)
{
	for (size_t row = 0; row < n; row++)
		if (bf16)
			gather_tile(j, first + row, row, true);
		else
			gather_tile(j, first + row, row, false);
}

TARGET static void scatter_tiles(const struct job *j, size_t first, size_t n, bool bf16)
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
	enum { LEAST = 32 };
	size_t rows = CACHE / ((size_t)(c->cin + c->cout) * PLACES * sizeof(float));
	rows = rows < LEAST ? LEAST : rows;
	rows = rows > all ? all : rows;
	return (rows + ROWS - 1) / ROWS * ROWS;
}

static size_t count_room(const struct hm_conv *c, size_t tiles)
{
	return PLACES * (count_rows(c, tiles) * (size_t)(c->cin + c->cout) + 2 * LANES);
}

static void convolve_tiles(const struct hm_winograd_call *k, size_t first, size_t last, float *room)
{
	size_t cin = (size_t)k->c.cin, cout = (size_t)k->c.cout;
	struct job j = {.p = k,
			.in = find_place(k->block, k->h, k->w, k->c.cin),
			.out = find_place(k->block, k->h, k->w, k->c.cout),
			.across = (size_t)(k->w + OUT - 1) / OUT,
			.tiles = hm_winograd_tiles(k->h, k->w),
			.rows = count_rows(&k->c, last - first),
			.v = room};
	j.vstep = j.rows * cin + LANES;
	j.mstep = j.rows * cout + LANES;
	j.m = j.v + PLACES * j.vstep;
	for (size_t n; first < last; first += n) {
		n = last - first < j.rows ? last - first : j.rows;
		gather_tiles(&j, first, n, k->bf16);
		multiply_places(&j, n);
		scatter_tiles(&j, first, n, k->bf16);
	}
}
