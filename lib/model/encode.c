/* Windows, batches, workers: see encode.h. */
#include "model/encode.h"
#include "model/encodecache.h"

#include <stdlib.h>
#include <string.h>

/* A text batch is closed at so many tokens. A device of its own wants more at once, and two lanes, so that
 * one is fed while the other's batch is computed. */
enum { TOKENS = 2048, DEVICE_TOKENS = 16384, DEVICE_LANES = 2 };

/* Items order[first .. first+n) of the window, all image or all text. */
struct hm_encode_batch {
	struct hm_job job;
	struct hm_encode_window *window;
	int first, n;
	bool text;
	struct hm_err err;
};

/* What one worker has for itself. */
struct lane {
	struct hm_device *d;
	struct hm_resnet_work *resnet;
	struct hm_bert_work *bert;
	uint8_t *pixels;	     /* device [image_batch,3,h,w] */
	float *pooled, *grid, *text; /* device, as large as a batch's output */
	float *host;		     /* the largest of them in host memory */
	int32_t *ids, *len;	     /* host [tokens], [text_batch] */
};

struct hm_encode {
	struct hm_encode_config c;
	struct hm_encode_cache cache;
	struct hm_device *device;
	struct hm_workers *workers, *own; /* own: of a device that is not the host */
	struct hm_resnet_net *resnet;
	struct hm_bert_net *bert;
	size_t image_bytes, c_width, grid_width, h_width; /* a pixel array; floats of pooled, grid, text */
	int tokens;					  /* most of a text batch */
	struct lane *lane;
	int lanes;
	bool ready; /* networks and lanes are there */
};

/* ---- one batch ---- */

static void run_images(struct hm_encode *x, struct lane *l, const struct hm_encode_batch *b)
{
	const struct hm_ops *op = l->d->op;
	const struct hm_encode_window *w = b->window;
	for (int i = 0; i < b->n; i++)
		op->upload(l->d, l->pixels + (size_t)i * x->image_bytes,
			   w->item[w->order[b->first + i]].pixels, x->image_bytes);
	/* As many as always: how many are computed at once shows in the last bits. */
	hm_resnet_encode(x->resnet, l->resnet, l->pixels, x->c.image_batch, l->pooled, l->grid);
	if (x->c.pooled)
		op->download(l->d, l->host, l->pooled, (size_t)b->n * x->c_width * sizeof(float));
	for (int i = 0; i < b->n && x->c.pooled; i++)
		memcpy(w->item[w->order[b->first + i]].pooled, l->host + (size_t)i * x->c_width,
		       x->c_width * sizeof(float));
	if (x->c.grid)
		op->download(l->d, l->host, l->grid, (size_t)b->n * x->grid_width * sizeof(float));
	for (int i = 0; i < b->n && x->c.grid; i++)
		memcpy(w->item[w->order[b->first + i]].grid, l->host + (size_t)i * x->grid_width,
		       x->grid_width * sizeof(float));
}

static void run_texts(struct hm_encode *x, struct lane *l, const struct hm_encode_batch *b)
{
	const struct hm_encode_window *w = b->window;
	int32_t *at = l->ids;
	for (int i = 0; i < b->n; i++) {
		const struct hm_encode_item *from = &w->item[w->order[b->first + i]];
		memcpy(at, from->ids, (size_t)from->len * sizeof *at);
		at += l->len[i] = from->len;
	}
	hm_bert_encode(x->bert, l->bert, l->ids, l->len, b->n, l->text);
	l->d->op->download(l->d, l->host, l->text, (size_t)b->n * x->h_width * sizeof(float));
	for (int i = 0; i < b->n; i++)
		memcpy(w->item[w->order[b->first + i]].text, l->host + (size_t)i * x->h_width,
		       x->h_width * sizeof(float));
}

static void run_batch(void *arg, int worker)
{
	struct hm_encode_batch *b = arg;
	struct hm_encode *x = b->window->owner;
	struct lane *l = &x->lane[worker];
	if (b->text)
		run_texts(x, l, b);
	else
		run_images(x, l, b);
	hm_device_error(l->d, &b->err);
}

/* ---- networks ---- */

