/* SPEC to encoder: see encoder.h. */
#include "model/encoder.h"
#include "json/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BERT_VOCAB = 30522 }; /* bert-base-uncased */

/* An encoder's tensors, by name, for lib/nn. */
struct table {
	const struct hm_tensor *tensor;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hm_tensor *)a)->name, ((const struct hm_tensor *)b)->name);
}

static const struct hm_tensor *find(void *ctx, const char *name)
{
	const struct table *t = ctx;
	struct hm_tensor key = {.name = name};
	return bsearch(&key, t->tensor, t->n, sizeof key, by_name);
}

static struct hm_params *params(struct hm_encoder *x)
{
	return x->kind == HM_IMAGE_ENCODER ? hm_resnet_params(x->resnet) : hm_bert_params(x->bert);
}

/* ---- init:NAME[:SEED] ---- */

static int parse_seed(const char *s, uint64_t *seed, struct hm_err *e)
{
	char *end;
	errno = 0;
	*seed = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno)
		return hm_err_set(e, HM_EUSAGE, "the seed \"%s\" is no integer from 0 to 2^64-1", s);
	return 0;
}

/* "no image encoder is called ...", and which there are. */
static int no_preset(enum hm_encoder_kind kind, const char *name, int len, struct hm_err *e)
{
	bool image = kind == HM_IMAGE_ENCODER;
	const char *(*preset)(int) = image ? hm_resnet_preset_name : hm_bert_preset_name;
	char list[128] = "";
	for (int i = 0, n = 0; preset(i) && n < (int)sizeof list; i++)
		n += snprintf(list + n, sizeof list - (size_t)n, "%s %s", i ? "," : "", preset(i));
	return hm_err_set(e, HM_EUSAGE, "no %s encoder is called \"%.*s\":%s", image ? "image" : "text", len,
			  name, list);
}

static int open_init(struct hm_encoder *x, const char *spec, const struct hm_encoder_options *o,
		     struct hm_err *e)
{
	struct hm_resnet_config resnet;
	struct hm_bert_config bert;
	char name[32];
	uint64_t seed = 0;
	size_t n = strcspn(spec, ":");
	snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : 0, spec);
	if (spec[n] && parse_seed(spec + n + 1, &seed, e))
		return HM_EUSAGE;
	if (x->kind == HM_IMAGE_ENCODER) {
		if (!hm_resnet_config_preset(&resnet, name))
			return no_preset(x->kind, spec, (int)n, e);
		x->resnet = hm_resnet_new(&resnet, e);
	} else {
		if (!hm_bert_config_preset(&bert, name, o->vocab ? (int)o->vocab : BERT_VOCAB))
			return no_preset(x->kind, spec, (int)n, e);
		bert.heads = o->heads ? (int)o->heads : bert.heads;
		x->bert = hm_bert_new(&bert, e);
	}
	if (!x->resnet && !x->bert)
		return HM_EDATA;
	struct hm_params *p = params(x);
	if (hm_params_init(p, seed, 0, e))
		return HM_EDATA;
	struct hm_tensor *t = hm_alloc(p->n, sizeof *t, e);
	if (!t)
		return HM_EDATA;
	for (size_t i = 0; i < p->n; i++)
		t[i] = p->item[i].t;
	int rc = hm_weights_digest(t, p->n, x->digest, e);
	free(t);
	return rc;
}

/* ---- what a BERT's tensors do not tell ---- */

/* o[key], when it is there, an integer in 1 .. INT_MAX. */
static int get_positive(const cJSON *o, const char *key, int *out, struct hm_err *e)
{
	int64_t v;
	if (!cJSON_GetObjectItemCaseSensitive(o, key))
		return 0;
	if (hm_json_get_int(o, key, &v, e))
		return HM_EDATA;
	if (v < 1 || v > INT_MAX)
		return hm_err_set(e, HM_EDATA, "\"%s\" is out of range", key);
	*out = (int)v;
	return 0;
}

static int get_eps(const cJSON *o, const char *key, double *out, struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	if (v && (!cJSON_IsNumber(v) || !(v->valuedouble > 0 && v->valuedouble < 1)))
		return hm_err_set(e, HM_EDATA, "\"%s\" is no number between 0 and 1", key);
	if (v)
		*out = v->valuedouble;
	return 0;
}

