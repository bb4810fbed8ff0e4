/* Dividing a sweep into teams, and training one. See sweepteam.h. */
#include "train/sweepteam.h"
#include "json/json.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

enum {
	TEAM_BYTES = 1 << 20, /* half of a second-level cache; the batch and its copies get the rest */
	TEAM_HELD = 32 << 20  /* what its heads may have for examples; one that needs more is alone */
};

/* ---- who goes together */

/* What decides the order and the content of a head's batches, as numbers that compare. */
struct entry {
	struct hm_sweep_item *item;
	size_t at, bytes; /* its place in the share; its parameters, gradients and moments */
	size_t held;	  /* about what it keeps for examples: orders, answers, activations of a batch */
	int64_t key[6];
};

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	for (size_t i = 0; i < sizeof x->key / sizeof *x->key; i++)
		if (x->key[i] != y->key[i])
			return x->key[i] < y->key[i] ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Such a head's memory for examples: of each set an order, of each example to validate its probabilities, and
 * of a batch once more what it reads. */
static size_t held_bytes(const struct hm_recipe *q, const struct hm_sweep_run *r)
{
	const struct hm_setup *s = r->setup;
	size_t evals = r->val ? s->val.n : 0, n = s->train.n, batch = (size_t)q->batch_size,
	       k = (size_t)s->train.feature[HM_IMAGE].dim + (size_t)s->train.feature[HM_TEXT].dim;
	batch = q->micro_batch && (size_t)q->micro_batch < batch ? (size_t)q->micro_batch : batch;
	return (n + evals) * sizeof(uint32_t) + evals * (size_t)s->classes * sizeof(double) +
	       (batch < n ? batch : n) * k * sizeof(float);
}

static int fill_entry(struct entry *t, struct hm_sweep_item *item, size_t at, const struct hm_sweep_run *r,
		      struct hm_err *e)
{
	const struct hm_recipe *q = &item->recipe;
	struct hm_fusion *f = NULL;
	int kind = 0;
	while (hm_fusion_kinds()[kind] != item->config.kind)
		kind++;
	*t = (struct entry){.item = item,
			    .at = at,
			    .held = held_bytes(q, r),
			    .key = {kind, hm_standard_wanted(r->setup->o->standardize, &item->config),
				    q->no_shuffle, q->seed, q->batch_size, q->drop_last}};
	int rc = hm_fusion_new(&f, &item->config, r->setup->device, e);
	if (!rc && hm_fusion_params(f)->err.code) /* it has not all of its parameters, perhaps none */
		rc = hm_err_pass(e, &hm_fusion_params(f)->err);
	if (!rc && !hm_size_mul(hm_fusion_params(f)->count, 4 * sizeof(float), &t->bytes))
		t->bytes = SIZE_MAX;
	hm_fusion_free(f);
	return rc ? HM_EDATA : 0;
}

static bool same_batches(const struct entry *a, const struct entry *b)
{
	return !memcmp(a->key, b->key, sizeof a->key) && a->bytes == b->bytes;
}

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The entries [first, first + n) take the same batches: cuts them into teams of nearly equal size. */
static void cut_teams(struct hm_sweep_teams *t, const struct entry *list, size_t first, size_t n, size_t most)
{
	size_t held = list[first].held + 1;
	for (size_t i = first; i < first + n; i++)
		held = list[i].held > held ? list[i].held : held;
	size_t fit = least_of(TEAM_BYTES / list[first].bytes, TEAM_HELD / held), size = least_of(fit, most),
	       pieces = size > 1 ? (n + size - 1) / size : n;
	for (size_t k = 0; k < pieces; k++) {
		size_t from = n * k / pieces, to = n * (k + 1) / pieces;
		t->team[t->n++] = (struct hm_sweep_team){first + from, to - from, list[first].key[1]};
	}
}

int hm_sweep_teams_init(struct hm_sweep_teams *t, const struct hm_sweep *s, const struct hm_sweep_run *r,
			struct hm_err *e)
{
	size_t n = hm_sweep_count(s), workers = (size_t)hm_workers_count(r->workers), from = 0;
	/* two teams per worker if seeds and sizes allow; devices that are no hosts upload ahead, each head
	 * alone */
	size_t most = r->setup->device->host ? (n + 2 * workers - 1) / (2 * workers) : 1;
	struct entry *list = hm_alloc(n, sizeof *list, e);
	*t = (struct hm_sweep_teams){0};
	int rc = list && (t->item = hm_alloc(n, sizeof(struct hm_sweep_item *), e)) &&
				 (t->team = hm_alloc(n, sizeof *t->team, e))
			 ? 0
			 : HM_EDATA;
	for (size_t i = 0; i < n && !rc; i++)
		rc = fill_entry(&list[i], hm_sweep_own(s, i), i, r, e);
	if (!rc && n)
		qsort(list, n, sizeof *list, by_key);
	for (size_t i = 0; i < n && !rc; i++) {
		t->item[i] = list[i].item;
		if (i + 1 < n && same_batches(&list[i], &list[i + 1]))
			continue;
		cut_teams(t, list, from, i + 1 - from, most);
		from = i + 1;
	}
	free(list);
	return rc;
}

