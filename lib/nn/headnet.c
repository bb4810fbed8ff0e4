/* Sizes and parameters of the fusions with hidden layers. See headfusion.h. */
#include "nn/headparts.h"

#include <stdio.h>

enum { MOST = 1 << 24 }; /* of a layer's inputs, and of any size in a file's tensors */

static const char *const map_name[HM_SIDES] = {"image_map", "text_map"};

/* The numbers of the linear layers among the modules of PyTorch's Sequential: Linear, Dropout, ReLU, Linear
 * ...; and Dropout, Linear, ReLU, Dropout, Linear ... */
static int map_index(int layer)
{
	return 3 * layer;
}

static int pre_index(int layer)
{
	return 3 * layer + 1;
}

/* ---- out of a file */

/* *layers := how many layers NAME.{index(0),index(1),...} the file has; first, last := the sizes of the
 * first and the last one's weight. */
static int count_layers(const char *name, int (*index)(int), int *layers, int64_t first[2], int64_t last[2],
			hm_find_fn *find, void *ctx, struct hm_err *e)
{
	char weight[64];
	for (*layers = 0;; ++*layers) {
		snprintf(weight, sizeof weight, "%s.%d.weight", name, index(*layers));
		if (!find(ctx, weight))
			return 0;
		if (*layers == HM_HEAD_LAYERS)
			return hm_err_set(e, HM_EDATA, "there are more than %d layers \"%s\"", HM_HEAD_LAYERS,
					  name);
		if (hm_find_shape(find, ctx, weight, 2, MOST, last, e))
			return HM_EDATA;
		if (!*layers)
			first[0] = last[0], first[1] = last[1];
	}
}

int hm_headnet_measure(const struct hm_fusion_kind *k, struct hm_hidden *h, int64_t inputs, hm_find_fn *find,
		       void *ctx, struct hm_err *e)
{
	int64_t first[2], last[2];
	int texts;
	if (count_layers(map_name[HM_IMAGE], map_index, &h->map_layers, first, last, find, ctx, e))
		return HM_EDATA;
	if (!h->map_layers)
		return hm_err_set(e, HM_EDATA, "tensor image_map.0.weight is missing");
	h->map_dim = (int)last[0];
	if (count_layers(map_name[HM_TEXT], map_index, &texts, first, last, find, ctx, e))
		return HM_EDATA;
	if (texts != h->map_layers)
		return hm_err_set(e, HM_EDATA, "image_map has %d layers, text_map %d", h->map_layers, texts);
	if (count_layers("pre_output", pre_index, &h->pre_layers, first, last, find, ctx, e))
		return HM_EDATA;
	h->pre_dim = h->pre_layers ? (int)last[0] : h->map_dim;
	return k->joint->width(h->map_dim) != (h->pre_layers ? first[1] : inputs);
}

int hm_headnet_read(struct hm_fusion_shape *s, int64_t inputs, const struct hm_tower_shape *text,
		    hm_find_fn *find, void *ctx, struct hm_err *e)
{
	(void)inputs, (void)text;
	for (int k = 0; k < HM_SIDES; k++) {
		char weight[64];
		int64_t dim[2];
		snprintf(weight, sizeof weight, "%s.0.weight", map_name[k]);
		if (hm_find_shape(find, ctx, weight, 2, MOST, dim, e))
			return HM_EDATA;
		s->dim[k] = (int)dim[1];
	}
	s->cells = 0;
	return 0;
}

/* ---- the table */

int64_t hm_headnet_inputs(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s)
{
	return s->head.pre_layers ? s->head.pre_dim : k->joint->width(s->head.map_dim);
}

/* index < 0: NAME itself is the layer. */
static void add_dense(struct hm_params *p, struct hm_dense *l, int outputs, int inputs, const char *name,
		      int index)
{
	char layer[48];
	snprintf(layer, sizeof layer, index < 0 ? "%s" : "%s.%d", name, index);
	l->outputs = outputs;
	l->inputs = inputs;
	hm_params_add(p, &l->weight, HM_INIT_UNIFORM, HM_DIMS(outputs, inputs), "%s.weight", layer);
	hm_params_add(p, &l->bias, HM_INIT_UNIFORM_BIAS, HM_DIMS(outputs), "%s.bias", layer);
}

struct hm_fusion_net *hm_headnet_new(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s,
				     struct hm_err *e)
{
	const struct hm_hidden *h = &s->head;
	int64_t width = k->joint->width(h->map_dim);
	struct hm_headnet *m = width > MOST ? NULL : hm_alloc(1, sizeof *m, e);
	if (width > MOST)
		hm_err_set(
			e, HM_EDATA,
			"%s fusion of %d numbers a side gives %lld, more than %d: choose a smaller --map-dim",
			k->name, h->map_dim, (long long)width, MOST);
	if (!m)
		return NULL;
	m->net = (struct hm_fusion_net){.kind = k, .shape = *s};
	m->width = (int)width;
	struct hm_params *p = &m->net.params;
	for (int side = 0; side < HM_SIDES; side++)
		for (int l = 0; l < h->map_layers; l++)
			add_dense(p, &m->map[side][l], h->map_dim, l ? h->map_dim : s->dim[side],
				  map_name[side], map_index(l));
	for (int l = 0; l < h->pre_layers; l++)
		add_dense(p, &m->pre[l], h->pre_dim, l ? h->pre_dim : m->width, "pre_output", pre_index(l));
	add_dense(p, &m->out, s->classes, (int)hm_headnet_inputs(k, s), "output", -1);
	return &m->net;
}

int hm_headnet_intakes(const struct hm_fusion_net *net, struct hm_intake out[HM_SIDES])
{
	const struct hm_headnet *m = (const struct hm_headnet *)net;
	const float *data = net->params.data;
	for (int k = 0; k < HM_SIDES; k++) {
		const struct hm_dense *l = &m->map[k][0];
		out[k] = (struct hm_intake){(size_t)(l->weight - data), (size_t)(l->bias - data), l->outputs,
					    l->inputs, k == HM_TEXT ? net->shape.dim[HM_IMAGE] : 0};
	}
	return HM_SIDES;
}
