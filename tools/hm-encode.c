/* hm-encode: runs frozen encoders over pixels and token_ids and adds image_feature, image_grid and
 * text_feature. */
#include "cli/cli.h"
#include "model/encode.h"
#include "prep/vocab.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	char *image, *text;
	int output, precision, store, on_error;
	int64_t batch_size, cache_size;
	char *cache;
	struct hm_encoder_options spec;
	bool keep, replace, output_given, size_given;
} o = {.cache_size = (int64_t)10 << 30, .spec = {.forget = true}};

static const struct hm_opt table[] = {
	{"image", 0, HM_OPT_STR, &o.image, "SPEC",
	 "image encoder: weight file, folder, model file, init:NAME[:SEED]", .preset = hm_resnet_preset_name},
	{"text", 0, HM_OPT_STR, &o.text, "SPEC", "text encoder, likewise", .preset = hm_bert_preset_name},
	{"image-output", 0, HM_OPT_CHOICE, &o.output, "pooled|grid|both", "image_feature, image_grid or both",
	 .given = &o.output_given},
	{"batch-size", 0, HM_OPT_INT, &o.batch_size, "N", "images, captions computed at once", .min = 1,
	 .max = 4096},
	{"precision", 0, HM_OPT_CHOICE, &o.precision, "f32|bf16|tf32", "arithmetic of the encoders"},
	{"store", 0, HM_OPT_CHOICE, &o.store, "f32|f16|bf16", "dtype of the features written"},
	{"heads", 0, HM_OPT_INT, &o.spec.heads, "N", "attention heads of the text encoder", .min = 1,
	 .max = 4096},
	{"vocab-size", 0, HM_OPT_INT, &o.spec.vocab, "N", "words of an init: text encoder", .min = 1,
	 .max = 4194304},
	{"keep", 0, HM_OPT_FLAG, &o.keep, NULL, "keep pixels and token_ids"},
	{"replace", 0, HM_OPT_FLAG, &o.replace, NULL, "replace feature columns that are there"},
	{"cache", 0, HM_OPT_STR, &o.cache, "DIR",
	 "folder that keeps features: what is there is not computed"},
	{"cache-size", 0, HM_OPT_SIZE, &o.cache_size, "SIZE", "most that the cache may take", .min = 1 << 20,
	 .max = (int64_t)1 << 46, .given = &o.size_given},
	{"on-error", 0, HM_OPT_CHOICE, &o.on_error, "fail|skip|keep",
	 "what to do about a record that cannot be encoded"},
	{0}};

static const char *backends(void)
{
	static char text[128];
	return hm_device_backends(text, sizeof text);
}

static const struct hm_tool tool = {.name = "hm-encode",
				    .summary = "add the features of frozen encoders to records",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC | HM_CLI_DEVICE,
				    .max_operands = -1,
				    .backends = backends};

enum { POOLED, GRID, TEXT, FEATURES, ERROR = FEATURES };
static const char *const name[] = {"image_feature", "image_grid", "text_feature", "error"};

#define WINDOW 512
#define WINDOW_BYTES ((size_t)64 << 20)

/* Records being read, encoded or written. */
struct window {
	struct hm_batch in;
	struct hm_encode_item item[WINDOW];
	uint64_t number[WINDOW];   /* of the record in the input */
	const char *error[WINDOW]; /* why a kept record has no features, NULL none */
	struct hm_arena out;	   /* features, errors */
	struct hm_encode_window work;
};

struct run {
	struct hm_cli cli;
	struct hm_encoder image, text;
	struct hm_device *device;
	struct hm_featcache *cache;
	struct hm_encode *encode;
	struct hm_join *in;
	struct hm_schema schema;    /* of the output */
	int from[HM_MAX_FIELDS];    /* its columns: the input's, or -1 - one of `name` */
	size_t width[FEATURES];	    /* numbers in a feature; 0: not asked for */
	int id, pixels, ids, error; /* columns of the input, -1: none or not used */
	struct hm_writer *writer;
	struct window window[2];
	bool ended;
	uint64_t read, skipped;
};

/* ---- set-up ---- */

static int open_encoder(struct run *r, struct hm_encoder *x, enum hm_encoder_kind kind, const char *spec,
			struct hm_err *e)
{
	const char *option = kind == HM_IMAGE_ENCODER ? "--image" : "--text";
	int rc = spec ? hm_encoder_open(x, kind, spec, &o.spec, e) : 0;
	if (rc)
		return hm_err_prefix(e, "%s", option);
	if (x->notice[0])
		hm_cli_notice(&r->cli, "%s: %s: %s", option, spec, x->notice);
	return 0;
}

