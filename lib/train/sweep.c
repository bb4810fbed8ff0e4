/* Training, ranking and saving a sweep's heads. A worker trains one configuration at a time on its own device
 * with one thread; a head's arithmetic does not depend on threads. See sweep.h. */
#include "train/sweep.h"
#include "base/file.h"
#include "json/build.h"
#include "stat/interval.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- training ---- */

/* What each worker has for itself. */
struct room {
	struct hm_device *device;
	struct hm_examples train, val; /* views */
};

struct job {
	struct hm_sweep *s;
	const struct hm_sweep_run *r;
	struct room *room; /* [workers] */
	bool in_place;	   /* the training set itself is standardised */
	pthread_mutex_t lock;
	size_t done;
	/* for saving */
	const size_t *order;
	const char *folder, *tool;
	cJSON *(*options)(void *ctx, const struct hm_sweep_item *item, struct hm_err *e);
	void *ctx;
	struct hm_err failure;
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

/* The item's fusion on this worker's device, with the first parameters of that random seed. */
static int fusion_new(const struct job *j, int worker, const struct hm_sweep_item *item, uint64_t seed,
		      struct hm_fusion **f, struct hm_err *e)
{
	struct hm_setup *setup = j->r->setup;
	struct hm_device *d = j->room[worker].device;
	int rc = hm_fusion_new(f, &item->config, d, e);
	if (!rc)
		rc = hm_setup_check_memory(*f, d, hm_workers_count(j->r->workers), e);
	if (!rc)
		rc = hm_setup_init_params(setup, *f, seed, e);
	return rc ? rc : hm_fusion_place(*f, e);
}

/* The views' batches as the item's fusion takes them. */
static void serve_item(const struct job *j, const struct hm_sweep_item *item, struct room *room)
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
	struct room *room = &j->room[worker];
	const struct hm_trainer_calls calls = {.ctx = item, .tell = note_loss, .step = after_step};
	struct hm_trainer_config config = {.log_steps = INT64_MAX};
	struct hm_fusion *f = NULL, *judge = NULL;
	float *weight = hm_alloc((size_t)r->setup->classes, sizeof *weight, e), *params = NULL;
	int rc = weight ? hm_recipe_config(&item->recipe, r->val, r->setup->classes, weight, &config, e)
			: HM_EDATA;
	serve_item(j, item, room);
	if (!rc)
		rc = fusion_new(j, worker, item, config.seed, &f, e);
	if (!rc && !(params = hm_alloc(hm_fusion_params(f)->count, sizeof *params, e)))
		rc = HM_EDATA;
	if (!rc && r->val && hm_standard_wanted(r->setup->o->standardize, &item->config)) {
		rc = fusion_new(j, worker, item, config.seed, &judge, e);
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
	struct hm_err e = {0};
	if (train_item(j, &j->s->item[i], worker, &e))
		j->s->item[i].error = hm_strndup(e.text, strlen(e.text), &e);
	pthread_mutex_lock(&j->lock);
	j->done++;
	if (j->r->done)
		j->r->done(j->r->ctx, j->done, j->s->n);
	pthread_mutex_unlock(&j->lock);
}

static void rooms_free(struct job *j)
{
	for (int i = 0; j->room && i < hm_workers_count(j->r->workers); i++) {
		hm_examples_clear(&j->room[i].train);
		hm_examples_clear(&j->room[i].val);
		hm_device_close(j->room[i].device);
	}
	free(j->room);
}

static int rooms_new(struct job *j, struct hm_err *e)
{
	const struct hm_sweep_run *r = j->r;
	int rc = 0, n = hm_workers_count(r->workers);
	if (!(j->room = hm_alloc((size_t)n, sizeof *j->room, e)))
		return HM_EDATA;
	for (int i = 0; !rc && i < n; i++) {
		struct room *room = &j->room[i];
		if (!(room->device = hm_device_open(r->device, r->precision, e)))
			return e->code;
		room->device->threads = 1;
		rc = hm_examples_view(&room->train, &r->setup->train, e);
		if (!rc && r->val)
			rc = hm_examples_view(&room->val, &r->setup->val, e);
	}
	return rc;
}

static int standardise_set(struct job *j, struct hm_err *e)
{
	struct hm_setup *setup = j->r->setup;
	size_t standard = 0;
	for (size_t i = 0; i < j->s->n; i++)
		standard += hm_standard_wanted(setup->o->standardize, &j->s->item[i].config);
	j->in_place = standard == j->s->n;
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
		rc = rooms_new(&j, e);
	if (!rc)
		hm_workers_each(r->workers, s->n, train_one, &j);
	rooms_free(&j);
	pthread_mutex_destroy(&j.lock);
	return rc;
}

/* ---- order, files, table ---- */

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

int hm_sweep_rank(const struct hm_sweep *s, enum hm_select select, bool val, size_t *order, struct hm_err *e)
{
	struct ranked *r = hm_alloc(s->n, sizeof *r, e);
	for (size_t i = 0; r && i < s->n; i++) {
		const struct hm_sweep_item *t = &s->item[i];
		double value = !val			      ? -t->loss
			       : select == HM_SELECT_ACCURACY ? t->result.best.accuracy
			       : select == HM_SELECT_AUROC    ? t->result.best.auroc
							      : -t->result.best.loss;
		r[i] = (struct ranked){t->params && !isnan(value) ? value : -INFINITY, i};
	}
	if (r)
		qsort(r, s->n, sizeof *r, better_first);
	for (size_t i = 0; r && i < s->n; i++)
		order[i] = r[i].at;
	free(r);
	return order && r ? 0 : e->code;
}

static int save_model(struct job *j, const struct hm_sweep_item *item, int worker, struct hm_err *e)
{
	struct hm_fusion *f = NULL;
	struct hm_buf path = {0};
	char selected[96];
	cJSON *options = j->options(j->ctx, item, e), *pg = NULL;
	snprintf(selected, sizeof selected, "%s, epoch %lld", hm_recipe_select(&item->recipe),
		 (long long)item->result.best.epoch);
	int rc = options ? 0 : HM_EDATA;
	if (!rc && !(pg = hm_pg_append(j->r->setup->pg, j->tool, options, e)))
		rc = HM_EDATA;
	if (!rc)
		rc = hm_buf_printf(&path, e, "%s/%s.safetensors", j->folder, item->name);
	if (!rc)
		rc = fusion_new(j, worker, item, 0, &f, e);
	if (!rc) {
		hm_params_write(hm_fusion_params(f), item->params);
		rc = hm_setup_save(j->r->setup, f, (const char *)path.data, selected,
				   item->result.kept_batches, pg, e);
	}
	hm_fusion_free(f);
	cJSON_Delete(pg);
	hm_buf_clear(&path);
	return rc;
}

static void save_one(void *ctx, size_t i, int worker)
{
	struct job *j = ctx;
	const struct hm_sweep_item *item = &j->s->item[j->order[i]];
	struct hm_err e = {0};
	if (!item->params || !save_model(j, item, worker, &e))
		return;
	pthread_mutex_lock(&j->lock);
	if (!j->failure.code)
		j->failure = e;
	pthread_mutex_unlock(&j->lock);
}

static void add_number(struct hm_buf *b, double v, struct hm_err *e)
{
	if (isnan(v))
		hm_buf_printf(b, e, ",");
	else
		hm_buf_printf(b, e, ",%.9g", v);
}

/* Adds an option with all digits that were given, so that a row can be run again. */
static void add_option(struct hm_buf *b, const cJSON *v, struct hm_err *e)
{
	char exact[HM_JSON_NUMBER];
	if (cJSON_IsNumber(v))
		hm_buf_printf(b, e, ",%s", hm_json_f64(v->valuedouble, exact));
	else if (cJSON_IsBool(v))
		hm_buf_printf(b, e, ",%s", cJSON_IsTrue(v) ? "true" : "false");
	else {
		hm_buf_printf(b, e, ",");
		hm_buf_quote(b, cJSON_IsString(v) ? v->valuestring : "", e);
	}
}

static int add_row(const struct hm_sweep *s, const struct hm_sweep_item *t, bool val, struct hm_buf *b,
		   struct hm_err *e)
{
	const struct hm_epoch_score *v = &t->result.best;
	bool known = t->params && val;
	struct hm_interval ci = {NAN, NAN};
	cJSON *o = hm_json_object(e);
	hm_recipe_json(&t->recipe, o, e);
	hm_json_add_bool(o, "no-shuffle", t->recipe.no_shuffle, e);
	hm_json_add_str(o, "fusion", t->config.kind->name, e);
	if (t->config.kind->measure) {
		hm_recipe_head_json(&t->config.head, o, e);
		hm_json_add_bool(o, "no-normalize", !t->config.head.normalize, e);
	}
	if (!(o = hm_json_whole(o, e)))
		return HM_EDATA;
	if (known && v->n)
		ci = hm_wilson((size_t)lround(v->accuracy * (double)v->n), v->n);
	hm_buf_quote(b, t->name, e);
	for (size_t k = 0; k < s->keys; k++)
		add_option(b, cJSON_GetObjectItemCaseSensitive(o, s->key[k]), e);
	add_number(b, t->params ? t->loss : NAN, e);
	add_number(b, known ? v->loss : NAN, e);
	add_number(b, known ? v->accuracy : NAN, e);
	add_number(b, ci.lo, e);
	add_number(b, ci.hi, e);
	add_number(b, known ? v->auroc : NAN, e);
	add_number(b, known ? (double)v->n : NAN, e);
	add_number(b, t->params ? (double)v->epoch : NAN, e);
	hm_buf_printf(b, e, ",");
	hm_buf_quote(b, t->error ? t->error : "", e);
	cJSON_Delete(o);
	return hm_buf_printf(b, e, "\n");
}

static int write_table(const struct hm_sweep *s, const size_t *order, bool val, const char *folder,
		       struct hm_err *e)
{
	struct hm_buf b = {0}, path = {0};
	hm_buf_printf(&b, e, "name");
	for (size_t k = 0; k < s->keys; k++)
		hm_buf_printf(&b, e, ",%s", s->key[k]);
	hm_buf_printf(&b, e, ",train_loss,val_loss,accuracy,accuracy_lo,accuracy_hi,auroc,n,epoch,error\n");
	for (size_t i = 0; i < s->n && !e->code; i++)
		add_row(s, &s->item[order[i]], val, &b, e);
	hm_buf_printf(&path, e, "%s/leaderboard.csv", folder);
	if (!e->code)
		hm_file_write((const char *)path.data, b.data, b.len, e);
	hm_buf_clear(&path);
	hm_buf_clear(&b);
	return e->code;
}

static int remove_from(const char *folder, const char *name, const char *ending, struct hm_err *e)
{
	struct hm_buf path = {0};
	int rc = hm_buf_printf(&path, e, "%s/%s%s", folder, name, ending);
	if (!rc && unlink((const char *)path.data) && errno != ENOENT)
		rc = hm_err_set(e, HM_EDATA, "%s: %s", (const char *)path.data, strerror(errno));
	hm_buf_clear(&path);
	return rc;
}

/* Removes what an earlier sweep left and this one does not write. The table goes first: it lists all models
 * or does not exist. */
static int remove_old(const struct hm_sweep *s, const size_t *order, size_t keep, const char *folder,
		      struct hm_err *e)
{
	int rc = remove_from(folder, "leaderboard", ".csv", e);
	for (size_t i = 0; !rc && i < s->n; i++) {
		const struct hm_sweep_item *t = &s->item[order[i]];
		if (i >= keep || !t->params)
			rc = remove_from(folder, t->name, ".safetensors", e);
	}
	return rc;
}

int hm_sweep_write(struct hm_sweep *s, const struct hm_sweep_run *r, const size_t *order, size_t keep,
		   const char *folder,
		   cJSON *(*options)(void *ctx, const struct hm_sweep_item *item, struct hm_err *e),
		   void *ctx, const char *tool, struct hm_err *e)
{
	struct job j = {.s = s,
			.r = r,
			.lock = PTHREAD_MUTEX_INITIALIZER,
			.order = order,
			.folder = folder,
			.tool = tool,
			.options = options,
			.ctx = ctx};
	int rc = remove_old(s, order, keep, folder, e);
	if (!rc)
		rc = rooms_new(&j, e);
	if (!rc)
		hm_workers_each(r->workers, keep, save_one, &j);
	rooms_free(&j);
	pthread_mutex_destroy(&j.lock);
	if (j.failure.code)
		*e = j.failure;
	return e->code ? e->code : write_table(s, order, r->val, folder, e);
}
