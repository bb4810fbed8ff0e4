/* Reading examples out of joined records: columns, records, encoders that run once on the way. See
 * examples.h. */
#include "base/simd.h"
#include "base/xxh3.h"
#include "feed/examplesparts.h"
#include "feed/prepared.h"
#include "feed/sources.h"
#include "json/build.h"
#include "model/configmodel.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The window for encoders that run while reading; as in hm-encode, so that the features are the same. */
enum { WINDOW = 512, WINDOW_BYTES = 80 << 20 };

/* What reading needs beyond the result. */
struct reading {
	struct hm_examples *x;
	struct hm_examples_store *s;
	struct hm_join *in;
	const struct hm_examples_options *o;
	int label, id, error; /* columns; -1: none; those of the sides are in the store */
	int text_max;	      /* the most ids in a caption */
	bool fits;	      /* the input promises no more payload than the memory holds */
	struct hm_encode *encode;
	struct hm_encode_window work;
	struct hm_encode_item item[WINDOW];
	struct hm_batch window;
	struct hm_arena out; /* the window's computed features */
	struct hm_buf wide;  /* f32: the record's parts, and its ids when cut */
	XXH3_state_t *hash;
	uint64_t number[WINDOW]; /* of its records, in the input from 0 */
	uint64_t read, at;	 /* records read; the number of the present one */
};

/* ---- columns */

static int column_error(const struct reading *r, struct hm_err *e)
{
	return hm_err_prefix(e, "%s", hm_join_name(r->in));
}

/* Finds side k's feature columns, of vectors or grids. */
static int find_feature(struct reading *r, int k, struct hm_err *e)
{
	struct hm_feature *f = &r->x->feature[k];
	const struct hm_feature_names *names = r->o->side[k].columns;
	enum hm_give give = r->o->kind->gives[k];
	char text[160];
	int cells;
	if (hm_sidefeature_find(&r->s->column[k], f, &cells, hm_join_schema(r->in), (enum hm_side)k, give,
				names, e))
		return column_error(r, e);
	if (cells)
		r->x->cells = cells;
	if (!*f->encoder && !r->o->unknown)
		return hm_err_set(e, HM_EDATA,
				  "%s: column \"%s\" does not say which encoder made it; "
				  "--allow-unknown-features takes it",
				  hm_join_name(r->in),
				  hm_sidefeature_text((enum hm_side)k, give, names, text, sizeof text));
	return 0;
}

/* Finds side k's raw column, whose schema says the size of pixels. */
static int find_raw(struct reading *r, int k, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	struct hm_taken *to = &r->s->column[k];
	to->n = 1;
	if (hm_column_need(s, hm_column_raw((enum hm_side)k), &to->at[0], e))
		return column_error(r, e);
	if (k == HM_IMAGE) {
		r->x->h = (int)s->field[to->at[0]].dim[1];
		r->x->w = (int)s->field[to->at[0]].dim[2];
	}
	return 0;
}

/* *f := what hm-encode would say of side k's feature. */
static void describe_computed(struct hm_feature *f, const struct hm_encoder *x, enum hm_give give,
			      const struct hm_device *d)
{
	f->dim = hm_tower_width(&x->shape, give);
	snprintf(f->encoder, sizeof f->encoder, "%s", x->digest);
	snprintf(f->output, sizeof f->output, "%s", x->kind->output(x->tower, give));
	snprintf(f->precision, sizeof f->precision, "%s", hm_precision_name(d->precision));
}

