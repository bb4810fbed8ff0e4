/* This file measures what bf16 gains on this processor: HM_PREC_AUTO goes by it, and tools say it. */
#include "ops/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A product as a transformer's: 64 rows, 768 inputs and outputs, half a millisecond in f32 where it was
 * measured. The first run makes kernels and packs the weight, and does not count. */
enum { ROWS = 64, WIDTH = 768, TRIES = 5 };

struct product {
	struct hm_device *d;
	struct hm_weight *w;
	void *x, *y;
	double best; /* seconds */
};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool make_product(struct product *p, const struct hm_device *from, const float *w)
{
	const struct hm_linear shape = {.n = WIDTH, .k = WIDTH};
	*p = (struct product){.d = from ? hm_device_fork(from, NULL) : NULL, .best = INFINITY};
	if (!p->d)
		return false;
	size_t bytes = (size_t)p->d->op->rows_round(p->d, ROWS) * WIDTH * hm_dtype_size(p->d->act);
	p->w = p->d->op->linear_pack(p->d, &shape, w, NULL);
	p->x = p->d->op->alloc(p->d, bytes);
	p->y = p->d->op->alloc(p->d, bytes);
	return !p->d->err.code;
}

static void clear_product(struct product *p)
{
	if (!p->d)
		return;
	p->d->op->weight_free(p->d, p->w);
	p->d->op->free(p->d, p->x);
	p->d->op->free(p->d, p->y);
	hm_device_close(p->d);
}

static void time_product(struct product *p, bool counts)
{
	double start = seconds();
	p->d->op->matmul(p->d, p->y, p->x, p->w, ROWS);
	double took = seconds() - start;
	if (counts && took < p->best)
		p->best = took;
}

double hm_device_bf16_gain(const struct hm_device *d)
{
	struct product wide = {0}, narrow = {0};
	if (strcmp(d->name, "cpu") || d->precision != HM_PREC_BF16)
		return 0;
	struct hm_device *f32 = hm_device_open(d->name, HM_PREC_F32, NULL);
	float *w = hm_alloc((size_t)WIDTH * WIDTH, sizeof *w, NULL);
	bool made = f32 && w && make_product(&wide, f32, w) && make_product(&narrow, d, w);
	for (int i = 0; made && i <= TRIES; i++) {
		time_product(&wide, i);
		time_product(&narrow, i);
	}
	double gain = made && !wide.d->err.code && !narrow.d->err.code ? wide.best / narrow.best : 0;
	clear_product(&wide);
	clear_product(&narrow);
	free(w);
	hm_device_close(f32);
	return gain;
}
