/* Sizes and parameters of early fusion. See early.h. */
#include "nn/earlyparts.h"

enum { MOST = 1 << 24 }; /* of any size in a file's tensors */

int64_t hm_early_inputs(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s)
{
	(void)k;
	return s->dim[HM_TEXT];
}

int hm_early_read(struct hm_fusion_shape *s, int64_t inputs, const struct hm_tower_shape *text,
		  hm_find_fn *find, void *ctx, struct hm_err *e)
{
	int64_t project[2], position[2];
	if (hm_find_shape(find, ctx, "image_dim_augmentation.weight", 2, MOST, project, e) ||
	    hm_find_shape(find, ctx, "image_positional_embeddings.weight", 2, MOST, position, e))
		return HM_EDATA;
	if (!text->width)
		return hm_err_set(e, HM_EDATA, "holds no transformer: there is no tensor \"transformer.…\"");
	if (text->width != inputs)
		return hm_err_set(e, HM_EDATA, "classifier.weight has %lld inputs, the transformer gives %d",
				  (long long)inputs, text->width);
	if (position[0] + 2 > text->positions)
		return hm_err_set(e, HM_EDATA,
				  "%lld image positions leave no room for words in the transformer's %d",
				  (long long)position[0], text->positions);
	s->dim[HM_IMAGE] = (int)project[1];
	s->dim[HM_TEXT] = (int)inputs;
	s->cells = (int)position[0];
	return 0;
}

struct hm_fusion_net *hm_early_new(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s,
				   struct hm_err *e)
{
	struct hm_early *m = hm_alloc(1, sizeof *m, e);
	if (!m)
		return NULL;
	int hidden = s->dim[HM_TEXT];
	m->net = (struct hm_fusion_net){.kind = k, .shape = *s};
	struct hm_params *p = &m->net.params;
	hm_params_add(p, &m->word_modality, HM_INIT_ZERO, HM_DIMS(hidden), "word_modality_embeddings");
	hm_params_add(p, &m->project_w, HM_INIT_UNIFORM, HM_DIMS(hidden, s->dim[HM_IMAGE]),
		      "image_dim_augmentation.weight");
	hm_params_add(p, &m->project_b, HM_INIT_UNIFORM_BIAS, HM_DIMS(hidden), "image_dim_augmentation.bias");
	hm_params_add(p, &m->image_position, HM_INIT_UNIT, HM_DIMS(s->cells, hidden),
		      "image_positional_embeddings.weight");
	hm_params_add(p, &m->image_modality, HM_INIT_ONE, HM_DIMS(hidden), "image_modality_embeddings");
	hm_params_add(p, &m->classifier_w, HM_INIT_UNIFORM, HM_DIMS(s->classes, hidden), "classifier.weight");
	hm_params_add(p, &m->classifier_b, HM_INIT_UNIFORM_BIAS, HM_DIMS(s->classes), "classifier.bias");
	return &m->net;
}
