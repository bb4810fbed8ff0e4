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

struct hm_classify {
	struct hm_rawmodel *c;
	struct hm_predict predict;
	struct hm_workers *workers;
	struct hm_imageload_options load;
	struct hm_imageload **loader; /* [workers] */
	int cap;		      /* pairs for which there is room */
	struct slot *slot;
	struct hm_rec *rec;
	bool *failed;
	float *logits, *prob; /* [cap, C] */
	struct hm_classify_pair *pair;
};

static void free_slots(struct hm_classify *x)
{
	for (int i = 0; i < x->cap; i++) {
		free(x->slot[i].pixels);
		hm_buf_clear(&x->slot[i].ids);
	}
	free(x->slot);
	free(x->rec);
	free(x->failed);
	free(x->logits);
	free(x->prob);
	x->cap = 0;
}

/* Room for n pairs. */
static int make_room(struct hm_classify *x, int n, struct hm_err *e)
{
	size_t rows = (size_t)n, classes = (size_t)x->c->model.head.classes, side = (size_t)x->c->square.size;
	if (n <= x->cap)
		return 0;
	free_slots(x);
	x->slot = hm_alloc(rows, sizeof *x->slot, e);
	x->rec = hm_alloc(rows, sizeof *x->rec, e);
	x->failed = hm_alloc(rows, sizeof *x->failed, e);
	x->logits = hm_alloc(rows * classes, sizeof *x->logits, e);
	x->prob = hm_alloc(rows * classes, sizeof *x->prob, e);
	if (!x->slot || !x->rec || !x->failed || !x->logits || !x->prob)
		return HM_EDATA;
	x->cap = n;
	for (int i = 0; i < n && x->c->used[HM_IMAGE]; i++)
		if (!(x->slot[i].pixels = hm_alloc(3 * side * side, 1, e)))
			return HM_EDATA;
	return 0;
}

struct hm_classify *hm_classify_new(struct hm_rawmodel *c, const struct hm_image_limits *limits, bool single,
				    struct hm_device *d, struct hm_workers *w, struct hm_err *e)
{
	const struct hm_predict_options o = {.batch_size = single, .live = true, .allow_mismatch = true};
	int n = hm_workers_count(w);
	struct hm_classify *x = hm_alloc(1, sizeof *x, e);
	if (!x)
		return NULL;
	x->c = c;
	x->workers = w;
	x->load = (struct hm_imageload_options){.square = c->square, .limits = *limits};
	x->loader = hm_alloc((size_t)n, sizeof(struct hm_imageload *), e);
	bool made = x->loader;
	for (int i = 0; made && i < n && c->used[HM_IMAGE]; i++)
		made = (x->loader[i] = hm_imageload_new(e));
	if (made && !hm_predict_init(&x->predict, &c->model, &c->schema, "", &o, d, w, e))
		return x;
	hm_classify_free(x);
	return NULL;
}

void hm_classify_free(struct hm_classify *x)
{
	if (!x)
		return;
	hm_predict_clear(&x->predict);
	for (int i = 0; x->loader && i < hm_workers_count(x->workers); i++)
		hm_imageload_free(x->loader[i]);
	free(x->loader);
	free_slots(x);
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
	struct hm_classify *x = ctx;
	struct hm_classify_pair *p = &x->pair[i];
	struct slot *s = &x->slot[i];
	p->prob = NULL;
	if (p->failure.code)
		return;
	if (x->c->used[HM_IMAGE] && hm_imageload_run(x->loader[worker], p->root, p->img, strlen(p->img),
						     &x->load, s->pixels, &p->failure)) {
		hm_err_prefix(&p->failure, "%s", p->img);
		return;
	}
	if (x->c->used[HM_TEXT])
		tokenize_text(x->c->tokenizer, p->text, s, &p->failure);
}

static void fill_record(struct hm_classify *x, int i)
{
	const struct hm_rawmodel *c = x->c;
	struct hm_rec *r = &x->rec[i];
	size_t side = (size_t)c->square.size;
	r->schema = &c->schema;
	if (c->used[HM_IMAGE])
		r->val[c->at[HM_IMAGE]] = (struct hm_val){x->slot[i].pixels, 3 * side * side};
	if (c->used[HM_TEXT])
		r->val[c->at[HM_TEXT]] = (struct hm_val){x->slot[i].ids.data, (size_t)x->slot[i].count};
	x->failed[i] = x->pair[i].failure.code;
}

/* Runs the model; a pair that it cannot take fails, and the others are run again. */
static int predict_pairs(struct hm_classify *x, int n, struct hm_err *e)
{
	struct hm_err why = {0};
	int at = 0;
	while (hm_predict_records(&x->predict, x->rec, n, x->failed, x->logits, x->prob, &at, &why)) {
		if (why.machine || at < 0)
			return hm_err_pass(e, &why);
		x->pair[at].failure = why;
		x->failed[at] = true;
		why = (struct hm_err){0};
	}
	return 0;
}

int hm_classify_run(struct hm_classify *x, struct hm_classify_pair *pair, int n, struct hm_err *e)
{
	if (make_room(x, n, e))
		return HM_EDATA;
	x->pair = pair;
	hm_workers_each(x->workers, (size_t)n, prepare_pair, x);
	for (int i = 0; i < n; i++) {
		if (pair[i].failure.machine)
			return hm_err_pass(e, &pair[i].failure);
		fill_record(x, i);
	}
	int rc = predict_pairs(x, n, e);
	for (int i = 0; i < n && !rc; i++)
		if (!x->failed[i])
			pair[i].prob = x->prob + (size_t)i * (size_t)x->c->model.head.classes;
	return rc;
}
