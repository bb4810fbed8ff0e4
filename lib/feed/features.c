/* Features of records. See features.h. */
#include "base/ring.h"
#include "feed/featurecolumns.h"
#include "json/build.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOWS 2
#define WINDOW 512
#define WINDOW_BYTES ((size_t)80 << 20) /* 512 images of 224x224 */

/* Records being read, encoded or written. */
struct window {
	struct hm_batch in;
	struct hm_encode_item item[WINDOW];
	uint64_t number[WINDOW];   /* of the record in the input */
	const char *error[WINDOW]; /* why a kept record has no features, NULL none */
	struct hm_arena out;	   /* features, errors */
	struct hm_encode_window work;
};

struct hm_features {
	struct hm_features_options o;
	struct hm_join *in;
	struct hm_encode *encode;
	struct hm_encode_config config;
	struct hm_feature_columns c;
	const char *output[HM_SIDES]; /* what is computed: "projected", "grid", "both" (pooled and grid) */
	struct hm_ring *ring;	      /* of struct window: one is computed, another one read or written */
	bool ended;		      /* the input */
	uint64_t read, written, skipped;
	void (*progress)(void *ctx, uint64_t done); /* of the run; NULL: none */
	void *progress_ctx;
};

static const char *outputs_of(const struct hm_features_options *o, int k)
{
	const struct hm_encoder *x = o->encoder[k];
	if (o->want[k][HM_POOLED] && o->want[k][HM_GRID])
		return "both";
	return x->kind->output(x->tower, o->want[k][HM_GRID] ? HM_GRID : HM_POOLED);
}

static int open_encode(struct hm_features *r, struct hm_workers *w, struct hm_device *d, struct hm_err *e)
{
	struct hm_encode_config *c = &r->config;
	*c = (struct hm_encode_config){.release = true, .cache = r->o.cache};
	if (r->o.encoder[HM_IMAGE]) {
		const struct hm_field *px = &hm_join_schema(r->in)->field[r->c.raw[HM_IMAGE]];
		c->height = (int)px->dim[1];
		c->width = (int)px->dim[2];
	}
	for (int k = 0; k < HM_SIDES; k++) {
		c->side[k].encoder = r->o.encoder[k];
		c->side[k].batch = 1;
		if (r->o.encoder[k]) {
			c->side[k].batch = hm_encode_batch_size(d, r->o.encoder[k], c->height, c->width,
								r->o.batch_size);
			r->output[k] = outputs_of(&r->o, k);
		}
		for (int g = 0; g < HM_GIVES; g++)
			c->side[k].want[g] = r->c.width[k][g];
	}
	return hm_encode_new(&r->encode, c, d, w, e);
}

static bool image_there(void *encode, const unsigned char digest[16])
{
	return hm_encode_holds_image(encode, digest);
}

static void clear_window(void *window)
{
	struct window *w = window;
	hm_encode_window_clear(&w->work);
	hm_batch_clear(&w->in);
	hm_arena_clear(&w->out);
}

void hm_features_free(struct hm_features *f)
{
	struct hm_err ignored = {0};
	if (!f)
		return;
	for (int i = 0; f->encode && i < WINDOWS; i++)
		hm_encode_wait(f->encode, &((struct window *)hm_ring_slot(f->ring, i))->work, &ignored);
	hm_ring_free(f->ring, clear_window);
	hm_encode_free(f->encode);
	hm_schema_clear(&f->c.schema);
	free(f);
}

const struct hm_schema *hm_features_schema(const struct hm_features *f)
{
	return &f->c.schema;
}

void hm_features_history(const struct hm_features *f, cJSON *p, struct hm_err *e)
{
	const struct hm_features_options *o = &f->o;
	for (int k = 0; k < HM_SIDES; k++) {
		char batch[32], output[32];
		if (!o->encoder[k])
			continue;
		const char *side = hm_side_name((enum hm_side)k);
		snprintf(batch, sizeof batch, "%s-batch", side);
		snprintf(output, sizeof output, "%s-output", side);
		hm_json_add_str(p, side, o->encoder[k]->digest, e);
		hm_json_add_num(p, batch, f->config.side[k].batch, e);
		hm_json_add_str(p, output, f->output[k], e);
	}
	hm_json_add_str(p, "precision", hm_precision_name(o->precision), e);
	hm_json_add_str(p, "store", o->store == HM_F32 ? "f32" : o->store == HM_F16 ? "f16" : "bf16", e);
}

