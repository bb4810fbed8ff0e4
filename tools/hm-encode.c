/* hm-encode: runs frozen encoders over pixels and token_ids and adds image_feature, image_grid and
 * text_feature. */
#include "cli/cli.h"
#include "feed/columns.h"
#include "feed/features.h"
#include "json/build.h"
#include "prep/tokenizer.h"
#include "towerwords.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { GRID_ALONE = TOWER_IMAGES, BOTH }; /* image outputs besides those of a tower */

struct options {
	char *encoder[HM_SIDES];
	char *column[HM_SIDES];
	int store, on_error;
	int64_t batch_size, cache_size;
	char *cache, *mean, *std;
	struct tower_words tower;
	bool keep, replace, mismatch, size_given;
};

static const struct options defaults = {.tower = TOWER_WORDS, .cache_size = (int64_t)10 << 30};

static const struct hm_opt table[] = {
	{.group = "Encoders"},
	{"image", 0, HM_STR(encoder[HM_IMAGE]), "SPEC",
	 "image encoder: weight file, folder, model file, init:NAME[:SEED]", .preset = hm_image_preset,
	 .file = HM_FILE_IN},
	{"text", 0, HM_STR(encoder[HM_TEXT]), "SPEC", "text encoder: the same choices",
	 .preset = hm_text_preset, .file = HM_FILE_IN},
	TOWER_ROWS,
	{"mean", 0, HM_STR(mean), "R,G,B",
	 "mean of each colour of 0 to 1, instead of the image encoder's own"},
	{"std", 0, HM_STR(std), "R,G,B", "deviation of each colour, the same"},
	{"vocab-size", 0, HM_INT(tower.spec.vocab), "N", "rows of the word table of an init: text encoder",
	 .min = 1, .max = 4194304},
	{.group = "Features"},
	TOWER_OUTPUT_ROWS(
		TOWER_IMAGE "|grid|both",
		"image_feature (projected: CLIP's projection, cls: a ViT's class token), image_grid, or both",
		"which vector text_feature is: BERT has the first three, CLIP the last two"),
	{"image-column", 0, HM_STR(column[HM_IMAGE]), "NAME", "the name of image_feature in the output"},
	{"text-column", 0, HM_STR(column[HM_TEXT]), "NAME", "the name of text_feature in the output"},
	{"key", 0, HM_STR(tower.spec.key), "NAME",
	 "the part of a training checkpoint that holds the encoder"},
	{"store", 0, HM_CHOICE(store), "f32|f16|bf16", "dtype of the features written"},
	{"keep", 0, HM_FLAG(keep), NULL, "keep pixels and token_ids"},
	{"replace", 0, HM_FLAG(replace), NULL, "replace feature columns that exist already"},
	{"on-error", 0, HM_CHOICE(on_error), "fail|skip|keep",
	 "what to do about a record that cannot be encoded"},
	{"allow-mismatch", 0, HM_FLAG(mismatch), NULL,
	 "encode tokens that were made otherwise than the encoder's folder says (vocabulary, casing)"},
	{.group = "Speed"},
	{"batch-size", 0, HM_INT(batch_size), "N", "images or captions computed at once", .min = 1,
	 .max = 4096},
	{"cache", 0, HM_STR(cache), "DIR", "folder that keeps features; those in it are not computed again",
	 .file = HM_FILE_KEPT},
	{"cache-size", 0, HM_SIZE(cache_size), "SIZE", "bytes that the cache may take at most",
	 .min = 1 << 20, .max = (int64_t)1 << 46, .given = HM_GIVEN(size_given)},
	{0}};

static const struct hm_tool tool = {.name = "hm-encode",
				    .summary = "add the features of frozen encoders to records",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC | HM_CLI_DEVICE,
				    .max_operands = -1,
				    .backends = hm_device_backends,
				    .sandbox = HM_CLI_COMPUTE,
				    .joins = true};

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_encoder encoder[HM_SIDES];
	struct hm_device *device;
	struct hm_featcache *cache;
	struct hm_sidefile *skim;
	struct hm_join *in;
	struct hm_features *features;
	struct hm_writer *writer;
};

/* ---- set-up ---- */

static int open_encoder(struct run *r, enum hm_side k, struct hm_err *e)
{
	struct hm_encoder *x = &r->encoder[k];
	const char *spec = r->o.encoder[k];
	const struct hm_encoder_options o =
		hm_encoder_options_of(&r->o.tower.spec, (const char *const *)r->o.encoder, k);
	int rc = spec ? hm_encoder_open(x, k, spec, &o, e) : 0;
	if (rc)
		return hm_err_prefix(e, "--%s", hm_side_name(k));
	if (x->notice[0])
		hm_cli_notice(&r->cli, "--%s: %s: %s", hm_side_name(k), spec, x->notice);
	return 0;
}

/* The tokens must be those of the encoder's own folder, where it and they say which those are. With
 * --allow-mismatch a difference is a warning. */