static int open_lane(struct hm_encode *x, struct lane *l, struct hm_device *d, struct hm_err *e)
{
	const struct hm_encode_config *c = &x->c;
	l->d = hm_device_fork(d, e);
	if (!l->d)
		return HM_EDATA;
	if (x->resnet) {
		l->resnet = hm_resnet_work_new(x->resnet, l->d, c->image_batch, c->height, c->width, e);
		if (!l->resnet)
			return HM_EDATA;
		l->pixels = l->d->op->alloc(l->d, (size_t)c->image_batch * x->image_bytes);
		if (c->pooled)
			l->pooled =
				l->d->op->alloc(l->d, (size_t)c->image_batch * x->c_width * sizeof(float));
		if (c->grid)
			l->grid =
				l->d->op->alloc(l->d, (size_t)c->image_batch * x->grid_width * sizeof(float));
	}
	if (x->bert) {
		l->bert = hm_bert_work_new(x->bert, l->d, c->text_batch, x->tokens, e);
		l->ids = hm_alloc((size_t)x->tokens, sizeof *l->ids, e);
		l->len = hm_alloc((size_t)c->text_batch, sizeof *l->len, e);
		if (!l->bert || !l->ids || !l->len)
			return HM_EDATA;
		l->text = l->d->op->alloc(l->d, (size_t)c->text_batch * x->h_width * sizeof(float));
	}
	size_t image = (size_t)c->image_batch * (c->grid ? x->grid_width : x->c_width),
	       text = (size_t)c->text_batch * x->h_width;
	l->host = hm_alloc(image > text ? image : text, sizeof *l->host, e);
	return l->host ? hm_device_error(l->d, e) : HM_EDATA;
}

static void close_lane(struct lane *l)
{
	if (l->d) {
		l->d->op->free(l->d, l->pixels);
		l->d->op->free(l->d, l->pooled);
		l->d->op->free(l->d, l->grid);
		l->d->op->free(l->d, l->text);
	}
	hm_resnet_work_free(l->resnet);
	hm_bert_work_free(l->bert);
	free(l->host);
	free(l->ids);
	free(l->len);
	hm_device_close(l->d);
}

/* The networks and the lanes. */
static int prepare(struct hm_encode *x, struct hm_err *e)
{
	const struct hm_encode_config *c = &x->c;
	x->lane = hm_alloc((size_t)x->lanes, sizeof *x->lane, e);
	if (!x->lane || (c->image && hm_encoder_load(c->image, e)) ||
	    (c->text && hm_encoder_load(c->text, e)) ||
	    (c->image && !(x->resnet = hm_resnet_prepare(c->image->resnet, x->device, e))) ||
	    (c->text && !(x->bert = hm_bert_prepare(c->text->bert, x->device, e))))
		return HM_EDATA;
	for (int i = 0; i < x->lanes; i++)
		if (open_lane(x, &x->lane[i], x->device, e))
			return HM_EDATA;
	if (c->release && c->image)
		hm_encoder_release(c->image);
	if (c->release && c->text)
		hm_encoder_release(c->text);
	x->ready = true;
	return 0;
}

/* ---- windows ---- */

struct by_len {
	int32_t len;
	int index;
};

/* Longest first, so that no long batch is left for the end; equal ones in order. */
static int longer(const void *a, const void *b)
{
	const struct by_len *x = a, *y = b;
	return x->len != y->len ? (x->len < y->len ? 1 : -1) : (x->index > y->index) - (x->index < y->index);
}

static void add_batch(struct hm_encode_window *w, int first, int n, bool text)
{
	struct hm_encode_batch *b = &w->batch[w->batches++];
	*b = (struct hm_encode_batch){.window = w, .first = first, .n = n, .text = text};
	b->job = (struct hm_job){.run = run_batch, .arg = b};
}

/* order[] := the images in order, then the captions by length; cut into batches. */
static int form_batches(struct hm_encode *x, struct hm_encode_window *w, struct hm_err *e)
{
	struct by_len *text = hm_alloc((size_t)w->n, sizeof *text, e);
	int n = 0, texts = 0;
	if (!text)
		return HM_EDATA;
	for (int i = 0; i < w->n; i++) {
		struct hm_encode_item *item = &w->item[i];
		if (x->c.image && item->pixels)
			w->order[n++] = i;
		if (x->c.text && item->len)
			text[texts++] = (struct by_len){item->len, i};
	}
	for (int i = 0; i < n; i += x->c.image_batch)
		add_batch(w, i, n - i < x->c.image_batch ? n - i : x->c.image_batch, false);
	qsort(text, (size_t)texts, sizeof *text, longer);
	for (int i = 0, k, tokens; i < texts; i += k) {
		for (k = tokens = 0;
		     i + k < texts && k < x->c.text_batch && tokens + text[i + k].len <= x->tokens; k++) {
			tokens += text[i + k].len;
			w->order[n + i + k] = text[i + k].index;
		}
		add_batch(w, n + i, k, true);
	}
	free(text);
	return 0;
}

bool hm_encode_find_image(struct hm_encode *x, struct hm_encode_item *item)
{
	return hm_encode_cache_image(&x->cache, item);
}

bool hm_encode_find_text(struct hm_encode *x, struct hm_encode_item *item)
{
	return hm_encode_cache_text(&x->cache, item);
}

