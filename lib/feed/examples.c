/* Batches of examples. See examples.h. */
#include "feed/examplesparts.h"
#include "feed/sources.h"
#include "base/xxh3.h"

#include <stdlib.h>
#include <string.h>

void hm_examples_clear(struct hm_examples *x)
{
	struct hm_examples_store *s = x->store;
	if (s) {
		struct hm_buf *own[] =
			{&s->part[HM_IMAGE], &s->part[HM_TEXT], &s->len, &s->label, &s->at, &s->row},
			      *shared[] = {&s->labels, &s->ids, &s->lens, &s->places};
		for (int i = 0; i < 6; i++)
			hm_buf_clear(own[i]);
		for (int i = 0; i < 4 && !s->view; i++)
			hm_buf_clear(shared[i]);
	}
	if (s && !s->view) {
		hm_blobs_clear(&s->blobs);
		hm_fetch_close(s->fetch);
		hm_arena_clear(&s->names);
	}
	for (int k = 0; k < HM_SIDES && s && !s->view; k++)
		cJSON_Delete(x->prepared[k]);
	if (s && !s->view)
		cJSON_Delete(x->names);
	free(s);
	*x = (struct hm_examples){0};
}

int hm_examples_view(struct hm_examples *view, const struct hm_examples *x, struct hm_err *e)
{
	const struct hm_examples_store *s = x->store;
	if (s->fetch || s->blobs.spilled)
		return hm_err_set(e, HM_EDATA, "the features do not fit into memory (--memory)");
	*view = *x;
	if (!(view->store = hm_alloc(1, sizeof *view->store, e)))
		return HM_EDATA;
	*view->store = *s;
	view->store->view = true;
	view->store->part[HM_IMAGE] = view->store->part[HM_TEXT] = view->store->len = view->store->label =
		view->store->at = view->store->row = (struct hm_buf){0};
	return 0;
}

/* ---- batches */

uint64_t hm_examples_hash(const struct hm_examples_store *s, const struct hm_rec *rec)
{
	uint64_t h = 0;
	for (int k = 0; k < HM_SIDES; k++)
		for (int i = 0; i < s->column[k].n; i++) {
			int at = s->column[k].at[i];
			const struct hm_val *v = &rec->val[at];
			h = XXH3_64bits_withSeed(v->data,
						 v->count * hm_dtype_size(rec->schema->field[at].dtype), h);
		}
	return h;
}

/* Side k of a fetched record, as f32 or as it is. Ids that were cut when they were read are cut again. */
static int convert_part(const struct hm_examples_store *s, const struct hm_rec *rec, int k, void *to,
			size_t bytes, struct hm_err *e)
{
	const struct hm_val *v = &rec->val[s->column[k].at[0]];
	size_t words = bytes / sizeof(int32_t);
	if (!s->raw[k])
		return hm_sidefeature_widen(&s->column[k], rec, to, e);
	if (k == HM_TEXT && v->count > words)
		hm_source_cut(to, v->data, v->count, words);
	else
		memcpy(to, v->data, bytes);
	return 0;
}

/* The same payload out of the input. */
static int fetch_payload(struct hm_examples *x, uint32_t i, void *const to[HM_SIDES],
			 const size_t bytes[HM_SIDES], struct hm_err *e)
{
	struct hm_examples_store *s = x->store;
	const struct hm_examples_place *p =
		(const struct hm_examples_place *)(const void *)s->places.data + i;
	struct hm_rec rec;
	int rc = hm_fetch_get(s->fetch, p->record, &rec, e);
	if (!rc &&
	    (hm_examples_hash(s, &rec) != p->hash ||
	     (s->raw[HM_TEXT] && rec.val[s->column[HM_TEXT].at[0]].count * sizeof(int32_t) < bytes[HM_TEXT])))
		rc = hm_err_set(e, HM_EDATA, "id %s: the file has changed since it was read", x->id[i]);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		if (s->column[k].n)
			rc = convert_part(s, &rec, k, to[k], bytes[k], e);
	return rc;
}

/* Example i's parts. */
static int read_payload(struct hm_examples *x, uint32_t i, void *const to[HM_SIDES],
			const size_t bytes[HM_SIDES], struct hm_err *e)
{
	const struct hm_examples_store *s = x->store;
	size_t first = 0;
	int rc = 0;
	if (s->fetch)
		return fetch_payload(x, i, to, bytes, e);
	for (int k = 0; k < HM_SIDES && !rc; first += bytes[k++])
		rc = hm_blobs_read(&s->blobs, i, first, to[k], bytes[k], e);
	return rc;
}

static void *reserve_array(struct hm_buf *b, size_t bytes, struct hm_err *e)
{
	b->len = 0;
	return hm_buf_reserve(b, bytes + 1, e) ? NULL : b->data; /* one more: an address even for nothing */
}

/* An example's features, at its parts of the batch. */
static void scale_example(const struct hm_examples_store *s, unsigned char *const part[])
{
	size_t first = s->bytes[HM_IMAGE] / sizeof(float);
	hm_examples_scale((float *)(void *)part[HM_IMAGE], s->mean, s->deviation, first);
	hm_examples_scale((float *)(void *)part[HM_TEXT], s->mean + first, s->deviation + first,
			  s->bytes[HM_TEXT] / sizeof(float));
}

