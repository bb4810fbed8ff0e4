/* This file computes batch norm in training on the cpu device: two passes over memory forward and two
 * backward, the second of which includes residual and relu. Sums are computed per piece of a size that does
 * not depend on the number of threads: in f32 over ROWS positions, about their own mean so that a large
 * mean cancels nothing, and in double beyond. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/split.h"
#include "ops/cpu/strip.h"

#include <math.h>

enum { ROWS = 32, PIECE = 1024 }; /* positions */

/* One batch norm. Images are `outer` arrays [hw,run], cut into pieces of PIECE positions; array o holds the
 * channels from o % blocks * run on. Arrays by channel are padded to `wide` with zeros. */
struct norm {
	size_t outer, hw, run, blocks, wide;
	size_t chunks; /* pieces per array */
	bool bf16, relu;
	int threads;
	void *y, *dx, *dres;			   /* those that the pass writes */
	const void *x, *res, *dy, *dy2, *seen;	   /* seen: the forward pass's y */
	const float *mean, *scale, *shift, *slope; /* [wide] */
	double *sums;				   /* two [run] per piece */
};

/* A piece: where it begins, its length, its first channel, its sums. */
struct piece {
	size_t at, rows, ch;
	double *sums;
};

static struct piece piece_of(const struct norm *a, size_t j)
{
	size_t o = j / a->chunks, first = j % a->chunks * PIECE;
	return (struct piece){(o * a->hw + first) * a->run, a->hw - first < PIECE ? a->hw - first : PIECE,
			      o % a->blocks * a->run, a->sums + j * 2 * a->run};
}

HM_INLINE void add_lanes(double *sum, const hm_vec *v, size_t n)
{
	for (size_t l = 0; l < n; l++)
		sum[l] += (double)(*v)[l];
}

/* Sums of x and of x^2 over `rows` <= ROWS positions from `at`. */
HM_INLINE void strip_moments(const struct norm *a, double *sums, size_t at, size_t rows, size_t ch, size_t n,
			     bool bf16)
{
	size_t run = a->run;
	hm_vec v, mean = {0}, s = {0}, q = {0};
	for (size_t r = 0; r < rows; r++) {
		hm_strip_load(&v, a->x, at + r * run + ch, n, bf16);
		mean += v;
	}
	mean /= (float)rows;
	for (size_t r = 0; r < rows; r++) {
		hm_strip_load(&v, a->x, at + r * run + ch, n, bf16);
		v -= mean;
		s += v;
		q += v * v;
	}
	for (size_t l = 0; l < n; l++) {
		double m = (double)mean[l], t = (double)s[l];
		sums[ch + l] += m * (double)rows + t;
		sums[run + ch + l] += (double)q[l] + m * (2 * t + m * (double)rows);
	}
}

HM_SIMD static void moments_piece(const struct norm *a, const struct piece *p)
{
	size_t run = a->run;
	for (size_t j = 0; j < 2 * run; j++)
		p->sums[j] = 0;
	for (size_t r = 0; r < p->rows; r += ROWS) {
		size_t rows = p->rows - r < ROWS ? p->rows - r : ROWS, at = p->at + r * run;
		HM_STRIPS(run, a->bf16, strip_moments, a, p->sums, at, rows);
	}
}

/* y = relu?((x - mean)*scale + shift + res). */
HM_INLINE void strip_normalise(const struct norm *a, const struct piece *p, size_t at, size_t rows, size_t ch,
			       size_t n, bool bf16)
{
	size_t run = a->run;
	hm_vec v, t, mean = *(const hm_vec *)(a->mean + p->ch + ch),
		     scale = *(const hm_vec *)(a->scale + p->ch + ch),
		     shift = *(const hm_vec *)(a->shift + p->ch + ch);
	hm_vec_int keep;
	for (size_t r = 0; r < rows; r++) {
		hm_strip_load(&v, a->x, at + r * run + ch, n, bf16);
		v = (v - mean) * scale + shift;
		if (a->res) {
			hm_strip_load(&t, a->res, at + r * run + ch, n, bf16);
			v += t;
		}
		if (a->relu) {
			keep = ~(v < 0);
			hm_strip_keep(&v, &keep);
		}
		hm_strip_store(a->y, at + r * run + ch, &v, n, bf16);
	}
}

HM_SIMD static void normalise_piece(const struct norm *a, const struct piece *p)
{
	size_t run = a->run;
	for (size_t r = 0; r < p->rows; r += ROWS) {
		size_t rows = p->rows - r < ROWS ? p->rows - r : ROWS, at = p->at + r * run;
		HM_STRIPS(run, a->bf16, strip_normalise, a, p, at, rows);
	}
}