/* ---- records ---- */

static int record_error(const struct hm_features *r, const struct hm_rec *rec, uint64_t number,
			const char *why, struct hm_err *e)
{
	bool text = r->c.id >= 0 && rec->schema->field[r->c.id].dtype == HM_UTF8;
	return hm_record_error(hm_join_name(r->in), number, text ? &rec->val[r->c.id] : NULL, why, e);
}

/* Room for the features of a record, zero. */
static int prepare_item(struct hm_features *r, struct window *w, struct hm_encode_item *to, struct hm_err *e)
{
	*to = (struct hm_encode_item){0};
	for (int k = 0; k < HM_SIDES; k++)
		for (int g = 0; g < HM_GIVES; g++) {
			size_t bytes = r->c.width[k][g] * sizeof(float);
			if (bytes && !(to->out[k][g] = hm_arena_get(&w->out, bytes, e)))
				return HM_EDATA;
			if (bytes)
				memset(to->out[k][g], 0, bytes);
		}
	return 0;
}

/* The next record, with a cache the digest of its pixels too. As hm_reader_next. */
static int next_record(struct hm_features *r, struct hm_rec *rec, unsigned char digest[16], struct hm_err *e)
{
	if (hm_sidefile_reads(r->o.skim))
		return hm_sidefile_next(r->o.skim, rec, digest, e);
	int rc = hm_join_next(r->in, rec, e);
	const struct hm_val *pixels =
		rc == 1 && r->c.raw[HM_IMAGE] >= 0 ? &rec->val[r->c.raw[HM_IMAGE]] : NULL;
	if (r->o.cache && pixels)
		hm_encode_digest(pixels->data, pixels->count, digest);
	if (rc == 1 && r->o.skim)
		hm_sidefile_add(r->o.skim, rec, digest);
	return rc;
}

/* Takes a record into the window's item i: what the cache has is written, what it has not is the item's work;
 * pixels that were not read are fetched for it. */
static int fill_item(struct hm_features *r, struct window *w, int i, struct hm_rec *rec, bool sound,
		     const unsigned char digest[16], struct hm_err *e)
{
	struct hm_encode_item *to = &w->item[i];
	const int *raw = r->c.raw;
	struct hm_val none = {0}, *pixels = raw[HM_IMAGE] < 0 ? &none : &rec->val[raw[HM_IMAGE]],
		      *ids = raw[HM_TEXT] < 0 ? &none : &rec->val[raw[HM_TEXT]];
	bool image = sound && raw[HM_IMAGE] >= 0, text = sound && ids->count;
	if (prepare_item(r, w, to, e))
		return HM_EDATA;
	memcpy(to->digest[HM_IMAGE], digest, sizeof to->digest[HM_IMAGE]);
	to->ids = ids->data;
	to->len = (int32_t)ids->count;
	if (image && r->o.cache && hm_encode_find(r->encode, HM_IMAGE, to))
		image = false;
	if (text && r->o.cache && hm_encode_find(r->encode, HM_TEXT, to))
		text = false;
	if (image && hm_sidefile_reads(r->o.skim) &&
	    hm_sidefile_pixels(r->o.skim, w->number[i], digest, rec, e))
		return HM_EDATA;
	if (!image && !r->o.keep)
		*pixels = none; /* not needed any more */
	if (hm_batch_add(&w->in, rec, e))
		return HM_EDATA;
	to->pixels = image ? w->in.rec[i].val[raw[HM_IMAGE]].data : NULL;
	to->ids = text ? w->in.rec[i].val[raw[HM_TEXT]].data : NULL;
	to->len = text ? to->len : 0;
	return 0;
}