/* config[key], when it is there, must be `want`: we compute nothing else. */
static int demand(const cJSON *config, const char *key, const char *want, struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(config, key);
	if (v && !cJSON_IsNull(v) && (!cJSON_IsString(v) || strcmp(v->valuestring, want)))
		return hm_err_set(e, HM_EDATA, "\"%s\" is \"%.64s\", only \"%s\" can be computed", key,
				  cJSON_IsString(v) ? v->valuestring : "no text", want);
	return 0;
}

/* heads 0 and eps 0 while unknown: from hm.model of our own files. */
static int ask_model(const struct hm_weights *w, int *heads, double *eps, struct hm_err *e)
{
	const char *text = hm_weights_meta(w, "hm.model");
	if (!text)
		return 0;
	cJSON *o = hm_json_parse(text, strlen(text), 16, NULL, e);
	int rc = o ? get_positive(o, "heads", heads, e) : HM_EDATA;
	if (!rc)
		rc = get_eps(o, "eps", eps, e);
	cJSON_Delete(o);
	return rc ? hm_err_prefix(e, "hm.model") : 0;
}

static int ask_config(const char *spec, int *heads, double *eps, struct hm_err *e)
{
	cJSON *config;
	int rc = hm_weights_config(spec, &config, e);
	if (rc || !config)
		return rc;
	rc = demand(config, "model_type", "bert", e);
	if (!rc)
		rc = demand(config, "hidden_act", "gelu", e);
	if (!rc)
		rc = demand(config, "position_embedding_type", "absolute", e);
	if (!rc && !*heads)
		rc = get_positive(config, "num_attention_heads", heads, e);
	if (!rc && *eps == 0)
		rc = get_eps(config, "layer_norm_eps", eps, e);
	cJSON_Delete(config);
	return rc ? hm_err_prefix(e, "config.json") : 0;
}

static int complete_bert(struct hm_encoder *x, struct hm_bert_config *c, const struct hm_weights *w,
			 const char *spec, const struct hm_encoder_options *o, struct hm_err *e)
{
	int heads = 0;
	double eps = 0;
	int rc = ask_model(w, &heads, &eps, e);
	if (!rc)
		rc = ask_config(spec, &heads, &eps, e);
	if (o->heads)
		heads = (int)o->heads;
	if (!heads)
		snprintf(x->notice, sizeof x->notice,
			 "nothing says how many attention heads it has, hidden/64 = %d taken (--heads)",
			 c->heads);
	c->heads = heads ? heads : c->heads;
	c->eps = eps > 0 ? eps : c->eps;
	return rc;
}

/* ---- files ---- */

static int new_network(struct hm_encoder *x, struct hm_weights *w, struct table *t, const char *spec,
		       const struct hm_encoder_options *o, struct hm_err *e)
{
	struct hm_resnet_config resnet;
	struct hm_bert_config bert;
	if (x->kind == HM_IMAGE_ENCODER) {
		if (hm_resnet_config_read(&resnet, find, t, e))
			return HM_EDATA;
		x->resnet = hm_resnet_new(&resnet, e);
		return x->resnet ? 0 : HM_EDATA;
	}
	if (hm_bert_config_read(&bert, find, t, e) || complete_bert(x, &bert, w, spec, o, e))
		return HM_EDATA;
	x->bert = hm_bert_new(&bert, e);
	return x->bert ? 0 : HM_EDATA;
}

/* Loads the tensors, or sees that they could be; those the network does not take are left over. */
static int load(struct hm_encoder *x, struct table *t, bool defer, struct hm_err *e)
{
	size_t left = 0;
	const char *first = NULL;
	if ((defer ? hm_params_check(params(x), find, t, e) : hm_params_load(params(x), find, t, e)))
		return HM_EDATA;
	x->deferred = defer;
	for (size_t i = 0; i < t->n; i++)
		if (!hm_params_has(params(x), t->tensor[i].name) && !left++)
			first = t->tensor[i].name;
	if (!left)
		return 0;
	return hm_err_set(e, HM_EDATA, "%zu tensor%s left over that no such network has, \"%.200s\" first",
			  left, left > 1 ? "s are" : " is", first);
}

