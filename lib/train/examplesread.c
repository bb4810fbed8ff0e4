/* Reading examples out of joined records: columns, records, encoders that run once on the way. See
 * examples.h. */
#include "train/examplesparts.h"
#include "base/xxh3.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of encoders that run while reading: as hm-encode has them, so that its features are computed. */
enum { WINDOW = 512, WINDOW_BYTES = 80 << 20 };

/* What reading needs beyond the result. */
struct reading {
	struct hm_examples *x;
	struct hm_examples_store *s;
	struct hm_join *in;
	const struct hm_examples_options *o;
	int image, text, label, id, error; /* columns, -1: none */
	int text_max;			   /* most ids of a caption */
	struct hm_encode *encode;
	struct hm_encode_window work;
	struct hm_encode_item item[WINDOW];
	struct hm_batch window;
	struct hm_arena out; /* the window's computed features */
	struct hm_buf wide;  /* f32: the record's parts, and its ids when cut */
	XXH3_state_t *hash;
	uint64_t read;
};

/* ---- columns */

static int column_error(const struct reading *r, const char *name, const char *maker, struct hm_err *e)
{
	return hm_err_set(e, HM_EDATA, "%s: there is no column '%s'; %s makes it", hm_join_name(r->in), name,
			  maker);
}

static bool is_float(const struct hm_field *f)
{
	return f->dtype == HM_F32 || f->dtype == HM_F16 || f->dtype == HM_BF16;
}

/* A feature column: rows 1, or the grid's P. */
static int feature(struct reading *r, const char *name, int ndim, int *at, struct hm_feature *f,
		   struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	*at = hm_schema_find(s, name);
	if (*at < 0)
		return column_error(r, name, "hm-encode", e);
	const struct hm_field *c = &s->field[*at];
	if (c->ndim != ndim || c->dim[0] < 1 || c->dim[ndim - 1] < 1 || c->dim[ndim - 1] > 1 << 20 ||
	    (ndim == 2 && c->dim[0] > 1 << 20) || !is_float(c))
		return hm_err_set(e, HM_EDATA, "%s: column '%s' is no %s of floats", hm_join_name(r->in),
				  name, ndim == 2 ? "grid" : "vector");
	f->dim = (int)c->dim[ndim - 1];
	if (ndim == 2)
		r->x->grid = (int)c->dim[0];
	const char *attr[] = {hm_schema_attr(s, *at, "encoder"), hm_schema_attr(s, *at, "output"),
			      hm_schema_attr(s, *at, "precision")};
	snprintf(f->encoder, sizeof f->encoder, "%s", attr[0] ? attr[0] : "");
	snprintf(f->output, sizeof f->output, "%s", attr[1] ? attr[1] : "");
	snprintf(f->precision, sizeof f->precision, "%s", attr[2] ? attr[2] : "");
	if (!*f->encoder && !r->o->unknown)
		return hm_err_set(e, HM_EDATA,
				  "%s: column '%s' does not say which encoder made it; "
				  "--allow-unknown-features to take it",
				  hm_join_name(r->in), name);
	return 0;
}

/* pixels, whose size the schema fixes. */
static int pixels(struct reading *r, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	r->image = hm_schema_find(s, "pixels");
	if (r->image < 0)
		return column_error(r, "pixels", "hm-imgprep", e);
	const struct hm_field *c = &s->field[r->image];
	if (c->dtype != HM_U8 || c->ndim != 3 || c->dim[0] != 3 || c->dim[1] < 1 || c->dim[2] < 1 ||
	    c->dim[1] > 1 << 14 || c->dim[2] > 1 << 14)
		return hm_err_set(e, HM_EDATA, "%s: column 'pixels' is not U8 [3,height,width]",
				  hm_join_name(r->in));
	r->x->h = (int)c->dim[1];
	r->x->w = (int)c->dim[2];
	return 0;
}

static int token_ids(struct reading *r, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	r->text = hm_schema_find(s, "token_ids");
	if (r->text < 0)
		return column_error(r, "token_ids", "hm-tokenize", e);
	const struct hm_field *c = &s->field[r->text];
	if (c->dtype != HM_I32 || c->ndim != 1 || !hm_field_ragged(c))
		return hm_err_set(e, HM_EDATA, "%s: column 'token_ids' is no ragged I32",
				  hm_join_name(r->in));
	return 0;
}

static void computed(struct hm_feature *f, const struct hm_encoder *x, const char *output,
		     const struct hm_device *d)
{
	f->dim = x->width;
	memcpy(f->encoder, x->digest, sizeof f->encoder);
	snprintf(f->output, sizeof f->output, "%s", output);
	snprintf(f->precision, sizeof f->precision, "%s", hm_precision_name(d->precision));
}

