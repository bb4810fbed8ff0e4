/* Checkpoint files. See checkpoint.h. Tensors are flat: a table's elements in its order. */
#include "train/checkpoint.h"
#include "base/xxh3.h"
#include "json/build.h"
#include "train/identity.h"
#include "weights/weights.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_KEY "hm.state"
#define IDENTITY_KEY "hm.identity"
#define EPOCHS_HINT                                                                                          \
	" (more epochs go on where the schedule is constant; else --init MODEL starts from its model)"
enum { BLOCKS = 3 * (1 + HM_OPTIM_MOMENTS) + 1 };

size_t hm_checkpoint_count(struct hm_fusion *f)
{
	struct hm_fusion_table t[1 + HM_SIDES];
	size_t count = 0;
	for (int i = hm_fusion_tables(f, t); i--;)
		count += t[i].params->count;
	return count;
}

void hm_checkpoint_copy(struct hm_fusion *f, float *kept, bool back)
{
	struct hm_fusion_table t[1 + HM_SIDES];
	int n = hm_fusion_tables(f, t);
	for (int i = 0; i < n; kept += t[i++].params->count)
		if (back)
			hm_params_write(t[i].params, kept);
		else
			hm_params_read(t[i].params, kept);
}

/* ---- the blocks of numbers */

/* One flat tensor: its name, where it is, how much. */
struct block {
	char name[32];
	float *data;
	size_t count;
	bool host; /* kept; else device memory */
	bool moment;
	int table, k; /* of a moment */
};

/* Lists all blocks of a run, with the moments that the optimizer has. */
static int list_blocks(const struct hm_checkpoint *c, struct block out[BLOCKS])
{
	struct hm_fusion_table t[1 + HM_SIDES];
	int n = 0, tables = hm_fusion_tables(c->fusion, t);
	for (int i = 0; i < tables; i++) {
		const char *side = *t[i].side ? t[i].side : "fusion";
		struct block *b = &out[n++];
		*b = (struct block){.data = t[i].params->data, .count = t[i].params->count};
		snprintf(b->name, sizeof b->name, "%s.value", side);
		for (int j = 0; j < c->optim->tables; j++)
			for (int k = 0; k < HM_OPTIM_MOMENTS && c->optim->params[j] == t[i].params; k++)
				if (c->optim->moment[j][k]) {
					b = &out[n++];
					*b = (struct block){.data = c->optim->moment[j][k],
							    .count = t[i].params->count,
							    .moment = true,
							    .table = j,
							    .k = k};
					snprintf(b->name, sizeof b->name, "%s.moment%d", side, k);
				}
	}
	if (c->kept)
		out[n++] = (struct block){"kept", c->kept, hm_checkpoint_count(c->fusion), true};
	return n;
}

int hm_checkpoint_write(const struct hm_checkpoint *c, const struct hm_train_state *s, struct hm_err *e)
{
	struct block b[BLOCKS];
	struct hm_tensor t[BLOCKS];
	struct hm_device *d = c->optim->dev;
	struct hm_arena copies = {0};
	const bool lead = hm_ranks_lead(c->optim->ranks);
	int n = list_blocks(c, b), ranks = hm_ranks_size(c->optim->ranks), rc = HM_EDATA;
	cJSON *meta = hm_json_object(e), *state = hm_train_state_json(s, e);
	hm_json_add_str(meta, "hm.digest", "", e);
	hm_json_add_text(meta, STATE_KEY, state, e);
	hm_json_add_text(meta, IDENTITY_KEY, c->identity, e);
	if (!(meta = hm_json_whole(meta, e))) {
		hm_err_prefix(e, "%s", c->path);
		goto done;
	}
	for (int i = 0; i < n; i++) {
		float *data = b[i].data;
		bool shared = b[i].moment && ranks > 1;
		if (shared || (lead && !b[i].host && !d->host)) {
			if (lead && !(data = hm_arena_get(&copies, b[i].count * sizeof *data, e)))
				goto done;
			if (shared && hm_optim_collect(c->optim, b[i].table, b[i].k, data, e))
				goto done;
			if (!shared)
				d->op->download(d, data, b[i].data, b[i].count * sizeof *data);
		}
		t[i] = (struct hm_tensor){b[i].name, HM_F32, 1, {(int64_t)b[i].count}, data};
	}
	rc = hm_device_error(d, e);
	if (!rc && lead)
		rc = hm_train_clock_write(c->path, s->seconds, e);
	if (!rc && lead)
		rc = hm_weights_save(c->path, t, (size_t)n, meta, e);
done:
	hm_arena_clear(&copies);
	cJSON_Delete(state);
	cJSON_Delete(meta);
	return rc;
}

/* ---- reading */

static int compare_identity(const cJSON *was, const cJSON *is, const char *grows, struct hm_err *e)
{
	struct hm_identity_difference d;
	if (!hm_identity_differs(was, is, grows, &d))
		return 0;
	return hm_err_set(e, HM_EDATA, "the checkpoint is of another run: %s was %s there and is %s here%s",
			  d.key, d.was, d.is, strcmp(d.key, "epochs") ? "" : EPOCHS_HINT);
}