static int check_vocab(struct run *r, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	const char *spec = r->o.encoder[HM_TEXT], *name = hm_join_name(r->in);
	struct hm_err why = {0};
	int ids = hm_column_at(s, HM_COLUMN_TOKEN_IDS);
	if (!spec || ids < 0 || !hm_schema_attr(s, ids, "vocab"))
		return 0;
	int found = hm_tokenizer_found(spec, e);
	if (found <= 0 || !hm_tokenizer_check(spec, s->field[ids].attr, &why))
		return found < 0 ? found : 0;
	if (why.machine)
		return hm_err_pass(e, &why);
	if (!r->o.mismatch)
		return hm_err_set(e, why.code, "%s: %s; --allow-mismatch goes on", name, why.text);
	hm_cli_warn(&r->cli, "%s: %s", name, why.text);
	return 0;
}

static int open_features(struct run *r, struct hm_err *e)
{
	static const enum hm_dtype store[] = {HM_F32, HM_F16, HM_BF16};
	const int output = r->o.tower.output[HM_IMAGE];
	const bool pooled = output != GRID_ALONE, grid = output >= GRID_ALONE;
	const struct hm_features_options options = {
		.encoder = {r->o.encoder[HM_IMAGE] ? &r->encoder[HM_IMAGE] : NULL,
			    r->o.encoder[HM_TEXT] ? &r->encoder[HM_TEXT] : NULL},
		.want = {[HM_IMAGE] = {[HM_POOLED] = pooled, [HM_GRID] = grid},
			 [HM_TEXT] = {[HM_POOLED] = true}},
		.column = {r->o.column[HM_IMAGE], r->o.column[HM_TEXT]},
		.keep = r->o.keep,
		.replace = r->o.replace,
		.on_error = (enum hm_features_error)r->o.on_error,
		.precision = (enum hm_precision)r->cli.precision,
		.store = store[r->o.store],
		.batch_size = (int)r->o.batch_size,
		.cache = r->cache,
		.skim = r->skim};
	return hm_features_open(&r->features, &options, r->in, r->device, r->cli.workers, e);
}

static int open_writer(struct run *r, struct hm_err *e)
{
	cJSON *p = hm_json_object(e);
	hm_features_history(r->features, p, e);
	hm_json_add_str(p, "device", r->device->name, e);
	if (r->o.on_error)
		hm_json_add_str(p, "on-error", r->o.on_error == HM_SKIP ? "skip" : "keep", e);
	p = hm_json_whole(p, e);
	cJSON *pg = p ? hm_pg_append(hm_join_pg(r->in), tool.name, p, e) : NULL;
	int rc = pg ? hm_writer_open(&r->writer, r->cli.out, hm_features_schema(r->features),
				     hm_join_meta(r->in), pg, &r->cli.writer,
				     r->o.cache ? r->cli.workers : NULL, e)
		    : HM_EDATA;
	cJSON_Delete(pg);
	return rc;
}

static int open_all(struct run *r, struct hm_err *e)
{
	r->o.tower.spec.forget = true;
	r->o.tower.spec.workers = r->cli.workers;
	/* if the cache has everything, only the weights' digest is needed; a feature that is kept may not
	 * come from weights that somebody writes into */
	r->o.tower.spec.defer = r->o.cache;
	r->o.tower.spec.borrow = !r->o.cache;
	r->device = hm_device_open(r->cli.device, (enum hm_precision)r->cli.precision, e);
	if (!r->device)
		return e->code;
	hm_cli_device(&r->cli, r->device->name);
	int rc = 0;
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = open_encoder(r, (enum hm_side)k, e);
	if (!rc)
		rc = hm_encoder_check_key(r->encoder, r->o.tower.spec.key, e);
	if (!rc && r->o.cache && !(r->cache = hm_featcache_open(r->o.cache, (uint64_t)r->o.cache_size, e)))
		rc = hm_err_prefix(e, "--cache");
	if (r->cache && hm_featcache_readonly(r->cache))
		hm_cli_notice(&r->cli,
			      "--cache: %s cannot be written: its features are used, nothing is added",
			      r->o.cache);
	if (!rc && r->o.cache && r->o.encoder[HM_IMAGE] && !r->o.keep)
		rc = hm_sidefile_open(&r->skim, hm_featcache_folder(r->cache), r->cli.n_operands,
				      r->cli.operands, r->cli.workers, e);
	/* This thread reads and writes while the workers compute. If everything may come from the cache, they
	 * help with reading. */
	if (!rc)
		rc = hm_join_open(&r->in, r->cli.n_operands, r->cli.operands,
				  r->o.cache ? r->cli.workers : NULL, e);
	if (!rc && r->o.encoder[HM_TEXT])
		rc = check_vocab(r, e);
	if (!rc)
		rc = open_features(r, e);
	return rc ? rc : open_writer(r, e);
}

