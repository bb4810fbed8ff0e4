/* Batches of examples, and their standardisation. See examples.h. */
#include "train/examplesparts.h"
#include "base/xxh3.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONSTANT 0x1p-20 /* a deviation below this share of the mean is the rounding of F32 features */
#define TINY 0x1p-100	 /* and weights divided by less than this overflow */

void hm_examples_clear(struct hm_examples *x)
{
	struct hm_examples_store *s = x->store;
	if (s) {
		struct hm_buf *own[] = {&s->image, &s->text, &s->len, &s->label},
			      *shared[] = {&s->labels, &s->ids, &s->lens, &s->places};
		for (int i = 0; i < 4; i++)
			hm_buf_clear(own[i]);
		for (int i = 0; i < 4 && !s->view; i++)
			hm_buf_clear(shared[i]);
	}
	if (s && !s->view) {
		hm_blobs_clear(&s->blobs);
		hm_fetch_close(s->fetch);
		hm_arena_clear(&s->names);
	}
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
	view->store->image = view->store->text = view->store->len = view->store->label = (struct hm_buf){0};
	return 0;
}

/* ---- batches */

uint64_t hm_examples_hash(const struct hm_examples_store *s, const struct hm_rec *rec)
{
	const int column[] = {s->image_column, s->text_column};
	uint64_t h = 0;
	for (int k = 0; k < 2; k++) {
		const struct hm_val *v = column[k] < 0 ? NULL : &rec->val[column[k]];
		if (v)
			h = XXH3_64bits_withSeed(
				v->data, v->count * hm_dtype_size(rec->schema->field[column[k]].dtype), h);
	}
	return h;
}

/* One column of a fetched record as f32, or as it is. */
static int convert(const struct hm_rec *rec, int column, bool raw, void *to, size_t bytes, struct hm_err *e)
{
	const struct hm_val *v = &rec->val[column];
	if (!raw)
		return hm_to_f32(rec->schema->field[column].dtype, v->data, bytes / sizeof(float), to, e);
	memcpy(to, v->data, bytes);
	return 0;
}

/* The same payload out of the input. Ids that were cut when they were read are cut again. */
static int fetch(struct hm_examples *x, uint32_t i, void *image, void *text, size_t text_bytes,
		 struct hm_err *e)
{
	struct hm_examples_store *s = x->store;
	const struct hm_examples_place *p =
		(const struct hm_examples_place *)(const void *)s->places.data + i;
	struct hm_rec rec;
	int rc = hm_fetch_get(s->fetch, p->record, &rec, e);
	if (!rc && (hm_examples_hash(s, &rec) != p->hash ||
		    (s->raw_text && rec.val[s->text_column].count * sizeof(int32_t) < text_bytes)))
		rc = hm_err_set(e, HM_EDATA, "id %s: the file has changed since it was read", x->id[i]);
	if (!rc && s->image_column >= 0)
		rc = convert(&rec, s->image_column, s->raw_image, image, s->image_bytes, e);
	if (!rc && s->text_column >= 0)
		rc = convert(&rec, s->text_column, s->raw_text, text, text_bytes, e);
	if (!rc && s->raw_text) {
		const struct hm_val *ids = &rec.val[s->text_column];
		((int32_t *)text)[text_bytes / sizeof(int32_t) - 1] =
			((const int32_t *)ids->data)[ids->count - 1];
	}
	return rc;
}

/* Example i's image part and text part. */
static int payload(struct hm_examples *x, uint32_t i, void *image, void *text, size_t text_bytes,
		   struct hm_err *e)
{
	const struct hm_examples_store *s = x->store;
	if (s->fetch)
		return fetch(x, i, image, text, text_bytes, e);
	int rc = hm_blobs_read(&s->blobs, i, 0, image, s->image_bytes, e);
	return rc ? rc : hm_blobs_read(&s->blobs, i, s->image_bytes, text, text_bytes, e);
}

static void *room(struct hm_buf *b, size_t bytes, struct hm_err *e)
{
	b->len = 0;
	return hm_buf_reserve(b, bytes + 1, e) ? NULL : b->data; /* one more: an address even for nothing */
}

