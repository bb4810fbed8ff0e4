/* A side's column: sources.h says whether the raw one or the feature, here is whether it fits. See
 * predictside.h. */
#include "feed/prepared.h"
#include "feed/sources.h"
#include "json/build.h"
#include "model/configmodel.h"
#include "score/predictside.h"

#include <stdio.h>
#include <string.h>

/* What is known of a side. */
struct side {
	enum hm_give give;
	enum hm_column raw;
	const struct hm_feature_names *columns; /* the feature's */
	char feature[160];			/* their names */
	const struct hm_encoder *encoder;	/* kind NULL: not in the file */
	const char *trained, *precision, *store, *output;
	int64_t shape[2]; /* of the feature */
	int ndim;
};

static struct side describe_side(const struct hm_predict *a, int k, const struct hm_predict_options *o)
{
	const struct hm_modelfile *h = &a->model->head;
	enum hm_give give = h->fusion->gives[k];
	struct side d = {.give = give,
			 .columns = o->columns[k] ? o->columns[k] : &h->columns[k],
			 .raw = hm_column_raw((enum hm_side)k),
			 .encoder = &a->model->side[k],
			 .trained = h->encoder[k],
			 .precision = h->precision[k],
			 .store = h->store[k],
			 .output = h->output[k],
			 .shape = {give == HM_GRID ? a->model->cells : h->dim[k], h->dim[k]},
			 .ndim = give == HM_GRID ? 2 : 1};
	hm_sidefeature_text((enum hm_side)k, give, d.columns, d.feature, sizeof d.feature);
	return d;
}

/* Numbers in the side's feature, 0 when there is none. */
static int64_t feature_width(const struct hm_predict *a, const struct hm_schema *s, int k,
			     const struct hm_predict_options *o)
{
	struct side d = describe_side(a, k, o);
	struct hm_err no = {0};
	struct hm_taken at;
	struct hm_feature f;
	int cells;
	return hm_sidefeature_find(&at, &f, &cells, s, (enum hm_side)k, HM_POOLED, d.columns, &no) ? 0
												   : f.dim;
}

/* How many inputs each feature gives, where the model does not say: both, or the one whose width is I. */
static int guess_widths(const struct hm_predict *a, const struct hm_schema *s,
			const struct hm_predict_options *o, struct hm_err *e)
{
	struct hm_modelfile *h = &a->model->head;
	int64_t all = h->inputs, image = feature_width(a, s, HM_IMAGE, o),
		text = feature_width(a, s, HM_TEXT, o);
	bool both = image && text && image + text == all;
	if (!both && (image == all) == (text == all))
		return hm_err_set(e, HM_EDATA,
				  "the model has %lld inputs; image_feature has %lld numbers, text_feature "
				  "%lld: nothing says which it takes",
				  (long long)all, (long long)image, (long long)text);
	h->dim[HM_IMAGE] = both || image == all ? image : 0;
	h->dim[HM_TEXT] = all - h->dim[HM_IMAGE];
	return 0;
}

static int take_feature(struct hm_predict *a, int k, const struct side *d, const struct hm_schema *s,
			struct hm_err *e)
{
	struct hm_predict_side *to = &a->side[k];
	struct hm_feature f;
	char has[96], want[96];
	int cells;
	if (hm_sidefeature_find(&to->column, &f, &cells, s, (enum hm_side)k, d->give, d->columns, e))
		return HM_EDATA;
	const int64_t shape[2] = {d->ndim == 2 ? cells : f.dim, f.dim};
	if (memcmp(shape, d->shape, (size_t)d->ndim * sizeof *shape))
		return hm_err_set(e, HM_EDATA, "column \"%s\" has %s numbers, the model needs %s", d->feature,
				  hm_shape_text(d->ndim, shape, has, sizeof has),
				  hm_shape_text(d->ndim, d->shape, want, sizeof want));
	if (*f.output && *d->output && strcmp(f.output, d->output))
		return hm_err_set(
			e, HM_EDATA,
			"column \"%s\" is the encoder's output \"%s\", the model was trained on \"%s\"",
			d->feature, f.output, d->output);
	if (!*d->trained)
		snprintf(a->notice, sizeof a->notice, "the model does not say which encoder made its %s",
			 d->feature);
	else if (*f.precision && *d->precision && strcmp(f.precision, d->precision))
		snprintf(a->notice, sizeof a->notice, "%s was computed in %s, the model was trained on %s",
			 d->feature, f.precision, d->precision);
	else if (strcmp(f.store, d->store) != 0)
		snprintf(a->notice, sizeof a->notice, "%s is stored as %s, the model was trained on %s",
			 d->feature, *f.store ? f.store : "f32", *d->store ? d->store : "f32");
	to->raw = false;
	to->numbers = (size_t)f.dim * (size_t)(d->ndim == 2 ? cells : 1);
	return 0;
}

