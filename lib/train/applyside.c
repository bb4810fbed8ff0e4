/* Raw or cached: a side's column. See applyside.h; contracts.md's "Raw or cached" is the rule. */
#include "train/applyside.h"

#include <stdio.h>
#include <string.h>

/* What a side is called, and what is known of it. */
struct side {
	const char *feature, *raw, *maker, *option;
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
		s.feature = "text_feature", s.raw = "token_ids", s.maker = "hm-tokenize", s.option = "--text";
		s.encoder = &a->model->text;
		s.trained = h->text_digest, s.precision = h->text_precision, s.output = "";
		s.shape[0] = h->text_dim;
	} else {
		s.feature = grid ? "image_grid" : "image_feature";
		s.raw = "pixels", s.maker = "hm-imgprep";
		s.option = grid ? "--image-output grid --image" : "--image";
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

/* No column serves: why, and what would. */
static int refuse(const struct side *d, const char *made, bool there, struct hm_err *e)
{
	bool own = d->encoder->width;
	if (there && !made)
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\" does not say which encoder made it "
				  "(--allow-unknown-features takes it all the same)",
				  d->feature);
	if (there && own)
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\" was made by encoder %s, the model's own is %s: give \"%s\" "
				  "(%s makes it), or this encoder's features (hm-encode %s MODEL)",
				  d->feature, made, d->trained, d->raw, d->maker, d->option);
	if (there)
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\" was made by encoder %s, the model was trained on %s",
				  d->feature, made, d->trained);
	if (own)
		return hm_err_set(e, HM_EDATA, "no column \"%s\", which the model needs (%s makes it)",
				  d->raw, d->maker);
	return hm_err_set(e, HM_EDATA, "no column \"%s\", which the model needs (hm-encode makes it)",
			  d->feature);
}

static int choose(struct hm_apply *a, int k, const struct hm_schema *s, bool allow_unknown, struct hm_err *e)
{
	struct side d = describe(a, k);
	bool words = k && a->model->head.fusion == HM_FUSION_EARLY; /* no feature stands for them */
	int feature = words ? -1 : hm_schema_find(s, d.feature), raw = hm_schema_find(s, d.raw);
	const char *made = feature < 0 ? NULL : hm_schema_attr(s, feature, "encoder");
	bool same = made && !strcmp(made, d.trained);
	if (!same && d.encoder->width && raw >= 0)
		return take_raw(a, k, &d, s, raw, e);
	bool unknown = made ? !*d.trained : allow_unknown;
	if (feature >= 0 && (same || unknown))
		return take_feature(a, k, &d, s, feature, e);
	return refuse(&d, made, feature >= 0, e);
}

int hm_apply_choose(struct hm_apply *a, const struct hm_schema *s, bool allow_unknown, struct hm_err *e)
{
	struct hm_modelfile *h = &a->model->head;
	int rc = h->image_dim < 0 ? guess_widths(h, s, e) : 0;
	for (int k = 0; !rc && k < HM_APPLY_SIDES; k++) {
		a->side[k].column = -1;
		if (k ? h->text_dim : h->image_dim)
			rc = choose(a, k, s, allow_unknown, e);
	}
	if (rc || h->fusion == HM_FUSION_EARLY || h->image_dim + h->text_dim == h->inputs)
		return rc;
	return hm_err_set(e, HM_EDATA, "the model has %lld inputs where its features have %lld numbers",
			  (long long)h->inputs, (long long)(h->image_dim + h->text_dim));
}
