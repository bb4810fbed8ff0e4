/* Runs a fusion over many inputs in eval mode. Consecutive inputs form a batch, and one worker with its own
 * device context computes a batch. So the same inputs give the same bytes for any number of workers. The
 * arithmetic is that of hm_fusion_logits and hm_fusion_probabilities. */
#ifndef HM_FUSERUN_H
#define HM_FUSERUN_H

#include "base/workers.h"
#include "nn/fusionkind.h"

struct hm_fuserun_item {
	const float *side[HM_SIDES]; /* [D], for HM_GRID [P,D]; NULL: not used, or HM_WORDS */
	const int32_t *ids; /* HM_WORDS: [len], len >= 1, and P + len at most the tower's positions */
	int32_t len;
	float *logits, *prob; /* [classes] each, written; prob is the softmax of logits */
};

struct hm_fuserun;
/* Computes `batch` inputs at once. text: the text tower of a fusion that takes HM_WORDS, else NULL. Places
 * net and tower on `d` (param.h): they must not be placed yet. Borrows its arguments. 0 or HM_EDATA. */
int hm_fuserun_new(struct hm_fuserun **r, struct hm_fusion_net *net, struct hm_tower *text, int batch,
		   struct hm_device *d, struct hm_workers *w, struct hm_err *e);
void hm_fuserun_free(struct hm_fuserun *r); /* NULL is fine */
/* Fills logits and prob of item[0..n). 0, or the first failure among the batches. */
int hm_fuserun_compute(struct hm_fuserun *r, const struct hm_fuserun_item *item, int n, struct hm_err *e);

#endif
