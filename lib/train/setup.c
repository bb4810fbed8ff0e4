/* Setting up a training run. See setup.h. */
#include "train/setup.h"
#include "feed/columns.h"
#include "json/build.h"
#include "train/setcheck.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- encoders and the first model */

/* Opens side k's encoder: SPEC, else the one in --init. */
static int open_encoder(struct hm_setup *s, enum hm_side k, struct hm_err *e)
{
	const char *spec = s->o->only[!k] ? NULL : s->o->spec[k];
	struct hm_encoder *x = &s->encoder[k], *from = &s->init.side[k];
	if (!spec) {
		*x = *from;
		*from = (struct hm_encoder){0};
		return 0;
	}
	const char *const specs[HM_SIDES] = {s->o->only[1] ? NULL : s->o->spec[0],
					     s->o->only[0] ? NULL : s->o->spec[1]};
	const struct hm_encoder_options o = hm_encoder_options_of(&s->o->encoder, specs, k);
	int rc = hm_encoder_open(x, k, spec, &o, e);
	if (!rc && *x->notice)
		hm_setup_notice(s, false, "%s: %s", spec, x->notice);
	return rc;
}

/* Checks that each encoder gives what the fusion takes. */
static int check_gives(const struct hm_setup *s, struct hm_err *e)
{
	for (int k = 0; k < HM_SIDES; k++) {
		const struct hm_encoder *x = &s->encoder[k];
		enum hm_give give = s->kind->gives[k];
		if (x->kind && give != HM_WORDS && !x->kind->output(x->tower, give))
			return hm_err_set(e, HM_EUSAGE,
					  "--fusion %s takes a %s from the %s, and a %s has none",
					  s->kind->name, give == HM_GRID ? "grid" : "vector",
					  hm_side_name((enum hm_side)k), x->kind->name);
	}
	return 0;
}

/* Checks a fusion that runs a tower over words: the tower is trained, and both sides are used. */
static int check_words(const struct hm_setup *s, struct hm_err *e)
{
	const struct hm_setup_options *o = s->o;
	const struct hm_encoder *text = &s->encoder[HM_TEXT];
	if (!hm_fusion_takes_words(s->kind))
		return 0;
	if (!text->kind)
		return hm_err_set(e, HM_EUSAGE,
				  "--fusion %s trains a transformer: give --text SPEC or --init MODEL",
				  s->kind->name);
	if (!text->kind->train->rows)
		return hm_err_set(e, HM_EUSAGE, "--fusion %s cannot run over a %s", s->kind->name,
				  text->kind->name);
	if (o->only[HM_IMAGE] || o->only[HM_TEXT] || o->freeze[HM_TEXT])
		return hm_err_set(e, HM_EUSAGE,
				  "--fusion %s uses both sides and trains its transformer: leave out "
				  "--features and --freeze text",
				  s->kind->name);
	return 0;
}

static int other_fusion(const struct hm_setup *s, struct hm_err *e)
{
	return hm_err_set(e, HM_EUSAGE, "--init %s is a model of %s fusion, but --fusion says otherwise",
			  s->o->init, s->init.head.fusion->name);
}

/* Checks that the options on sides, columns and layers are those of the fusion. */
static int check_options(const struct hm_setup *s, struct hm_err *e)
{
	const struct hm_setup_options *o = s->o;
	const char *head = hm_recipe_head_given(o->recipe);
	if (head && !s->kind->measure && !o->sweep)
		return hm_err_set(e, HM_EUSAGE, "%s is not an option of --fusion %s", head, s->kind->name);
	if (s->kind->measure && (o->only[HM_IMAGE] || o->only[HM_TEXT]))
		return hm_err_set(e, HM_EUSAGE, "--fusion %s uses both sides: leave out --features",
				  s->kind->name);
	for (int k = 0; k < HM_SIDES; k++)
		if (o->columns[k].n && s->kind->gives[k] != HM_POOLED)
			return hm_err_set(e, HM_EUSAGE, "--%s-feature is not an option of --fusion %s",
					  hm_side_name((enum hm_side)k), s->kind->name);
	return 0;
}