void hm_sweep_teams_clear(struct hm_sweep_teams *t)
{
	free(t->item);
	free(t->team);
	*t = (struct hm_sweep_teams){0};
}

/* ---- training */

/* One head of the team. */
struct member {
	struct hm_sweep_item *item;
	struct hm_fusion *f, *judge;
	float *weight; /* [classes] */
	struct hm_trainer_config config;
	struct hm_trainer_calls calls;
	struct hm_trainer *trainer; /* NULL: over */
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

static int open_member(struct member *m, const struct hm_sweep_run *r, struct hm_sweep_room *room,
		       struct hm_err *e)
{
	struct hm_sweep_item *item = m->item;
	struct hm_setup *s = r->setup;
	m->config.log_steps = INT64_MAX;
	m->calls = (struct hm_trainer_calls){.ctx = item, .tell = note_loss, .step = after_step};
	if (!(m->weight = hm_alloc((size_t)s->classes, sizeof *m->weight, e)))
		return HM_EDATA;
	int rc = hm_recipe_config(&item->recipe, r->val, s->classes, m->weight, &m->config, e);
	if (!rc)
		rc = hm_sweep_fusion_new(&m->f, r, item, room, m->config.seed, e);
	if (!rc && r->val && hm_standard_wanted(s->o->standardize, &item->config)) {
		rc = hm_sweep_fusion_new(&m->judge, r, item, room, m->config.seed, e);
		m->config.judge = m->judge;
		m->config.refold = hm_standard_refold;
		m->config.refold_ctx = &s->standard;
	}
	return rc ? rc
		  : hm_trainer_open(&m->trainer, m->f, room->device, &room->train, r->val ? &room->val : NULL,
				    &m->config, &m->calls, e);
}

/* The trained parameters to the item. */
static int keep_params(struct member *m, struct hm_err *e)
{
	if (hm_trainer_finish(m->trainer, &m->item->result, e) ||
	    !(m->item->params = hm_alloc(hm_fusion_params(m->f)->count, sizeof(float), e)))
		return HM_EDATA;
	hm_params_read(hm_fusion_params(m->f), m->item->params);
	m->item->trained = true;
	return 0;
}

/* What a member has, but not what it leaves in its item. */
static void close_member(struct member *m)
{
	hm_trainer_close(m->trainer);
	hm_fusion_free(m->f);
	hm_fusion_free(m->judge);
	free(m->weight);
	*m = (struct member){.item = m->item};
}

static void mark_failure(struct hm_sweep_item *item, const struct hm_err *e)
{
	char shown[sizeof e->text];
	item->error = hm_strndup(shown, hm_utf8_mask(e->text, strlen(e->text), shown, sizeof shown), NULL);
}

/* Begins a step of those that train on. */
static void begin_step(const struct member *team, size_t n, struct hm_trainer **list)
{
	size_t on = 0;
	for (size_t i = 0; i < n; i++)
		if (team[i].trainer)
			list[on++] = team[i].trainer;
	hm_trainers_begin(list, on);
}

void hm_sweep_team_train(struct hm_sweep_item *const *item, size_t n, const struct hm_sweep_run *r,
			 struct hm_sweep_room *room, void (*done)(void *ctx), void *ctx)
{
	struct member *team = hm_alloc(n, sizeof *team, NULL);
	struct hm_trainer **on = team ? hm_alloc(n, sizeof *on, NULL) : NULL;
	size_t left = on ? n : 0;
	for (size_t i = 0; i < n && !on; i++)
		done(ctx); /* without memory; an item that is not trained and has no error says so */
	for (size_t i = 0; i < n && on; i++)
		team[i].item = item[i];
	for (bool first = true; left; first = false) {
		if (!first)
			begin_step(team, n, on);
		for (size_t i = 0; i < n; i++) {
			struct member *m = &team[i];
			struct hm_err e = {0};
			if (!first && !m->trainer)
				continue;
			int rc = first ? open_member(m, r, room, &e) : hm_trainer_advance(m->trainer, &e);
			if (!rc && !hm_trainer_over(m->trainer))
				continue;
			if (rc || keep_params(m, &e))
				mark_failure(m->item, &e);
			close_member(m);
			left--;
			done(ctx);
		}
	}
	free(on);
	free(team);
}