/* The tokens must come from the words that the encoder was trained on. */
static int check_vocab(const struct run *r, struct hm_err *e)
{
	struct hm_vocab v = {0};
	const char *used = hm_schema_attr(hm_join_schema(r->in), r->ids, "vocab");
	if (!r->text.vocab_file || !used)
		return 0;
	int rc = hm_vocab_read(&v, r->text.vocab_file, e);
	if (!rc && strcmp(v.digest, used))
		rc = hm_err_set(
			e, HM_EDATA,
			"%s: token_ids were made with another vocabulary than %s (hm-tokenize --vocab)",
			hm_join_name(r->in), r->text.vocab_file);
	hm_vocab_clear(&v);
	return rc;
}

/* The raw column that an encoder needs. */
static int find_raw(const struct run *r, const char *column, const char *maker, enum hm_dtype t, int ndim,
		    int *at, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	*at = hm_schema_find(s, column);
	if (*at < 0)
		return hm_err_set(e, HM_EDATA, "%s: no column \"%s\" (%s makes it)", hm_join_name(r->in),
				  column, maker);
	const struct hm_field *f = &s->field[*at];
	if (f->dtype != t || f->ndim != ndim || hm_field_ragged(f) != (ndim == 1) ||
	    (ndim == 3 && (f->dim[0] != 3 || f->dim[1] < 1 || f->dim[2] < 1)))
		return hm_err_set(e, HM_EDATA, "%s: column \"%s\" is not what %s makes", hm_join_name(r->in),
				  column, maker);
	return 0;
}

static int add_feature(struct run *r, int which, int ndim, const int64_t *dim, const char *output,
		       struct hm_err *e)
{
	static const enum hm_dtype store[] = {HM_F32, HM_F16, HM_BF16};
	const struct hm_field *px = r->pixels < 0 ? NULL : &hm_join_schema(r->in)->field[r->pixels];
	char size[48];
	cJSON *attr = cJSON_CreateObject();
	cJSON_AddStringToObject(attr, "encoder", which == TEXT ? r->text.digest : r->image.digest);
	cJSON_AddStringToObject(attr, "output", output);
	cJSON_AddStringToObject(attr, "precision", hm_precision_name((enum hm_precision)o.precision));
	if (which != TEXT)
		cJSON_AddStringToObject(attr, "size", hm_shape_text(2, px->dim + 1, size, sizeof size));
	int at = hm_schema_add(&r->schema, name[which], store[o.store], ndim, dim, attr, e);
	if (at < 0)
		return at;
	r->from[at] = -1 - which;
	r->width[which] = (size_t)dim[0] * (size_t)(ndim > 1 ? dim[1] : 1);
	return 0;
}

/* The input's columns but the raw and the replaced ones, then the features. */
static int make_schema(struct run *r, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	bool made[] = {o.image && o.output != 1, o.image && o.output != 0, o.text};
	if (hm_schema_copy(&r->schema, s, e))
		return HM_EDATA;
	for (int i = s->n; i-- > 0;) {
		bool drop = !o.keep && (i == r->pixels || i == r->ids);
		for (int k = 0; k < FEATURES; k++) {
			if (!made[k] || strcmp(s->field[i].name, name[k]))
				continue;
			if (!o.replace)
				return hm_err_set(
					e, HM_EDATA,
					"%s: column \"%s\" exists already (--replace to replace it)",
					hm_join_name(r->in), name[k]);
			drop = true;
		}
		if (drop)
			hm_schema_remove(&r->schema, i);
	}
	for (int i = 0; i < r->schema.n; i++)
		r->from[i] = hm_schema_find(s, r->schema.field[i].name);
	int rc = 0;
	if (o.image) {
		int64_t c = r->image.width, h = s->field[r->pixels].dim[1], w = s->field[r->pixels].dim[2];
		int64_t gh = hm_resnet_grid_side((int)h), gw = hm_resnet_grid_side((int)w),
			grid[] = {gh * gw, c};
		if (made[POOLED])
			rc = add_feature(r, POOLED, 1, &c, "pooled", e);
		if (!rc && made[GRID])
			rc = add_feature(r, GRID, 2, grid, "grid", e);
	}
	if (!rc && o.text)
		rc = add_feature(r, TEXT, 1, &(int64_t){r->text.width}, "pooler", e);
	if (!rc && o.on_error == HM_KEEP && r->error < 0) {
		int at = hm_schema_add(&r->schema, name[ERROR], HM_UTF8, 0, NULL, NULL, e);
		if (at < 0)
			return at;
		r->from[at] = -1 - ERROR;
	}
	return rc;
}

