/* SPEC to encoder: see encoder.h. */
#include "model/encoder.h"
#include "base/file.h"
#include "model/config.h"
#include "model/configmodel.h"
#include "model/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An encoder's tensors, by name, for lib/nn. */
struct table {
	const struct hm_tensor *tensor;
	size_t n;
};

static struct table table_of(const struct hm_names_list *l)
{
	return (struct table){l->tensor, l->n};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hm_tensor *)a)->name, ((const struct hm_tensor *)b)->name);
}

static const struct hm_tensor *find_tensor(void *ctx, const char *name)
{
	const struct table *t = ctx;
	struct hm_tensor key = {.name = name};
	return t->n ? bsearch(&key, t->tensor, t->n, sizeof key, by_name) : NULL;
}

/* ---- init:NAME[:SEED] ---- */

static int parse_seed(const char *s, uint64_t *seed, struct hm_err *e)
{
	char *end;
	errno = 0;
	*seed = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno)
		return hm_err_set(e, HM_EUSAGE, "the random seed \"%s\" is not an integer from 0 to 2^64-1",
				  s);
	return 0;
}

static int digest_params(const struct hm_params *p, char digest[33], struct hm_err *e)
{
	struct hm_tensor *t = hm_alloc(p->n, sizeof *t, e);
	if (!t)
		return HM_EDATA;
	for (size_t i = 0; i < p->n; i++)
		t[i] = p->item[i].t;
	int rc = hm_weights_digest(t, p->n, digest, e);
	free(t);
	return rc;
}

/* Attention heads that the options give; 0: none. */
static int heads_of(const struct hm_encoder_options *o, enum hm_side side)
{
	return (int)(o->side_heads[side] ? o->side_heads[side] : o->heads);
}

static int open_init(struct hm_encoder *x, enum hm_side side, const char *spec,
		     const struct hm_encoder_options *o, struct hm_err *e)
{
	const struct hm_tower_hints hints = {.heads = heads_of(o, side),
					     .vocab = (int)o->vocab,
					     .act = o->act,
					     .colours = o->colours,
					     .output = o->output[side]};
	char name[64];
	uint64_t seed = 0;
	size_t n = strcspn(spec, ":");
	snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), spec);
	if (spec[n] && parse_seed(spec + n + 1, &seed, e))
		return HM_EUSAGE;
	x->tower = hm_tower_make(side, name, &hints, e);
	if (!x->tower)
		return e->code;
	int rc = hm_params_init_by(&x->tower->params, seed, 0, o->workers, e);
	return rc ? rc : digest_params(&x->tower->params, x->digest, e);
}

/* ---- files ---- */

/* Checks that the tensors are the network's, and that none is left over. Names and shapes are looked at
 * before any byte: the file may be large, and another network's. */
static int check_tensors(struct hm_encoder *x, struct table *t, struct hm_err *e)
{
	const struct hm_params *p = &x->tower->params;
	size_t left = 0;
	const char *first = NULL;
	if (hm_params_check(p, find_tensor, t, e))
		return HM_EDATA;
	for (size_t i = 0; i < t->n; i++)
		if (!hm_params_has(p, t->tensor[i].name) && !left++)
			first = t->tensor[i].name;
	if (!left)
		return 0;
	return hm_err_set(e, HM_EDATA, "%zu tensor%s left over that no such network has, \"%.200s\" first",
			  left, left > 1 ? "s are" : " is", first);
}

static int read_params(struct hm_encoder *x, struct table *t, struct hm_err *e)
{
	return (x->borrows ? hm_params_borrow : hm_params_load)(&x->tower->params, find_tensor, t, e);
}

/* Loads the tensors, or sees that they could be. */
static int load_params(struct hm_encoder *x, struct hm_weights *w, struct hm_names_list *l,
		       const struct hm_encoder_options *o, struct hm_err *e)
{
	struct table t = table_of(l);
	if (check_tensors(x, &t, e) || hm_weights_verify(w, l->tensor, l->n, e) ||
	    hm_weights_verify(w, x->counter, x->n_counter, e) || hm_names_turn(l, &x->names, e))
		return HM_EDATA;
	x->deferred = o->defer;
	x->borrows = o->borrow;
	return o->defer ? 0 : read_params(x, &t, e);
}

