/* Setting up a training run. See setup.h. */
#include "train/setup.h"
#include "base/strmap.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How sides are used: the same for both sets, sources may differ. */
struct sides {
	bool image, text;
	enum hm_use image_use, text_use;
};

static void notice(const struct hm_setup *s, bool warning, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void notice(const struct hm_setup *s, bool warning, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	s->o->notice(s->o->ctx, warning, text);
}

/* ---- encoders and the first model */

/* An encoder by SPEC, else the one in --init. */
static int open_encoder(struct hm_setup *s, struct hm_encoder *x, enum hm_encoder_kind kind, const char *spec,
			struct hm_encoder *from, struct hm_err *e)
{
	if (!spec) {
		*x = *from;
		*from = (struct hm_encoder){0};
		return 0;
	}
	int rc = hm_encoder_open(x, kind, spec, &s->o->encoder, e);
	if (!rc && *x->notice)
		notice(s, false, "%s: %s", spec, x->notice);
	return rc;
}

static int open_models(struct hm_setup *s, struct hm_err *e)
{
	const struct hm_setup_options *o = s->o;
	s->kind = o->fusion == HM_FUSION_EARLY ? HM_FUSION_EARLY : HM_FUSION_LATE;
	if (o->init) {
		int rc = hm_fusionfile_open(&s->init, o->init, &o->encoder, e);
		if (rc)
			return rc;
		if (*s->init.notice)
			notice(s, false, "%s: %s", o->init, s->init.notice);
		if (o->fusion >= 0 && o->fusion != (int)s->init.head.fusion)
			return hm_err_set(e, HM_EUSAGE, "--init %s is of %s fusion, --fusion says otherwise",
					  o->init, s->init.head.fusion == HM_FUSION_EARLY ? "early" : "late");
		s->kind = s->init.head.fusion;
	}
	int rc = open_encoder(s, &s->image, HM_IMAGE_ENCODER, o->only_text ? NULL : o->image, &s->init.image,
			      e);
	if (!rc)
		rc = open_encoder(s, &s->text, HM_TEXT_ENCODER, o->only_image ? NULL : o->text, &s->init.text,
				  e);
	if (!rc && s->kind == HM_FUSION_EARLY && !s->text.width)
		rc = hm_err_set(e, HM_EUSAGE,
				"--fusion early trains a transformer: --text SPEC or --init MODEL");
	if (!rc && s->kind == HM_FUSION_EARLY && (o->only_image || o->only_text || o->freeze_text))
		rc = hm_err_set(e, HM_EUSAGE,
				"--fusion early has both sides and trains its transformer: no "
				"--features, no --freeze text");
	return rc;
}

/* ---- the sets */

static enum hm_use use_of(const struct hm_setup *s, bool frozen, const struct hm_encoder *x)
{
	if (s->o->frozen_train && frozen)
		return HM_USE_FROZEN_TRAIN;
	return frozen || !x->width ? HM_USE_FROZEN : HM_USE_TRAINED;
}

/* Which sides there are: those asked for, else those that have an encoder or a column. */
static void choose_sides(struct hm_setup *s, struct sides *out, const struct hm_schema *schema)
{
	const struct hm_setup_options *o = s->o;
	bool early = s->kind == HM_FUSION_EARLY, any = early || (!o->only_image && !o->only_text);
	out->image = early || o->only_image ||
		     (any && (s->image.width || hm_schema_find(schema, "image_feature") >= 0));
	out->text = early || o->only_text ||
		    (any && (s->text.width || hm_schema_find(schema, "text_feature") >= 0));
	if (!out->image && !out->text)
		out->image = out->text =
			true; /* the sentence about what is missing comes from their sources */
	out->image_use = use_of(s, early || o->freeze_image, &s->image);
	out->text_use = use_of(s, !early && o->freeze_text, &s->text);
}

static int choose_source(struct hm_setup *s, enum hm_source *out, enum hm_encoder_kind side, enum hm_use use,
			 const struct hm_encoder *x, const struct hm_join *in, struct hm_err *e)
{
	struct hm_source_ask ask = {.side = side,
				    .kind = s->kind,
				    .use = use,
				    .encoder = x->width ? x->digest : NULL,
				    .unknown = s->o->unknown,
				    .option = side == HM_TEXT_ENCODER ? "--text SPEC" : "--image SPEC"};
	return hm_source_choose(out, &ask, hm_join_schema(in), hm_join_name(in), e);
}

static int read_set(struct hm_setup *s, struct hm_examples *x, struct sides *sides, int n, char *const *paths,
		    size_t memory, struct hm_workers *w, struct hm_err *e)
{
	bool train = x == &s->train;
	struct hm_join *in = NULL;
	struct hm_examples_options xo = {.kind = s->kind,
					 .image_encoder = s->image.width ? &s->image : NULL,
					 .text_encoder = s->text.width ? &s->text : NULL,
					 .memory = memory,
					 .path = n == 1 ? paths[0] : NULL,
					 .skip = s->o->skip,
					 .unknown = s->o->unknown};
	int rc = hm_join_open(&in, n, paths, w, e);
	if (!rc && train)
		choose_sides(s, sides, hm_join_schema(in));
	if (!rc && sides->image)
		rc = choose_source(s, &xo.image, HM_IMAGE_ENCODER, sides->image_use, &s->image, in, e);
	if (!rc && sides->text)
		rc = choose_source(s, &xo.text, HM_TEXT_ENCODER, sides->text_use, &s->text, in, e);
	if (!rc)
		rc = hm_examples_read(x, in, &xo, w, s->device, e);
	if (!rc && train && !(s->pg = cJSON_Duplicate(hm_join_pg(in), 1)))
		rc = hm_err_set(e, HM_EDATA, "out of memory");
	if (!rc && !x->n)
		rc = hm_err_set(e, HM_EDATA, "%s: there is no record to %s", hm_join_name(in),
				train ? "train on" : "validate on");
	if (!rc && x->failed + x->unlabelled)
		notice(s, false, "%s: %zu failed and %zu unlabelled records are left out", hm_join_name(in),
		       x->failed, x->unlabelled);
	if (!rc && x->cut)
		notice(s, false, "%s: %zu captions are cut to the %d tokens that %d image positions leave",
		       hm_join_name(in), x->cut, s->text.positions - x->grid, x->grid);
	hm_join_close(in);
	return rc;
}

/* ---- what the sets must have in common */

static int same_feature(const struct hm_setup *s, const char *what, const struct hm_feature *a,
			const struct hm_feature *b, struct hm_err *e)
{
	if (a->dim != b->dim)
		return hm_err_set(e, HM_EDATA, "%s: %d numbers in training, %d in validation", what, a->dim,
				  b->dim);
	bool told = *a->encoder && *b->encoder; /* both, or --allow-unknown-features took one of them */
	if (told && strcmp(a->encoder, b->encoder))
		return hm_err_set(e, HM_EDATA, "%s: encoder %s in training, %s in validation", what,
				  a->encoder, b->encoder);
	if (told && strcmp(a->precision, b->precision))
		notice(s, false, "%s: precision %s in training, %s in validation", what, a->precision,
		       b->precision);
	return 0;
}

/* Features of one kind; an id in both is worth a warning. */
static int compare_sets(struct hm_setup *s, struct hm_err *e)
{
	const struct hm_examples *a = &s->train, *b = &s->val;
	struct hm_strmap seen = {0};
	size_t both = 0, first = 0;
	int rc = same_feature(s, s->kind == HM_FUSION_EARLY ? "image_grid" : "image_feature", &a->image,
			      &b->image, e);
	if (!rc)
		rc = same_feature(s, "text_feature", &a->text, &b->text, e);
	if (!rc && a->grid != b->grid)
		rc = hm_err_set(e, HM_EDATA, "%d image positions in training, %d in validation", a->grid,
				b->grid);
	for (size_t i = 0; i < a->n && !rc; i++)
		rc = hm_strmap_add(&seen, a->id[i], strlen(a->id[i]), &(uint64_t){i}, e) < 0 ? HM_EDATA : 0;
	for (size_t i = 0; i < b->n && !rc; i++)
		if (hm_strmap_find(&seen, b->id[i], strlen(b->id[i]), &(uint64_t){0}) && !both++)
			first = i;
	if (both)
		notice(s, true, "%zu ids are in training and in validation, the first is %s", both,
		       b->id[first]);
	hm_strmap_clear(&seen);
	return rc;
}

static int check_labels(const struct hm_examples *x, int classes, struct hm_err *e)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->label[i] >= classes)
			return hm_err_set(e, HM_EDATA,
					  "id %s: label %" PRId32 ", but there are %d classes (--classes)",
					  x->id[i], x->label[i], classes);
	return 0;
}

