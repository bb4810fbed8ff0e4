/* What would end a training later, found before its first step. See trainercheck.h. */
#include "train/trainercheck.h"

#include <inttypes.h>

/* A batch norm in train mode needs two values per channel. If the grid is one cell, a part of one example has
 * only one value. last: examples of the last batch. */
static int check_batch_norm(const struct hm_fusion *f, const struct hm_examples *x,
			    const struct hm_trainer_config *c, size_t last, struct hm_err *e)
{
	const struct hm_fusion_side *s = &hm_fusion_config_of(f)->side[HM_IMAGE];
	int64_t batch = c->batch_size, micro = c->micro_batch;
	if (!s->tower || !s->tower->kind->batch_norm || s->tower->kind->cells(s->tower, x->h, x->w) > 1)
		return 0;
	if (micro &&
	    (micro == 1 || (x->n >= (size_t)batch && batch % micro == 1) || (int64_t)last % micro == 1))
		return hm_err_set(e, HM_EDATA,
				  "%zu examples in batches of %" PRId64 " and parts of %" PRId64
				  " leave a part of one, whose batch norm has one value per channel: choose "
				  "another --micro-batch",
				  x->n, batch, micro);
	if (micro || last != 1)
		return 0;
	if (batch == 1)
		return hm_err_set(
			e, HM_EDATA,
			"a batch norm has one value per channel with --batch-size 1 and images this "
			"small: choose a larger --batch-size");
	return hm_err_set(
		e, HM_EDATA,
		"%zu examples in batches of %" PRId64 " leave a last batch of one, whose batch norm has "
		"one value per channel: choose another --batch-size, or leave it out with --drop-last",
		x->n, batch);
}

int hm_trainer_check_auroc(const struct hm_examples *val, struct hm_err *e)
{
	size_t i = 1;
	while (i < val->n && val->label[i] == val->label[0])
		i++;
	if (i < val->n)
		return 0;
	return hm_err_set(
		e, HM_EDATA,
		"--select auroc needs two classes in the validation set: all %zu labels are %" PRId32, val->n,
		val->label[0]);
}

int hm_trainer_check(const struct hm_fusion *f, const struct hm_examples *x, const struct hm_examples *val,
		     const struct hm_trainer_config *c, struct hm_err *e)
{
	size_t n = x->n, batch = (size_t)c->batch_size, last = n % batch;
	if (c->drop_last && n < batch)
		return hm_err_set(e, HM_EDATA,
				  "--drop-last leaves nothing: there are %zu examples, and a batch has %zu",
				  n, batch);
	if (c->select == HM_SELECT_AUROC && val && hm_trainer_check_auroc(val, e))
		return HM_EDATA;
	return check_batch_norm(f, x, c, last && !c->drop_last ? last : n < batch ? n : batch, e);
}
