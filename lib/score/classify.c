/* See classify.h. */
#include "score/classify.h"

#include <stdlib.h>
#include <string.h>

#define LONG_IDS ((size_t)1 << 20) /* bytes of token ids that are not kept for the next caption */

/* What one pair of a batch is turned into. */
struct slot {
	uint8_t *pixels;   /* [3,size,size] */
	struct hm_buf ids; /* int32_t[] */
	int count;
};

struct batch {
	int cap; /* pairs for which there is room */
	struct slot *slot;
	struct hm_rec *rec;
	bool *failed;
	float *logits, *prob; /* [cap, C] */
	struct hm_predict_batch predict;
	struct hm_classify_pair *pair; /* the caller's */
	int n;
	const struct hm_classify *owner;
};

struct hm_classify {
	struct hm_rawmodel *m;
	struct hm_predict predict;
	struct hm_workers *workers;
	struct hm_imageload_options load;
	struct hm_imagebudget budget;
	struct hm_imageload **loader; /* [workers] */
	struct batch batch[HM_CLASSIFY_BATCHES];
};

static void free_room(struct batch *b)
{
	for (int i = 0; i < b->cap; i++) {
		free(b->slot[i].pixels);
		hm_buf_clear(&b->slot[i].ids);
	}
	free(b->slot);
	free(b->rec);
	free(b->failed);
	free(b->logits);
	free(b->prob);
	b->cap = 0;
}

/* Room for n pairs. */
static int make_room(const struct hm_classify *x, struct batch *b, int n, struct hm_err *e)
{
	size_t rows = (size_t)n, classes = (size_t)x->m->model.head.classes, side = (size_t)x->m->square.size;
	if (n <= b->cap)
		return 0;
	free_room(b);
	b->slot = hm_alloc(rows, sizeof *b->slot, e);
	b->rec = hm_alloc(rows, sizeof *b->rec, e);
	b->failed = hm_alloc(rows, sizeof *b->failed, e);
	b->logits = hm_alloc(rows * classes, sizeof *b->logits, e);
	b->prob = hm_alloc(rows * classes, sizeof *b->prob, e);
	if (!b->slot || !b->rec || !b->failed || !b->logits || !b->prob)
		return HM_EDATA;
	b->cap = n;
	for (int i = 0; i < n && x->m->used[HM_IMAGE]; i++)
		if (!(b->slot[i].pixels = hm_alloc(3 * side * side, 1, e)))
			return HM_EDATA;
	return 0;
}

struct hm_classify *hm_classify_new(struct hm_rawmodel *m, const struct hm_image_limits *limits, bool single,
				    struct hm_device *d, struct hm_workers *w, struct hm_err *e)
{
	const struct hm_predict_options o = {.batch_size = single, .live = true, .allow_mismatch = true};
	int n = hm_workers_count(w);
	struct hm_classify *x = hm_alloc(1, sizeof *x, e);
	if (!x)
		return NULL;
	hm_imagebudget_init(&x->budget);
	x->m = m;
	x->workers = w;
	x->load = (struct hm_imageload_options){.square = m->square, .limits = *limits};
	x->loader = hm_alloc((size_t)n, sizeof(struct hm_imageload *), e);
	bool made = x->loader;
	for (int i = 0; made && i < n && m->used[HM_IMAGE]; i++)
		made = (x->loader[i] = hm_imageload_new(&x->budget, e));
	if (made && !hm_predict_init(&x->predict, &m->model, &m->schema, "", &o, d, w, e))
		return x;
	hm_classify_free(x);
	return NULL;
}

void hm_classify_free(struct hm_classify *x)
{
	if (!x)
		return;
	for (int i = 0; i < HM_CLASSIFY_BATCHES; i++) {
		hm_predict_batch_clear(&x->predict, &x->batch[i].predict);
		free_room(&x->batch[i]);
	}
	hm_predict_clear(&x->predict);
	for (int i = 0; x->loader && i < hm_workers_count(x->workers); i++)
		hm_imageload_free(x->loader[i]);
	free(x->loader);
	hm_imagebudget_clear(&x->budget);
	free(x);
}