static int find_columns(struct reading *r, const struct hm_device *d, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	const struct hm_examples_options *o = r->o;
	struct hm_examples *x = r->x;
	bool early = o->kind == HM_FUSION_EARLY;
	int rc = 0;
	r->image = r->text = -1;
	r->label = hm_schema_find(s, "label");
	r->id = hm_schema_find(s, "id");
	r->error = hm_schema_find(s, "error");
	if (r->label < 0 || s->field[r->label].dtype != HM_I32 || s->field[r->label].ndim)
		return hm_err_set(e, HM_EDATA, "%s: there is no column 'label' of I32", hm_join_name(r->in));
	if (r->id < 0 || s->field[r->id].dtype != HM_UTF8)
		return hm_err_set(e, HM_EDATA, "%s: there is no column 'id' of text", hm_join_name(r->in));
	if (o->image == HM_SOURCE_CACHED)
		rc = feature(r, early ? "image_grid" : "image_feature", early ? 2 : 1, &r->image, &x->image,
			     e);
	else if (o->image != HM_SOURCE_NONE)
		rc = pixels(r, e);
	if (!rc && o->image == HM_SOURCE_COMPUTED)
		computed(&x->image, o->image_encoder, early ? "grid" : "pooled", d);
	if (!rc && early && o->image != HM_SOURCE_CACHED)
		x->grid = hm_resnet_grid_side(x->h) * hm_resnet_grid_side(x->w);
	if (!rc && o->text == HM_SOURCE_CACHED)
		rc = feature(r, "text_feature", 1, &r->text, &x->text, e);
	else if (!rc && o->text != HM_SOURCE_NONE)
		rc = token_ids(r, e);
	if (!rc && o->text == HM_SOURCE_COMPUTED)
		computed(&x->text, o->text_encoder, "pooler", d);
	r->s->image_column = r->image;
	r->s->text_column = r->text;
	r->s->raw_image = o->image == HM_SOURCE_RAW;
	r->s->raw_text = o->text == HM_SOURCE_RAW;
	r->s->early = early;
	r->s->image_bytes = r->s->raw_image
				    ? 3 * (size_t)x->h * (size_t)x->w
				    : (size_t)x->image.dim * (early ? (size_t)x->grid : 1) * sizeof(float);
	r->s->text_bytes = r->s->raw_text ? 0 : (size_t)x->text.dim * sizeof(float);
	if (o->text_encoder)
		r->text_max = o->text_encoder->positions - (early ? x->grid : 0);
	if (!rc && early && r->text_max < 2)
		rc = hm_err_set(e, HM_EDATA,
				"%s: %d image positions leave the transformer's %d no room for text",
				hm_join_name(r->in), x->grid, o->text_encoder->positions);
	return rc;
}

/* ---- records */

static int record_error(const struct reading *r, const struct hm_rec *rec, const char *why, struct hm_err *e)
{
	return hm_record_error(hm_join_name(r->in), r->read - 1, &rec->val[r->id], why, e);
}

/* 1: the record belongs to the set; 0: it is left out. */
static int wanted(struct reading *r, const struct hm_rec *rec, struct hm_err *e)
{
	bool failed = r->error >= 0 && rec->val[r->error].count;
	if (!failed && *(const int32_t *)rec->val[r->label].data >= 0)
		return 1;
	r->x->failed += failed;
	r->x->unlabelled += !failed;
	if (r->o->skip)
		return 0;
	return record_error(r, rec,
			    failed ? "an earlier tool failed on it; --on-error skip leaves it out"
				   : "it has no label; --on-error skip leaves it out",
			    e);
}

static int check_finite(const struct reading *r, const struct hm_rec *rec, const float *x, size_t n,
			struct hm_err *e)
{
	for (size_t j = 0; j < n; j++)
		if (!isfinite(x[j]))
			return record_error(r, rec, "its feature holds a number that is not finite", e);
	return 0;
}

/* A side's floats as f32, finite; in r->wide, which has room. */
static int widen(struct reading *r, const struct hm_rec *rec, int column, struct iovec *part,
		 struct hm_err *e)
{
	float *to = (float *)(void *)(r->wide.data + r->wide.len);
	size_t n = rec->val[column].count;
	if (hm_to_f32(rec->schema->field[column].dtype, rec->val[column].data, n, to, e) ||
	    check_finite(r, rec, to, n, e))
		return HM_EDATA;
	r->wide.len += n * sizeof *to;
	*part = (struct iovec){to, n * sizeof *to};
	return 0;
}

/* A feature that was computed here. */
static int made(const struct reading *r, const struct hm_rec *rec, float *x, size_t bytes, struct iovec *part,
		struct hm_err *e)
{
	*part = (struct iovec){x, bytes};
	return check_finite(r, rec, x, bytes / sizeof *x, e);
}

