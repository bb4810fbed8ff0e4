/* This file has the weights of inference that oneDNN multiplies: see dnnlweight.h. */
#if HM_ONEDNN
#include "ops/cpu/dnnlweight.h"

#include <stdlib.h>
#include <string.h>

/* A filter in one layout. */
struct hm_dnnl_packed {
	dnnl_memory_desc_t md;
	void *data;
	struct hm_dnnl_packed *next;
};

/* ---- computing with them */

/* Where all calls have the same m, it is rounded to a multiple of 16 alone: oneDNN computes 2,056 rows an
 * eighth more slowly than 2,064. */
static int rows_of(const struct hm_device *d, const struct hm_dnnl_weight *wt, int m)
{
	return wt->linear.same ? (m + 15) / 16 * 16 : hm_dnnl_rows_round(d, m);
}

static void conv(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int i, int h, int w)
{
	hm_dnnl_step_run(d, (const struct hm_dnnl_weight *)wt, y, x, i, h, w);
}

static void matmul(struct hm_device *d, void *y, const void *x, const struct hm_weight *head, int m)
{
	const struct hm_dnnl_weight *wt = (const struct hm_dnnl_weight *)head;
	hm_dnnl_step_run(d, wt, y, x, rows_of(d, wt, m), 0, 0);
}

/* bf16 by f32 products: some rows at a time are widened, multiplied and narrowed, so that a thread needs
 * little memory for them and the caches hold much of it. */
enum { WIDE_ROWS = 256 };
static void matmul_widened(struct hm_device *d, void *y, const void *x, const struct hm_weight *head, int m)
{
	const struct hm_dnnl_weight *wt = (const struct hm_dnnl_weight *)head;
	size_t n = (size_t)wt->linear.n, k = (size_t)wt->linear.k, all = (size_t)rows_of(d, wt, m),
	       most = all < WIDE_ROWS ? all : WIDE_ROWS;
	struct hm_buf *room = &((struct hm_cpu *)d->ctx)->widened;
	room->len = 0;
	if (d->err.code || hm_buf_reserve(room, most * (n + k) * sizeof(float), &d->err))
		return;
	float *from = (float *)(void *)room->data, *to = from + most * k;
	for (size_t at = 0, rows; at < all && !d->err.code; at += rows) {
		rows = all - at < most ? all - at : most;
		hm_cpu_widen(d, from, (const uint16_t *)x + at * k, rows * k);
		hm_dnnl_step_run(d, wt, wt->linear.f32 ? (float *)y + at * n : to, from, (int)rows, 0, 0);
		if (!wt->linear.f32)
			hm_cpu_narrow(d, (uint16_t *)y + at * n, to, rows * n);
	}
}

/* Multiples of 16, and from 256 rows on of an eighth of m or less: at most an eighth of the work is wasted,
 * and there are few primitives. (Eight images of 257 rows are so 2,304 rows instead of 2,056, 12 % more
 * work.) */
int hm_dnnl_rows_round(const struct hm_device *d, int m)
{
	int step = 16;
	(void)d;
	while (step * 16 < m)
		step *= 2;
	return (m + step - 1) / step * step;
}

/* ---- making them */

static void weight_free(struct hm_weight *head)
{
	struct hm_dnnl_weight *wt = (struct hm_dnnl_weight *)head;
	for (struct hm_dnnl_packed *p = wt->packed, *next; p; p = next) {
		next = p->next;
		hm_dnnl_md_clear(&p->md);
		free(p->data);
		free(p);
	}
	pthread_mutex_destroy(&wt->lock);
	hm_dnnl_md_clear(&wt->plain);
	if (!wt->stay) {
		free(wt->w);
		free(wt->b);
	}
	free(wt);
}

static const struct hm_weight_kind conv_kind = {.conv = conv, .free = weight_free},
				   linear_kind = {.matmul = matmul, .free = weight_free},
				   widened_kind = {.matmul = matmul_widened, .free = weight_free};

