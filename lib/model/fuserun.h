/* Runs a fusion over many inputs by its inference (struct hm_fusion_infer). Consecutive inputs form a batch
 * by rules that know no threads, and one worker with its own device context computes a batch. So the same
 * inputs give the same bytes for any number of workers. A fusion that runs no tower answers as
 * hm_fusion_logits and hm_fusion_probabilities do, to the last bit; one that runs a tower within float
 * rounding of them, because the tower's weights are packed here. */
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
/* Computes up to `batch` inputs at once. text: the text tower of a fusion that takes HM_WORDS, whose
 * parameters may be released afterwards unless they are borrowed; else NULL. With it a batch has at most 2048
 * rows, cells and token ids together (16384 on a device of its own), unless one input alone has more. Places
 * `net` on `d` (param.h): it must not be placed yet. Borrows net, d and w. 0 or HM_EDATA. */
int hm_fuserun_new(struct hm_fuserun **r, struct hm_fusion_net *net, const struct hm_tower *text, int batch,
		   struct hm_device *d, struct hm_workers *w, struct hm_err *e);
void hm_fuserun_free(struct hm_fuserun *r); /* NULL is fine */
/* Fills logits and prob of item[0..n). 0, or the first failure among the batches. */
int hm_fuserun_compute(struct hm_fuserun *r, const struct hm_fuserun_item *item, int n, struct hm_err *e);

#endif
