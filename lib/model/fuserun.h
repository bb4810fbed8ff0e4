/* A fusion over many inputs in eval mode: consecutive inputs form a batch, a batch is computed by one worker
 * with a device context of its own. So the same inputs give the same bytes for any number of workers. The
 * arithmetic is that of hm_fusion_logits and hm_fusion_probabilities. */
#ifndef HM_FUSERUN_H
#define HM_FUSERUN_H

#include "base/workers.h"
#include "nn/fusionkind.h"

struct hm_fuserun_item {
	const float *side[HM_SIDES]; /* [D], of HM_GRID [P,D]; NULL: not used, or HM_WORDS */
	const int32_t *ids; /* HM_WORDS: [len], len >= 1, and P + len at most the tower's positions */
	int32_t len;
	float *logits, *prob; /* [classes] each, written; prob is the softmax of logits */
};

struct hm_fuserun;
/* Borrows all; net and the text tower (of HM_WORDS, else NULL) are placed on `d` (param.h) and must not have
 * been before. `batch` inputs at once. 0 or HM_EDATA. */
int hm_fuserun_new(struct hm_fuserun **r, struct hm_fusion_net *net, struct hm_tower *text, int batch,
		   struct hm_device *d, struct hm_workers *w, struct hm_err *e);
void hm_fuserun_free(struct hm_fuserun *r); /* NULL is fine */
/* The answers of item[0..n). The first failure of any batch. */
int hm_fuserun_compute(struct hm_fuserun *r, const struct hm_fuserun_item *item, int n, struct hm_err *e);

#endif