static int take_raw(struct hm_predict *a, int k, const struct side *d, const struct hm_schema *s,
		    struct hm_err *e)
{
	const struct hm_fusionfile *m = a->model;
	char size[96];
	int i;
	if (hm_column_need(s, d->raw, &i, e))
		return HM_EDATA;
	const struct hm_field *f = &s->field[i];
	size_t width = (size_t)hm_tower_width(&d->encoder->shape, d->give);
	a->side[k] = (struct hm_predict_side){{1, {i}}, true, d->give == HM_WORDS ? 0 : width};
	if (d->give != HM_GRID)
		return 0;
	int cells = d->encoder->kind->cells(d->encoder->tower, (int)f->dim[1], (int)f->dim[2]);
	if (cells != m->cells)
		return hm_err_set(e, HM_EDATA,
				  "pixels of %s make %d image positions, the model has %d (hm-imgprep --size "
				  "%s)",
				  hm_shape_text(2, f->dim + 1, size, sizeof size), cells, m->cells,
				  m->cells == 49 ? "224" : "of its training");
	a->side[k].numbers *= (size_t)cells;
	return 0;
}

/* Checks the feature's encoder if the model file holds no encoder, so that the rule of sources.h had none to
 * compare. */
static int check_encoder(const struct side *d, const char *made, bool allow_unknown, struct hm_err *e)
{
	const char *name = d->feature;
	if (!made && !allow_unknown)
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\" does not say which encoder made it "
				  "(--allow-unknown-features takes it all the same)",
				  name);
	if (!made || !*d->trained || !strcmp(made, d->trained))
		return 0;
	return hm_err_set(e, HM_EDATA, "column \"%s\" was made by encoder %s, the model was trained on %s",
			  name, made, d->trained);
}

/* Whether the column's inputs were prepared as those of the training. */
static int check_preparation(struct hm_predict *a, int k, const struct side *d, const struct hm_schema *s,
			     bool allow, struct hm_err *e)
{
	const struct hm_taken *t = &a->side[k].column;
	cJSON *now = hm_sidefeature_prepared(s, t, e);
	if (now && a->side[k].raw)
		hm_configmodel_add_settings(now, d->encoder->kind, &d->encoder->hints, e);
	now = now ? hm_json_whole(now, e) : NULL;
	const char *name = t->n > 1 ? d->feature : s->field[t->at[0]].name;
	int rc = now ? hm_prepared_compare(a->model->head.prepared[k], now, name, allow, a->warning[k],
					   sizeof a->warning[k], e)
		     : HM_EDATA;
	cJSON_Delete(now);
	return rc;
}

static int choose_side(struct hm_predict *a, int k, const struct hm_schema *s, const char *in,
		       const struct hm_predict_options *o, struct hm_err *e)
{
	struct side d = describe_side(a, k, o);
	const struct hm_source_ask ask = {.side = (enum hm_side)k,
					  .kind = a->model->head.fusion,
					  .columns = d.columns,
					  /* no feature stands for words */
					  .use = d.give == HM_WORDS ? HM_USE_TRAINED : HM_USE_FEATURE,
					  .encoder = d.encoder->kind ? d.trained : NULL,
					  .output = *d.output ? d.output : NULL,
					  .unknown = o->allow_unknown,
					  .option = "a complete model file"};
	enum hm_use use;
	if (hm_source_choose(&use, &ask, s, in, e))
		return HM_EDATA;
	int rc = 0;
	struct hm_feature f;
	if (use == HM_USE_FEATURE && hm_sidefeature_there(&f, s, (enum hm_side)k, d.give, d.columns))
		rc = check_encoder(&d, *f.encoder ? f.encoder : NULL, o->allow_unknown, e);
	if (!rc)
		rc = (use == HM_USE_FEATURE ? take_feature : take_raw)(a, k, &d, s, e);
	if (!rc)
		rc = check_preparation(a, k, &d, s, o->allow_mismatch, e);
	return rc ? hm_err_prefix(e, "%s", in) : 0;
}

static size_t feature_numbers(const struct hm_predict *a, int k, const struct hm_predict_options *o)
{
	struct side d = describe_side(a, k, o);
	return (size_t)(d.ndim == 2 ? d.shape[0] * d.shape[1] : d.shape[0]);
}

int hm_predict_choose(struct hm_predict *a, const struct hm_schema *s, const char *in,
		      const struct hm_predict_options *o, struct hm_err *e)
{
	struct hm_modelfile *h = &a->model->head;
	if (h->dim[HM_IMAGE] < 0 && guess_widths(a, s, o, e))
		return hm_err_prefix(e, "%s", in);
	for (int k = 0; k < HM_SIDES; k++) {
		a->side[k].column.n = 0;
		if (a->ablate[k] && !h->dim[k])
			return hm_err_set(e, HM_EDATA, "the model has no %s side that could be ablated",
					  hm_side_name((enum hm_side)k));
		if (a->ablate[k] == HM_ABLATE_ZERO && h->fusion->gives[k] != HM_WORDS)
			a->side[k].numbers = feature_numbers(a, k, o);
		else if (h->dim[k] && choose_side(a, k, s, in, o, e))
			return HM_EDATA;
	}
	return 0;
}