/* ---- a batch ---- */

static int tokenize_text(const struct hm_tokenizer *t, const char *text, struct slot *s, struct hm_err *e)
{
	size_t len = strlen(text);
	if (s->ids.cap > LONG_IDS)
		hm_buf_clear(&s->ids);
	s->ids.len = 0;
	if (hm_buf_reserve(&s->ids, hm_tokenizer_room(t, len) * sizeof(int32_t), e))
		return HM_EDATA;
	s->count = hm_tokenizer_encode(t, text, len, (int32_t *)(void *)s->ids.data, NULL, e);
	return s->count < 0 ? s->count : 0;
}

static void prepare_pair(void *ctx, size_t i, int worker)
{
	struct batch *b = ctx;
	const struct hm_classify *x = b->owner;
	struct hm_classify_pair *p = &b->pair[i];
	struct slot *s = &b->slot[i];
	p->prob = NULL;
	if (p->failure.code)
		return;
	if (x->m->used[HM_IMAGE] && hm_imageload_run(x->loader[worker], p->root, p->img, strlen(p->img),
						     &x->load, s->pixels, &p->failure)) {
		hm_err_prefix(&p->failure, "%s", p->img);
		return;
	}
	if (x->m->used[HM_TEXT])
		tokenize_text(x->m->tokenizer, p->text, s, &p->failure);
}

static void fill_record(const struct hm_rawmodel *m, struct batch *b, int i)
{
	struct hm_rec *r = &b->rec[i];
	size_t side = (size_t)m->square.size;
	r->schema = &m->schema;
	if (m->used[HM_IMAGE])
		r->val[m->at[HM_IMAGE]] = (struct hm_val){b->slot[i].pixels, 3 * side * side};
	if (m->used[HM_TEXT])
		r->val[m->at[HM_TEXT]] = (struct hm_val){b->slot[i].ids.data, (size_t)b->slot[i].count};
	b->failed[i] = b->pair[i].failure.code;
}

/* A pair that the model cannot take fails alone: 0. What else went wrong is passed on. */
static int fail_pair(struct batch *b, int at, struct hm_err *why, struct hm_err *e)
{
	if (why->machine || at < 0)
		return hm_err_pass(e, why);
	b->pair[at].failure = *why;
	b->failed[at] = true;
	*why = (struct hm_err){0};
	return 0;
}

int hm_classify_begin(struct hm_classify *x, int which, struct hm_classify_pair *pair, int n,
		      struct hm_err *e)
{
	struct batch *b = &x->batch[which];
	struct hm_err why = {0};
	int at, rc = make_room(x, b, n, e);
	if (rc)
		return rc;
	b->owner = x;
	b->pair = pair;
	b->n = n;
	hm_workers_each(x->workers, (size_t)n, prepare_pair, b);
	for (int i = 0; i < n; i++) {
		if (pair[i].failure.machine)
			return hm_err_pass(e, &pair[i].failure);
		fill_record(x->m, b, i);
	}
	while (!rc && hm_predict_begin(&x->predict, &b->predict, b->rec, n, b->failed, &at, &why))
		rc = fail_pair(b, at, &why, e);
	return rc;
}

int hm_classify_end(struct hm_classify *x, int which, struct hm_err *e)
{
	struct batch *b = &x->batch[which];
	struct hm_err why = {0};
	int at, rc = 0;
	while (!rc && hm_predict_end(&x->predict, &b->predict, b->failed, b->logits, b->prob, &at, &why))
		rc = fail_pair(b, at, &why, e);
	for (int i = 0; i < b->n && !rc; i++)
		if (!b->failed[i])
			b->pair[i].prob = b->prob + (size_t)i * (size_t)x->m->model.head.classes;
	return rc;
}
