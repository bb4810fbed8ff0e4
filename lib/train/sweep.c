/* Training and ranking a sweep's heads. A worker trains one configuration at a time on its own device
 * with one thread; a head's arithmetic does not depend on threads. See sweep.h. */
#include "train/sweep.h"
#include "json/json.h"
#include "train/sweeproom.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct job {
	struct hm_sweep *s;
	const struct hm_sweep_run *r;
	struct hm_sweep_room *room; /* [workers] */
	bool in_place;		    /* the training set itself is standardised */
	pthread_mutex_t lock;
	size_t done;
};

static int note_loss(void *ctx, const struct hm_event *ev, struct hm_err *e)
{
	(void)e;
	if (ev->kind == HM_EVENT_EPOCH)
		((struct hm_sweep_item *)ctx)->loss = ev->loss;
	return 0;
}

static int after_step(void *ctx, int64_t step, int64_t steps, double loss, double lr, bool *stop)
{
	(void)ctx, (void)step, (void)steps, (void)loss, (void)lr;
	*stop = false;
	return 0;
}

/* The views' batches as the item's fusion takes them. */
static void serve_item(const struct job *j, const struct hm_sweep_item *item, struct hm_sweep_room *room)
{
	const struct hm_setup *s = j->r->setup;
	bool standard = hm_standard_wanted(s->o->standardize, &item->config) && !j->in_place;
	hm_examples_serve(&room->train, item->config.kind);
	hm_examples_view_standardised(&room->train, standard ? s->standard.mean : NULL,
				      standard ? s->standard.deviation : NULL);
	if (j->r->val)
		hm_examples_serve(&room->val, item->config.kind);
}

static int train_item(struct job *j, struct hm_sweep_item *item, int worker, struct hm_err *e)
{
	const struct hm_sweep_run *r = j->r;
	struct hm_sweep_room *room = &j->room[worker];
	const struct hm_trainer_calls calls = {.ctx = item, .tell = note_loss, .step = after_step};
	struct hm_trainer_config config = {.log_steps = INT64_MAX};
	struct hm_fusion *f = NULL, *judge = NULL;
	float *weight = hm_alloc((size_t)r->setup->classes, sizeof *weight, e), *params = NULL;
	int rc = weight ? hm_recipe_config(&item->recipe, r->val, r->setup->classes, weight, &config, e)
			: HM_EDATA;
	serve_item(j, item, room);
	if (!rc)
		rc = hm_sweep_fusion_new(&f, r, item, room->device, config.seed, e);
	if (!rc && !(params = hm_alloc(hm_fusion_params(f)->count, sizeof *params, e)))
		rc = HM_EDATA;
	if (!rc && r->val && hm_standard_wanted(r->setup->o->standardize, &item->config)) {
		rc = hm_sweep_fusion_new(&judge, r, item, room->device, config.seed, e);
		config.judge = judge;
		config.refold = hm_standard_refold;
		config.refold_ctx = &r->setup->standard;
	}
	if (!rc)
		rc = hm_trainer_run(f, room->device, &room->train, r->val ? &room->val : NULL, &config,
				    &calls, &item->result, e);
	if (!rc) {
		hm_params_read(hm_fusion_params(f), params);
		item->params = params;
		item->trained = true;
	} else {
		free(params);
	}
	hm_fusion_free(f);
	hm_fusion_free(judge);
	free(weight);
	return rc;
}

static void train_one(void *ctx, size_t i, int worker)
{
	struct job *j = ctx;
	struct hm_sweep_item *item = hm_sweep_own(j->s, i);
	struct hm_err e = {0};
	char shown[sizeof e.text];
	if (train_item(j, item, worker, &e))
		item->error =
			hm_strndup(shown, hm_utf8_mask(e.text, strlen(e.text), shown, sizeof shown), NULL);
	pthread_mutex_lock(&j->lock);
	j->done++;
	if (j->r->done)
		j->r->done(j->r->ctx, j->done, hm_sweep_count(j->s));
	pthread_mutex_unlock(&j->lock);
}

static int standardise_set(struct job *j, struct hm_err *e)
{
	struct hm_setup *setup = j->r->setup;
	size_t standard = 0, n = hm_sweep_count(j->s);
	for (size_t i = 0; i < n; i++)
		standard += hm_standard_wanted(setup->o->standardize, &hm_sweep_own(j->s, i)->config);
	j->in_place = n && standard == n;
	if (standard && hm_standard_measure(&setup->standard, &setup->train, e))
		return HM_EDATA;
	if (j->in_place)
		hm_examples_standardise(&setup->train, setup->standard.mean, setup->standard.deviation);
	return 0;
}

int hm_sweep_train(struct hm_sweep *s, const struct hm_sweep_run *r, struct hm_err *e)
{
	struct job j = {.s = s, .r = r, .lock = PTHREAD_MUTEX_INITIALIZER};
	int rc = standardise_set(&j, e);
	if (!rc)
		rc = hm_sweep_rooms_new(&j.room, r, e);
	if (!rc)
		hm_workers_each(r->workers, hm_sweep_count(s), train_one, &j);
	hm_sweep_rooms_free(j.room, r);
	pthread_mutex_destroy(&j.lock);
	return rc;
}

/* ---- order ---- */

enum hm_sweep_by hm_sweep_by(enum hm_select select, bool val)
{
	return !val			      ? HM_SWEEP_TRAIN_LOSS
	       : select == HM_SELECT_ACCURACY ? HM_SWEEP_ACCURACY
	       : select == HM_SELECT_AUROC    ? HM_SWEEP_AUROC
					      : HM_SWEEP_VAL_LOSS;
}

struct ranked {
	double value; /* larger is better */
	size_t at;
};

static int better_first(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

int hm_sweep_rank(const struct hm_sweep *s, enum hm_sweep_by by, size_t *order, struct hm_err *e)
{
	size_t n = hm_sweep_count(s);
	struct ranked *r = hm_alloc(n, sizeof *r, e);
	if (!r)
		return HM_EDATA;
	for (size_t i = 0; i < n; i++) {
		const struct hm_sweep_item *t = hm_sweep_own(s, i);
		const struct hm_epoch_score *best = &t->result.best;
		const double value[] = {[HM_SWEEP_TRAIN_LOSS] = -t->loss,
					[HM_SWEEP_VAL_LOSS] = -best->loss,
					[HM_SWEEP_ACCURACY] = best->accuracy,
					[HM_SWEEP_AUROC] = best->auroc};
		r[i] = (struct ranked){t->trained && !isnan(value[by]) ? value[by] : -INFINITY,
				       (size_t)(t - s->item)};
	}
	qsort(r, n, sizeof *r, better_first);
	for (size_t i = 0; i < n; i++)
		order[i] = r[i].at;
	free(r);
	return 0;
}