/* The tower at that place. */
static int take_tower(struct hm_encoder *x, const struct hm_names_place *at, struct hm_weights *w,
		      const struct hm_config *config, const struct hm_encoder_options *o, struct hm_err *e)
{
	struct hm_names_list params, counters;
	int heads = heads_of(o, at->kind->side);
	struct hm_tower_hints hints = {.output = o->output[at->kind->side]};
	if (hm_names_collect(w, at, HM_TENSOR_PARAM, &x->names, &params, e) ||
	    hm_names_collect(w, at, HM_TENSOR_COUNTER, &x->names, &counters, e) ||
	    hm_config_hints(config, at->kind, w, &hints, e))
		return HM_EDATA;
	hints.heads = heads ? heads : hints.heads;
	hints.act = o->act ? o->act : hints.act;
	hints.colours = o->colours.std[0] > 0 ? o->colours : hints.colours;
	x->tensor = params.tensor;
	x->n_tensor = params.n;
	x->counter = counters.tensor;
	x->n_counter = counters.n;
	struct table t = table_of(&params);
	x->tower = at->kind->read(find_tensor, &t, &hints, e);
	if (!x->tower)
		return e->code;
	if (load_params(x, w, &params, o, e))
		return HM_EDATA;
	if (hints.guessed)
		snprintf(x->notice, sizeof x->notice,
			 "nothing says how many attention heads it has, the customary %d taken (--heads)",
			 hm_tower_hints_of(x->tower).heads);
	if (!o->digest)
		return hm_weights_digest(x->tensor, x->n_tensor, x->digest, e);
	memcpy(x->digest, o->digest, sizeof x->digest);
	return 0;
}

/* config.json is asked first: what it names is said before tensors are looked at. One that lies in the folder
 * of a file may belong to another file there: an image encoder takes it only if it is of an image encoder. */
static int open_config(struct hm_config *config, enum hm_side side, const char *spec, struct hm_err *e)
{
	struct hm_err why = {0};
	int rc = hm_config_open(config, side, spec, &why);
	if (!rc)
		return 0;
	int folder = hm_file_is_folder(spec, e);
	if (folder < 0)
		return folder;
	if (side == HM_IMAGE && !folder && !why.machine) {
		hm_config_close(config);
		return 0;
	}
	hm_err_pass(e, &why);
	return hm_err_prefix(e, "%s", spec);
}

static int open_file(struct hm_encoder *x, enum hm_side side, const char *spec,
		     const struct hm_encoder_options *o, struct hm_err *e)
{
	struct hm_names_place at;
	const struct hm_weights_options how = {
		.key = o->key, .key_optional = o->key_elsewhere, .names_first = true};
	struct hm_config config = {0};
	int rc = open_config(&config, side, spec, e);
	if (!rc)
		rc = hm_weights_open(&x->file, spec, &how, e);
	if (!rc) {
		x->keyed = x->file->keyed;
		rc = hm_names_find(x->file, side, config.model_type, x->keyed ? o->key : NULL, &at, e);
		if (!rc)
			rc = take_tower(x, &at, x->file, &config, o, e);
		if (rc)
			hm_err_prefix(e, "%s", spec);
	}
	hm_config_close(&config);
	return rc;
}

static int open_spec(struct hm_encoder *x, enum hm_side side, const char *spec,
		     const struct hm_encoder_options *o, struct hm_err *e)
{
	int rc = open_file(x, side, spec, o, e);
	if (!rc)
		rc = hm_weights_unchanged(x->file, e); /* the digest is that of the values */
	if (!rc && o->borrow)
		hm_weights_release(x->file);
	if (!rc && o->forget && !o->defer && !o->borrow) {
		hm_weights_close(x->file);
		x->file = NULL;
		x->tensor = x->counter = NULL;
		x->n_tensor = x->n_counter = 0;
	}
	return rc;
}

/* The sizes, once the tower is there; rc passed on, x empty after a failure. */
static int finish_encoder(struct hm_encoder *x, int rc)
{
	if (rc) {
		hm_encoder_clear(x);
		return rc;
	}
	x->kind = x->tower->kind;
	x->shape = x->kind->shape(x->tower);
	x->hints = hm_tower_hints_of(x->tower);
	return 0;
}