int64_t hm_examples_words(const struct hm_examples *x, const uint32_t *at, size_t rows)
{
	const int32_t *lens = (const int32_t *)(const void *)x->store->lens.data;
	int64_t words = 0;
	for (size_t i = 0; i < rows; i++)
		words += lens[at[i]];
	return words;
}

/* The batch's arrays as the fusion knows them, at the parts' buffers. */
static void point_arrays(const struct hm_examples *x, struct hm_minibatch *b, unsigned char *const part[],
			 const int32_t *len, const float *const *row)
{
	const struct hm_examples_store *s = x->store;
	if (s->joined) {
		b->joined = row;
		return;
	}
	if (s->raw[HM_IMAGE])
		b->pixels = part[HM_IMAGE];
	if (s->raw[HM_TEXT])
		b->ids = (const int32_t *)(void *)part[HM_TEXT], b->len = len;
	for (int k = 0; k < HM_SIDES; k++)
		if (!s->raw[k] && s->bytes[k])
			b->feature[k] = (const float *)(void *)part[k];
}

/* Are these the examples that the batch's arrays hold? */
static bool batch_there(const struct hm_examples_store *s, const uint32_t *at, size_t rows)
{
	return rows && s->at.len == rows * sizeof *at && !memcmp(s->at.data, at, s->at.len);
}

/* Whether batches hold the features where the store has them. */
static bool lends_features(const struct hm_examples_store *s)
{
	return s->joined && s->host && !s->mean && !s->fetch && !s->blobs.spilled;
}

static void lend_rows(const struct hm_examples_store *s, const uint32_t *at, size_t rows, const float **row)
{
	for (size_t i = 0; i < rows; i++)
		row[i] = hm_blobs_at(&s->blobs, at[i]);
}

/* The examples' parts into the batch's buffers, which begin at part[k]; row[i] := where joined ones begin. */
static int copy_rows(struct hm_examples *x, const uint32_t *at, size_t rows, unsigned char *part[],
		     const float **row, struct hm_err *e)
{
	const struct hm_examples_store *s = x->store;
	const int32_t *lens = (const int32_t *)(const void *)s->lens.data;
	for (size_t i = 0; i < rows; i++) {
		const size_t bytes[] = {s->bytes[HM_IMAGE], (size_t)lens[at[i]] * sizeof(int32_t)};
		if (s->joined) {
			row[i] = (const float *)(void *)part[HM_IMAGE];
			part[HM_TEXT] = part[HM_IMAGE] + bytes[HM_IMAGE];
		}
		if (read_payload(x, at[i], (void *const[]){part[HM_IMAGE], part[HM_TEXT]}, bytes, e))
			return HM_EDATA;
		if (s->mean)
			scale_example(s, part);
		part[HM_IMAGE] += bytes[HM_IMAGE] + (s->joined ? bytes[HM_TEXT] : 0);
		part[HM_TEXT] += bytes[HM_TEXT];
	}
	return 0;
}

int hm_examples_batch(struct hm_examples *x, const uint32_t *at, size_t rows, struct hm_minibatch *b,
		      struct hm_err *e)
{
	struct hm_examples_store *s = x->store;
	if (batch_there(s, at, rows)) {
		*b = s->lent;
		return 0;
	}
	const int32_t *lens = (const int32_t *)(const void *)s->lens.data;
	bool lends = lends_features(s);
	size_t text_bytes = lends ? 0 : (size_t)hm_examples_words(x, at, rows) * sizeof(int32_t),
	       image_bytes = lends ? 0 : rows * s->bytes[HM_IMAGE];
	const float **row = reserve_array(&s->row, s->joined ? rows * sizeof *row : 0, e);
	int32_t *label = reserve_array(&s->label, rows * sizeof *label, e),
		*len = reserve_array(&s->len, rows * sizeof *len, e);
	unsigned char *part[HM_SIDES];
	s->at.len = 0;
	part[HM_IMAGE] = reserve_array(&s->part[HM_IMAGE], image_bytes + (s->joined ? text_bytes : 0), e);
	part[HM_TEXT] = s->joined ? part[HM_IMAGE] : reserve_array(&s->part[HM_TEXT], text_bytes, e);
	if (!row || !label || !len || !part[HM_IMAGE] || !part[HM_TEXT])
		return HM_EDATA;
	*b = (struct hm_minibatch){.n = (int)rows, .h = x->h, .w = x->w, .label = label};
	point_arrays(x, b, part, len, row);
	for (size_t i = 0; i < rows; i++) {
		label[i] = x->label[at[i]];
		len[i] = lens[at[i]];
	}
	if (lends)
		lend_rows(s, at, rows, row);
	else if (copy_rows(x, at, rows, part, row, e))
		return HM_EDATA;
	s->lent = *b;
	return hm_buf_add(&s->at, at, rows * sizeof *at, e);
}

/* ---- how batches are made */

void hm_examples_view_standardised(struct hm_examples *view, const double *mean, const double *deviation)
{
	view->store->at.len = 0;
	view->store->mean = mean;
	view->store->deviation = deviation;
}

void hm_examples_serve(struct hm_examples *x, const struct hm_fusion_kind *kind)
{
	struct hm_examples_store *s = x->store;
	s->at.len = 0;
	s->joined = kind->joined && !s->raw[HM_IMAGE] && !s->raw[HM_TEXT];
}
