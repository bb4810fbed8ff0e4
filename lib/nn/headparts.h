/* The network of the fusions with hidden layers: headnet.c makes it, headfusion.c runs it. */
#ifndef HM_HEADPARTS_H
#define HM_HEADPARTS_H

#include "nn/headfusion.h"
#include "nn/headjoint.h"

struct hm_dense {
	float *weight, *bias; /* [outputs,inputs], [outputs] */
	int outputs, inputs;
};

struct hm_headnet {
	struct hm_fusion_net net;
	struct hm_dense map[HM_SIDES][HM_HEAD_LAYERS], pre[HM_HEAD_LAYERS], out;
	int width; /* of the joint */
};

/* The functions of struct hm_fusion_kind. */
int hm_headnet_measure(const struct hm_fusion_kind *k, struct hm_hidden *h, int64_t inputs, hm_find_fn *find,
		       void *ctx, struct hm_err *e);
int hm_headnet_read(struct hm_fusion_shape *s, int64_t inputs, const struct hm_tower_shape *text,
		    hm_find_fn *find, void *ctx, struct hm_err *e);
int64_t hm_headnet_inputs(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s);
struct hm_fusion_net *hm_headnet_new(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s,
				     struct hm_err *e);
int hm_headnet_intakes(const struct hm_fusion_net *net, struct hm_intake out[HM_SIDES]);

#endif