/* g = (dy + dy2)*(relu ? y > 0 : 1). */
HM_INLINE void strip_gradient(hm_vec *g, const struct norm *a, size_t at, size_t n, bool bf16)
{
	hm_vec t;
	hm_strip_load(g, a->dy, at, n, bf16);
	if (a->dy2) {
		hm_strip_load(&t, a->dy2, at, n, bf16);
		*g += t;
	}
	if (a->relu) {
		hm_strip_load(&t, a->seen, at, n, bf16);
		hm_vec_int keep = t > 0;
		hm_strip_keep(g, &keep);
	}
}

/* dres = g; sums of g, as stored, and of g*(x - mean). */
HM_INLINE void strip_dots(const struct norm *a, const struct piece *p, size_t at, size_t rows, size_t ch,
			  size_t n, bool bf16)
{
	size_t run = a->run;
	hm_vec g, v, mean = *(const hm_vec *)(a->mean + p->ch + ch), s = {0}, q = {0};
	for (size_t r = 0; r < rows; r++) {
		strip_gradient(&g, a, at + r * run + ch, n, bf16);
		if (a->dres) {
			hm_strip_store(a->dres, at + r * run + ch, &g, n, bf16);
			hm_strip_load(&g, a->dres, at + r * run + ch, n, bf16);
		}
		hm_strip_load(&v, a->x, at + r * run + ch, n, bf16);
		s += g;
		q += g * (v - mean);
	}
	add_lanes(p->sums + ch, &s, n);
	add_lanes(p->sums + run + ch, &q, n);
}

HM_SIMD static void dots_piece(const struct norm *a, const struct piece *p)
{
	size_t run = a->run;
	for (size_t j = 0; j < 2 * run; j++)
		p->sums[j] = 0;
	for (size_t r = 0; r < p->rows; r += ROWS) {
		size_t rows = p->rows - r < ROWS ? p->rows - r : ROWS, at = p->at + r * run;
		HM_STRIPS(run, a->bf16, strip_dots, a, p, at, rows);
	}
}

/* dx = scale*(g - shift - (x - mean)*slope). */
HM_INLINE void strip_backward(const struct norm *a, const struct piece *p, size_t at, size_t rows, size_t ch,
			      size_t n, bool bf16)
{
	size_t run = a->run;
	hm_vec g, v, mean = *(const hm_vec *)(a->mean + p->ch + ch),
		     scale = *(const hm_vec *)(a->scale + p->ch + ch),
		     shift = *(const hm_vec *)(a->shift + p->ch + ch),
		     slope = *(const hm_vec *)(a->slope + p->ch + ch);
	for (size_t r = 0; r < rows; r++) {
		if (a->dres)
			hm_strip_load(&g, a->dres, at + r * run + ch, n, bf16);
		else
			strip_gradient(&g, a, at + r * run + ch, n, bf16);
		hm_strip_load(&v, a->x, at + r * run + ch, n, bf16);
		g = scale * (g - shift - (v - mean) * slope);
		hm_strip_store(a->dx, at + r * run + ch, &g, n, bf16);
	}
}

HM_SIMD static void backward_piece(const struct norm *a, const struct piece *p)
{
	size_t run = a->run;
	for (size_t r = 0; r < p->rows; r += ROWS) {
		size_t rows = p->rows - r < ROWS ? p->rows - r : ROWS, at = p->at + r * run;
		HM_STRIPS(run, a->bf16, strip_backward, a, p, at, rows);
	}
}

static void each_piece(const struct norm *a, void (*fn)(const struct norm *, const struct piece *))
{
	size_t n = a->outer * a->chunks;
#pragma omp parallel for num_threads(a->threads)
	for (int t = 0; t < a->threads; t++)
		for (size_t j = hm_part(n, t, a->threads, 1), end = hm_part(n, t + 1, a->threads, 1); j < end;
		     j++) {
			struct piece p = piece_of(a, j);
			fn(a, &p);
		}
}

/* The two sums of a channel over all pieces, added in order. */
static void channel_sums(const struct norm *a, size_t ch, double *first, double *second)
{
	*first = *second = 0;
	for (size_t o = ch / a->run; o < a->outer; o += a->blocks)
		for (size_t j = o * a->chunks; j < (o + 1) * a->chunks; j++) {
			*first += a->sums[j * 2 * a->run + ch % a->run];
			*second += a->sums[(j * 2 + 1) * a->run + ch % a->run];
		}
}

/* Sets the sizes and reserves scratch memory: returns `arrays` zeroed arrays by channel, and places a->sums
 * behind them. NULL sticks an error. */