/* stay: w and b remain the caller's, and are not copied. */
static struct hm_dnnl_weight *weight_new(struct hm_device *d, const struct hm_weight_kind *kind,
					 const float *w, const float *b, bool stay, int ndim,
					 const dnnl_dims_t dim, dnnl_format_tag_t tag)
{
	struct hm_dnnl_shared *s = ((struct hm_cpu *)d->ctx)->dnnl->shared;
	struct hm_dnnl_weight *wt = hm_alloc(1, sizeof *wt, &d->err);
	size_t n = 1;
	if (!wt)
		return NULL;
	for (int j = 0; j < ndim; j++)
		n *= (size_t)dim[j];
	wt->head.kind = kind;
	pthread_mutex_init(&wt->lock, NULL);
	wt->stay = stay;
	wt->w = stay ? (float *)(uintptr_t)w : hm_alloc(n, sizeof *w, &d->err);
	if (b)
		wt->b = stay ? (float *)(uintptr_t)b : hm_alloc((size_t)dim[0], sizeof *b, &d->err);
	if (!wt->w || (b && !wt->b) || hm_dnnl_md(&wt->plain, ndim, dim, dnnl_f32, tag)) {
		hm_err_set(&d->err, HM_EDEVICE, "oneDNN takes no weight of this shape");
		weight_free(&wt->head);
		return NULL;
	}
	if (!stay)
		memcpy(wt->w, w, n * sizeof *w);
	if (b && !stay)
		memcpy(wt->b, b, (size_t)dim[0] * sizeof *b);
	pthread_mutex_lock(&s->lock);
	wt->id = s->next_id++;
	pthread_mutex_unlock(&s->lock);
	return wt;
}

struct hm_weight *hm_dnnl_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				    const float *b)
{
	struct hm_dnnl_weight *wt =
		weight_new(d, &conv_kind, w, b, false, 4,
			   (dnnl_dims_t){c->cout, c->cin, c->kernel, c->kernel}, dnnl_oihw);
	if (!wt)
		return NULL;
	wt->conv = *c;
	return &wt->head;
}

struct hm_weight *hm_dnnl_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				      const float *b)
{
	struct hm_dnnl_weight *wt =
		weight_new(d, &linear_kind, w, b, l->stay, 2, (dnnl_dims_t){l->n, l->k}, dnnl_ab);
	if (!wt)
		return NULL;
	wt->linear = *l;
	return &wt->head;
}

struct hm_weight *hm_dnnl_widened_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				       const float *b)
{
	struct hm_dnnl_weight *wt =
		weight_new(d, &widened_kind, w, b, false, 2, (dnnl_dims_t){l->n, l->k}, dnnl_ab);
	if (!wt)
		return NULL;
	wt->linear = *l;
	wt->widen = true;
	for (size_t j = 0, n = (size_t)l->n * (size_t)l->k; j < n; j++)
		wt->w[j] = hm_bf16_to_f32(hm_f32_to_bf16(w[j]));
	return &wt->head;
}

/* ---- layouts */

void *hm_dnnl_weight_packed(struct hm_device *d, struct hm_dnnl_weight *wt, hm_md md)
{
	struct hm_dnnl *n = ((struct hm_cpu *)d->ctx)->dnnl;
	struct hm_dnnl_packed *p;
	if (hm_dnnl_md_equal(hm_dnnl_md_ref(&wt->plain), md))
		return wt->w;
	pthread_mutex_lock(&wt->lock);
	for (p = wt->packed; p && !hm_dnnl_md_equal(hm_dnnl_md_ref(&p->md), md);)
		p = p->next;
	if (!p && (p = hm_alloc(1, sizeof *p, &d->err))) {
		p->data = hm_alloc(hm_dnnl_md_size(md), 1, &d->err);
		if (!p->data || hm_dnnl_md_copy(&p->md, md) ||
		    hm_dnnl_reorder(n->shared->engine, n->stream, hm_dnnl_md_ref(&wt->plain), wt->w, md,
				    p->data)) {
			hm_err_set(&d->err, HM_EDEVICE, "oneDNN cannot reorder a weight");
			free(p->data);
			free(p);
			p = NULL;
		} else {
			p->next = wt->packed;
			wt->packed = p;
		}
	}
	pthread_mutex_unlock(&wt->lock);
	return p ? p->data : NULL;
}

#endif