/* Takes one record into the window, unless it is to be skipped. */
static int take_record(struct hm_features *r, struct window *w, struct hm_rec *rec,
		       const unsigned char digest[16], struct hm_err *e)
{
	struct hm_err why = {0};
	bool sound = r->c.error < 0 || !rec->val[r->c.error].count;
	const struct hm_val *ids = r->c.raw[HM_TEXT] < 0 ? NULL : &rec->val[r->c.raw[HM_TEXT]];
	int i = w->in.n,
	    bad = sound && ids ? hm_encoder_check_ids(r->o.encoder[HM_TEXT], ids->data, ids->count, &why) : 0;
	if (bad && r->o.on_error == HM_FEATURES_FAIL)
		return record_error(r, rec, r->read, why.text, e);
	w->number[i] = r->read++;
	if (bad && r->o.on_error == HM_FEATURES_SKIP) {
		r->skipped++;
		return 0;
	}
	w->error[i] = NULL;
	if (bad) {
		char *text = hm_arena_get(&w->out, sizeof why.text, e);
		if (!text)
			return HM_EDATA;
		memcpy(text, why.text, sizeof why.text);
		w->error[i] = text;
	}
	return fill_item(r, w, i, rec, sound && !bad, digest, e);
}

/* Inputs of a window are done: as many records count as done, in proportion. With one worker the first
 * window's inputs are computed while the ring fills. */
static void show_inputs(void *features, int done, int all)
{
	struct hm_features *r = features;
	uint64_t records = r->read - r->skipped - r->written;
	records = records < WINDOW ? records : WINDOW;
	if (r->progress)
		r->progress(r->progress_ctx, r->written + records * (uint64_t)done / (uint64_t)all);
}

/* Fills a window of the ring and hands it to the workers. 1; 0 after the last record; or an error.
 */
static int start_window(void *features, void *window, size_t *bytes, struct hm_err *e)
{
	struct hm_features *r = features;
	struct window *w = window;
	struct hm_rec rec;
	unsigned char digest[16] = {0};
	int rc = 0;
	size_t out = 0;
	for (int k = 0; k < HM_SIDES; k++)
		for (int g = 0; g < HM_GIVES; g++)
			out += r->c.width[k][g] * sizeof(float);
	hm_batch_reset(&w->in);
	hm_arena_reset(&w->out);
	while (!rc && !r->ended && w->in.n < WINDOW && w->in.bytes + (size_t)w->in.n * out < WINDOW_BYTES) {
		int more = next_record(r, &rec, digest, e);
		r->ended = more == 0;
		rc = more == 1 ? take_record(r, w, &rec, digest, e) : more;
	}
	w->work.item = w->item;
	w->work.tick = show_inputs;
	w->work.ctx = r;
	w->work.n = w->in.n;
	*bytes = w->in.bytes;
	if (!rc)
		rc = hm_encode_start(r->encode, &w->work, e);
	return rc ? rc : w->in.n > 0;
}

/* f[0..n) as the file has it, in place. false: a finite number became infinite. */
static bool narrow_feature(float *f, size_t n, enum hm_dtype store)
{
	const uint16_t infinite = store == HM_F16 ? 0x7c00 : 0x7f80;
	unsigned char *p = (unsigned char *)f;
	bool fits = true;
	for (size_t i = 0; store != HM_F32 && i < n; i++) {
		float v;
		memcpy(&v, p + 4 * i, 4);
		uint16_t h = store == HM_F16 ? hm_f32_to_f16(v) : hm_f32_to_bf16(v);
		fits &= (h & 0x7fff) != infinite;
		memcpy(p + 2 * i, &h, 2);
	}
	return fits;
}