static bool is_file(const char *spec)
{
	return spec && strncmp(spec, "init:", 5);
}

struct hm_encoder_options hm_encoder_options_of(const struct hm_encoder_options *o,
						const char *const spec[HM_SIDES], enum hm_side side)
{
	struct hm_encoder_options out = *o;
	for (int k = 0; k < HM_SIDES; k++)
		out.key_elsewhere |= k != (int)side && is_file(spec[k]);
	return out;
}

int hm_encoder_check_key(const struct hm_encoder x[HM_SIDES], const char *key, struct hm_err *e)
{
	for (int k = 0; k < HM_SIDES; k++)
		if (!key || x[k].keyed)
			return 0;
	return hm_err_set(e, HM_EUSAGE, "--key %s: none of the encoders' files has such a part", key);
}

int hm_encoder_open(struct hm_encoder *x, enum hm_side side, const char *spec,
		    const struct hm_encoder_options *o, struct hm_err *e)
{
	*x = (struct hm_encoder){0};
	return finish_encoder(x, is_file(spec) ? open_spec(x, side, spec, o, e)
					       : open_init(x, side, spec + 5, o, e));
}

int hm_encoder_take(struct hm_encoder *x, enum hm_side side, struct hm_weights *w, const char *prefix,
		    const char *family, const char *path, const struct hm_encoder_options *o,
		    struct hm_err *e)
{
	struct hm_names_place at;
	struct hm_config config = {0};
	*x = (struct hm_encoder){0};
	/* A model file that says what its tensors do not needs no config.json, which may be another's. */
	int rc = side == HM_TEXT && !hm_configmodel_has_all(w) ? hm_config_open(&config, side, path, e) : 0;
	if (!rc)
		rc = hm_names_family(w, side, prefix, family, &at, e);
	if (!rc)
		rc = take_tower(x, &at, w, &config, o, e);
	hm_config_close(&config);
	return finish_encoder(x, rc);
}

int hm_encoder_load(struct hm_encoder *x, struct hm_err *e)
{
	struct table t = {x->tensor, x->n_tensor};
	int rc = x->deferred ? read_params(x, &t, e) : 0;
	if (rc && x->file)
		hm_err_prefix(e, "%s", x->file->path);
	if (!rc && x->deferred) /* what was copied has the digest: a cache keeps what is computed with it */
		rc = hm_weights_unchanged(x->file, e);
	x->deferred = x->deferred && rc;
	return rc;
}

void hm_encoder_release(struct hm_encoder *x)
{
	if (x->tower && x->tower->params.borrowed)
		return;
	hm_tower_free(x->tower);
	x->tower = NULL;
}

void hm_encoder_clear(struct hm_encoder *x)
{
	hm_tower_free(x->tower);
	hm_weights_close(x->file);
	hm_arena_clear(&x->names);
	*x = (struct hm_encoder){0};
}

int hm_encoder_check_ids(const struct hm_encoder *x, const int32_t *ids, size_t n, struct hm_err *e)
{
	if (n < 1 || n > (size_t)x->shape.positions)
		return hm_err_set(
			e, HM_EDATA,
			"its %zu tokens are outside 1 to %d, the lengths that the text encoder takes; "
			"hm-tokenize --max-length %d cuts longer captions",
			n, x->shape.positions, x->shape.positions);
	bool ended = !x->shape.end;
	for (size_t i = 0; i < n; i++) {
		if (ids[i] < 0 || ids[i] >= x->shape.vocab)
			return hm_err_set(e, HM_EDATA,
					  "token id %d is outside the text encoder's vocabulary of %d",
					  ids[i], x->shape.vocab);
		if (x->shape.pad && ids[i] == x->shape.pad)
			return hm_err_set(
				e, HM_EDATA,
				"its tokens hold the padding token %d, which the text encoder does not count "
				"as a position: a caption may not hold its text",
				x->shape.pad);
		ended = ended || ids[i] == x->shape.end;
	}
	if (!ended)
		return hm_err_set(
			e, HM_EDATA,
			"its tokens lack the end token %d, from which the text encoder takes its "
			"vector; hm-tokenize with the encoder's own vocabulary gives it, and an init: "
			"encoder fits another by --vocab-size",
			x->shape.end);
	return 0;
}