static int open_models(struct hm_setup *s, struct hm_err *e)
{
	const struct hm_setup_options *o = s->o;
	int asked = o->recipe->fusion;
	s->kind = hm_fusion_kinds()[asked < 0 ? 0 : asked];
	s->columns[HM_IMAGE] = o->columns[HM_IMAGE];
	s->columns[HM_TEXT] = o->columns[HM_TEXT];
	if (o->init) {
		int rc = hm_fusionfile_open(&s->init, o->init, &o->encoder, e);
		if (rc)
			return rc;
		if (*s->init.notice)
			hm_setup_notice(s, false, "%s: %s", o->init, s->init.notice);
		if (asked >= 0 && s->kind != s->init.head.fusion)
			return other_fusion(s, e);
		s->kind = s->init.head.fusion;
		for (int k = 0; k < HM_SIDES; k++)
			if (!s->columns[k].n)
				s->columns[k] = s->init.head.columns[k];
	}
	int rc = check_options(s, e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = open_encoder(s, (enum hm_side)k, e);
	if (!rc)
		rc = hm_encoder_check_key(s->encoder, s->o->encoder.key, e);
	if (!rc)
		rc = check_gives(s, e);
	return rc ? rc : check_words(s, e);
}

/* ---- the sets */

/* The wanted use of side k: trained, or frozen, in which case a feature column will do. */
static enum hm_use wanted_use(const struct hm_setup *s, int k)
{
	bool words = hm_fusion_takes_words(s->kind);
	bool frozen = words ? k == HM_IMAGE : s->o->freeze[k];
	if (s->o->frozen_train && frozen)
		return HM_USE_FROZEN;
	return frozen || !s->encoder[k].kind ? HM_USE_FEATURE : HM_USE_TRAINED;
}

/* Chooses the sides: those asked for, else those that have an encoder or a column. If no side has one, both
 * are tried, and choose_source says what is missing. */
static void choose_sides(struct hm_setup *s, const struct hm_schema *schema)
{
	const struct hm_setup_options *o = s->o;
	bool all = !s->kind->optional, any = !o->only[HM_IMAGE] && !o->only[HM_TEXT], found = false;
	for (int k = 0; k < HM_SIDES; k++) {
		struct hm_feature f;
		bool there = s->encoder[k].kind || s->columns[k].n ||
			     hm_sidefeature_there(&f, schema, (enum hm_side)k, s->kind->gives[k], NULL);
		s->there[k] = all || o->only[k] || (any && there);
		found |= s->there[k];
	}
	for (int k = 0; k < HM_SIDES && !found; k++)
		s->there[k] = true;
}

/* The name of the output that side k's encoder gives the fusion; NULL: no encoder. */
static const char *output_of(const struct hm_setup *s, enum hm_side k)
{
	const struct hm_encoder *x = &s->encoder[k];
	return x->kind && s->kind->gives[k] != HM_WORDS ? x->kind->output(x->tower, s->kind->gives[k]) : NULL;
}

static int choose_source(struct hm_setup *s, enum hm_use *use, enum hm_side k, const struct hm_join *in,
			 struct hm_err *e)
{
	char option[32];
	struct hm_source_ask ask = {.side = k,
				    .kind = s->kind,
				    .columns = &s->columns[k],
				    .use = wanted_use(s, k),
				    .encoder = s->encoder[k].kind ? s->encoder[k].digest : NULL,
				    .output = output_of(s, k),
				    .unknown = s->o->unknown,
				    .option = option};
	snprintf(option, sizeof option, "--%s SPEC", hm_side_name(k));
	return hm_source_choose(use, &ask, hm_join_schema(in), hm_join_name(in), e);
}

static void note_left_out(const struct hm_setup *s, const struct hm_examples *x, const char *in)
{
	if (x->failed + x->unlabelled)
		hm_setup_notice(s, false, "%s: %zu failed and %zu unlabelled records are left out", in,
				x->failed, x->unlabelled);
	if (x->cut)
		hm_setup_notice(s, false,
				"%s: %zu captions are cut to the %d tokens that %d image positions leave", in,
				x->cut, s->encoder[HM_TEXT].shape.positions - x->cells, x->cells);
}

static int read_set(struct hm_setup *s, struct hm_examples *x, int n, char *const *paths, size_t memory,
		    struct hm_workers *w, struct hm_err *e)
{
	bool train = x == &s->train;
	struct hm_join *in = NULL;
	struct hm_examples_options xo = {.kind = s->kind,
					 .memory = memory,
					 .path = n == 1 ? paths[0] : NULL,
					 .skip = s->o->skip,
					 .unknown = s->o->unknown};
	int rc = hm_join_open(&in, n, paths, w, e);
	if (!rc && train)
		choose_sides(s, hm_join_schema(in));
	for (int k = 0; k < HM_SIDES && !rc; k++) {
		xo.side[k].encoder = s->encoder[k].kind ? &s->encoder[k] : NULL;
		xo.side[k].columns = &s->columns[k];
		if (s->there[k])
			rc = choose_source(s, &xo.side[k].use, (enum hm_side)k, in, e);
		if (train)
			s->use[k] = xo.side[k].use;
	}
	if (!rc)
		rc = hm_examples_read(x, in, &xo, w, s->device, e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = hm_setup_check_colours(s, x, k, hm_join_name(in), e);
	if (!rc && train && !(s->pg = hm_json_copy(hm_join_pg(in), e)))
		rc = HM_EDATA;
	if (!rc && !x->n)
		rc = hm_err_set(e, HM_EDATA, "%s: no record is left to %s", hm_join_name(in),
				train ? "train on" : "validate on");
	if (!rc)
		note_left_out(s, x, hm_join_name(in));
	hm_join_close(in);
	return rc;
}

/* ---- the fusion */

/* The fusion's side k. */
static struct hm_fusion_side make_side(const struct hm_setup *s, int k)
{
	const struct hm_feature *f = &s->train.feature[k];
	struct hm_fusion_side side = {0};
	if (!s->there[k])
		return side;
	side.dim = f->dim ? f->dim : hm_tower_width(&s->encoder[k].shape, s->kind->gives[k]);
	side.use = f->dim ? HM_USE_FEATURE : wanted_use(s, k);
	side.tower = f->dim ? NULL : s->encoder[k].tower;
	return side;
}

/* Checks that the data is like what --init was trained on. */
static int fits_init(const struct hm_setup *s, const struct hm_fusion_config *c, struct hm_err *e)
{
	const struct hm_modelfile *f = &s->init.head;
	const struct hm_fusion_shape shape = hm_fusion_shape_of(c);
	int64_t inputs = c->kind->inputs(c->kind, &shape);
	if (f->classes != c->classes || f->inputs != inputs)
		return hm_err_set(e, HM_EDATA,
				  "%s: its classifier has %" PRId64 " classes and %" PRId64
				  " inputs, the data needs %d and %" PRId64,
				  s->o->init, f->classes, f->inputs, c->classes, inputs);
	for (int k = 0; k < HM_SIDES; k++) {
		const char *encoder = s->train.feature[k].encoder, *side = hm_side_name((enum hm_side)k);
		if (f->dim[k] >= 0 && f->dim[k] != c->side[k].dim)
			return hm_err_set(e, HM_EDATA,
					  "%s: it takes %" PRId64 " %s features, the data has %d", s->o->init,
					  f->dim[k], side, c->side[k].dim);
		if (*f->digest[k] && *encoder && strcmp(f->digest[k], encoder))
			return hm_err_set(
				e, HM_EDATA,
				"%s: it was trained on %s features of encoder %s, the data has those of %s",
				s->o->init, side, f->digest[k], encoder);
		const char *output = s->train.feature[k].output;
		if (*f->output[k] && *output && strcmp(f->output[k], output))
			return hm_err_set(
				e, HM_EDATA,
				"%s: it was trained on the %s encoder's output \"%s\", the data has \"%s\"",
				s->o->init, side, f->output[k], output);
		if (hm_setup_same_preparation(s, f->prepared[k], s->train.prepared[k], k, s->o->init, e))
			return HM_EDATA;
	}
	return 0;
}

int hm_setup_configure(const struct hm_setup *s, const struct hm_recipe *r, struct hm_fusion_config *c,
		       struct hm_err *e)
{
	const struct hm_fusion_kind *kind = r->fusion < 0 ? s->kind : hm_fusion_kinds()[r->fusion];
	*c = (struct hm_fusion_config){.kind = kind, .classes = s->classes};
	if (s->o->init && kind != s->init.head.fusion)
		return other_fusion(s, e);
	for (int k = 0; k < HM_SIDES; k++) {
		c->side[k] = make_side(s, k);
		if (!kind->optional && !s->there[k])
			return hm_err_set(e, HM_EDATA, "--fusion %s uses both sides, and there is no %s",
					  kind->name, hm_side_name((enum hm_side)k));
	}
	if (kind->gives[HM_IMAGE] == HM_GRID)
		c->cells = s->train.cells;
	return kind->measure ? hm_recipe_head(r, s->o->init ? &s->init.head.head : NULL, &c->head, e) : 0;
}

/* Training keeps each number with its gradient and two moments. */
int hm_setup_fits(struct hm_fusion *f, const struct hm_device *d, int copies, struct hm_err *e)
{
	size_t count = hm_fusion_params(f)->count, bytes,
	       there = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
	bool fits =
		hm_size_mul(count, 4 * sizeof(float), &bytes) && hm_size_mul(bytes, (size_t)copies, &bytes);
	if (!d->host || (fits && bytes <= there))
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "a head of %zu numbers takes %.1f GB to train with gradients and moments%s, the "
			  "machine has %.1f GB: choose a smaller --map-dim or --pre-dim",
			  count, (double)count * 16e-9 * copies, copies > 1 ? ", one for each thread" : "",
			  (double)there * 1e-9);
}

/* Of encoders that are trained in part. */
static int hold_layers(const struct hm_setup *s, const struct hm_fusion_config *c, struct hm_err *e)
{
	for (int k = 0; k < HM_SIDES; k++) {
		const char *side = hm_side_name((enum hm_side)k);
		if (!s->o->some_layers[k])
			continue;
		if (c->side[k].use != HM_USE_TRAINED)
			return hm_err_set(e, HM_EUSAGE,
					  "--train-layers %s: the %s encoder is not trained here", side,
					  side);
		if (hm_tower_hold_below(c->side[k].tower, s->o->layers[k], e))
			return hm_err_prefix(e, "--train-layers %s", side);
	}
	return 0;
}

static int make_fusion(struct hm_setup *s, struct hm_err *e)
{
	struct hm_fusion_config c;
	int rc = hm_setup_configure(s, s->o->recipe, &c, e);
	if (rc)
		return rc;
	if (s->o->standardize == HM_STANDARDIZE_YES && (!c.kind->intakes || hm_fusion_runs_tower(&c)))
		return hm_err_set(e, HM_EUSAGE,
				  "--standardize scales features; here an encoder runs or is trained");
	if (s->o->init && fits_init(s, &c, e))
		return HM_EDATA;
	rc = hold_layers(s, &c, e);
	if (!rc)
		rc = hm_fusion_new(&s->fusion, &c, s->device, e);
	return rc || s->o->sweep ? rc : hm_setup_fits(s->fusion, s->device, 1, e);
}

/* ---- standardisation of features: x = (raw - mean)/deviation */

/* Changes a head for x into the head for raw features with the same logits; in double, rounded once. */
static void fold_head(float *weight, float *bias, int classes, int inputs, const double *mean,
		      const double *deviation)
{
	for (int c = 0; c < classes; c++) {
		float *w = weight + (size_t)c * (size_t)inputs;
		double b = bias[c];
		for (int j = 0; j < inputs; j++) {
			double raw = w[j] / deviation[j];
			b -= raw * mean[j];
			w[j] = (float)raw;
		}
		bias[c] = (float)b;
	}
}

/* The inverse of fold_head. */
static void unfold_head(float *weight, float *bias, int classes, int inputs, const double *mean,
			const double *deviation)
{
	for (int c = 0; c < classes; c++) {
		float *w = weight + (size_t)c * (size_t)inputs;
		double b = bias[c];
		for (int j = 0; j < inputs; j++) {
			b += w[j] * mean[j];
			w[j] = (float)(w[j] * deviation[j]);
		}
		bias[c] = (float)b;
	}
}

bool hm_setup_standard(const struct hm_setup *s, const struct hm_fusion_config *c)
{
	enum hm_standardize how = s->o->standardize;
	return how != HM_STANDARDIZE_NO && c->kind->intakes && !hm_fusion_runs_tower(c) &&
	       (how == HM_STANDARDIZE_YES || c->kind->standard);
}

int hm_setup_moments(struct hm_setup *s, struct hm_err *e)
{
	size_t inputs = (size_t)s->train.feature[HM_IMAGE].dim + (size_t)s->train.feature[HM_TEXT].dim;
	return !(s->mean = hm_alloc(inputs, sizeof *s->mean, e)) ||
			       !(s->deviation = hm_alloc(inputs, sizeof *s->deviation, e)) ||
			       hm_examples_moments(&s->train, s->mean, s->deviation, e)
		       ? HM_EDATA
		       : 0;
}

static int standardise_sets(struct hm_setup *s, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(s->fusion);
	if (hm_setup_moments(s, e))
		return HM_EDATA;
	hm_examples_standardise(&s->train, s->mean, s->deviation);
	if (!s->val.n)
		return 0;
	/* validation uses raw features and the folded head, as hm-score will */
	int rc = hm_fusion_new(&s->judge, c, s->device, e);
	if (!rc)
		rc = hm_params_alloc(hm_fusion_params(s->judge), e);
	return rc ? rc : hm_fusion_place(s->judge, e);
}

/* Changes f's own parameters p, host memory, with fold_head or its inverse. */
static void change_intakes(const struct hm_setup *s, const struct hm_fusion *f, float *p,
			   void (*change)(float *weight, float *bias, int classes, int inputs,
					  const double *mean, const double *deviation))
{
	struct hm_intake in[HM_SIDES];
	int n = hm_fusion_intakes(f, in);
	for (int i = 0; i < n; i++)
		change(p + in[i].weight, p + in[i].bias, in[i].outputs, in[i].inputs, s->mean + in[i].first,
		       s->deviation + in[i].first);
}

/* out [count], host memory := f's own parameters, changed to take raw features. */
static void fold_params(const struct hm_setup *s, struct hm_fusion *f, float *out)
{
	hm_params_read(hm_fusion_params(f), out);
	change_intakes(s, f, out, fold_head);
}

int hm_setup_refold(void *setup, struct hm_fusion *f, struct hm_fusion *judge, struct hm_err *e)
{
	struct hm_params *own = hm_fusion_params(judge);
	float *folded = hm_alloc(own->count, sizeof *folded, e);
	if (!folded)
		return HM_EDATA;
	fold_params(setup, f, folded);
	hm_params_write(own, folded);
	free(folded);
	return 0;
}

int hm_setup_first(struct hm_setup *s, struct hm_fusion *f, uint64_t seed, struct hm_err *e)
{
	struct hm_params *own = hm_fusion_params(f);
	if (!s->o->init)
		return hm_params_init(own, seed, 0, e);
	if (hm_fusionfile_load(&s->init, own, e))
		return hm_err_prefix(e, "%s", s->o->init);
	if (s->mean && hm_setup_standard(s, hm_fusion_config_of(f)))
		change_intakes(s, f, own->data, unfold_head);
	return 0;
}

/* ---- in and out */

int hm_setup_open(struct hm_setup *s, const struct hm_setup_options *o, struct hm_device *d,
		  struct hm_workers *w, struct hm_err *e)
{
	*s = (struct hm_setup){.o = o, .device = d};
	int rc = open_models(s, e);
	if (!rc)
		rc = read_set(s, &s->train, o->n_train, o->train, o->n_val ? o->memory / 4 * 3 : o->memory, w,
			      e);
	if (!rc && o->n_val)
		rc = read_set(s, &s->val, o->n_val, o->val, o->memory / 4, w, e);
	if (!rc)
		rc = hm_setup_count_classes(s, e);
	if (!rc && o->n_val)
		rc = hm_setup_compare_sets(s, e);
	if (!rc)
		rc = make_fusion(s, e);
	if (rc || o->sweep)
		return rc;
	if (hm_setup_standard(s, hm_fusion_config_of(s->fusion)))
		rc = standardise_sets(s, e);
	if (!rc)
		rc = hm_setup_first(s, s->fusion, o->seed, e);
	return rc ? rc : hm_fusion_place(s->fusion, e);
}

void hm_setup_clear(struct hm_setup *s)
{
	hm_fusion_free(s->fusion);
	hm_fusion_free(s->judge);
	for (int k = 0; k < HM_SIDES; k++)
		hm_encoder_clear(&s->encoder[k]);
	if (s->o && s->o->init)
		hm_fusionfile_close(&s->init);
	hm_examples_clear(&s->train);
	hm_examples_clear(&s->val);
	cJSON_Delete(s->pg);
	free(s->mean);
	free(s->deviation);
	*s = (struct hm_setup){0};
}

void hm_setup_identify(const struct hm_setup *s, cJSON *p, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(s->fusion);
	char sides[32], key[32];
	snprintf(sides, sizeof sides, "%d, %d", c->side[HM_IMAGE].use, c->side[HM_TEXT].use);
	hm_json_add_str(p, "fusion", s->kind->name, e);
	hm_json_add_num(p, "classes", s->classes, e);
	hm_json_add_str(p, "sides", sides, e);
	hm_json_add_str(p, "training data", s->train.digest, e);
	hm_json_add_str(p, "validation data", s->val.digest, e);
	for (int k = 0; k < HM_SIDES; k++) {
		const struct hm_encoder *x = &s->encoder[k];
		snprintf(key, sizeof key, "%s encoder", hm_side_name((enum hm_side)k));
		hm_json_add_str(p, key, x->kind ? x->digest : s->train.feature[k].encoder, e);
	}
	hm_json_add_str(p, "device", s->device->name, e);
}

int hm_setup_save(struct hm_setup *s, struct hm_fusion *f, const char *path, const char *selected_on,
		  int64_t batches, const cJSON *pg, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(f);
	const struct hm_params *own = hm_fusion_params(f);
	struct hm_fusionfile_parts p = {.batches = batches, .selected_on = selected_on, .pg = pg};
	for (int k = 0; k < HM_SIDES; k++) {
		const struct hm_feature *x = &s->train.feature[k];
		p.encoder[k] = s->encoder[k].kind && c->side[k].use ? &s->encoder[k] : NULL;
		p.prepared[k] = s->train.prepared[k];
		p.columns[k] = s->use[k] == HM_USE_FEATURE ? &s->columns[k] : NULL;
		p.feature[k] = (struct hm_fusionfile_feature){x->encoder, x->output, x->precision};
	}
	float *folded = NULL;
	if (s->mean && hm_setup_standard(s, c)) {
		if (!(folded = hm_alloc(own->count, sizeof *folded, e)))
			return HM_EDATA;
		fold_params(s, f, folded);
		p.own = folded;
	}
	int rc = hm_fusionfile_save(path, f, &p, e);
	free(folded);
	return rc;
}
