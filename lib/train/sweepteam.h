/* Heads of a sweep that train in step on one worker. Most take the same batches in the same order, for they
 * share the random seed and the size of a batch: such a batch is put together once and read from the cache by
 * each of them. A head's arithmetic is that of its solo run, whoever is in its team. */
#ifndef HM_SWEEPTEAM_H
#define HM_SWEEPTEAM_H

#include "train/sweeproom.h"

struct hm_sweep_team {
	size_t first, n; /* of hm_sweep_teams.item */
	bool standard;	 /* they take standardised features */
};

struct hm_sweep_teams {
	struct hm_sweep_item **item; /* this share's items, those of a team together */
	struct hm_sweep_team *team;
	size_t n;
};

/* Divides this run's share into teams. A team's parameters, gradients and moments fit into a core's cache
 * together, what its heads keep for examples is bounded, and there are teams for all workers. 0 or HM_EDATA;
 * caller clears, also after a failure. */
int hm_sweep_teams_init(struct hm_sweep_teams *t, const struct hm_sweep *s, const struct hm_sweep_run *r,
			struct hm_err *e);
void hm_sweep_teams_clear(struct hm_sweep_teams *t);

/* Trains one team in this room, whose batches are as its heads take them. What fails is marked in its item;
 * `done` is called for each item that is over. */
void hm_sweep_team_train(struct hm_sweep_item *const *item, size_t n, const struct hm_sweep_run *r,
			 struct hm_sweep_room *room, void (*done)(void *ctx), void *ctx);

#endif
