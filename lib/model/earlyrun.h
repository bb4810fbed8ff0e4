/* An early-fusion model over many inputs, in eval mode: consecutive ones form a batch, a batch is computed by
 * one worker with a device context of its own. So the same inputs give the same bytes for any number of
 * workers. */
#ifndef HM_EARLYRUN_H
#define HM_EARLYRUN_H

#include "base/workers.h"
#include "nn/early.h"

struct hm_earlyrun_item {
	const float *grid;  /* [P,C] */
	const int32_t *ids; /* [len], P + len at most BERT's positions, len >= 1 */
	int32_t len;
	float *logits; /* [classes], written */
};

struct hm_earlyrun;
/* Borrows all; m and bert are placed on `d` (param.h) and must not have been before. `batch` inputs at once.
 * 0 or HM_EDATA. */
int hm_earlyrun_new(struct hm_earlyrun **r, struct hm_early *m, struct hm_bert *bert, int batch,
		    struct hm_device *d, struct hm_workers *w, struct hm_err *e);
void hm_earlyrun_free(struct hm_earlyrun *r); /* NULL is fine */
/* The logits of item[0..n). The first failure of any batch. */
int hm_earlyrun_compute(struct hm_earlyrun *r, const struct hm_earlyrun_item *item, int n, struct hm_err *e);

#endif