static int count_classes(struct hm_setup *s, struct hm_err *e)
{
	int32_t top = 1;
	for (size_t i = 0; i < s->train.n; i++)
		top = s->train.label[i] > top ? s->train.label[i] : top;
	if (!s->o->classes && top >= 1 << 16)
		return hm_err_set(e, HM_EDATA,
				  "label %" PRId32
				  " would mean as many classes; say --classes when that is meant",
				  top);
	s->classes = s->o->classes ? s->o->classes : top + 1;
	if (s->o->init && !s->o->classes && top < s->init.head.classes)
		s->classes = (int)s->init.head.classes;
	int rc = check_labels(&s->train, s->classes, e);
	return rc ? rc : check_labels(&s->val, s->classes, e);
}

/* ---- the fusion */

static enum hm_side side_of(bool there, const struct hm_feature *f, enum hm_use use)
{
	return !there		       ? HM_SIDE_NONE
	       : f->dim		       ? HM_SIDE_FEATURE
	       : use == HM_USE_TRAINED ? HM_SIDE_TRAINED
				       : HM_SIDE_FROZEN;
}

/* What --init was trained on must be what is here. */
static int fits_init(const struct hm_setup *s, const struct hm_fusion_config *c, struct hm_err *e)
{
	const struct hm_modelfile *f = &s->init.head;
	const struct hm_feature *feature[] = {&s->train.image, &s->train.text};
	const char *digest[] = {f->image_digest, f->text_digest}, *what[] = {"image", "text"};
	int inputs = c->kind == HM_FUSION_EARLY ? c->text_dim : c->image_dim + c->text_dim;
	if (f->classes != c->classes || f->inputs != inputs)
		return hm_err_set(e, HM_EDATA,
				  "%s: its classifier has %" PRId64 " classes and %" PRId64
				  " inputs, the data needs %d and %d",
				  s->o->init, f->classes, f->inputs, c->classes, inputs);
	if (c->kind == HM_FUSION_LATE && f->image_dim >= 0 &&
	    (f->image_dim != c->image_dim || f->text_dim != c->text_dim))
		return hm_err_set(e, HM_EDATA,
				  "%s: it takes %" PRId64 " image and %" PRId64
				  " text features, the data has %d and %d",
				  s->o->init, f->image_dim, f->text_dim, c->image_dim, c->text_dim);
	for (int k = 0; k < 2; k++)
		if (*digest[k] && *feature[k]->encoder && strcmp(digest[k], feature[k]->encoder))
			return hm_err_set(
				e, HM_EDATA,
				"%s: it was trained on %s features of encoder %s, the data has those of %s",
				s->o->init, what[k], digest[k], feature[k]->encoder);
	return 0;
}

