/* The parts of a BERT, for the files that compute with it: bert.c (inference), berttrain.c (training). */
#ifndef HM_BERTPARTS_H
#define HM_BERTPARTS_H

#include "nn/bert.h"

struct hm_bert_layer {
	/* Query, key, value: [hidden,hidden], [hidden]. The table keeps the three weights one after the
	 * other, and the three biases, so that qkv_w[0] is also one matrix [3*hidden,hidden], qkv_b[0] its
	 * bias. */
	float *qkv_w[3], *qkv_b[3];
	float *out_w, *out_b;	  /* [hidden,hidden] */
	float *norm1_w, *norm1_b; /* [hidden] */
	float *up_w, *up_b;	  /* [intermediate,hidden] */
	float *down_w, *down_b;	  /* [hidden,intermediate] */
	float *norm2_w, *norm2_b; /* [hidden] */
};

struct hm_bert {
	struct hm_bert_config c;
	float *word, *position, *type; /* [vocab,hidden], [positions,hidden], [types,hidden] */
	float *norm_w, *norm_b;	       /* [hidden] */
	struct hm_bert_layer *layer;   /* [layers] */
	float *pooler_w, *pooler_b;    /* [hidden,hidden], [hidden] */
	struct hm_params params;
};

#endif