/* The record's token ids, cut in early fusion to what the image leaves: the first ones and the last. */
static int tokens(struct reading *r, const struct hm_rec *rec, struct iovec *part, struct hm_err *e)
{
	const int32_t *ids = rec->val[r->text].data;
	size_t n = rec->val[r->text].count, most = (size_t)r->text_max;
	struct hm_err why = {0};
	if (r->s->early && n > most) {
		int32_t *cut = (int32_t *)(void *)(r->wide.data + r->wide.len);
		memcpy(cut, ids, (most - 1) * sizeof *cut);
		cut[most - 1] = ids[n - 1];
		r->wide.len += most * sizeof *cut;
		r->x->cut++;
		ids = cut;
		n = most;
	}
	if (hm_encoder_check_ids(r->o->text_encoder, ids, n, &why))
		return record_error(r, rec, why.text, e);
	*part = (struct iovec){(void *)ids, n * sizeof *ids};
	return 0;
}

/* Keeps the parts; when they pass the limit and the input can be fetched from, nothing. */
static int keep(struct reading *r, const struct hm_rec *rec, const struct iovec part[2], struct hm_err *e)
{
	struct hm_examples_store *s = r->s;
	const char *path = r->encode ? NULL : r->o->path;
	struct hm_examples_place place = {r->read - 1, 0};
	struct hm_err no_fetch = {0};
	if (path && strcmp(path, "-")) {
		place.hash = hm_examples_hash(s, rec);
		if (hm_buf_add(&s->places, &place, sizeof place, e))
			return HM_EDATA;
		if (!s->fetch && !s->blobs.spilled && !hm_blobs_fit(&s->blobs, part, 2) &&
		    !hm_fetch_open(&s->fetch, path, r->o->memory, &no_fetch))
			hm_blobs_clear(&s->blobs);
	}
	return s->fetch ? 0 : hm_blobs_add(&s->blobs, part, 2, e);
}

/* Adds the record; computed: its window item, or NULL. */
static int add(struct reading *r, const struct hm_rec *rec, const struct hm_encode_item *item,
	       struct hm_err *e)
{
	struct hm_examples_store *s = r->s;
	const struct hm_val *id = &rec->val[r->id];
	struct iovec part[2] = {{0}};
	int rc = 0;
	int32_t label = *(const int32_t *)rec->val[r->label].data;
	r->wide.len = 0;
	if (hm_buf_reserve(&r->wide, s->image_bytes + s->text_bytes + (size_t)r->text_max * sizeof label, e))
		return HM_EDATA;
	if (r->o->image == HM_SOURCE_COMPUTED)
		rc = made(r, rec, s->early ? item->grid : item->pooled, s->image_bytes, &part[0], e);
	else if (s->raw_image)
		part[0] = (struct iovec){(void *)rec->val[r->image].data, s->image_bytes};
	else if (r->image >= 0)
		rc = widen(r, rec, r->image, &part[0], e);
	if (!rc && r->o->text == HM_SOURCE_COMPUTED)
		rc = made(r, rec, item->text, s->text_bytes, &part[1], e);
	else if (!rc && s->raw_text)
		rc = tokens(r, rec, &part[1], e);
	else if (!rc && r->text >= 0)
		rc = widen(r, rec, r->text, &part[1], e);
	int32_t len = (int32_t)(part[1].iov_len / sizeof len);
	char *name = rc ? NULL : hm_arena_get(&s->names, id->count + 1, e);
	if (!name || keep(r, rec, part, e) || hm_buf_add(&s->labels, &label, sizeof label, e) ||
	    hm_buf_add(&s->lens, &len, sizeof len, e) || hm_buf_add(&s->ids, &name, sizeof name, e))
		return HM_EDATA;
	memcpy(name, id->data, id->count);
	name[id->count] = 0;
	XXH3_128bits_update(r->hash, name, id->count + 1);
	XXH3_128bits_update(r->hash, &label, sizeof label);
	XXH3_128bits_update(r->hash, &len, sizeof len);
	for (int k = 0; k < 2; k++)
		XXH3_128bits_update(r->hash, part[k].iov_base, part[k].iov_len);
	return ++r->x->n < INT32_MAX ? 0
				     : hm_err_set(e, HM_EDATA, "%s: too many records", hm_join_name(r->in));
}

/* ---- encoders that run while reading */

static int open_encode(struct reading *r, struct hm_workers *w, struct hm_device *d, struct hm_err *e)
{
	const struct hm_examples_options *o = r->o;
	bool image = o->image == HM_SOURCE_COMPUTED, text = o->text == HM_SOURCE_COMPUTED;
	struct hm_encode_config c = {.image = image ? o->image_encoder : NULL,
				     .text = text ? o->text_encoder : NULL,
				     .height = r->x->h,
				     .width = r->x->w,
				     .pooled = image && !r->s->early,
				     .grid = image && r->s->early,
				     .image_batch = image ? hm_encode_image_batch(d, r->x->h, r->x->w, 0) : 1,
				     .text_batch = text ? hm_encode_text_batch(d, 0) : 1};
	return c.image || c.text ? hm_encode_new(&r->encode, &c, d, w, e) : 0;
}

