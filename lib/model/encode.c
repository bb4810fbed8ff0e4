/* Windows, batches, workers: see encode.h. */
#include "model/encode.h"
#include "model/encodecache.h"

#include <stdlib.h>
#include <string.h>

/* A text batch holds at most so many tokens. A GPU needs more at once, and two lanes: one is fed while it
 * computes the other's batch. */
enum { TOKENS = 2048, DEVICE_TOKENS = 16384, DEVICE_LANES = 2 };

/* Items order[first .. first+n) of the window, all of one side. */
struct hm_encode_batch {
	struct hm_job job;
	struct hm_encode_window *window;
	int first, n;
	enum hm_side side;
	struct hm_err err;
};

/* What each worker has for itself, per side that is encoded. */
struct lane {
	struct hm_device *d;
	struct lane_side {
		void *work;	      /* the tower's */
		uint8_t *pixels;      /* image: device memory [batch,3,h,w] */
		int32_t *ids, *len;   /* text: host memory [tokens], [batch] */
		float *out[HM_GIVES]; /* device memory, as large as a batch's output */
	} side[HM_SIDES];
	float *host; /* the largest output in host memory */
};

struct hm_encode {
	struct hm_encode_config c;
	struct hm_encode_cache cache;
	struct hm_device *device;
	struct hm_workers *workers, *own;		 /* own: for a GPU, which needs few */
	const struct hm_tower_infer *run[HM_SIDES];	 /* of the towers */
	void *net[HM_SIDES];				 /* made ready for the device */
	size_t image_bytes, numbers[HM_SIDES][HM_GIVES]; /* of an image's pixels; floats of an output */
	int tokens;					 /* the most in a text batch */
	struct lane *lane;
	int lanes;
	bool ready; /* networks and lanes are made */
};

/* ---- one batch ---- */

/* Uploads the batch's images. A batch has its full size, because the number of images that are computed at
 * once shows in the last bits. In a live window the first batch is not padded. */
static void gather_pixels(struct hm_encode *x, struct lane *l, const struct hm_encode_batch *b,
			  struct hm_tower_batch *in)
{
	const struct hm_encode_window *w = b->window;
	uint8_t *to = l->side[HM_IMAGE].pixels;
	for (int i = 0; i < b->n; i++)
		l->d->op->upload(l->d, to + (size_t)i * x->image_bytes,
				 w->item[w->order[b->first + i]].pixels, x->image_bytes);
	bool small = x->c.live && !b->first;
	*in = (struct hm_tower_batch){.n = small ? b->n : x->c.side[HM_IMAGE].batch,
				      .pixels = to,
				      .h = x->c.height,
				      .w = x->c.width};
}

/* Puts the batch's captions end to end. */
static void gather_ids(struct lane *l, const struct hm_encode_batch *b, struct hm_tower_batch *in)
{
	const struct hm_encode_window *w = b->window;
	struct lane_side *s = &l->side[HM_TEXT];
	int32_t *at = s->ids;
	for (int i = 0; i < b->n; i++) {
		const struct hm_encode_item *from = &w->item[w->order[b->first + i]];
		memcpy(at, from->ids, (size_t)from->len * sizeof *at);
		at += s->len[i] = from->len;
	}
	*in = (struct hm_tower_batch){.n = b->n, .ids = s->ids, .len = s->len};
}

/* Copies one output of the batch to the addresses in its items. */
static void scatter_output(struct hm_encode *x, struct lane *l, const struct hm_encode_batch *b, int give)
{
	const struct hm_encode_window *w = b->window;
	size_t n = x->numbers[b->side][give];
	l->d->op->download(l->d, l->host, l->side[b->side].out[give], (size_t)b->n * n * sizeof(float));
	for (int i = 0; i < b->n; i++)
		memcpy(w->item[w->order[b->first + i]].out[b->side][give], l->host + (size_t)i * n,
		       n * sizeof(float));
}

static void run_batch(void *arg, int worker)
{
	struct hm_encode_batch *b = arg;
	struct hm_encode *x = b->window->owner;
	struct lane *l = &x->lane[worker];
	struct hm_tower_batch in;
	if (b->side == HM_IMAGE)
		gather_pixels(x, l, b, &in);
	else
		gather_ids(l, b, &in);
	x->run[b->side]->encode(x->net[b->side], l->side[b->side].work, &in, l->side[b->side].out);
	for (int g = 0; g < HM_GIVES; g++)
		if (x->c.side[b->side].want[g])
			scatter_output(x, l, b, g);
	hm_device_error(l->d, &b->err);
}

/* ---- networks ---- */

