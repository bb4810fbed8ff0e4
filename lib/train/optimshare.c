/* What an optimizer of several ranks does together: the norm, the slices' parameters, the moments. See
 * optim.h. */
#include "train/optim.h"
#include "train/optimruns.h"

#include <math.h>
#include <stdlib.h>

static size_t count_blocks(const struct hm_params *p)
{
	return (p->count + HM_OPTIM_BLOCK - 1) / HM_OPTIM_BLOCK;
}

/* from [size+1] := where each rank's slice of a table begins, `each` bytes per element. Caller frees. */
static size_t *list_slices(const struct hm_optim *o, size_t count, size_t each, struct hm_err *e)
{
	int size = hm_ranks_size(o->ranks);
	size_t *from = hm_alloc((size_t)size + 1, sizeof *from, e);
	for (int k = 0; from && k <= size; k++)
		from[k] = hm_slice_begin(count, k, size) * each;
	return from;
}

/* The same of its blocks: of their sums of squares. */
static size_t *list_blocks(const struct hm_optim *o, size_t count, struct hm_err *e)
{
	int size = hm_ranks_size(o->ranks);
	size_t *from = hm_alloc((size_t)size + 1, sizeof *from, e);
	for (int k = 0; from && k <= size; k++)
		from[k] = (hm_slice_begin(count, k, size) + HM_OPTIM_BLOCK - 1) / HM_OPTIM_BLOCK *
			  sizeof(double);
	return from;
}

static int open_squares(struct hm_optim *o, struct hm_err *e)
{
	size_t blocks = 0;
	for (int i = 0; i < o->tables; i++)
		blocks += count_blocks(o->params[i]);
	if (!o->squares)
		o->squares = o->dev->op->alloc(o->dev, blocks * sizeof *o->squares);
	if (!o->all)
		o->all = hm_alloc(blocks, sizeof *o->all, e);
	return o->all ? hm_device_error(o->dev, e) : HM_EDATA;
}

/* o->squares := the sums of squares of this rank's blocks, run by run. */
static void sum_blocks(struct hm_optim *o)
{
	size_t at = 0;
	int table = 0;
	for (size_t i = 0; i < o->runs; i++) {
		const struct hm_optim_run *r = &o->run[i];
		for (; table < r->table; table++)
			at += count_blocks(o->params[table]);
		struct hm_span own = hm_optim_cut(r, o->from[r->table], o->to[r->table]);
		for (size_t b = own.first / HM_OPTIM_BLOCK;
		     own.count && b * HM_OPTIM_BLOCK < own.first + own.count; b++) {
			struct hm_span s = hm_optim_cut(r, b * HM_OPTIM_BLOCK, (b + 1) * HM_OPTIM_BLOCK);
			o->dev->op->sum_squares(o->dev, o->squares + at + b,
						o->params[r->table]->grad + s.first, s.count);
		}
	}
}

/* Every block's sum to every rank, and the sum of all. */
static int gather_blocks(struct hm_optim *o, double *sum, struct hm_err *e)
{
	size_t at = 0, blocks;
	*sum = 0;
	for (int i = 0; i < o->tables; i++, at += blocks) {
		size_t *from = list_blocks(o, o->params[i]->count, e);
		blocks = count_blocks(o->params[i]);
		int rc = from ? hm_ranks_gather(o->ranks, o->all + at, from, e) : HM_EDATA;
		free(from);
		if (rc)
			return rc;
		for (size_t b = 0; b < blocks; b++)
			*sum += o->all[at + b];
	}
	return 0;
}

int hm_optim_clip_shared(struct hm_optim *o, bool *finite, struct hm_err *e)
{
	const struct hm_ops *op = o->dev->op;
	size_t blocks = 0;
	double sum;
	*finite = true;
	if (!(o->c.clip_norm > 0))
		return 0;
	if (open_squares(o, e))
		return HM_EDATA;
	for (int i = 0; i < o->tables; i++)
		blocks += count_blocks(o->params[i]);
	op->zero(o->dev, o->squares, blocks * sizeof *o->squares);
	sum_blocks(o);
	op->download(o->dev, o->all, o->squares, blocks * sizeof *o->all);
	if (hm_device_error(o->dev, e) || gather_blocks(o, &sum, e))
		return HM_EDATA;
	*finite = isfinite(sum);
	op->upload(o->dev, o->norm, &sum, sizeof sum);
	for (size_t i = 0; i < o->runs; i++) {
		const struct hm_optim_run *r = &o->run[i];
		struct hm_span s = hm_optim_cut(r, o->from[r->table], o->to[r->table]);
		if (s.count)
			op->clip(o->dev, o->params[r->table]->grad + s.first, s.count, o->norm,
				 o->c.clip_norm);
	}
	return hm_device_error(o->dev, e);
}

/* Room for the largest table in host memory. */
static float *open_stage(struct hm_optim *o, struct hm_err *e)
{
	size_t most = 0;
	for (int i = 0; i < o->tables; i++)
		most = o->params[i]->count > most ? o->params[i]->count : most;
	if (!o->stage)
		o->stage = hm_alloc(most, sizeof *o->stage, e);
	return o->stage;
}

int hm_optim_share(struct hm_optim *o, struct hm_err *e)
{
	const struct hm_ops *op = o->dev->op;
	if (hm_ranks_size(o->ranks) == 1)
		return 0;
	for (int i = 0; i < o->tables; i++) {
		const struct hm_params *p = o->params[i];
		float *all = o->dev->host ? p->data : open_stage(o, e);
		size_t *from = all ? list_slices(o, p->count, sizeof *all, e) : NULL, own = o->from[i];
		if (!from)
			return HM_EDATA;
		if (!o->dev->host)
			op->download(o->dev, all + own, p->data + own, (o->to[i] - own) * sizeof *all);
		int rc = hm_ranks_gather(o->ranks, all, from, e);
		free(from);
		if (rc)
			return rc;
		if (!o->dev->host)
			op->upload(o->dev, p->data, all, p->count * sizeof *all);
	}
	return hm_device_error(o->dev, e);
}

int hm_optim_collect(struct hm_optim *o, int table, int k, float *out, struct hm_err *e)
{
	size_t own = o->from[table], bytes = (o->to[table] - own) * sizeof *out,
	       count = o->params[table]->count;
	int size = hm_ranks_size(o->ranks), rc = 0;
	bool lead = hm_ranks_lead(o->ranks);
	float *mine = lead ? out + own : hm_alloc(o->to[table] - own, sizeof *mine, e);
	if (!mine)
		return HM_EDATA;
	o->dev->op->download(o->dev, mine, o->moment[table][k], bytes);
	rc = hm_device_error(o->dev, e);
	if (!lead) {
		rc = rc ? rc : hm_ranks_exchange(o->ranks, 0, mine, bytes, -1, NULL, 0, e);
		free(mine);
	}
	for (int from = 1; lead && from < size && !rc; from++) {
		size_t at = hm_slice_begin(count, from, size);
		rc = hm_ranks_exchange(o->ranks, -1, NULL, 0, from, out + at,
				       (hm_slice_begin(count, from + 1, size) - at) * sizeof *out, e);
	}
	return rc;
}

void hm_optim_restore(struct hm_optim *o, int table, int k, const float *in)
{
	size_t own = o->from[table];
	o->dev->op->upload(o->dev, o->moment[table][k], in + own, (o->to[table] - own) * sizeof *in);
}