static int find_side(struct reading *r, int k, const struct hm_device *d, struct hm_err *e)
{
	const struct hm_examples_side *o = &r->o->side[k];
	struct hm_examples_store *s = r->s;
	enum hm_give give = r->o->kind->gives[k];
	s->column[k].n = 0;
	s->raw[k] = o->use == HM_USE_FROZEN || o->use == HM_USE_TRAINED;
	if (o->use == HM_USE_NONE)
		return 0;
	if (o->use == HM_USE_FEATURE ? find_feature(r, k, e) : find_raw(r, k, e))
		return HM_EDATA;
	if (!(r->x->prepared[k] = hm_sidefeature_prepared(hm_join_schema(r->in), &s->column[k], e)))
		return HM_EDATA;
	if (o->use != HM_USE_FEATURE) /* as hm-encode would say of its features */
		hm_configmodel_add_settings(r->x->prepared[k], o->encoder->kind, &o->encoder->hints, e);
	if (!(r->x->prepared[k] = hm_json_whole(r->x->prepared[k], e)))
		return HM_EDATA;
	if (o->use == HM_USE_COMPUTED)
		describe_computed(&r->x->feature[k], o->encoder, give, d);
	if (give == HM_GRID && o->use != HM_USE_FEATURE)
		r->x->cells = o->encoder->kind->cells(o->encoder->tower, r->x->h, r->x->w);
	if (s->raw[k])
		s->bytes[k] = k == HM_IMAGE ? 3 * (size_t)r->x->h * (size_t)r->x->w : 0;
	else
		s->bytes[k] = (size_t)r->x->feature[k].dim * (give == HM_GRID ? (size_t)r->x->cells : 1) *
			      sizeof(float);
	return 0;
}

/* Whether all payload fits into memory if the input's promise is true. If it is false, the rest goes to a
 * temporary file, and the reader reports it in the end. */
static bool promises_to_fit(const struct reading *r)
{
	const struct hm_examples_store *s = r->s;
	uint64_t records = hm_join_expect(r->in);
	size_t bytes;
	return records && !s->raw[HM_TEXT] &&
	       hm_size_mul(records, s->bytes[HM_IMAGE] + s->bytes[HM_TEXT], &bytes) && bytes <= r->o->memory;
}

static int find_columns(struct reading *r, const struct hm_device *d, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	const struct hm_examples_options *o = r->o;
	const struct hm_encoder *text = o->side[HM_TEXT].encoder;
	if (hm_column_need(s, HM_COLUMN_LABEL, &r->label, e) || hm_column_need(s, HM_COLUMN_ID, &r->id, e) ||
	    hm_column_find(s, HM_COLUMN_ERROR, &r->error, e))
		return column_error(r, e);
	if (hm_column_names(s, r->label, &r->x->names, e))
		return column_error(r, e);
	for (int k = 0; k < HM_SIDES; k++)
		if (find_side(r, k, d, e))
			return HM_EDATA;
	hm_examples_serve(r->x, o->kind);
	r->fits = promises_to_fit(r);
	if (text)
		r->text_max = text->shape.positions - (hm_fusion_takes_words(o->kind) ? r->x->cells : 0);
	if (hm_fusion_takes_words(o->kind) && r->text_max < 2)
		return hm_err_set(
			e, HM_EDATA,
			"%s: %d image positions leave no room for text in the transformer's %d positions",
			hm_join_name(r->in), r->x->cells, text->shape.positions);
	return 0;
}

/* ---- records */

static int record_error(const struct reading *r, const struct hm_rec *rec, const char *why, struct hm_err *e)
{
	return hm_record_error(hm_join_name(r->in), r->at, &rec->val[r->id], why, e);
}

/* 1: the record belongs to the set; 0: it is left out; HM_EDATA. */
static int check_wanted(struct reading *r, const struct hm_rec *rec, struct hm_err *e)
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

/* Whether one of the numbers is not finite; without a branch, in vectors. */
HM_SIMD static bool any_odd(const float *x, size_t n)
{
	uint32_t odd = 0, bits;
	for (size_t j = 0; j < n; j++) {
		memcpy(&bits, &x[j], sizeof bits);
		odd |= (bits & 0x7f800000) == 0x7f800000;
	}
	return odd;
}

static int check_finite(const struct reading *r, const struct hm_rec *rec, const float *x, size_t n,
			struct hm_err *e)
{
	return any_odd(x, n) ? record_error(r, rec, "its feature holds a number that is not finite", e) : 0;
}

