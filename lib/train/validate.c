/* Scores on a validation set. See validate.h. */
#include "train/validate.h"
#include "stat/metrics.h"

#include <stdlib.h>

enum { CACHED_ROWS = 512 }; /* of cached features */

static size_t choose_rows(const struct hm_fusion *f, const struct hm_trainer_config *c)
{
	int64_t least = c->micro_batch && c->micro_batch < c->batch_size ? c->micro_batch : c->batch_size;
	size_t batch = (size_t)least;
	return !hm_fusion_runs_tower(hm_fusion_config_of(f)) && batch < CACHED_ROWS ? CACHED_ROWS : batch;
}

static size_t count_classes(const struct hm_validation *v)
{
	return (size_t)hm_fusion_config_of(v->f)->classes;
}

int hm_validation_init(struct hm_validation *v, struct hm_err *e)
{
	size_t n = v->x->n;
	v->rows = choose_rows(v->f, v->c);
	v->rows = v->rows < n ? v->rows : n;
	if (!(v->order = hm_alloc(n, sizeof *v->order, e)) ||
	    !(v->out = hm_alloc(v->rows, count_classes(v) * sizeof *v->out, e)) ||
	    !(v->prob = hm_alloc(n, count_classes(v) * sizeof *v->prob, e)))
		return HM_EDATA;
	for (size_t i = 0; i < n; i++)
		v->order[i] = (uint32_t)i;
	return 0;
}

void hm_validation_clear(struct hm_validation *v)
{
	free(v->order);
	free(v->out);
	free(v->prob);
	*v = (struct hm_validation){0};
}

/* The class that has the largest probability in all answers; -1 if they differ. */
static int find_constant(const struct hm_validation *v)
{
	size_t classes = count_classes(v);
	int first = -1;
	for (size_t i = 0; i < v->x->n; i++) {
		const double *p = v->prob + i * classes;
		int best = 0;
		for (size_t c = 1; c < classes; c++)
			best = p[c] > p[best] ? (int)c : best;
		if (i && best != first)
			return -1;
		first = best;
	}
	return first;
}

/* The example with which a rank begins: with whole batches. */
static size_t begin_rank(const struct hm_validation *v, int rank)
{
	size_t batches = (v->x->n + v->rows - 1) / v->rows;
	size_t at = batches * (size_t)rank / (size_t)hm_ranks_size(v->c->ranks) * v->rows;
	return at < v->x->n ? at : v->x->n;
}

/* Every rank's answers to all. */
static int gather_answers(struct hm_validation *v, struct hm_err *e)
{
	int size = hm_ranks_size(v->c->ranks);
	size_t *from = hm_alloc((size_t)size + 1, sizeof *from, e);
	if (!from)
		return HM_EDATA;
	for (int k = 0; k <= size; k++)
		from[k] = begin_rank(v, k) * count_classes(v) * sizeof *v->prob;
	int rc = hm_ranks_gather(v->c->ranks, v->prob, from, e);
	free(from);
	return rc;
}

/* v->prob of this rank's batches. */
static int answer_batches(struct hm_validation *v, struct hm_fusion *f, struct hm_err *e)
{
	size_t classes = count_classes(v), at = begin_rank(v, hm_ranks_rank(v->c->ranks)),
	       to = begin_rank(v, hm_ranks_rank(v->c->ranks) + 1);
	for (size_t rows; at < to; at += rows) {
		struct hm_minibatch b;
		rows = to - at < v->rows ? to - at : v->rows;
		if (hm_examples_batch(v->x, v->order + at, rows, &b, e) ||
		    hm_fusion_probabilities(f, &b, v->out, e))
			return HM_EDATA;
		for (size_t k = 0; k < rows * classes; k++)
			v->prob[at * classes + k] = v->out[k];
	}
	return 0;
}

int hm_validation_run(struct hm_validation *v, int64_t epoch, struct hm_epoch_score *score, struct hm_err *e)
{
	double value[HM_METRICS];
	struct hm_sample s = {0};
	struct hm_fusion *f = v->c->judge ? v->c->judge : v->f;
	if (v->c->judge && v->c->refold(v->c->refold_ctx, v->f, f, e))
		return HM_EDATA;
	if (answer_batches(v, f, e) || gather_answers(v, e) ||
	    hm_sample_init(&s, v->x->n, (int)count_classes(v), v->prob, v->x->label, 0.5, e))
		return HM_EDATA;
	hm_metrics_compute(&s, NULL, value);
	hm_sample_clear(&s);
	v->constant = find_constant(v);
	*score = (struct hm_epoch_score){epoch, value[HM_LOG_LOSS], value[HM_ACCURACY], value[HM_AUROC],
					 v->x->n};
	return 0;
}