static int new_encode(struct run *r, struct hm_encode_config *c, struct hm_err *e)
{
	*c = (struct hm_encode_config){.image = o.image ? &r->image : NULL,
				       .text = o.text ? &r->text : NULL,
				       .pooled = r->width[POOLED],
				       .grid = r->width[GRID],
				       .release = true,
				       .text_batch = o.batch_size ? (int)o.batch_size : 64};
	if (o.image) {
		const struct hm_field *px = &hm_join_schema(r->in)->field[r->pixels];
		c->height = (int)px->dim[1];
		c->width = (int)px->dim[2];
		c->image_batch = hm_encode_image_batch(r->device, c->height, c->width, (int)o.batch_size);
	}
	if (o.cache && !(r->cache = hm_featcache_open(o.cache, (uint64_t)o.cache_size, e)))
		return hm_err_prefix(e, "--cache");
	c->cache = r->cache;
	return hm_encode_new(&r->encode, c, r->device, r->cli.workers, e);
}

static int open_writer(struct run *r, const struct hm_encode_config *c, struct hm_err *e)
{
	static const char *const output[] = {"pooled", "grid", "both"}, *const store[] = {"f32", "f16",
											  "bf16"};
	cJSON *p = cJSON_CreateObject();
	if (o.image) {
		cJSON_AddStringToObject(p, "image", r->image.digest);
		cJSON_AddStringToObject(p, "image-output", output[o.output]);
		cJSON_AddNumberToObject(p, "image-batch", c->image_batch);
	}
	if (o.text) {
		cJSON_AddStringToObject(p, "text", r->text.digest);
		cJSON_AddNumberToObject(p, "text-batch", c->text_batch);
	}
	cJSON_AddStringToObject(p, "device", r->device->name);
	cJSON_AddStringToObject(p, "precision", hm_precision_name((enum hm_precision)o.precision));
	cJSON_AddStringToObject(p, "store", store[o.store]);
	cJSON *pg = hm_pg_append(hm_join_pg(r->in), tool.name, p, e);
	int rc = pg ? hm_writer_open(&r->writer, r->cli.out, &r->schema, hm_join_meta(r->in), pg,
				     &r->cli.writer, o.cache ? r->cli.workers : NULL, e)
		    : HM_EDATA;
	cJSON_Delete(pg);
	return rc;
}

static int open_all(struct run *r, struct hm_err *e)
{
	struct hm_encode_config c;
	r->id = r->pixels = r->ids = r->error = -1;
	r->device = hm_device_open(r->cli.device, (enum hm_precision)o.precision, e);
	if (!r->device)
		return e->code;
	int rc = open_encoder(r, &r->image, HM_IMAGE_ENCODER, o.image, e);
	if (!rc)
		rc = open_encoder(r, &r->text, HM_TEXT_ENCODER, o.text, e);
	/* Reading and writing go on in this thread while the workers compute, unless they may have nothing
	 * to. */
	if (!rc)
		rc = hm_join_open(&r->in, r->cli.n_operands, r->cli.operands, o.cache ? r->cli.workers : NULL,
				  e);
	if (!rc && o.image)
		rc = find_raw(r, "pixels", "hm-imgprep", HM_U8, 3, &r->pixels, e);
	if (!rc && o.text)
		rc = find_raw(r, "token_ids", "hm-tokenize", HM_I32, 1, &r->ids, e);
	if (!rc && o.text)
		rc = check_vocab(r, e);
	if (rc)
		return rc;
	r->id = hm_schema_find(hm_join_schema(r->in), "id");
	r->error = hm_schema_find(hm_join_schema(r->in), "error");
	if (r->error >= 0 && hm_join_schema(r->in)->field[r->error].dtype != HM_UTF8)
		return hm_err_set(e, HM_EDATA, "%s: column \"error\" is no text", hm_join_name(r->in));
	rc = make_schema(r, e);
	if (!rc)
		rc = new_encode(r, &c, e);
	return rc ? rc : open_writer(r, &c, e);
}

/* ---- records ---- */

