/* A side's column: sources.h says whether the raw one or the cached feature, here is whether it fits. See
 * applyside.h. */
#include "train/applyside.h"
#include "train/sources.h"

#include <stdio.h>
#include <string.h>

/* What a side is called, and what is known of it. */
struct side {
	const char *feature, *raw, *maker;
	const struct hm_encoder *encoder; /* width 0: not in the file */
	const char *trained, *precision, *output;
	int64_t shape[2];
	int ndim;
};

static struct side describe(const struct hm_apply *a, int k)
{
	const struct hm_modelfile *h = &a->model->head;
	bool grid = !k && h->fusion == HM_FUSION_EARLY;
	struct side s = {.ndim = grid ? 2 : 1};
	if (k) {
		s.feature = "text_feature", s.raw = "token_ids", s.maker = "hm-tokenize";
		s.encoder = &a->model->text;
		s.trained = h->text_digest, s.precision = h->text_precision, s.output = "";
		s.shape[0] = h->text_dim;
	} else {
		s.feature = grid ? "image_grid" : "image_feature";
		s.raw = "pixels", s.maker = "hm-imgprep";
		s.encoder = &a->model->image;
		s.trained = h->image_digest, s.precision = h->image_precision, s.output = h->image_output;
		s.shape[0] = grid ? a->model->grid : h->image_dim;
		s.shape[1] = h->image_dim;
	}
	return s;
}

/* Numbers in the feature column i, 0 when it is none. */
static int64_t width_of(const struct hm_schema *s, int i)
{
	if (i < 0)
		return 0;
	const struct hm_field *f = &s->field[i];
	bool real = f->dtype == HM_F32 || f->dtype == HM_F16 || f->dtype == HM_BF16;
	return real && f->ndim == 1 && f->dim[0] > 0 ? f->dim[0] : 0;
}

/* How many inputs each feature gives, where the model does not say: both, or the one whose width is I. */
static int guess_widths(struct hm_modelfile *h, const struct hm_schema *s, struct hm_err *e)
{
	int64_t all = h->inputs, image = width_of(s, hm_schema_find(s, "image_feature")),
		text = width_of(s, hm_schema_find(s, "text_feature"));
	bool both = image && text && image + text == all;
	if (!both && (image == all) == (text == all))
		return hm_err_set(e, HM_EDATA,
				  "the model has %lld inputs; image_feature has %lld numbers, text_feature "
				  "%lld: no way to tell which it takes",
				  (long long)all, (long long)image, (long long)text);
	h->image_dim = both || image == all ? image : 0;
	h->text_dim = all - h->image_dim;
	return 0;
}

static int take_feature(struct hm_apply *a, int k, const struct side *d, const struct hm_schema *s, int i,
			struct hm_err *e)
{
	const struct hm_field *f = &s->field[i];
	const char *how = hm_schema_attr(s, i, "precision"), *output = hm_schema_attr(s, i, "output");
	bool real = f->dtype == HM_F32 || f->dtype == HM_F16 || f->dtype == HM_BF16;
	char has[96], want[96];
	if (!real || f->ndim != d->ndim || memcmp(f->dim, d->shape, (size_t)d->ndim * sizeof *f->dim))
		return hm_err_set(e, HM_EDATA, "column \"%s\" has %s numbers, the model needs %s", d->feature,
				  hm_shape_text(f->ndim, f->dim, has, sizeof has),
				  hm_shape_text(d->ndim, d->shape, want, sizeof want));
	if (output && *d->output && strcmp(output, d->output))
		return hm_err_set(
			e, HM_EDATA,
			"column \"%s\" is the encoder's output \"%s\", the model was trained on \"%s\"",
			d->feature, output, d->output);
	if (!*d->trained)
		snprintf(a->notice, sizeof a->notice, "the model does not say which encoder made its %s",
			 d->feature);
	else if (how && *d->precision && strcmp(how, d->precision))
		snprintf(a->notice, sizeof a->notice, "%s was computed in %s, the model was trained on %s",
			 d->feature, how, d->precision);
	a->side[k] = (struct hm_apply_side){i, false, hm_field_count(f)};
	return 0;
}