static void scale(float *x, const double *mean, const double *deviation, size_t n)
{
	for (size_t j = 0; j < n; j++)
		x[j] = (float)((x[j] - mean[j]) / deviation[j]);
}

int64_t hm_examples_words(const struct hm_examples *x, const uint32_t *at, size_t rows)
{
	const int32_t *lens = (const int32_t *)(const void *)x->store->lens.data;
	int64_t words = 0;
	for (size_t i = 0; i < rows; i++)
		words += lens[at[i]];
	return words;
}

int hm_examples_batch(struct hm_examples *x, const uint32_t *at, size_t rows, struct hm_minibatch *b,
		      struct hm_err *e)
{
	struct hm_examples_store *s = x->store;
	const int32_t *lens = (const int32_t *)(const void *)s->lens.data;
	bool features = !s->early && !s->raw_image && !s->raw_text; /* one matrix, image before text */
	size_t words = (size_t)hm_examples_words(x, at, rows),
	       wide = (s->image_bytes + s->text_bytes) / sizeof(float);
	int32_t *label = room(&s->label, rows * sizeof *label, e),
		*len = room(&s->len, rows * sizeof *len, e);
	unsigned char *image =
		room(&s->image, rows * s->image_bytes + (features ? words * sizeof(int32_t) : 0), e);
	unsigned char *text = features ? image : room(&s->text, words * sizeof(int32_t), e);
	if (!label || !len || !image || !text)
		return HM_EDATA;
	*b = (struct hm_minibatch){.n = (int)rows, .h = x->h, .w = x->w, .label = label};
	if (features)
		b->features = (float *)(void *)image;
	else if (s->raw_image)
		b->pixels = image;
	else if (s->image_bytes)
		b->image = (float *)(void *)image;
	if (s->raw_text)
		b->ids = (int32_t *)(void *)text, b->len = len;
	else if (s->text_bytes && !features)
		b->text = (float *)(void *)text;
	int rc = 0;
	for (size_t i = 0; !rc && i < rows; i++) {
		size_t bytes = (size_t)lens[at[i]] * sizeof(int32_t);
		label[i] = x->label[at[i]];
		len[i] = lens[at[i]];
		text = features ? image + s->image_bytes : text;
		rc = payload(x, at[i], image, text, bytes, e);
		if (!rc && features && s->mean)
			scale((float *)(void *)image, s->mean, s->deviation, wide);
		image += s->image_bytes + (features ? bytes : 0);
		text += bytes;
	}
	return rc;
}

/* ---- standardisation */

int hm_examples_moments(struct hm_examples *x, double *mean, double *deviation, struct hm_err *e)
{
	size_t k = (size_t)x->image.dim + (size_t)x->text.dim;
	struct hm_minibatch b;
	memset(mean, 0, k * sizeof *mean);
	memset(deviation, 0, k * sizeof *deviation);
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < x->n; i++) {
			if (hm_examples_batch(x, &i, 1, &b, e))
				return HM_EDATA;
			for (size_t j = 0; j < k; j++)
				if (pass)
					deviation[j] += (b.features[j] - mean[j]) * (b.features[j] - mean[j]);
				else
					mean[j] += b.features[j];
		}
		for (size_t j = 0; j < k && !pass; j++)
			mean[j] /= (double)x->n;
	}
	for (size_t j = 0; j < k; j++) {
		deviation[j] = sqrt(deviation[j] / (double)x->n);
		if (deviation[j] <= fabs(mean[j]) * CONSTANT || deviation[j] < TINY)
			deviation[j] = 1;
	}
	return 0;
}

void hm_examples_standardise(struct hm_examples *x, const double *mean, const double *deviation)
{
	struct hm_examples_store *s = x->store;
	size_t k = (size_t)x->image.dim + (size_t)x->text.dim;
	if (s->blobs.spilled || s->fetch) {
		s->mean = mean;
		s->deviation = deviation;
		return;
	}
	for (size_t i = 0; i < x->n; i++)
		scale(hm_blobs_at(&s->blobs, i), mean, deviation, k);
}