static int finish_window(struct reading *r, struct hm_err *e)
{
	r->work.item = r->item;
	r->work.n = r->window.n;
	if (!r->window.n)
		return 0;
	int rc = hm_encode_start(r->encode, &r->work, e);
	if (!rc)
		rc = hm_encode_wait(r->encode, &r->work, e);
	for (int i = 0; !rc && i < r->window.n; i++)
		rc = add(r, &r->window.rec[i], &r->item[i], e);
	hm_batch_reset(&r->window);
	hm_arena_reset(&r->out);
	return rc;
}

static int put_in_window(struct reading *r, const struct hm_rec *rec, struct hm_err *e)
{
	struct hm_encode_item *item = &r->item[r->window.n];
	struct iovec ids = {0};
	*item = (struct hm_encode_item){0};
	if (hm_batch_add(&r->window, rec, e))
		return HM_EDATA;
	const struct hm_rec *kept = &r->window.rec[r->window.n - 1];
	if (r->o->image == HM_SOURCE_COMPUTED) {
		float *out = hm_arena_get(&r->out, r->s->image_bytes, e);
		item->pixels = kept->val[r->image].data;
		*(r->s->early ? &item->grid : &item->pooled) = out;
		if (!out)
			return HM_EDATA;
	}
	if (r->o->text == HM_SOURCE_COMPUTED) {
		if (tokens(r, kept, &ids, e) || !(item->text = hm_arena_get(&r->out, r->s->text_bytes, e)))
			return HM_EDATA;
		item->ids = kept->val[r->text].data;
		item->len = (int32_t)(ids.iov_len / sizeof(int32_t));
	}
	size_t out = (r->o->image == HM_SOURCE_COMPUTED ? r->s->image_bytes : 0) +
		     (r->o->text == HM_SOURCE_COMPUTED ? r->s->text_bytes : 0),
	       bytes = r->window.bytes + (size_t)r->window.n * out;
	return r->window.n < WINDOW && bytes < WINDOW_BYTES ? 0 : finish_window(r, e);
}

static int read_all(struct reading *r, struct hm_err *e)
{
	struct hm_rec rec;
	int rc;
	while ((rc = hm_join_next(r->in, &rec, e)) == 1) {
		r->read++;
		if ((rc = wanted(r, &rec, e)) == 1)
			rc = r->encode ? put_in_window(r, &rec, e) : add(r, &rec, NULL, e);
		if (rc)
			return rc;
	}
	if (!rc && r->encode)
		rc = finish_window(r, e);
	if (!rc && r->s->fetch && strcmp(hm_fetch_end(r->s->fetch)->digest, hm_join_end(r->in)->digest))
		rc = hm_err_set(e, HM_EDATA, "%s: the file has changed while it was read",
				hm_join_name(r->in));
	return rc ? rc : hm_blobs_end(&r->s->blobs, e);
}

int hm_examples_read(struct hm_examples *x, struct hm_join *in, const struct hm_examples_options *o,
		     struct hm_workers *w, struct hm_device *d, struct hm_err *e)
{
	struct reading *r = hm_alloc(1, sizeof *r, e);
	*x = (struct hm_examples){.store = hm_alloc(1, sizeof *x->store, e)};
	int rc = HM_EDATA;
	if (!r || !x->store)
		goto done;
	*r = (struct reading){.x = x, .s = x->store, .in = in, .o = o, .hash = XXH3_createState()};
	x->store->blobs.limit = o->memory;
	if (!r->hash) {
		hm_err_set(e, HM_EDATA, "out of memory");
		goto done;
	}
	XXH3_128bits_reset(r->hash);
	rc = find_columns(r, d, e);
	if (!rc)
		rc = open_encode(r, w, d, e);
	if (!rc)
		rc = read_all(r, e);
	XXH128_hash_t h = XXH3_128bits_digest(r->hash);
	snprintf(x->digest, sizeof x->digest, "%016" PRIx64 "%016" PRIx64, (uint64_t)h.high64,
		 (uint64_t)h.low64);
	x->label = (int32_t *)(void *)x->store->labels.data;
	x->id = (const char **)(void *)x->store->ids.data;
	hm_encode_free(r->encode);
	hm_encode_window_clear(&r->work);
	hm_batch_clear(&r->window);
	hm_arena_clear(&r->out);
	hm_buf_clear(&r->wide);
done:
	if (r)
		XXH3_freeState(r->hash);
	free(r);
	return rc;
}
