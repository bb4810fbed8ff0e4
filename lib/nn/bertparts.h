/* The parts of a BERT, for the files that compute with it: bert.c (inference), berttrain.c (training). */
#ifndef HM_BERTPARTS_H
#define HM_BERTPARTS_H

#include "nn/bert.h"
#include "nn/layers.h"

struct hm_bert {
	struct hm_tower tower; /* first member: a pointer to one is a pointer to the other */
	struct hm_bert_config c;
	float *word, *position, *type; /* [vocab,hidden], [positions,hidden], [types,hidden] */
	float *norm_w, *norm_b;	       /* [hidden] */
	struct hm_layers layers;
	float *pooler_w, *pooler_b; /* [hidden,hidden], [hidden] */
};

#endif