static int make_fusion(struct hm_setup *s, const struct sides *sides, struct hm_err *e)
{
	const struct hm_examples *x = &s->train;
	bool early = s->kind == HM_FUSION_EARLY;
	struct hm_fusion_config c = {.kind = s->kind,
				     .classes = s->classes,
				     .image = side_of(sides->image, &x->image, sides->image_use),
				     .text = side_of(sides->text, &x->text, sides->text_use),
				     .grid = early ? x->grid : 0,
				     .resnet = s->image.resnet,
				     .bert = s->text.bert};
	c.image_dim = c.image == HM_SIDE_NONE ? 0 : x->image.dim ? x->image.dim : s->image.width;
	c.text_dim = c.text == HM_SIDE_NONE ? 0 : x->text.dim ? x->text.dim : s->text.width;
	if (s->o->standardize && (early || c.image > HM_SIDE_FEATURE || c.text > HM_SIDE_FEATURE))
		return hm_err_set(e, HM_EUSAGE,
				  "--standardize scales features; here an encoder runs or is trained");
	if (s->o->init && fits_init(s, &c, e))
		return HM_EDATA;
	return hm_fusion_new(&s->fusion, &c, s->device, e);
}

/* ---- standardisation, late fusion on features: x = (raw - mean)/deviation */