static int open_lane_side(struct hm_encode *x, struct lane *l, enum hm_side k, struct hm_err *e)
{
	const struct hm_encode_side *c = &x->c.side[k];
	const struct hm_tower_room room = {
		.n = c->batch, .h = x->c.height, .w = x->c.width, .rows = x->tokens};
	struct lane_side *s = &l->side[k];
	s->work = x->run[k]->work_new(x->net[k], l->d, &room, e);
	if (!s->work)
		return HM_EDATA;
	if (k == HM_IMAGE) {
		s->pixels = l->d->op->alloc(l->d, (size_t)c->batch * x->image_bytes);
	} else if (!(s->ids = hm_alloc((size_t)x->tokens, sizeof *s->ids, e)) ||
		   !(s->len = hm_alloc((size_t)c->batch, sizeof *s->len, e))) {
		return HM_EDATA;
	}
	for (int g = 0; g < HM_GIVES; g++)
		if (c->want[g])
			s->out[g] =
				l->d->op->alloc(l->d, (size_t)c->batch * x->numbers[k][g] * sizeof(float));
	return 0;
}

static int open_lane(struct hm_encode *x, struct lane *l, struct hm_err *e)
{
	size_t most = 0;
	l->d = hm_device_fork(x->device, e);
	if (!l->d)
		return HM_EDATA;
	for (int k = 0; k < HM_SIDES; k++) {
		if (x->net[k] && open_lane_side(x, l, (enum hm_side)k, e))
			return HM_EDATA;
		for (int g = 0; g < HM_GIVES; g++) {
			size_t n = (size_t)x->c.side[k].batch * x->numbers[k][g];
			most = n > most ? n : most;
		}
	}
	l->host = hm_alloc(most, sizeof *l->host, e);
	return l->host ? hm_device_error(l->d, e) : HM_EDATA;
}

static void close_lane(struct hm_encode *x, struct lane *l)
{
	for (int k = 0; k < HM_SIDES && l->d; k++) {
		struct lane_side *s = &l->side[k];
		l->d->op->free(l->d, s->pixels);
		for (int g = 0; g < HM_GIVES; g++)
			l->d->op->free(l->d, s->out[g]);
		if (s->work)
			x->run[k]->work_free(s->work);
		free(s->ids);
		free(s->len);
	}
	free(l->host);
	hm_device_close(l->d);
}

/* Makes the networks and the lanes. */
static int prepare_networks(struct hm_encode *x, struct hm_err *e)
{
	const struct hm_encode_config *c = &x->c;
	x->lane = hm_alloc((size_t)x->lanes, sizeof *x->lane, e);
	if (!x->lane)
		return HM_EDATA;
	for (int k = 0; k < HM_SIDES; k++) {
		struct hm_encoder *from = c->side[k].encoder;
		if (!from)
			continue;
		if (hm_encoder_load(from, e) || !(x->net[k] = x->run[k]->prepare(from->tower, x->device, e)))
			return HM_EDATA;
	}
	for (int i = 0; i < x->lanes; i++)
		if (open_lane(x, &x->lane[i], e))
			return HM_EDATA;
	for (int k = 0; k < HM_SIDES; k++)
		if (c->release && c->side[k].encoder)
			hm_encoder_release(c->side[k].encoder);
	x->ready = true;
	return 0;
}

/* ---- windows ---- */

struct by_len {
	int32_t len;
	int index;
};

/* Longest first, so that no long batch comes last; equal lengths in order. */
static int compare_lengths(const void *a, const void *b)
{
	const struct by_len *x = a, *y = b;
	return x->len != y->len ? (x->len < y->len ? 1 : -1) : (x->index > y->index) - (x->index < y->index);
}

static void add_batch(struct hm_encode_window *w, int first, int n, enum hm_side side)
{
	struct hm_encode_batch *b = &w->batch[w->batches++];
	*b = (struct hm_encode_batch){.window = w, .first = first, .n = n, .side = side};
	b->job = (struct hm_job){.run = run_batch, .arg = b};
}

/* order[] := the images in order, then the captions by length; cut into batches. */
static int form_batches(struct hm_encode *x, struct hm_encode_window *w, struct hm_err *e)
{
	struct by_len *text = hm_alloc((size_t)w->n, sizeof *text, e);
	int n = 0, texts = 0, images = x->c.side[HM_IMAGE].batch;
	if (!text)
		return HM_EDATA;
	for (int i = 0; i < w->n; i++) {
		struct hm_encode_item *item = &w->item[i];
		if (x->run[HM_IMAGE] && item->pixels)
			w->order[n++] = i;
		if (x->run[HM_TEXT] && item->len)
			text[texts++] = (struct by_len){item->len, i};
	}
	for (int i = 0; i < n; i += images)
		add_batch(w, i, n - i < images ? n - i : images, HM_IMAGE);
	qsort(text, (size_t)texts, sizeof *text, compare_lengths);
	for (int i = 0, k, tokens; i < texts; i += k) {
		for (k = tokens = 0;
		     i + k < texts && k < x->c.side[HM_TEXT].batch && tokens + text[i + k].len <= x->tokens;
		     k++) {
			tokens += text[i + k].len;
			w->order[n + i + k] = text[i + k].index;
		}
		add_batch(w, n + i, k, HM_TEXT);
	}
	free(text);
	return 0;
}

