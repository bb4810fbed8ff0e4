/* The encoders and the first model of a training run. See setupmodels.h. */
#include "train/setupmodels.h"
#include "train/setcheck.h"

#include <inttypes.h>
#include <string.h>

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

/* Checks that each encoder gives what the fusion takes, and that options on encoders have one. */
static int check_gives(const struct hm_setup *s, struct hm_err *e)
{
	for (int k = 0; k < HM_SIDES; k++) {
		const struct hm_encoder *x = &s->encoder[k];
		const char *side = hm_side_name((enum hm_side)k);
		enum hm_give give = s->kind->gives[k];
		if (!x->kind && (s->o->encoder.output[k] || s->o->encoder.side_heads[k]))
			return hm_err_set(
				e, HM_EUSAGE,
				"--%s-output and --%s-heads are of the %s encoder: give --%s SPEC, or "
				"--init with one",
				side, side, side, side);
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

int hm_setup_refuse_fusion(const struct hm_setup *s, struct hm_err *e)
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
	for (int k = 0; k < HM_SIDES; k++) {
		const char *side = hm_side_name((enum hm_side)k),
			   *what = o->columns[k].n ? "feature" : "output";
		if ((o->columns[k].n || o->encoder.output[k]) && s->kind->gives[k] != HM_POOLED)
			return hm_err_set(e, HM_EUSAGE, "--%s-%s is not an option of --fusion %s", side, what,
					  s->kind->name);
	}
	return 0;
}

int hm_setup_open_models(struct hm_setup *s, struct hm_err *e)
{
	const struct hm_setup_options *o = s->o;
	int asked = o->recipe->fusion;
	s->kind = hm_fusion_kinds()[asked < 0 ? 0 : asked];
	s->columns[HM_IMAGE] = o->columns[HM_IMAGE];
	s->columns[HM_TEXT] = o->columns[HM_TEXT];
	if (o->init) {
		/* an encoder that --image or --text replaces has its own output */
		struct hm_encoder_options own = o->encoder;
		for (int k = 0; k < HM_SIDES; k++)
			own.output[k] = o->spec[k] ? NULL : own.output[k];
		int rc = hm_fusionfile_open(&s->init, o->init, &own, e);
		if (rc)
			return rc;
		if (*s->init.notice)
			hm_setup_notice(s, false, "%s: %s", o->init, s->init.notice);
		if (asked >= 0 && s->kind != s->init.head.fusion)
			return hm_setup_refuse_fusion(s, e);
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

int hm_setup_compare_init(const struct hm_setup *s, const struct hm_fusion_config *c, struct hm_err *e)
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
		if (*f->encoder[k] && *encoder && strcmp(f->encoder[k], encoder))
			return hm_err_set(
				e, HM_EDATA,
				"%s: it was trained on %s features of encoder %s, the data has those of %s",
				s->o->init, side, f->encoder[k], encoder);
		const char *output = s->train.feature[k].output;
		if (*f->output[k] && *output && strcmp(f->output[k], output))
			return hm_err_set(
				e, HM_EDATA,
				"%s: it was trained on the %s encoder's output \"%s\", the data has \"%s\"",
				s->o->init, side, f->output[k], output);
		if (hm_setup_same_preparation(s, f->prepared[k], s->train.prepared[k], k, s->o->init, e))
			return HM_EDATA;
	}
	return hm_setup_same_init_names(s, e);
}
