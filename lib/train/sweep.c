/* Training and ranking a sweep's heads. A worker trains one team of heads at a time on its own device with
 * one thread; a head's arithmetic does not depend on threads. See sweep.h. */
#include "train/sweep.h"
#include "train/sweepteam.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct job {
	struct hm_sweep *s;
	const struct hm_sweep_run *r;
	struct hm_sweep_room *room; /* [workers] */
	struct hm_sweep_teams teams;
	bool in_place; /* the training set itself is standardised */
	pthread_mutex_t lock;
	size_t done;
};

static void count_done(void *ctx)
{
	struct job *j = ctx;
	pthread_mutex_lock(&j->lock);
	j->done++;
	if (j->r->done)
		j->r->done(j->r->ctx, j->done, hm_sweep_count(j->s));
	pthread_mutex_unlock(&j->lock);
}

/* Trains team i; the views' batches become as its fusion takes them. */
static void train_team(void *ctx, size_t i, int worker)
{
	struct job *j = ctx;
	const struct hm_sweep_team *t = &j->teams.team[i];
	struct hm_sweep_item *const *item = j->teams.item + t->first;
	struct hm_sweep_room *room = &j->room[worker];
	const struct hm_setup *s = j->r->setup;
	bool standard = t->standard && !j->in_place;
	hm_examples_serve(&room->train, item[0]->config.kind);
	hm_examples_view_standardised(&room->train, standard ? s->standard.mean : NULL,
				      standard ? s->standard.deviation : NULL);
	if (j->r->val)
		hm_examples_serve(&room->val, item[0]->config.kind);
	hm_sweep_team_train(item, t->n, j->r, room, count_done, j);
}

static int standardise_set(struct job *j, struct hm_err *e)
{
	struct hm_setup *setup = j->r->setup;
	size_t standard = 0, n = hm_sweep_count(j->s);
	for (size_t i = 0; i < n; i++)
		standard += hm_standard_wanted(setup->o->standardize, &hm_sweep_own(j->s, i)->config);
	j->in_place = n && standard == n;
	if (standard && hm_standard_measure(&setup->standard, &setup->train, j->r->workers, e))
		return HM_EDATA;
	if (j->in_place)
		hm_examples_standardise(&setup->train, j->r->workers, setup->standard.mean,
					setup->standard.deviation);
	return 0;
}

int hm_sweep_train(struct hm_sweep *s, const struct hm_sweep_run *r, struct hm_err *e)
{
	struct job j = {.s = s, .r = r, .lock = PTHREAD_MUTEX_INITIALIZER};
	int rc = standardise_set(&j, e);
	if (!rc)
		rc = hm_sweep_rooms_new(&j.room, r, e);
	if (!rc)
		rc = hm_sweep_teams_init(&j.teams, s, r, e);
	if (!rc)
		hm_workers_each(r->workers, j.teams.n, train_team, &j);
	hm_sweep_teams_clear(&j.teams);
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