static int record_error(const struct run *r, const struct hm_rec *rec, uint64_t number, const char *why,
			struct hm_err *e)
{
	const struct hm_val none = {"", 0}, *id = r->id < 0 ? &none : &rec->val[r->id];
	bool text = r->id >= 0 && rec->schema->field[r->id].dtype == HM_UTF8;
	return hm_err_set(e, HM_EDATA, "%s: record %" PRIu64 " (id %.*s): %s", hm_join_name(r->in), number,
			  text ? (int)(id->count < 64 ? id->count : 64) : 1,
			  text ? (const char *)id->data : "?", why);
}

/* Room for the features of a record, zero; its work when it is sound. */
static int prepare(struct run *r, struct window *w, struct hm_encode_item *to, const struct hm_val *val,
		   bool sound, struct hm_err *e)
{
	float **out[] = {&to->pooled, &to->grid, &to->text};
	*to = (struct hm_encode_item){0};
	for (int k = 0; k < FEATURES; k++) {
		*out[k] = hm_arena_get(&w->out, r->width[k] * sizeof(float), e);
		if (!*out[k])
			return HM_EDATA;
		memset(*out[k], 0, r->width[k] * sizeof(float));
	}
	if (sound && r->pixels >= 0)
		to->pixels = val[r->pixels].data;
	if (sound && r->ids >= 0) {
		to->ids = val[r->ids].data;
		to->len = (int32_t)val[r->ids].count;
	}
	return 0;
}

/* Takes one record into the window, unless it is to be skipped. */
static int take(struct run *r, struct window *w, struct hm_rec *rec, struct hm_err *e)
{
	struct hm_err why = {0};
	bool sound = r->error < 0 || !rec->val[r->error].count;
	int i = w->in.n, bad = sound && r->ids >= 0 ? hm_encoder_check_ids(&r->text, rec->val[r->ids].data,
									   rec->val[r->ids].count, &why)
						    : 0;
	if (bad && o.on_error == HM_FAIL)
		return record_error(r, rec, r->read, why.text, e);
	w->number[i] = r->read++;
	if (bad && o.on_error == HM_SKIP) {
		r->skipped++;
		return 0;
	}
	w->error[i] = NULL;
	struct hm_encode_item *to = &w->item[i];
	if (prepare(r, w, to, rec->val, sound && !bad, e))
		return HM_EDATA;
	hm_encode_find(r->encode, to);
	if (r->pixels >= 0 && !to->pixels && !o.keep)
		rec->val[r->pixels].count = 0; /* needed no more */
	if (hm_batch_add(&w->in, rec, e))
		return HM_EDATA;
	to->pixels = to->pixels ? w->in.rec[i].val[r->pixels].data : NULL;
	to->ids = to->len ? w->in.rec[i].val[r->ids].data : NULL;
	if (bad) {
		char *text = hm_arena_get(&w->out, sizeof why.text, e);
		if (!text)
			return HM_EDATA;
		memcpy(text, why.text, sizeof why.text);
		w->error[i] = text;
	}
	return 0;
}

/* Reads the next window and hands it to the workers. */
static int start(struct run *r, struct window *w, struct hm_err *e)
{
	struct hm_rec rec;
	int rc = 0;
	size_t out = (r->width[POOLED] + r->width[GRID] + r->width[TEXT]) * sizeof(float);
	hm_batch_reset(&w->in);
	hm_arena_reset(&w->out);
	while (!rc && !r->ended && w->in.n < WINDOW && w->in.bytes + (size_t)w->in.n * out < WINDOW_BYTES) {
		int more = hm_join_next(r->in, &rec, e);
		r->ended = more == 0;
		rc = more == 1 ? take(r, w, &rec, e) : more;
	}
	w->work.item = w->item;
	w->work.n = w->in.n;
	return rc ? rc : hm_encode_start(r->encode, &w->work, e);
}

/* f[0..n) as --store wants it, in place. */
static void narrow(float *f, size_t n)
{
	unsigned char *p = (unsigned char *)f;
	for (size_t i = 0; o.store && i < n; i++) {
		float v;
		memcpy(&v, p + 4 * i, 4);
		uint16_t h = o.store == 1 ? hm_f32_to_f16(v) : hm_f32_to_bf16(v);
		memcpy(p + 2 * i, &h, 2);
	}
}

