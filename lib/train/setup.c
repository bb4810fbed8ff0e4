/* Setting up a training run. See setup.h. */
#include "train/setup.h"
#include "base/memlimit.h"
#include "feed/columns.h"
#include "json/build.h"
#include "model/configmodel.h"
#include "train/setcheck.h"
#include "train/setupmodels.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the sets */

/* The wanted use of side k: trained, or frozen, in which case a feature column will do. */
static enum hm_use choose_use(const struct hm_setup *s, int k)
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
static const char *find_output(const struct hm_setup *s, enum hm_side k)
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
				    .use = choose_use(s, k),
				    .encoder = s->encoder[k].kind ? s->encoder[k].digest : NULL,
				    .output = find_output(s, k),
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
		rc = hm_setup_check_settings(s, x, k, hm_join_name(in), e);
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
	side.use = f->dim ? HM_USE_FEATURE : choose_use(s, k);
	side.tower = f->dim ? NULL : s->encoder[k].tower;
	return side;
}

int hm_setup_configure(const struct hm_setup *s, const struct hm_recipe *r, struct hm_fusion_config *c,
		       struct hm_err *e)
{
	const struct hm_fusion_kind *kind = r->fusion < 0 ? s->kind : hm_fusion_kinds()[r->fusion];
	*c = (struct hm_fusion_config){.kind = kind, .classes = s->classes};
	if (s->o->init && kind != s->init.head.fusion)
		return hm_setup_refuse_fusion(s, e);
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
int hm_setup_check_memory(struct hm_fusion *f, const struct hm_device *d, int copies, size_t there,
			  struct hm_err *e)
{
	size_t count = hm_fusion_params(f)->count, bytes;
	bool fits =
		hm_size_mul(count, 4 * sizeof(float), &bytes) && hm_size_mul(bytes, (size_t)copies, &bytes);
	if (!d->host || (fits && bytes <= there))
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "a head of %zu numbers takes %.1f GB to train with gradients and moments%s, there "
			  "are %.1f GB: choose a smaller --map-dim or --pre-dim",
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
	if (s->o->init && hm_setup_compare_init(s, &c, e))
		return HM_EDATA;
	rc = hold_layers(s, &c, e);
	if (!rc)
		rc = hm_fusion_new(&s->fusion, &c, s->device, e);
	return rc || s->o->sweep ? rc : hm_setup_check_memory(s->fusion, s->device, 1, hm_memory_given(), e);
}

/* ---- first parameters */

static int standardise_sets(struct hm_setup *s, struct hm_workers *w, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(s->fusion);
	if (hm_standard_measure(&s->standard, &s->train, w, e))
		return HM_EDATA;
	hm_examples_standardise(&s->train, w, s->standard.mean, s->standard.deviation);
	if (!s->val.n)
		return 0;
	/* validation uses raw features and the folded head, as hm-score will */
	int rc = hm_fusion_new(&s->judge, c, s->device, e);
	if (!rc)
		rc = hm_params_alloc(hm_fusion_params(s->judge), e);
	return rc ? rc : hm_fusion_place(s->judge, e);
}

int hm_setup_init_params(struct hm_setup *s, struct hm_fusion *f, uint64_t seed, struct hm_err *e)
{
	struct hm_params *own = hm_fusion_params(f);
	if (!s->o->init)
		return hm_params_init(own, seed, 0, e);
	if (hm_fusionfile_load(&s->init, own, e))
		return hm_err_prefix(e, "%s", s->o->init);
	if (s->standard.mean && hm_standard_wanted(s->o->standardize, hm_fusion_config_of(f)))
		hm_standard_unfold(&s->standard, f, own->data);
	return hm_fusionfile_unchanged(&s->init, e); /* the model says what it began with */
}

/* ---- in and out */

int hm_setup_open(struct hm_setup *s, const struct hm_setup_options *o, struct hm_device *d,
		  struct hm_workers *w, struct hm_err *e)
{
	*s = (struct hm_setup){.o = o, .device = d};
	int rc = hm_setup_open_models(s, e);
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
	if (hm_standard_wanted(o->standardize, hm_fusion_config_of(s->fusion)))
		rc = standardise_sets(s, w, e);
	if (!rc)
		rc = hm_setup_init_params(s, s->fusion, o->seed, e);
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
	cJSON_Delete(s->names);
	hm_standard_clear(&s->standard);
	*s = (struct hm_setup){0};
}

/* What an encoder that runs computes by beyond its weights, which may be said by files next to them. */
static void identify_settings(const struct hm_encoder *x, const char *side, cJSON *p, struct hm_err *e)
{
	char key[32];
	cJSON *settings = x->kind ? hm_json_object(e) : NULL;
	if (!settings)
		return;
	snprintf(key, sizeof key, "%s settings", side);
	hm_configmodel_add_settings(settings, x->kind, &x->hints, e);
	hm_json_add_text(p, key, settings, e);
	cJSON_Delete(settings);
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
		identify_settings(x, hm_side_name((enum hm_side)k), p, e);
	}
	hm_json_add_str(p, "device", s->device->name, e);
}

int hm_setup_save(struct hm_setup *s, struct hm_fusion *f, const char *path, const char *selected_on,
		  int64_t batches, const cJSON *pg, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(f);
	const struct hm_params *own = hm_fusion_params(f);
	struct hm_fusionfile_parts p = {.unsynced = s->o->sweep,
					.batches = batches,
					.selected_on = selected_on,
					.pg = pg,
					.names = s->names,
					.vocab = s->o->vocab ? s->o->vocab : s->init.head.vocab};
	for (int k = 0; k < HM_SIDES; k++) {
		const struct hm_feature *x = &s->train.feature[k];
		p.encoder[k] = s->encoder[k].kind && c->side[k].use ? &s->encoder[k] : NULL;
		p.prepared[k] = s->train.prepared[k];
		p.columns[k] = s->use[k] == HM_USE_FEATURE ? &s->columns[k] : NULL;
		p.feature[k] = (struct hm_fusionfile_feature){x->encoder, x->output, x->precision, x->store};
	}
	float *folded = NULL;
	if (s->standard.mean && hm_standard_wanted(s->o->standardize, c)) {
		if (!(folded = hm_alloc(own->count, sizeof *folded, e)))
			return HM_EDATA;
		hm_standard_fold(&s->standard, f, folded);
		p.own = folded;
	}
	int rc = hm_fusionfile_save(path, f, &p, e);
	free(folded);
	return rc;
}
