/* The shards of a sweep of hm-fuse-train: writes the part of one, joins them all. The work is done by
 * train/sweeppart.h and train/sweepmerge.h. See fuse.h. */
#include "fuse.h"
#include "base/file.h"
#include "base/hex.h"
#include "json/build.h"
#include "train/sweepmerge.h"
#include "train/sweeppart.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- writing one: what it must have in common with the others ---- */

static void add_digest(cJSON *o, const char *key, const void *p, size_t n, struct hm_err *e)
{
	char digest[HM_HEX];
	hm_hex_digest(p, n, digest);
	hm_json_add_str(o, key, digest, e);
}

void hm_fuse_add_tree(cJSON *o, const char *key, const cJSON *tree, struct hm_err *e)
{
	struct hm_buf text = {0};
	if (tree && !hm_json_write(tree, &text, e))
		add_digest(o, key, text.data, text.len, e);
	else
		hm_json_add_str(o, key, "", e);
	hm_buf_clear(&text);
}

/* What each line's options are, together with those of the call: as the models' histories say it. */
static int digest_lines(struct hm_fuse *r, const struct hm_sweep *s, char out[HM_HEX], struct hm_err *e)
{
	struct hm_buf text = {0};
	for (size_t i = 0; i < s->n && !e->code; i++)
		hm_json_line(hm_fuse_sweep_history(r, &s->item[i], e), &text, e);
	hm_hex_digest(text.data, text.len, out);
	hm_buf_clear(&text);
	return e->code;
}

void hm_fuse_add_init(cJSON *o, const char *path, struct hm_err *e)
{
	struct hm_map m = {0};
	if (e->code || !path || hm_map_open(&m, path, e))
		return;
	add_digest(o, "digest of --init", m.data, m.len, e);
	hm_map_close(&m);
}

/* Options, data and program. Caller frees; NULL with `e`. */
static cJSON *identify_call(const struct hm_fuse *r, struct hm_err *e)
{
	cJSON *o = hm_fuse_options(r, &r->o.recipe, hm_fusion_config_of(r->setup.fusion), e);
	hm_setup_identify(&r->setup, o, e);
	hm_json_add_num(o, "standardize option", r->setup.o->standardize, e);
	hm_json_add_num(o, "models to keep", (double)r->keep, e);
	hm_fuse_add_tree(o, "names", r->setup.names, e);
	hm_fuse_add_tree(o, "history of the training data", r->setup.pg, e);
	hm_fuse_add_init(o, r->o.init, e);
	hm_json_add_str(o, "version of hm", HM_VERSION, e);
	return hm_json_whole(o, e);
}

int hm_fuse_shard_write(struct hm_fuse *r, const struct hm_sweep *s, enum hm_sweep_by by, struct hm_err *e)
{
	struct hm_sweep_call call = {identify_call(r, e), by, r->keep, ""};
	int rc = call.identity ? digest_lines(r, s, call.lines, e) : HM_EDATA;
	if (!rc)
		rc = hm_sweep_part_write(s, &call, r->o.out, e);
	cJSON_Delete(call.identity);
	return rc;
}

/* ---- joining them ---- */

/* The lines' options were checked by each shard, of this same file. */
static void begin_line(void *ctx)
{
	(void)ctx;
}

static int set_option(void *ctx, const char *name, char *value, struct hm_err *e)
{
	(void)ctx, (void)name, (void)value, (void)e;
	return 0;
}

static int finish_line(void *ctx, struct hm_sweep_item *item, struct hm_err *e)
{
	(void)ctx, (void)item, (void)e;
	return 0;
}

int hm_fuse_merge(struct hm_fuse *r, struct hm_err *e)
{
	const struct hm_sweep_reader reader = {NULL, begin_line, set_option, finish_line};
	struct hm_sweep s = {0};
	struct hm_sweep_merged merged = {0};
	size_t *order = NULL;
	int rc = hm_sweep_read(&s, r->o.sweep, &reader, e);
	if (!rc)
		rc = hm_fuse_sweep_outputs(r, &s, e);
	if (!rc && !(order = hm_alloc(s.n, sizeof *order, e)))
		rc = HM_EDATA;
	if (!rc)
		rc = hm_sweep_merge(&s, r->o.out, order, &merged, e);
	if (!rc && merged.before) {
		hm_cli_notice(&r->cli, "%s: it is merged already", r->o.out);
		rc = hm_fuse_sweep_failed(&s, e);
	} else if (!rc) {
		hm_cli_debug(&r->cli, "%s: %" PRIu64 " shards are merged", r->o.out, merged.parts);
		rc = hm_fuse_sweep_report(r, &s, order, e);
	}
	free(order);
	hm_sweep_clear(&s);
	return rc;
}