/* *part := a side's floats as f32, where they are or in r->wide, which has room. They must be finite. */
static int widen_feature(struct reading *r, const struct hm_rec *rec, const struct hm_taken *column,
			 struct iovec *part, struct hm_err *e)
{
	float *to = (float *)(void *)(r->wide.data + r->wide.len);
	const float *there = hm_sidefeature_floats(column, rec);
	size_t n = hm_sidefeature_count(column, rec);
	if (!there && hm_sidefeature_widen(column, rec, to, e))
		return HM_EDATA;
	r->wide.len += there ? 0 : n * sizeof *to;
	*part = (struct iovec){there ? (void *)there : to, n * sizeof *to};
	return check_finite(r, rec, part->iov_base, n, e);
}

/* *part := the record's token ids, cut to the room in the fusion's text tower. */
static int take_ids(struct reading *r, const struct hm_rec *rec, struct iovec *part, struct hm_err *e)
{
	const struct hm_val *v = &rec->val[r->s->column[HM_TEXT].at[0]];
	const int32_t *ids = v->data;
	size_t n = v->count, most = (size_t)r->text_max;
	struct hm_err why = {0};
	if (hm_fusion_takes_words(r->o->kind) && n > most) {
		int32_t *cut = (int32_t *)(void *)(r->wide.data + r->wide.len);
		hm_source_cut(cut, ids, n, most);
		r->wide.len += most * sizeof *cut;
		r->x->cut++;
		ids = cut;
		n = most;
	}
	if (hm_encoder_check_ids(r->o->side[HM_TEXT].encoder, ids, n, &why))
		return record_error(r, rec, why.text, e);
	*part = (struct iovec){(void *)ids, n * sizeof *ids};
	return 0;
}

/* *part := side k of the record. item: its window item, for a computed side. */
static int take_part(struct reading *r, const struct hm_rec *rec, int k, const struct hm_encode_item *item,
		     struct iovec *part, struct hm_err *e)
{
	const struct hm_examples_store *s = r->s;
	if (!s->column[k].n)
		return 0;
	if (r->o->side[k].use == HM_USE_COMPUTED) {
		*part = (struct iovec){item->out[k][r->o->kind->gives[k]], s->bytes[k]};
		return check_finite(r, rec, part->iov_base, s->bytes[k] / sizeof(float), e);
	}
	if (!s->raw[k])
		return widen_feature(r, rec, &s->column[k], part, e);
	if (k == HM_TEXT)
		return take_ids(r, rec, part, e);
	*part = (struct iovec){(void *)rec->val[s->column[k].at[0]].data, s->bytes[k]};
	return 0;
}

/* Keeps the parts, unless they exceed the limit and can be fetched from the input. */
static int keep_parts(struct reading *r, const struct hm_rec *rec, const struct iovec part[HM_SIDES],
		      struct hm_err *e)
{
	struct hm_examples_store *s = r->s;
	const char *path = r->encode ? NULL : r->o->path;
	struct hm_examples_place place = {r->at, 0};
	struct hm_err no_fetch = {0};
	if (path && strcmp(path, "-") && !r->fits) {
		place.hash = hm_examples_hash(s, rec);
		if (hm_buf_add(&s->places, &place, sizeof place, e))
			return HM_EDATA;
		if (!s->fetch && !s->blobs.spilled && !hm_blobs_fit(&s->blobs, part, HM_SIDES) &&
		    !hm_fetch_open(&s->fetch, path, r->o->memory, &no_fetch))
			hm_blobs_clear(&s->blobs);
	}
	return s->fetch ? 0 : hm_blobs_add(&s->blobs, part, HM_SIDES, e);
}