static void show_progress(void *ctx, uint64_t done)
{
	struct run *r = ctx;
	hm_cli_progress(&r->cli, done, hm_join_expect(r->in), "records");
}

static void report_counts(struct run *r, const struct hm_features_counts *n)
{
	if (n->skipped)
		hm_cli_notice(&r->cli, "%" PRIu64 " record%s left out", n->skipped,
			      n->skipped == 1 ? "" : "s");
	if (!r->o.cache)
		return;
	hm_cli_stat(&r->cli, "cache_hits", (double)n->hits);
	hm_cli_stat(&r->cli, "cache_misses", (double)n->misses);
	hm_cli_notice(&r->cli, "%s: %" PRIu64 " of %" PRIu64 " inputs were found, %" PRIu64 " computed%s",
		      r->o.cache, n->hits, n->hits + n->misses, n->misses,
		      hm_sidefile_reads(r->skim) ? "; the files are known, so no other pixels were unpacked"
						 : "");
}

/* Stores the side file, so that a later run on the same files need not unpack them. */
static void keep_sidefile(struct run *r, const struct hm_features_counts *n)
{
	struct hm_err unkept = {0};
	if (r->skim && !hm_featcache_readonly(r->cache) && !hm_sidefile_reads(r->skim) &&
	    hm_sidefile_keep(r->skim, n->before, &unkept))
		hm_cli_warn(&r->cli, "--cache: %s; the next run on these files unpacks them again",
			    unkept.text);
}

static void close_all(struct run *r)
{
	struct hm_err unkept = {0};
	hm_features_free(r->features);
	hm_sidefile_close(r->skim);
	if (hm_featcache_close(r->cache, &unkept))
		hm_cli_warn(&r->cli, "--cache: %s; the next run computes the missing features again",
			    unkept.text);
	for (int k = 0; k < HM_SIDES; k++)
		hm_encoder_clear(&r->encoder[k]);
	hm_device_close(r->device);
	hm_writer_abort(r->writer);
	hm_join_close(r->in);
}

/* "R,G,B", each from `low` to 1. */
static void take_colour(struct run *r, const char *option, const char *text, double low, float out[3])
{
	char *end = NULL;
	for (int j = 0; j < 3; j++, text = end + 1) {
		double x = strtod(text, &end);
		if (end == text || *end != (j < 2 ? ',' : 0) || !(x >= low && x <= 1))
			hm_cli_usage(&r->cli, "--%s takes three numbers R,G,B of %g to 1", option, low);
		out[j] = (float)x;
	}
}

static void take_colours(struct run *r)
{
	if (!r->o.mean && !r->o.std)
		return;
	if (!r->o.mean || !r->o.std || !r->o.encoder[HM_IMAGE])
		hm_cli_usage(&r->cli, "--mean and --std go together, and with --image");
	take_colour(r, "mean", r->o.mean, 0, r->o.tower.spec.colours.mean);
	take_colour(r, "std", r->o.std, 1e-6, r->o.tower.spec.colours.std);
}

int main(int argc, char **argv)
{
	struct run r = {.o = defaults};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	if (!r.o.encoder[HM_IMAGE] && !r.o.encoder[HM_TEXT])
		hm_cli_usage(&r.cli, "give --image, --text or both");
	tower_words_take(&r.o.tower);
	take_colours(&r);
	for (int k = 0; k < HM_SIDES; k++) {
		const char *side = hm_side_name((enum hm_side)k);
		if (r.o.tower.output[k] >= 0 && !r.o.encoder[k])
			hm_cli_usage(&r.cli, "--%s-output needs --%s", side, side);
		if ((r.o.column[k] || r.o.tower.spec.side_heads[k]) && !r.o.encoder[k])
			hm_cli_usage(&r.cli, "--%s-column and --%s-heads need --%s", side, side, side);
	}
	if (r.o.mismatch && !r.o.encoder[HM_TEXT])
		hm_cli_usage(&r.cli, "--allow-mismatch needs --text");
	if (r.o.tower.spec.vocab && (!r.o.encoder[HM_TEXT] || strncmp(r.o.encoder[HM_TEXT], "init:", 5)))
		hm_cli_usage(&r.cli, "--vocab-size needs --text init:NAME");
	if (r.o.size_given && !r.o.cache)
		hm_cli_usage(&r.cli, "--cache-size needs --cache");
	int rc = open_all(&r, &e);
	if (!rc)
		rc = hm_features_run(r.features, r.writer, show_progress, &r, &e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = hm_weights_unchanged(r.encoder[k].file, &e);
	if (!rc) {
		struct hm_features_counts n = hm_features_counts(r.features);
		rc = hm_writer_finish(r.writer, n.before + n.skipped, &e);
		r.writer = NULL;
		if (!rc)
			keep_sidefile(&r, &n);
		if (!rc)
			report_counts(&r, &n);
	}
	close_all(&r);
	return hm_cli_end(&r.cli, rc, &e);
}