bool hm_encode_holds_image(const struct hm_encode *x, const unsigned char digest[16])
{
	return hm_encode_cache_holds(&x->cache, digest);
}

int hm_encode_start(struct hm_encode *x, struct hm_encode_window *w, struct hm_err *e)
{
	w->owner = x;
	w->batches = 0;
	if (w->n > w->cap) {
		hm_encode_window_clear(w);
		w->batch = hm_alloc(2 * (size_t)w->n, sizeof *w->batch, e);
		w->order = hm_alloc(2 * (size_t)w->n, sizeof *w->order, e);
		if (!w->batch || !w->order)
			return HM_EDATA;
		w->cap = w->n;
	}
	if (form_batches(x, w, e) || (w->batches && !x->ready && prepare(x, e))) {
		w->batches = 0;
		return HM_EDATA;
	}
	for (int i = 0; i < w->batches; i++)
		hm_workers_submit(x->workers, &w->batch[i].job);
	return 0;
}

static void keep_batch(struct hm_encode *x, const struct hm_encode_window *w, const struct hm_encode_batch *b)
{
	for (int i = b->first; i < b->first + b->n; i++) {
		const struct hm_encode_item *item = &w->item[w->order[i]];
		if (b->text)
			hm_encode_cache_keep_text(&x->cache, item);
		else
			hm_encode_cache_keep_image(&x->cache, item);
	}
}

int hm_encode_wait(struct hm_encode *x, struct hm_encode_window *w, struct hm_err *e)
{
	int rc = 0;
	for (int i = 0; i < w->batches; i++) {
		const struct hm_encode_batch *b = &w->batch[i];
		hm_workers_wait(x->workers, &w->batch[i].job);
		if (b->err.code)
			rc = rc ? rc : hm_err_set(e, b->err.code, "%s", b->err.text);
		else if (x->cache.features)
			keep_batch(x, w, b);
	}
	w->batches = 0;
	return rc;
}

void hm_encode_window_clear(struct hm_encode_window *w)
{
	free(w->batch);
	free(w->order);
	w->batch = NULL;
	w->order = NULL;
	w->cap = 0;
}

/* ---- set-up ---- */

int hm_encode_image_batch(const struct hm_device *d, int height, int width, int wanted)
{
	int most = d->host ? 32 : 256,
	    usual = !d->host		? 128
		    : d->act == HM_BF16 ? 2
					: 8,
	    n = wanted ? wanted : usual * 224 * 224 / (height * width);
	return n < 1 || !strcmp(d->name, "ref") ? 1 : n > most ? most : n;
}

int hm_encode_text_batch(const struct hm_device *d, int wanted)
{
	return wanted ? wanted : d->host ? 64 : 512;
}

int hm_encode_new(struct hm_encode **out, const struct hm_encode_config *c, struct hm_device *d,
		  struct hm_workers *w, struct hm_err *e)
{
	*out = NULL;
	struct hm_encode *x = hm_alloc(1, sizeof *x, e);
	if (!x)
		return HM_EDATA;
	x->c = *c;
	x->device = d;
	x->workers = w;
	if (!d->host && hm_workers_count(w) > DEVICE_LANES) {
		if (!(x->own = hm_workers_new(DEVICE_LANES, e))) {
			hm_encode_free(x);
			return HM_EDATA;
		}
		x->workers = w = x->own;
	}
	x->lanes = hm_workers_count(w);
	if (c->image) {
		x->image_bytes = 3 * (size_t)c->height * (size_t)c->width;
		x->c_width = (size_t)c->image->width;
		x->grid_width = (size_t)hm_resnet_grid_side(c->height) *
				(size_t)hm_resnet_grid_side(c->width) * x->c_width;
	}
	if (c->text) {
		int most = d->host ? TOKENS : DEVICE_TOKENS;
		x->tokens = c->text->positions > most ? c->text->positions : most;
		x->h_width = (size_t)c->text->width;
	}
	hm_encode_cache_init(&x->cache, c, d, x->c_width, x->grid_width, x->h_width);
	int rc = c->cache ? 0 : prepare(x, e);
	if (rc)
		hm_encode_free(x);
	else
		*out = x;
	return rc;
}

void hm_encode_free(struct hm_encode *x)
{
	if (!x)
		return;
	for (int i = 0; x->lane && i < x->lanes; i++)
		close_lane(&x->lane[i]);
	hm_resnet_net_free(x->resnet);
	hm_bert_net_free(x->bert);
	hm_workers_free(x->own);
	free(x->lane);
	free(x);
}

void hm_encode_counts(const struct hm_encode *x, uint64_t *hits, uint64_t *misses)
{
	*hits = x->cache.hits;
	*misses = x->cache.misses;
}