/* Adds the record. item: its window item if a side is computed, else NULL. */
static int add_record(struct reading *r, const struct hm_rec *rec, const struct hm_encode_item *item,
		      struct hm_err *e)
{
	struct hm_examples_store *s = r->s;
	const struct hm_val *id = &rec->val[r->id];
	struct iovec part[HM_SIDES] = {{0}};
	int rc = 0;
	int32_t label = *(const int32_t *)rec->val[r->label].data;
	size_t room = s->bytes[HM_IMAGE] + s->bytes[HM_TEXT] + (size_t)r->text_max * sizeof label;
	r->wide.len = 0;
	if (hm_buf_reserve(&r->wide, room, e))
		return HM_EDATA;
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = take_part(r, rec, k, item, &part[k], e);
	int32_t len = (int32_t)(part[HM_TEXT].iov_len / sizeof len);
	char *name = rc ? NULL : hm_arena_get(&s->names, id->count + 1, e);
	if (!name || keep_parts(r, rec, part, e) || hm_buf_add(&s->labels, &label, sizeof label, e) ||
	    hm_buf_add(&s->lens, &len, sizeof len, e) || hm_buf_add(&s->ids, &name, sizeof name, e))
		return HM_EDATA;
	memcpy(name, id->data, id->count);
	name[id->count] = 0;
	XXH3_128bits_update(r->hash, name, id->count + 1);
	XXH3_128bits_update(r->hash, &label, sizeof label);
	XXH3_128bits_update(r->hash, &len, sizeof len);
	for (int k = 0; k < HM_SIDES; k++)
		XXH3_128bits_update(r->hash, part[k].iov_base, part[k].iov_len);
	return ++r->x->n < INT32_MAX ? 0
				     : hm_err_set(e, HM_EDATA, "%s: too many records", hm_join_name(r->in));
}

/* ---- encoders that run while reading */

static int open_encode(struct reading *r, struct hm_workers *w, struct hm_device *d, struct hm_err *e)
{
	struct hm_encode_config c = {.height = r->x->h, .width = r->x->w};
	bool any = false;
	for (int k = 0; k < HM_SIDES; k++) {
		c.side[k].batch = 1;
		if (r->o->side[k].use != HM_USE_COMPUTED)
			continue;
		c.side[k].encoder = r->o->side[k].encoder;
		c.side[k].want[r->o->kind->gives[k]] = true;
		c.side[k].batch = hm_encode_batch_size(d, c.side[k].encoder, r->x->h, r->x->w, 0);
		any = true;
	}
	return any ? hm_encode_new(&r->encode, &c, d, w, e) : 0;
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
	for (int i = 0; !rc && i < r->window.n; i++) {
		r->at = r->number[i];
		rc = add_record(r, &r->window.rec[i], &r->item[i], e);
	}
	hm_batch_reset(&r->window);
	hm_arena_reset(&r->out);
	return rc;
}

static int put_in_window(struct reading *r, const struct hm_rec *rec, struct hm_err *e)
{
	struct hm_encode_item *item = &r->item[r->window.n];
	struct iovec ids = {0};
	size_t out = 0;
	*item = (struct hm_encode_item){0};
	r->number[r->window.n] = r->at;
	if (hm_batch_add(&r->window, rec, e))
		return HM_EDATA;
	const struct hm_rec *kept = &r->window.rec[r->window.n - 1];
	for (int k = 0; k < HM_SIDES; k++) {
		if (r->o->side[k].use != HM_USE_COMPUTED)
			continue;
		const struct hm_val *v = &kept->val[r->s->column[k].at[0]];
		out += r->s->bytes[k];
		if (k == HM_IMAGE)
			item->pixels = v->data;
		else if (take_ids(r, kept, &ids, e))
			return HM_EDATA;
		else
			item->ids = v->data, item->len = (int32_t)(ids.iov_len / sizeof(int32_t));
		item->out[k][r->o->kind->gives[k]] = hm_arena_get(&r->out, r->s->bytes[k], e);
		if (!item->out[k][r->o->kind->gives[k]])
			return HM_EDATA;
	}
	size_t bytes = r->window.bytes + (size_t)r->window.n * out;
	return r->window.n < WINDOW && bytes < WINDOW_BYTES ? 0 : finish_window(r, e);
}

static int read_all(struct reading *r, struct hm_err *e)
{
	struct hm_rec rec;
	int rc;
	while ((rc = hm_join_next(r->in, &rec, e)) == 1) {
		r->at = r->read++;
		if ((rc = check_wanted(r, &rec, e)) == 1)
			rc = r->encode ? put_in_window(r, &rec, e) : add_record(r, &rec, NULL, e);
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
	x->store->host = !d || d->host;
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
