/* A sweep's models, and what an older sweep left. See sweepwrite.h. */
#include "train/sweepwrite.h"
#include "base/file.h"
#include "train/sweeppart.h"
#include "train/sweeproom.h"
#include "train/sweeptable.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- what an older sweep left ---- */

int hm_sweep_remove(const char *folder, const char *name, const char *ending, struct hm_err *e)
{
	struct hm_buf path = {0};
	int rc = hm_buf_printf(&path, e, "%s/%s%s", folder, name, ending);
	if (!rc && unlink((const char *)path.data) && errno != ENOENT)
		rc = hm_err_system(e, errno, "%s: %s", (const char *)path.data, strerror(errno));
	hm_buf_clear(&path);
	return rc;
}

int hm_sweep_remove_old(const struct hm_sweep *s, const size_t *order, size_t keep, const char *folder,
			struct hm_err *e)
{
	char part[HM_SWEEP_PART_NAME];
	int rc = hm_sweep_remove(folder, HM_SWEEP_TABLE, ".csv", e);
	if (!rc && s->parts)
		rc = hm_sweep_remove(folder, hm_sweep_part_name(s->part, s->parts, part), "", e);
	for (size_t i = 0, n = hm_sweep_count(s); !rc && i < n; i++) {
		const struct hm_sweep_item *t = &s->item[order[i]];
		if (i >= keep || !t->trained)
			rc = hm_sweep_remove(folder, t->name, ".safetensors", e);
	}
	return rc;
}

/* ---- models ---- */

struct job {
	struct hm_sweep *s;
	const struct hm_sweep_run *r;
	const struct hm_sweep_out *out;
	struct hm_sweep_room *room; /* [workers] */
	pthread_mutex_t lock;
	struct hm_err failure;
};

int hm_sweep_model_digest(const char *folder, const struct hm_sweep_item *t, char out[HM_HEX],
			  struct hm_err *e)
{
	struct hm_buf path = {0};
	struct hm_map m = {0};
	int rc = hm_buf_printf(&path, e, "%s/%s.safetensors", folder, t->name);
	if (!rc)
		rc = hm_map_open(&m, (const char *)path.data, e);
	if (!rc)
		hm_hex_digest(m.data, m.len, out);
	hm_map_close(&m);
	hm_buf_clear(&path);
	return rc;
}

static int save_model(struct job *j, struct hm_sweep_item *item, int worker, struct hm_err *e)
{
	struct hm_setup *setup = j->r->setup;
	struct hm_fusion *f = NULL;
	struct hm_buf path = {0};
	char selected[96];
	cJSON *options = j->out->options(j->out->ctx, item, e), *pg = NULL;
	snprintf(selected, sizeof selected, "%s, epoch %lld", hm_recipe_select(&item->recipe),
		 (long long)item->result.best.epoch);
	int rc = options ? 0 : HM_EDATA;
	if (!rc && !(pg = hm_pg_append(setup->pg, j->out->tool, options, e)))
		rc = HM_EDATA;
	if (!rc)
		rc = hm_buf_printf(&path, e, "%s/%s.safetensors", j->out->folder, item->name);
	if (!rc)
		rc = hm_sweep_fusion_new(&f, j->r, item, &j->room[worker], 0, e);
	if (!rc) {
		hm_params_write(hm_fusion_params(f), item->params);
		rc = hm_setup_save(setup, f, (const char *)path.data, selected, item->result.kept_batches, pg,
				   e);
	}
	if (!rc && j->s->parts)
		rc = hm_sweep_model_digest(j->out->folder, item, item->model, e);
	hm_fusion_free(f);
	cJSON_Delete(pg);
	hm_buf_clear(&path);
	return rc;
}

static void save_one(void *ctx, size_t i, int worker)
{
	struct job *j = ctx;
	struct hm_sweep_item *item = &j->s->item[j->out->order[i]];
	struct hm_err e = {0};
	if (!item->trained || !save_model(j, item, worker, &e))
		return;
	pthread_mutex_lock(&j->lock);
	if (!j->failure.code)
		j->failure = e;
	pthread_mutex_unlock(&j->lock);
}

/* Once for all models. */
static int sync_folder(const char *folder, struct hm_err *e)
{
	struct hm_buf path = {0};
	int rc = hm_buf_printf(&path, e, "%s/" HM_SWEEP_TABLE ".csv", folder);
	if (!rc)
		rc = hm_file_sync_name((const char *)path.data, e);
	hm_buf_clear(&path);
	return rc;
}

int hm_sweep_write_models(struct hm_sweep *s, const struct hm_sweep_run *r, const struct hm_sweep_out *o,
			  struct hm_err *e)
{
	struct job j = {.s = s, .r = r, .out = o, .lock = PTHREAD_MUTEX_INITIALIZER};
	int rc = hm_sweep_remove_old(s, o->order, o->keep, o->folder, e);
	if (!rc)
		rc = hm_sweep_rooms_new(&j.room, r, e);
	if (!rc)
		hm_workers_each(r->workers, o->keep, save_one, &j);
	hm_sweep_rooms_free(j.room, r);
	pthread_mutex_destroy(&j.lock);
	rc = rc ? rc : hm_err_pass(e, &j.failure);
	return rc ? rc : sync_folder(o->folder, e);
}