bool hm_encode_find(struct hm_encode *x, enum hm_side side, struct hm_encode_item *item)
{
	return hm_encode_cache_find(&x->cache, side, item);
}

bool hm_encode_holds_image(const struct hm_encode *x, const unsigned char digest[16])
{
	return hm_encode_cache_holds(&x->cache, HM_IMAGE, digest);
}

static void count_batch(struct hm_encode_window *w, const struct hm_encode_batch *b)
{
	const struct hm_encode_batch *last = &w->batch[w->batches - 1];
	w->done += b->n;
	if (w->tick)
		w->tick(w->ctx, w->done, last->first + last->n);
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
	if (form_batches(x, w, e) || (w->batches && !x->ready && prepare_networks(x, e))) {
		w->batches = 0;
		return HM_EDATA;
	}
	const bool here = hm_workers_count(x->workers) == 1; /* submit computes */
	w->done = 0;
	for (int i = 0; i < w->batches; i++) {
		hm_workers_submit(x->workers, &w->batch[i].job);
		if (here)
			count_batch(w, &w->batch[i]);
	}
	return 0;
}

static void keep_batch(struct hm_encode *x, const struct hm_encode_window *w, const struct hm_encode_batch *b)
{
	for (int i = b->first; i < b->first + b->n; i++)
		hm_encode_cache_keep(&x->cache, b->side, &w->item[w->order[i]]);
}

int hm_encode_wait(struct hm_encode *x, struct hm_encode_window *w, struct hm_err *e)
{
	int rc = 0;
	for (int i = 0; i < w->batches; i++) {
		const struct hm_encode_batch *b = &w->batch[i];
		hm_workers_wait(x->workers, &w->batch[i].job);
		if (hm_workers_count(x->workers) > 1)
			count_batch(w, b);
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

int hm_encode_batch_size(const struct hm_device *d, const struct hm_encoder *x, int height, int width,
			 int wanted)
{
	if (x->kind->side == HM_TEXT)
		return wanted ? wanted : d->host ? 64 : 512;
	/* tiles are fed well by many rows alone, which two images of a transformer are not */
	bool few = d->act == HM_BF16 && !(d->tiles && x->kind->config.heads);
	int most = d->host ? 32 : 256,
	    usual = !d->host ? 128
		    : few    ? 2
			     : 8,
	    n = wanted ? wanted : usual * 224 * 224 / (height * width);
	return n < 1 || !strcmp(d->name, "ref") ? 1 : n > most ? most : n;
}

/* Fills the sizes of what is computed for each input of side k. */
static void size_side(struct hm_encode *x, enum hm_side k)
{
	const struct hm_encode_config *c = &x->c;
	const struct hm_encoder *from = c->side[k].encoder;
	if (!from)
		return;
	x->run[k] = from->kind->infer;
	if (c->side[k].want[HM_POOLED])
		x->numbers[k][HM_POOLED] = (size_t)from->shape.width;
	if (c->side[k].want[HM_GRID])
		x->numbers[k][HM_GRID] = (size_t)from->kind->cells(from->tower, c->height, c->width) *
					 (size_t)from->shape.cell;
	if (k == HM_IMAGE) {
		x->image_bytes = 3 * (size_t)c->height * (size_t)c->width;
	} else {
		int most = x->device->host ? TOKENS : DEVICE_TOKENS, one = from->shape.positions;
		if (c->side[k].batch < most / one)
			most = c->side[k].batch * one;
		x->tokens = one > most ? one : most;
	}
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
	for (int k = 0; k < HM_SIDES; k++)
		size_side(x, (enum hm_side)k);
	hm_encode_cache_init(&x->cache, c, d, x->numbers);
	int rc = c->cache ? 0 : prepare_networks(x, e);
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
		close_lane(x, &x->lane[i]);
	for (int k = 0; k < HM_SIDES; k++)
		if (x->net[k])
			x->run[k]->net_free(x->net[k]);
	hm_workers_free(x->own);
	free(x->lane);
	free(x);
}

void hm_encode_counts(const struct hm_encode *x, uint64_t *hits, uint64_t *misses)
{
	*hits = x->cache.hits;
	*misses = x->cache.misses;
}