static int take_raw(struct hm_apply *a, int k, const struct side *d, const struct hm_schema *s, int i,
		    struct hm_err *e)
{
	const struct hm_field *f = &s->field[i];
	const struct hm_fusionfile *m = a->model;
	bool early = m->head.fusion == HM_FUSION_EARLY;
	char size[96];
	if (k ? f->dtype != HM_I32 || f->ndim != 1 || !hm_field_ragged(f)
	      : f->dtype != HM_U8 || f->ndim != 3 || f->dim[0] != 3 || f->dim[1] < 1 || f->dim[2] < 1)
		return hm_err_set(e, HM_EDATA, "column \"%s\" is not what %s makes", d->raw, d->maker);
	a->side[k] = (struct hm_apply_side){i, true, k && early ? 0 : (size_t)d->encoder->width};
	if (k || !early)
		return 0;
	int positions = hm_resnet_grid_side((int)f->dim[1]) * hm_resnet_grid_side((int)f->dim[2]);
	if (positions != m->grid)
		return hm_err_set(e, HM_EDATA,
				  "pixels of %s make %d image positions, the model has %d (hm-imgprep --size "
				  "%s)",
				  hm_shape_text(2, f->dim + 1, size, sizeof size), positions, m->grid,
				  m->grid == 49 ? "224" : "of its training");
	a->side[k].numbers *= (size_t)positions;
	return 0;
}

/* The feature's encoder, where the model holds none itself and the rule could not ask. */
static int check_encoder(const struct side *d, const char *made, bool allow_unknown, struct hm_err *e)
{
	if (!made && !allow_unknown)
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\" does not say which encoder made it "
				  "(--allow-unknown-features takes it all the same)",
				  d->feature);
	if (!made || !*d->trained || !strcmp(made, d->trained))
		return 0;
	return hm_err_set(e, HM_EDATA, "column \"%s\" was made by encoder %s, the model was trained on %s",
			  d->feature, made, d->trained);
}

static int choose(struct hm_apply *a, int k, const struct hm_schema *s, const char *in, bool allow_unknown,
		  struct hm_err *e)
{
	struct side d = describe(a, k);
	enum hm_fusion_kind kind = a->model->head.fusion;
	bool words = k && kind == HM_FUSION_EARLY; /* no feature stands for them */
	const struct hm_source_ask ask = {.side = k ? HM_TEXT_ENCODER : HM_IMAGE_ENCODER,
					  .kind = kind,
					  .use = words ? HM_USE_TRAINED : HM_USE_FROZEN,
					  .encoder = d.encoder->width ? d.trained : NULL,
					  .unknown = allow_unknown,
					  .option = "a complete model file"};
	enum hm_source from;
	if (hm_source_choose(&from, &ask, s, in, e))
		return HM_EDATA;
	int rc, at = hm_schema_find(s, from == HM_SOURCE_CACHED ? d.feature : d.raw);
	if (from != HM_SOURCE_CACHED)
		rc = take_raw(a, k, &d, s, at, e);
	else if (!(rc = check_encoder(&d, hm_schema_attr(s, at, "encoder"), allow_unknown, e)))
		rc = take_feature(a, k, &d, s, at, e);
	return rc ? hm_err_prefix(e, "%s", in) : 0;
}

static size_t feature_numbers(const struct hm_apply *a, int k)
{
	struct side d = describe(a, k);
	return (size_t)(d.ndim == 2 ? d.shape[0] * d.shape[1] : d.shape[0]);
}

int hm_apply_choose(struct hm_apply *a, const struct hm_schema *s, const char *in, bool allow_unknown,
		    struct hm_err *e)
{
	struct hm_modelfile *h = &a->model->head;
	if (h->image_dim < 0 && guess_widths(h, s, e))
		return hm_err_prefix(e, "%s", in);
	for (int k = 0; k < HM_APPLY_SIDES; k++) {
		bool used = k ? h->text_dim : h->image_dim, words = k && h->fusion == HM_FUSION_EARLY;
		a->side[k].column = -1;
		if (a->ablate[k] && !used)
			return hm_err_set(e, HM_EDATA, "the model has no %s side that could be ablated",
					  k ? "text" : "image");
		if (a->ablate[k] == HM_ABLATE_ZERO && !words)
			a->side[k].numbers = feature_numbers(a, k);
		else if (used && choose(a, k, s, in, allow_unknown, e))
			return HM_EDATA;
	}
	return 0;
}