/* The value of output column c: what was read, a feature, or why there is none. */
static int make_value(struct hm_features *r, struct window *w, int i, int c, struct hm_val *v,
		      struct hm_err *e)
{
	const char *error = w->error[i];
	int number = -1 - r->c.from[c];
	if (number < 0) {
		bool replace = error && r->c.from[c] == r->c.error;
		*v = replace ? (struct hm_val){error, strlen(error)} : w->in.rec[i].val[r->c.from[c]];
		return 0;
	}
	if (number == HM_FEATURE_ERROR) {
		*v = (struct hm_val){error ? error : "", error ? strlen(error) : 0};
		return 0;
	}
	int k = number / HM_GIVES, g = number % HM_GIVES;
	float *feature = w->item[i].out[k][g];
	for (size_t j = 0; j < r->c.width[k][g]; j++)
		if (!isfinite(feature[j]))
			return record_error(r, &w->in.rec[i], w->number[i], "a feature is NaN or infinite",
					    e);
	if (!narrow_feature(feature, r->c.width[k][g], r->o.store))
		return record_error(r, &w->in.rec[i], w->number[i],
				    r->o.store == HM_F16
					    ? "a feature is beyond 65504, the most that --store f16 "
					      "holds; bf16 and f32 hold it"
					    : "a feature is beyond what --store bf16 holds; f32 holds it",
				    e);
	*v = (struct hm_val){feature, r->c.width[k][g]};
	return 0;
}

static int write_record(struct hm_features *r, struct window *w, int i, struct hm_writer *to,
			struct hm_err *e)
{
	struct hm_val val[HM_MAX_FIELDS];
	for (int c = 0; c < r->c.schema.n; c++)
		if (make_value(r, w, i, c, &val[c], e))
			return HM_EDATA;
	return hm_writer_put(to, val, e);
}

/* Waits for a window and writes it. */
static int finish_window(struct hm_features *r, struct window *w, struct hm_writer *to, struct hm_err *e)
{
	int rc = hm_encode_wait(r->encode, &w->work, e);
	for (int i = 0; !rc && i < w->in.n; i++)
		rc = write_record(r, w, i, to, e);
	r->written += (uint64_t)w->in.n;
	return rc;
}

int hm_features_run(struct hm_features *f, struct hm_writer *to, void (*progress)(void *ctx, uint64_t done),
		    void *ctx, struct hm_err *e)
{
	int rc = 0, more = 0;
	void *window;
	f->progress = progress;
	f->progress_ctx = ctx;
	while (!rc && (more = hm_ring_next(f->ring, &window, e)) == 1) {
		rc = finish_window(f, window, to, e);
		if (!rc && progress)
			progress(ctx, f->written);
	}
	return rc ? rc : more;
}

int hm_features_open(struct hm_features **f, const struct hm_features_options *o, struct hm_join *in,
		     struct hm_device *d, struct hm_workers *w, struct hm_err *e)
{
	struct hm_features *r = hm_alloc(1, sizeof *r, e);
	*f = NULL;
	if (!r)
		return HM_EDATA;
	r->o = *o;
	r->in = in;
	const struct hm_ring_config ring = {
		.slots = WINDOWS, .slot_size = sizeof(struct window), .ctx = r, .fill = start_window};
	int rc = (r->ring = hm_ring_new(&ring, e)) ? 0 : HM_EDATA;
	if (!rc)
		rc = hm_feature_columns_make(&r->c, o, hm_join_schema(in), e);
	if (rc)
		hm_err_prefix(e, "%s", hm_join_name(in));
	if (!rc)
		rc = open_encode(r, w, d, e);
	if (!rc && o->skim)
		hm_sidefile_start(o->skim, hm_join_schema(in), r->c.raw[HM_IMAGE], image_there, r->encode);
	if (rc)
		hm_features_free(r);
	else
		*f = r;
	return rc;
}

struct hm_features_counts hm_features_counts(const struct hm_features *f)
{
	bool skims = hm_sidefile_reads(f->o.skim);
	struct hm_features_counts c = {.skipped = f->skipped,
				       .before = skims ? hm_sidefile_end(f->o.skim)->skipped
						       : hm_join_skipped(f->in)};
	hm_encode_counts(f->encode, &c.hits, &c.misses);
	return c;
}
