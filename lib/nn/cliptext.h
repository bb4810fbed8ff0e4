/* The text tower of CLIP, computed as by transformers' CLIPTextModelWithProjection over packed sequences:
 * word plus position, causal pre-norm layers (layers.h), and with N for the LayerNorm behind them
 *
 *   pooled = N(z[row]);  projected = P pooled
 *
 * where `row` is the first one of the sequence's highest id, the end token's. For the files that compute with
 * it: cliptext.c (family and parameters), cliptextinfer.c, cliptexttrain.c. */
#ifndef HM_CLIPTEXT_H
#define HM_CLIPTEXT_H

#include "nn/clip.h"
#include "nn/layers.h"

struct hm_clip_text_config {
	struct hm_layers_config layers;
	int vocab, positions;
	int projection; /* numbers of the projected vector; 0: there is none */
	bool projected; /* it is the output */
};

struct hm_clip_text {
	struct hm_tower tower; /* first member: a pointer to one is a pointer to the other */
	struct hm_clip_text_config c;
	float *word, *position; /* [vocab,h], [positions,h] */
	struct hm_layers layers;
	float *projection; /* [projection,h] */
};

/* The row of the sequence ids[0..len) from which its vector is taken. */
static inline int hm_clip_text_row(const int32_t *ids, int len)
{
	int best = 0;
	for (int j = 1; j < len; j++)
		best = ids[j] > ids[best] ? j : best;
	return best;
}
/* host [m + n] := positions of the m ids of all sequences, 0, 1, ... in order, and the n rows. Returns m, or
 * a negative code that sticks to the device: a length is outside 1 .. positions, or m outside 1 .. most. */
int hm_clip_text_stage(const struct hm_clip_text_config *c, struct hm_device *d, int32_t *host,
		       const int32_t *ids, const int32_t *len, int n, int most);

extern const struct hm_tower_infer hm_clip_text_infer;
extern const struct hm_tower_train hm_clip_text_train;

#endif
