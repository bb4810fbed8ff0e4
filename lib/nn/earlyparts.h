/* The parameters of early fusion: earlynet.c makes them, early.c computes with them. */
#ifndef HM_EARLYPARTS_H
#define HM_EARLYPARTS_H

#include "nn/early.h"

struct hm_early {
	struct hm_fusion_net net;
	float *word_modality;		    /* [H] */
	float *project_w, *project_b;	    /* [H,D], [H] */
	float *image_position;		    /* [P,H] */
	float *image_modality;		    /* [H] */
	float *classifier_w, *classifier_b; /* [C,H], [C] */
};

/* The functions of struct hm_fusion_kind. */
int64_t hm_early_inputs(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s);
int hm_early_read(struct hm_fusion_shape *s, int64_t inputs, const struct hm_tower_shape *text,
		  hm_find_fn *find, void *ctx, struct hm_err *e);
struct hm_fusion_net *hm_early_new(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s,
				   struct hm_err *e);

#endif