/* From the head for x to the one for raw features with the same logits; in double, rounded once. */
static void fold(float *weight, float *bias, int classes, int inputs, const double *mean,
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

/* The way back. */
static void unfold(float *weight, float *bias, int classes, int inputs, const double *mean,
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

static int standardise(struct hm_setup *s, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(s->fusion);
	size_t inputs = (size_t)(c->image_dim + c->text_dim);
	if (!(s->mean = hm_alloc(inputs, sizeof *s->mean, e)) ||
	    !(s->deviation = hm_alloc(inputs, sizeof *s->deviation, e)) ||
	    hm_examples_moments(&s->train, s->mean, s->deviation, e))
		return HM_EDATA;
	hm_examples_standardise(&s->train, s->mean, s->deviation);
	if (s->val.n)
		hm_examples_standardise(&s->val, s->mean, s->deviation);
	return 0;
}

int hm_setup_first(struct hm_setup *s, struct hm_fusion *f, uint64_t seed, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(f);
	struct hm_params *own = hm_fusion_params(f);
	if (!s->o->init)
		return hm_params_init(own, seed, 0, e);
	if (hm_fusionfile_load(&s->init, own, e))
		return hm_err_prefix(e, "%s", s->o->init);
	int inputs = c->image_dim + c->text_dim;
	if (s->mean)
		unfold(own->data, own->data + (size_t)c->classes * (size_t)inputs, c->classes, inputs,
		       s->mean, s->deviation);
	return 0;
}

/* ---- in and out */

int hm_setup_open(struct hm_setup *s, const struct hm_setup_options *o, struct hm_device *d,
		  struct hm_workers *w, struct hm_err *e)
{
	struct sides sides = {0};
	*s = (struct hm_setup){.o = o, .device = d};
	int rc = open_models(s, e);
	if (!rc)
		rc = read_set(s, &s->train, &sides, o->n_train, o->train,
			      o->n_val ? o->memory / 4 * 3 : o->memory, w, e);
	if (!rc && o->n_val)
		rc = read_set(s, &s->val, &sides, o->n_val, o->val, o->memory / 4, w, e);
	if (!rc)
		rc = count_classes(s, e);
	if (!rc && o->n_val)
		rc = compare_sets(s, e);
	if (!rc)
		rc = make_fusion(s, &sides, e);
	if (!rc && o->standardize)
		rc = standardise(s, e);
	if (!rc)
		rc = hm_setup_first(s, s->fusion, o->seed, e);
	return rc ? rc : hm_fusion_place(s->fusion, e);
}

void hm_setup_clear(struct hm_setup *s)
{
	hm_fusion_free(s->fusion);
	hm_encoder_clear(&s->image);
	hm_encoder_clear(&s->text);
	if (s->o && s->o->init)
		hm_fusionfile_close(&s->init);
	hm_examples_clear(&s->train);
	hm_examples_clear(&s->val);
	cJSON_Delete(s->pg);
	free(s->mean);
	free(s->deviation);
	*s = (struct hm_setup){0};
}

void hm_setup_identify(const struct hm_setup *s, cJSON *p)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(s->fusion);
	char sides[32];
	snprintf(sides, sizeof sides, "%d, %d", c->image, c->text);
	cJSON_AddStringToObject(p, "fusion", s->kind == HM_FUSION_EARLY ? "early" : "late");
	cJSON_AddNumberToObject(p, "classes", s->classes);
	cJSON_AddStringToObject(p, "sides", sides);
	cJSON_AddStringToObject(p, "training data", s->train.digest);
	cJSON_AddStringToObject(p, "validation data", s->val.digest);
	cJSON_AddStringToObject(p, "image encoder",
				s->image.width ? s->image.digest : s->train.image.encoder);
	cJSON_AddStringToObject(p, "text encoder", s->text.width ? s->text.digest : s->train.text.encoder);
	cJSON_AddStringToObject(p, "device", s->device->name);
}

int hm_setup_save(struct hm_setup *s, struct hm_fusion *f, const char *path, const char *selected_on,
		  int64_t batches, const cJSON *pg, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(f);
	const struct hm_feature *i = &s->train.image, *t = &s->train.text;
	const struct hm_params *own = hm_fusion_params(f);
	struct hm_fusionfile_parts p = {.image = s->image.width && c->image ? &s->image : NULL,
					.text = s->text.width && c->text ? &s->text : NULL,
					.image_feature = {i->encoder, i->output, i->precision},
					.text_feature = {t->encoder, t->output, t->precision},
					.batches = batches,
					.selected_on = selected_on,
					.pg = pg};
	float *folded = NULL;
	if (s->mean) {
		size_t weights = (size_t)c->classes * (size_t)(c->image_dim + c->text_dim);
		if (!(folded = hm_alloc(own->count, sizeof *folded, e)))
			return HM_EDATA;
		hm_params_read(own, folded);
		fold(folded, folded + weights, c->classes, c->image_dim + c->text_dim, s->mean, s->deviation);
		p.own = folded;
	}
	int rc = hm_fusionfile_save(path, f, &p, e);
	free(folded);
	return rc;
}