static float *norm_init(struct norm *a, struct hm_device *d, size_t arrays, int i, int h, int w, int c)
{
	struct hm_view v = hm_cpu_view(d, i, c);
	a->outer = v.outer;
	a->run = v.run;
	a->blocks = v.outer / (size_t)i;
	a->hw = (size_t)h * w;
	a->chunks = (a->hw + PIECE - 1) / PIECE;
	a->wide = hm_lanes_up(a->blocks * a->run) + HM_LANES;
	a->bf16 = d->act == HM_BF16;
	a->threads = d->threads;
	float *f = hm_cpu_scratch(d, arrays * a->wide * sizeof(float) +
					     a->outer * a->chunks * 2 * a->run * sizeof(double));
	if (!f)
		return NULL;
	for (size_t j = 0; j < arrays * a->wide; j++)
		f[j] = 0;
	a->sums = (double *)(void *)(f + arrays * a->wide);
	return f;
}

void hm_cpu_batch_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
		       const float *beta, float *mean, float *var, float *save, const struct hm_bn *b, int i,
		       int h, int w, int c)
{
	struct norm a = {.y = y, .x = x, .res = res, .relu = b->relu};
	double m = (double)i * h * w;
	if (b->mode != HM_BN_EVAL && m < 2) {
		hm_err_set(&d->err, HM_EDATA, "batch norm in training needs more than one value per channel");
		return;
	}
	float *f = norm_init(&a, d, 3, i, h, w, c), *centre = f, *scale = f + a.wide, *shift = f + 2 * a.wide;
	if (!f)
		return;
	a.mean = centre, a.scale = scale, a.shift = shift;
	if (b->mode != HM_BN_EVAL)
		each_piece(&a, moments_piece);
	for (int ch = 0; ch < c; ch++) {
		double mu = (double)mean[ch], v = (double)var[ch], sum, squares;
		if (b->mode != HM_BN_EVAL) {
			channel_sums(&a, (size_t)ch, &sum, &squares);
			mu = sum / m;
			v = fmax(0, squares / m - mu * mu);
			mean[ch] = (float)((1 - b->momentum) * mean[ch] + b->momentum * mu);
			var[ch] = (float)((1 - b->momentum) * var[ch] + b->momentum * v * m / (m - 1));
		}
		double rstd = 1 / sqrt(v + b->eps);
		save[ch] = centre[ch] = (float)mu;
		save[c + ch] = (float)rstd;
		scale[ch] = (float)(rstd * gamma[ch]);
		shift[ch] = (float)(beta[ch] - (mu - centre[ch]) * rstd * gamma[ch]);
	}
	each_piece(&a, normalise_piece);
}

void hm_cpu_batch_norm_backward(struct hm_device *d, void *dx, void *dres, float *dgamma, float *dbeta,
				const void *dy, const void *dy2, const void *y, const void *x,
				const float *gamma, const float *save, const struct hm_bn *b, int i, int h,
				int w, int c)
{
	struct norm a = {.dx = dx, .dres = dres, .x = x, .dy = dy, .dy2 = dy2, .seen = y, .relu = b->relu};
	bool batch = b->mode != HM_BN_EVAL, wanted = b->mode != HM_BN_TRAIN_FROZEN;
	double m = (double)i * h * w;
	float *f = norm_init(&a, d, 4, i, h, w, c), *mean = f, *scale = f + a.wide, *shift = f + 2 * a.wide,
	      *slope = f + 3 * a.wide;
	if (!f)
		return;
	a.mean = mean, a.scale = scale, a.shift = shift, a.slope = slope;
	for (int ch = 0; ch < c; ch++)
		mean[ch] = save[ch];
	if (dres || (wanted && (dgamma || dbeta)) || (dx && batch))
		each_piece(&a, dots_piece);
	for (int ch = 0; ch < c; ch++) {
		double sum = 0, dot = 0, rstd = (double)save[c + ch];
		if (batch || (wanted && (dgamma || dbeta)))
			channel_sums(&a, (size_t)ch, &sum, &dot);
		if (dgamma && wanted)
			dgamma[ch] = (float)(dgamma[ch] + dot * rstd);
		if (dbeta && wanted)
			dbeta[ch] = (float)(dbeta[ch] + sum);
		scale[ch] = (float)(gamma[ch] * rstd);
		shift[ch] = batch ? (float)(sum / m) : 0;
		slope[ch] = batch ? (float)(dot * rstd * rstd / m) : 0;
	}
	if (dx)
		each_piece(&a, backward_piece);
}