static int get_json(const struct hm_weights *w, const char *key, cJSON **out, struct hm_err *e)
{
	const char *s = hm_weights_meta(w, key);
	*out = s ? hm_json_parse(s, strlen(s), 8, NULL, e) : NULL;
	if (!*out || !cJSON_IsObject(*out))
		return hm_err_set(e, HM_EDATA, "it is not a checkpoint: it has no valid %s", key);
	return 0;
}

static const struct hm_weights_options names_first = {.names_first = true};

/* Whether the file holds this run's blocks, by names and sizes. */
static int check_blocks(const struct hm_checkpoint *c, const struct hm_weights *w, struct hm_err *e)
{
	struct block b[BLOCKS];
	int n = list_blocks(c, b),
	    other = !c->kept && !hm_ranks_lead(c->optim->ranks) && hm_weights_find(w, "kept");
	if (w->n != (size_t)n + other)
		return hm_err_set(e, HM_EDATA, "it holds %zu blocks, this run needs %d", w->n, n + other);
	for (int i = 0; i < n; i++) {
		const struct hm_tensor *t = hm_weights_find(w, b[i].name);
		if (!t || t->dtype != HM_F32 || t->ndim != 1 || t->dim[0] != (int64_t)b[i].count)
			return hm_err_set(e, HM_EDATA, "it has no %s of %zu numbers", b[i].name, b[i].count);
	}
	return 0;
}

static int load_blocks(const struct hm_checkpoint *c, const struct hm_weights *w, struct hm_err *e)
{
	struct block b[BLOCKS];
	struct hm_device *d = c->optim->dev;
	for (int i = 0, n = list_blocks(c, b); i < n; i++) {
		const struct hm_tensor *t = hm_weights_find(w, b[i].name);
		if (b[i].moment)
			hm_optim_restore(c->optim, b[i].table, b[i].k, t->data);
		else if (b[i].host)
			memcpy(b[i].data, t->data, b[i].count * sizeof(float));
		else
			d->op->upload(d, b[i].data, t->data, b[i].count * sizeof(float));
	}
	return hm_device_error(d, e);
}

/* Several ranks may have read different files under one name: they must be of the same moment. */
static int compare_ranks(struct hm_ranks *r, const char *state, struct hm_err *e)
{
	int size = hm_ranks_size(r), rc;
	uint64_t *all = size > 1 ? hm_alloc((size_t)size, sizeof *all, e) : NULL;
	if (size == 1)
		return 0;
	if (!all)
		return HM_EDATA;
	all[r->rank] = XXH3_64bits(state, strlen(state));
	rc = hm_ranks_gather_each(r, all, sizeof *all, e);
	for (int k = 1; k < size && !rc; k++)
		if (all[k] != all[0])
			rc = hm_err_set(e, HM_EDATA,
					"rank %d has another checkpoint than rank 0: it must lie where all "
					"machines see it",
					k);
	free(all);
	return rc;
}

int hm_checkpoint_read(const struct hm_checkpoint *c, struct hm_train_state *s, struct hm_err *e)
{
	struct hm_weights *w = NULL;
	cJSON *state = NULL, *identity = NULL;
	if (hm_weights_open(&w, c->path, &names_first, e))
		return HM_EDATA;
	/* The bytes of a file with other blocks, which may be large, are not read; it is refused in any case.
	 */
	struct hm_err other = {0};
	int rc = check_blocks(c, w, &other) ? 0 : hm_weights_verify(w, w->tensor, w->n, e);
	if (!rc)
		rc = get_json(w, STATE_KEY, &state, e);
	if (!rc)
		rc = get_json(w, IDENTITY_KEY, &identity, e);
	if (!rc)
		rc = compare_identity(identity, c->identity, c->grows, e);
	if (!rc)
		rc = hm_train_state_read(state, s, e);
	if (!rc)
		s->seconds = hm_train_clock_read(c->path);
	if (!rc)
		rc = other.code ? hm_err_pass(e, &other) : load_blocks(c, w, e);
	if (!rc)
		rc = compare_ranks(c->optim->ranks, hm_weights_meta(w, STATE_KEY), e);
	cJSON_Delete(state);
	cJSON_Delete(identity);
	hm_weights_close(w);
	return rc ? hm_err_prefix(e, "%s", c->path) : 0;
}

int hm_checkpoint_peek(const char *path, const char *key, double *value, struct hm_err *e)
{
	struct hm_weights *w = NULL;
	cJSON *identity = NULL;
	if (access(path, F_OK) && errno == ENOENT)
		return 1;
	if (hm_weights_open(&w, path, &names_first, e))
		return HM_EDATA;
	int rc = get_json(w, IDENTITY_KEY, &identity, e);
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(identity, key);
	if (!rc && !cJSON_IsNumber(v))
		rc = hm_err_set(e, HM_EDATA, "its identity has no \"%s\"", key);
	if (!rc)
		*value = v->valuedouble;
	cJSON_Delete(identity);
	hm_weights_close(w);
	return rc ? hm_err_prefix(e, "%s", path) : 0;
}
