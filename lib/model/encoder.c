/* SPEC to encoder: see encoder.h. */
#include "model/encoder.h"
#include "model/config.h"
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

static int open_init(struct hm_encoder *x, enum hm_side side, const char *spec,
		     const struct hm_encoder_options *o, struct hm_err *e)
{
	const struct hm_tower_hints hints = {
		.heads = (int)o->heads, .vocab = (int)o->vocab, .output = o->output};
	char name[64];
	uint64_t seed = 0;
	size_t n = strcspn(spec, ":");
	snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), spec);
	if (spec[n] && parse_seed(spec + n + 1, &seed, e))
		return HM_EUSAGE;
	x->tower = hm_tower_make(side, name, &hints, e);
	if (!x->tower)
		return e->code;
	int rc = hm_params_init(&x->tower->params, seed, 0, e);
	return rc ? rc : digest_params(&x->tower->params, x->digest, e);
}

/* ---- files ---- */

/* Loads the tensors, or sees that they could be; those the network does not take are left over. Names and
 * shapes are looked at before any byte: the file may be large, and another network's. */
static int load_params(struct hm_encoder *x, struct hm_weights *w, struct table *t, bool defer,
		       struct hm_err *e)
{
	struct hm_params *p = &x->tower->params;
	size_t left = 0;
	const char *first = NULL;
	if (hm_params_check(p, find_tensor, t, e))
		return HM_EDATA;
	for (size_t i = 0; i < t->n; i++)
		if (!hm_params_has(p, t->tensor[i].name) && !left++)
			first = t->tensor[i].name;
	if (left)
		return hm_err_set(e, HM_EDATA,
				  "%zu tensor%s left over that no such network has, \"%.200s\" first", left,
				  left > 1 ? "s are" : " is", first);
	if (hm_weights_verify(w, t->tensor, t->n, e) || hm_weights_verify(w, x->counter, x->n_counter, e))
		return HM_EDATA;
	x->deferred = defer;
	return defer ? 0 : hm_params_load(p, find_tensor, t, e);
}

/* The tower of that family below the prefix, but for its sizes. */
static int take_tower(struct hm_encoder *x, const struct hm_tower_kind *kind, struct hm_weights *w,
		      const char *prefix, const struct hm_config *config, const struct hm_encoder_options *o,
		      struct hm_err *e)
{
	struct table t = {0};
	struct hm_tower_hints hints = {.output = o->output};
	if (hm_names_collect(w, kind, prefix, HM_TENSOR_PARAM, &x->names, &t.tensor, &t.n, e) ||
	    hm_names_collect(w, kind, prefix, HM_TENSOR_COUNTER, &x->names, &x->counter, &x->n_counter, e) ||
	    hm_config_hints(config, kind, w, &hints, e))
		return HM_EDATA;
	hints.heads = o->heads ? (int)o->heads : hints.heads;
	x->tensor = t.tensor;
	x->n_tensor = t.n;
	x->tower = kind->read(find_tensor, &t, &hints, e);
	if (!x->tower)
		return e->code;
	if (load_params(x, w, &t, o->defer, e))
		return HM_EDATA;
	if (hints.guessed)
		snprintf(x->notice, sizeof x->notice,
			 "nothing says how many attention heads it has, hidden/64 = %d taken (--heads)",
			 hm_tower_hints_of(x->tower).heads);
	return hm_weights_digest(t.tensor, t.n, x->digest, e);
}

static bool is_folder(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* config.json is asked first: what it names is said before tensors are looked at. One in the folder of a file
 * may belong to another file there, so an image encoder believes its own folder's alone. */
static int open_file(struct hm_encoder *x, enum hm_side side, const char *spec,
		     const struct hm_encoder_options *o, struct hm_err *e)
{
	const struct hm_tower_kind *kind;
	const struct hm_weights_options how = {
		.key = o->key, .key_optional = o->key_elsewhere, .names_first = true};
	const char *prefix;
	struct hm_config config = {0};
	int rc = side == HM_TEXT || is_folder(spec) ? hm_config_open(&config, side, spec, e) : 0;
	if (rc)
		rc = hm_err_prefix(e, "%s", spec);
	if (!rc)
		rc = hm_weights_open(&x->file, spec, &how, e);
	if (!rc) {
		x->keyed = x->file->keyed;
		rc = hm_names_find(x->file, side, config.model_type, &kind, &prefix, e);
		if (!rc && x->keyed && !config.model_type)
			rc = hm_names_check_unlike(kind, o->key, e);
		if (!rc)
			rc = take_tower(x, kind, x->file, prefix, &config, o, e);
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
	if (!rc && o->forget && !o->defer) {
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
		    const char *path, const struct hm_encoder_options *o, struct hm_err *e)
{
	const struct hm_tower_kind *kind;
	struct hm_config config = {0};
	*x = (struct hm_encoder){0};
	/* A model file that says what its tensors do not needs no config.json, which may be another's. */
	int rc = side == HM_TEXT && !hm_config_in_model(w) ? hm_config_open(&config, side, path, e) : 0;
	if (!rc)
		rc = hm_names_family(w, side, prefix, &kind, e);
	if (!rc)
		rc = take_tower(x, kind, w, prefix, &config, o, e);
	hm_config_close(&config);
	return finish_encoder(x, rc);
}

int hm_encoder_load(struct hm_encoder *x, struct hm_err *e)
{
	struct table t = {x->tensor, x->n_tensor};
	int rc = x->deferred ? hm_params_load(&x->tower->params, find_tensor, &t, e) : 0;
	x->deferred = x->deferred && rc;
	return rc && x->file ? hm_err_prefix(e, "%s", x->file->path) : rc;
}

void hm_encoder_release(struct hm_encoder *x)
{
	hm_tower_free(x->tower);
	x->tower = NULL;
}

void hm_encoder_clear(struct hm_encoder *x)
{
	hm_encoder_release(x);
	hm_weights_close(x->file);
	hm_arena_clear(&x->names);
	*x = (struct hm_encoder){0};
}

int hm_encoder_check_ids(const struct hm_encoder *x, const int32_t *ids, size_t n, struct hm_err *e)
{
	if (n < 1 || n > (size_t)x->shape.positions)
		return hm_err_set(
			e, HM_EDATA,
			"its %zu tokens are outside 1 to %d, the lengths that the text encoder takes", n,
			x->shape.positions);
	for (size_t i = 0; i < n; i++)
		if (ids[i] < 0 || ids[i] >= x->shape.vocab)
			return hm_err_set(e, HM_EDATA,
					  "token id %d is outside the text encoder's vocabulary of %d",
					  ids[i], x->shape.vocab);
	return 0;
}