/* The value of output column c: what was read, a feature, or why there is none. */
static int value(struct run *r, struct window *w, int i, int c, struct hm_val *v, struct hm_err *e)
{
	float *feature[] = {w->item[i].pooled, w->item[i].grid, w->item[i].text};
	const char *error = w->error[i];
	int k = -1 - r->from[c];
	if (k < 0) {
		bool replace = error && r->from[c] == r->error;
		*v = replace ? (struct hm_val){error, strlen(error)} : w->in.rec[i].val[r->from[c]];
		return 0;
	}
	if (k == ERROR) {
		*v = (struct hm_val){error ? error : "", error ? strlen(error) : 0};
		return 0;
	}
	for (size_t j = 0; j < r->width[k]; j++)
		if (!isfinite(feature[k][j]))
			return record_error(r, &w->in.rec[i], w->number[i], "a feature is NaN or infinite",
					    e);
	narrow(feature[k], r->width[k]);
	*v = (struct hm_val){feature[k], r->width[k]};
	return 0;
}

static int put(struct run *r, struct window *w, int i, struct hm_err *e)
{
	struct hm_val val[HM_MAX_FIELDS];
	for (int c = 0; c < r->schema.n; c++)
		if (value(r, w, i, c, &val[c], e))
			return HM_EDATA;
	return hm_writer_put(r->writer, val, e);
}

/* Waits for a window and writes it. */
static int finish(struct run *r, struct window *w, struct hm_err *e)
{
	int rc = hm_encode_wait(r->encode, &w->work, e);
	for (int i = 0; !rc && i < w->in.n; i++)
		rc = put(r, w, i, e);
	hm_cli_progress(&r->cli, r->read - (uint64_t)(r->window[0].in.n + r->window[1].in.n - w->in.n),
			hm_join_expect(r->in), "records");
	return rc;
}

static void report_cache(struct run *r)
{
	uint64_t hits, misses;
	hm_encode_counts(r->encode, &hits, &misses);
	cJSON_AddNumberToObject(r->cli.stats, "cache_hits", (double)hits);
	cJSON_AddNumberToObject(r->cli.stats, "cache_misses", (double)misses);
	hm_cli_notice(&r->cli, "%s: %" PRIu64 " of %" PRIu64 " inputs were there, %" PRIu64 " computed",
		      o.cache, hits, hits + misses, misses);
}

static void close_all(struct run *r)
{
	struct hm_err ignored = {0}, unkept = {0};
	for (int i = 0; i < 2; i++) {
		struct window *w = &r->window[i];
		if (r->encode)
			hm_encode_wait(r->encode, &w->work, &ignored);
		hm_encode_window_clear(&w->work);
		hm_batch_clear(&w->in);
		hm_arena_clear(&w->out);
	}
	hm_encode_free(r->encode);
	if (hm_featcache_close(r->cache, &unkept))
		hm_cli_warn(&r->cli, "--cache: %s; what it does not hold is computed again next time",
			    unkept.text);
	hm_encoder_clear(&r->image);
	hm_encoder_clear(&r->text);
	hm_device_close(r->device);
	hm_writer_abort(r->writer);
	hm_schema_clear(&r->schema);
	hm_join_close(r->in);
}

int main(int argc, char **argv)
{
	static struct run r;
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, argc, argv);
	if (!o.image && !o.text)
		hm_cli_usage(&r.cli, "give --image, --text or both");
	if (o.output_given && !o.image)
		hm_cli_usage(&r.cli, "--image-output needs --image");
	if (o.spec.vocab && (!o.text || strncmp(o.text, "init:", 5)))
		hm_cli_usage(&r.cli, "--vocab-size needs --text init:NAME");
	if (o.size_given && !o.cache)
		hm_cli_usage(&r.cli, "--cache-size needs --cache");
	int rc = open_all(&r, &e), at = 0;
	if (!rc)
		rc = start(&r, &r.window[0], &e);
	for (; !rc && r.window[at].in.n;
	     at = !at) { /* one is computed while the other is read, written, read … */
		rc = start(&r, &r.window[!at], &e);
		if (!rc)
			rc = finish(&r, &r.window[at], &e);
	}
	if (!rc) {
		rc = hm_writer_finish(r.writer, hm_join_end(r.in)->skipped + r.skipped, &e);
		r.writer = NULL;
	}
	if (!rc && r.cache)
		report_cache(&r);
	if (!rc && r.skipped)
		hm_cli_notice(&r.cli, "%" PRIu64 " records left out", r.skipped);
	close_all(&r);
	return hm_cli_end(&r.cli, rc, &e);
}