/* Everything but what follows from the network. */
static int take(struct hm_encoder *x, struct hm_weights *w, const char *path,
		const struct hm_encoder_options *o, struct hm_err *e)
{
	struct table t = {0};
	int rc = hm_weights_encoder(w, x->kind, &t.tensor, &t.n, e);
	if (!rc)
		rc = new_network(x, w, &t, path, o, e);
	if (!rc)
		rc = load(x, &t, o->defer, e);
	if (!rc)
		rc = hm_weights_digest(t.tensor, t.n, x->digest, e);
	if (!rc && x->kind == HM_IMAGE_ENCODER)
		rc = hm_weights_tracked(w, &x->tracked, &x->n_tracked, e);
	x->tensor = t.tensor;
	x->n_tensor = t.n;
	return rc;
}

static int open_file(struct hm_encoder *x, const char *spec, const struct hm_encoder_options *o,
		     struct hm_err *e)
{
	struct hm_weights_options how = {.key = o->key};
	if (hm_weights_open(&x->file, spec, &how, e))
		return HM_EDATA;
	if (take(x, x->file, spec, o, e))
		return hm_err_prefix(e, "%s", spec);
	if (o->forget && !o->defer) {
		hm_weights_close(x->file);
		x->file = NULL;
		x->tensor = x->tracked = NULL;
		x->n_tensor = x->n_tracked = 0;
	}
	struct hm_buf b = {0};
	if (hm_buf_printf(&b, e, "%s/vocab.txt", spec))
		return HM_EDATA;
	x->vocab_file = (char *)b.data;
	if (x->kind == HM_IMAGE_ENCODER || access(x->vocab_file, F_OK)) {
		free(x->vocab_file);
		x->vocab_file = NULL;
	}
	return 0;
}

/* The sizes, once the network is there; rc passed on, x empty after a failure. */
static int finish(struct hm_encoder *x, int rc)
{
	if (rc) {
		hm_encoder_clear(x);
	} else if (x->kind == HM_IMAGE_ENCODER) {
		x->width = hm_resnet_features(hm_resnet_config_of(x->resnet));
	} else {
		const struct hm_bert_config *c = hm_bert_config_of(x->bert);
		x->width = c->hidden;
		x->vocab = c->vocab;
		x->positions = c->positions;
		x->heads = c->heads;
		x->eps = c->eps;
	}
	return rc;
}

int hm_encoder_open(struct hm_encoder *x, enum hm_encoder_kind kind, const char *spec,
		    const struct hm_encoder_options *o, struct hm_err *e)
{
	*x = (struct hm_encoder){.kind = kind};
	return finish(x, strncmp(spec, "init:", 5) ? open_file(x, spec, o, e) : open_init(x, spec + 5, o, e));
}

int hm_encoder_take(struct hm_encoder *x, enum hm_encoder_kind kind, struct hm_weights *w, const char *path,
		    const struct hm_encoder_options *o, struct hm_err *e)
{
	*x = (struct hm_encoder){.kind = kind};
	return finish(x, take(x, w, path, o, e));
}

int hm_encoder_load(struct hm_encoder *x, struct hm_err *e)
{
	struct table t = {x->tensor, x->n_tensor};
	int rc = x->deferred ? hm_params_load(params(x), find, &t, e) : 0;
	x->deferred = x->deferred && rc;
	return rc && x->file ? hm_err_prefix(e, "%s", x->file->path) : rc;
}

void hm_encoder_release(struct hm_encoder *x)
{
	hm_resnet_free(x->resnet);
	hm_bert_free(x->bert);
	x->resnet = NULL;
	x->bert = NULL;
}

void hm_encoder_clear(struct hm_encoder *x)
{
	hm_encoder_release(x);
	hm_weights_close(x->file);
	free(x->vocab_file);
	*x = (struct hm_encoder){0};
}

int hm_encoder_check_ids(const struct hm_encoder *x, const int32_t *ids, size_t n, struct hm_err *e)
{
	if (n < 1 || n > (size_t)x->positions)
		return hm_err_set(e, HM_EDATA, "it has %zu tokens, the text encoder takes 1 to %d", n,
				  x->positions);
	for (size_t i = 0; i < n; i++)
		if (ids[i] < 0 || ids[i] >= x->vocab)
			return hm_err_set(e, HM_EDATA, "token id %d is none of the text encoder's %d", ids[i],
					  x->vocab);
	return 0;
}
