/* Batches of examples, and their standardisation. See examples.h. */
#include "train/examplesparts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONSTANT 0x1p-20 /* a deviation below this share of the mean is the rounding of F32 features */
#define TINY 0x1p-100	 /* and weights divided by less than this overflow */

void hm_examples_clear(struct hm_examples *x)
{
	struct hm_examples_store *s = x->store;
	if (s) {
		struct hm_buf *all[] = {&s->labels, &s->ids, &s->lens, &s->pixels,   &s->image,
					&s->tokens, &s->len, &s->text, &s->features, &s->label};
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			hm_buf_clear(all[i]);
		hm_blobs_clear(&s->blobs);
		hm_arena_clear(&s->names);
		free(s);
	}
	*x = (struct hm_examples){0};
}

/* ---- batches */

static void *room(struct hm_buf *b, size_t bytes, struct hm_err *e)
{
	b->len = 0;
	return hm_buf_reserve(b, bytes, e) ? NULL : b->data;
}

static void scale(float *x, const double *mean, const double *deviation, size_t n)
{
	for (size_t j = 0; j < n; j++)
		x[j] = (float)((x[j] - mean[j]) / deviation[j]);
}

/* Both sides are features of late fusion: one matrix. */
static int batch_features(struct hm_examples *x, const uint32_t *at, size_t rows, struct hm_minibatch *b,
			  struct hm_err *e)
{
	struct hm_examples_store *s = x->store;
	size_t wide = (size_t)x->image.dim + (size_t)x->text.dim;
	float *to = room(&s->features, rows * wide * sizeof *to, e);
	int rc = to ? 0 : HM_EDATA;
	b->features = to;
	for (size_t i = 0; !rc && i < rows; i++, to += wide) {
		rc = hm_blobs_read(&s->blobs, at[i], 0, to, wide * sizeof *to, e);
		if (!rc && s->mean)
			scale(to, s->mean, s->deviation, wide);
	}
	return rc;
}

static int batch_image(struct hm_examples *x, const uint32_t *at, size_t rows, struct hm_minibatch *b,
		       struct hm_err *e)
{
	struct hm_examples_store *s = x->store;
	unsigned char *to = room(s->raw_image ? &s->pixels : &s->image, rows * s->image_bytes, e);
	int rc = to ? 0 : HM_EDATA;
	if (s->raw_image)
		b->pixels = to;
	else
		b->image = (float *)(void *)to;
	for (size_t i = 0; !rc && i < rows; i++)
		rc = hm_blobs_read(&s->blobs, at[i], 0, to + i * s->image_bytes, s->image_bytes, e);
	return rc;
}

static int batch_text(struct hm_examples *x, const uint32_t *at, size_t rows, struct hm_minibatch *b,
		      struct hm_err *e)
{
	struct hm_examples_store *s = x->store;
	const int32_t *len = (const int32_t *)(const void *)s->lens.data;
	size_t bytes = 0;
	for (size_t i = 0; i < rows; i++)
		bytes += (size_t)len[at[i]] * sizeof *len;
	int32_t *lens = room(&s->len, rows * sizeof *lens, e);
	unsigned char *to = room(s->raw_text ? &s->tokens : &s->text, bytes, e);
	int rc = lens && to ? 0 : HM_EDATA;
	if (s->raw_text)
		b->ids = (int32_t *)(void *)to;
	else
		b->text = (float *)(void *)to;
	b->len = lens;
	for (size_t i = 0; !rc && i < rows; i++) {
		lens[i] = len[at[i]];
		rc = hm_blobs_read(&s->blobs, at[i], s->image_bytes, to, (size_t)lens[i] * sizeof *len, e);
		to += (size_t)lens[i] * sizeof *len;
	}
	return rc;
}

int hm_examples_batch(struct hm_examples *x, const uint32_t *at, size_t rows, struct hm_minibatch *b,
		      struct hm_err *e)
{
	struct hm_examples_store *s = x->store;
	int32_t *label = room(&s->label, rows * sizeof *label, e);
	*b = (struct hm_minibatch){.n = (int)rows, .h = x->h, .w = x->w, .label = label};
	int rc = label ? 0 : HM_EDATA;
	for (size_t i = 0; !rc && i < rows; i++)
		label[i] = x->label[at[i]];
	if (!rc && !s->early && !s->raw_image && !s->raw_text)
		return batch_features(x, at, rows, b, e);
	if (!rc && s->image_bytes)
		rc = batch_image(x, at, rows, b, e);
	if (!rc && (s->raw_text || s->text_bytes))
		rc = batch_text(x, at, rows, b, e);
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
	if (s->blobs.spilled) {
		s->mean = mean;
		s->deviation = deviation;
		return;
	}
	for (size_t i = 0; i < x->n; i++)
		scale(hm_blobs_at(&s->blobs, i), mean, deviation, k);
}
