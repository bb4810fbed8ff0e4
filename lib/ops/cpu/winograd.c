/* This file has the filters of Winograd's convolution and chooses its loops: see winograd.h. */
#include "ops/cpu/winogradparts.h"
#include "ops/cpu/cpu.h"
#include "ops/cpu/split.h"
#include "base/simd.h"

#include <stdlib.h>
#include <string.h>

enum { STRIP = 16 }; /* outputs whose filters are transformed together */

/* NULL: this processor has none. */
static const struct hm_winograd_loops *choose_loops(size_t block)
{
#if HM_ONEDNN && defined(__x86_64__)
	return block != 8 ? &hm_winograd_wide : __builtin_cpu_supports("fma") ? &hm_winograd_half : NULL;
#else
	(void)block;
	return NULL;
#endif
}

bool hm_winograd_takes(const struct hm_conv *c, size_t block)
{
	const struct hm_winograd_loops *l = choose_loops(block);
	return l && c->kernel == 3 && c->stride == 1 && c->pad == 1 && (size_t)c->cin % l->lanes == 0 &&
	       (size_t)c->cout % l->columns == 0;
}

/* out [6] = the filter's transform of in [3], both `step` apart, for STRIP outputs side by side. */
HM_INLINE void transform_filter_line(double (*out)[STRIP], const double (*in)[STRIP], size_t to, size_t step)
{
	const double a = A, b = B, p0 = 1 / (a * a * b * b), pa = 1 / (2 * a * a * (a * a - b * b)),
		     pb = 1 / (2 * b * b * (b * b - a * a));
	for (size_t k = 0; k < STRIP; k++) {
		double x = in[0][k], y = in[step][k], z = in[2 * step][k];
		out[0][k] = x * p0;
		out[to][k] = (x + a * y + a * a * z) * pa;
		out[2 * to][k] = (x - a * y + a * a * z) * pa;
		out[3 * to][k] = (x + b * y + b * b * z) * pb;
		out[4 * to][k] = (x - b * y + b * b * z) * pb;
		out[5 * to][k] = z;
	}
}

/* u [36] (`step` apart) [16] = the filters from one input to 16 outputs, w [16] (`filter` apart) [3,3],
 * transformed in double: only the result is rounded. turn: they are turned by half a turn. */
HM_SIMD static void transform_filters(float *u, size_t step, const float *w, size_t filter, bool turn)
{
	double taps[9][STRIP], half[3 * IN][STRIP], out[PLACES][STRIP];
	for (size_t k = 0; k < STRIP; k++)
		for (size_t t = 0; t < 9; t++)
			taps[t][k] = w[k * filter + (turn ? 8 - t : t)];
	for (size_t r = 0; r < 3; r++)
		transform_filter_line(half + r * IN, (const double(*)[STRIP])taps + r * 3, 1, 1);
	for (size_t s = 0; s < IN; s++)
		transform_filter_line(out + s, (const double(*)[STRIP])half + s, IN, IN);
	for (size_t at = 0; at < PLACES; at++)
		for (size_t k = 0; k < STRIP; k++)
			u[at * step + k] = (float)out[at][k];
}

/* Outputs k .. k+16 of u = the transform of w [cout,cin,3,3]; turn: of w [cin,cout,3,3], for the gradient. */
static void transform_strip(float *u, const struct hm_conv *c, size_t columns, size_t k, const float *w,
			    bool turn)
{
	size_t cin = (size_t)c->cin, cout = (size_t)c->cout;
	for (size_t j = 0; j < cin; j++)
		transform_filters(u + k / columns * columns * cin + j * columns + k % columns, cin * cout,
				  w + (turn ? j * cout + k : k * cin + j) * 9, turn ? 9 : cin * 9, turn);
}

static void run_winograd(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int i,
			 int h, int w)
{
	const struct hm_winograd *p = (const struct hm_winograd *)wt;
	const struct hm_winograd_call k = {
		p->c, p->u, p->b, y, x, h, w, ((struct hm_cpu *)d->ctx)->block, d->act == HM_BF16};
	size_t tiles = hm_winograd_tiles(h, w) * (size_t)i;
	float *room = hm_cpu_scratch(d, p->loops->room(&k.c, tiles) * sizeof *room);
	if (room)
		p->loops->run(&k, 0, tiles, room);
}

static void free_winograd(struct hm_weight *wt)
{
	struct hm_winograd *p = (struct hm_winograd *)wt;
	free(p->u);
	free(p->b);
	free(p);
}

static const struct hm_weight_kind winograd_kind = {.conv = run_winograd, .free = free_winograd};

struct hm_weight *hm_winograd_pack(const struct hm_conv *c, size_t block, const float *w, const float *b,
				   struct hm_err *e)
{
	struct hm_winograd *p = hm_alloc(1, sizeof *p, e);
	size_t cin = (size_t)c->cin, cout = (size_t)c->cout;
	if (!p)
		return NULL;
	*p = (struct hm_winograd){.head.kind = &winograd_kind, .c = *c, .loops = choose_loops(block)};
	p->u = hm_alloc(PLACES * cin * cout, sizeof *p->u, e);
	p->b = hm_alloc(cout, sizeof *p->b, e);
	if (!p->u || !p->b) {
		free_winograd(&p->head);
		return NULL;
	}
	if (b)
		memcpy(p->b, b, cout * sizeof *b);
	for (size_t k = 0; k < cout; k += STRIP)
		transform_strip(p->u, c, p->loops->columns, k, w, false);
	return &p->head;
}

void hm_winograd_train(struct hm_device *d, void *y, const void *x, const float *w, const struct hm_conv *c,
		       bool back, int i, int h, int wd)
{
	const size_t block = ((struct hm_cpu *)d->ctx)->block, tiles = hm_winograd_tiles(h, wd) * (size_t)i;
	const struct hm_winograd_loops *l = choose_loops(block);
	const struct hm_conv turned = {
		back ? c->cout : c->cin, back ? c->cin : c->cout, 3, 1, 1, false, false};
	size_t cout = (size_t)turned.cout, filter = PLACES * (size_t)turned.cin * cout,
	       each = l->room(&turned, tiles);
	float *u = hm_cpu_scratch(d, (filter + cout + (size_t)d->threads * each) * sizeof *u);
	if (!u)
		return;
	float *b = u + filter, *room = b + cout;
	const struct hm_winograd_call k = {turned, u, b, y, x, h, wd, block, false};
	memset(b, 0, cout * sizeof *b);
#pragma omp parallel for num_threads(d->threads)
	for (size_t at = 0; at < cout; at += STRIP)
		transform_strip(u, &turned, l->columns, at, w, back);
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		l->run(&k, hm_part(tiles, t, d->threads, 1), hm_part(tiles, t + 1, d->threads, 1),
		       room + (size_t)t * each);
}
