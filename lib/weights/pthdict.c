/* Which of the values in a .pth are the weights. A training script saves a dict of many things: the model's
 * tensors under some key, perhaps an average of them under another, the optimizer's state, settings, scores.
 * See hm_weights_open for the rule. */
#include "weights/pthparts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEPTH_CAP = 8,	  /* how deep dicts are looked for in dicts and lists */
	PATH_CAP = 256,	  /* bytes of "checkpoint.state_dict" */
	GROUPS_CAP = 4096 /* dicts that hold tensors */
};

typedef struct hm_pickle_val val;

/* A dict that holds tensors under text keys. */
struct group {
	const char *path; /* the keys that lead to it, with a dot behind each; "" the file's own dict */
	const val *dict;
	bool weights; /* one of its tensors is of floating point and has more than one element */
};

struct search {
	struct hm_arena *arena;
	struct hm_buf groups; /* struct group[] */
	char path[PATH_CAP];
	struct hm_err *e;
};

static bool is_container(const val *v)
{
	return hm_pickle_is(v, HM_PICKLE_DICT) || hm_pickle_is(v, HM_PICKLE_LIST) ||
	       hm_pickle_is(v, HM_PICKLE_TUPLE);
}

/* A loss or an accuracy is a tensor too, and so is a random generator's state; weights are neither. */
static bool is_weight(const val *v)
{
	if (!hm_pickle_is(v, HM_PICKLE_TENSOR) ||
	    (v->dtype != HM_F16 && v->dtype != HM_BF16 && v->dtype != HM_F32 && v->dtype != HM_F64))
		return false;
	const struct hm_pickle_item *k = v->size->first;
	for (int i = 0; k && i < HM_MAX_DIMS; k = k->next, i++)
		if (hm_pickle_is(k->val, HM_PICKLE_INT) && k->val->i > 1)
			return true;
	return false;
}

static int add_group(struct search *s, const val *dict, size_t path_len, bool weights)
{
	if (s->groups.len / sizeof(struct group) == GROUPS_CAP)
		return hm_err_set(s->e, HM_EDATA,
				  "it holds more than %d dicts of tensors: --key NAME takes one", GROUPS_CAP);
	char *path = hm_arena_get(s->arena, path_len + 1, s->e);
	if (!path)
		return HM_EDATA;
	memcpy(path, s->path, path_len);
	path[path_len] = 0;
	struct group g = {path, dict, weights};
	return hm_buf_add(&s->groups, &g, sizeof g, s->e);
}

static int search_value(struct search *s, val *v, size_t path_len, int depth);

/* Goes on below the child called name[0..n); one whose path is too long is left out. */
static int search_child(struct search *s, val *v, const char *name, size_t n, size_t path_len, int depth)
{
	if (!is_container(v) || n + 1 > PATH_CAP - path_len)
		return 0;
	memcpy(s->path + path_len, name, n);
	s->path[path_len + n] = '.';
	return search_value(s, v, path_len + n + 1, depth + 1);
}

/* Finds the groups in v and below it, each once, however many ways lead to it. Only text keys are followed:
 * below other keys are optimizers' states, which number the parameters. */
static int search_value(struct search *s, val *v, size_t path_len, int depth)
{
	bool any = false, weights = false, dict = v->kind == HM_PICKLE_DICT;
	char index[24];
	int i = 0, rc = 0;
	if (v->seen || depth > DEPTH_CAP)
		return 0;
	v->seen = true;
	for (const struct hm_pickle_item *k = v->first; dict && k; k = k->next) {
		any |= hm_pth_is_name(k->key) && hm_pth_is_tensor(k->val);
		weights |= hm_pth_is_name(k->key) && is_weight(k->val);
	}
	if (any)
		rc = add_group(s, v, path_len, weights);
	for (const struct hm_pickle_item *k = v->first; !rc && k; k = k->next, i++) {
		int n = dict ? 0 : snprintf(index, sizeof index, "%d", i);
		if (!dict)
			rc = search_child(s, k->val, index, (size_t)n, path_len, depth);
		else if (hm_pth_is_name(k->key))
			rc = search_child(s, k->val, k->key->s, k->key->n, path_len, depth);
	}
	return rc;
}

/* The child called name[0..n): of a dict the last one if the name occurs twice, of a list the one that the
 * number counts from 0; NULL: there is none. */
static val *find_child(const val *v, const char *name, size_t n)
{
	const struct hm_pickle_item *k = v->first;
	val *found = NULL;
	if (v->kind == HM_PICKLE_DICT) {
		for (; k; k = k->next)
			if (hm_pickle_is_text(k->key, name, n))
				found = k->val;
		return found;
	}
	size_t index = 0;
	for (size_t i = 0; i < n; i++) {
		if (name[i] < '0' || name[i] > '9' || index > HM_PICKLE_VALUES_CAP || (!index && i))
			return NULL;
		index = 10 * index + (size_t)(name[i] - '0');
	}
	while (k && index--)
		k = k->next;
	return k ? k->val : NULL;
}

/* The container that the keys in `key`, separated by dots, lead to; NULL: there is none. Keys may contain
 * dots. */
static val *find_key(val *v, const char *key, int depth)
{
	if (!is_container(v) || depth > DEPTH_CAP)
		return NULL;
	for (size_t n = strcspn(key, "."); n; n += key[n] ? 1 + strcspn(key + n + 1, ".") : 0) {
		val *below = find_child(v, key, n);
		if (!key[n])
			return is_container(below) ? below : NULL;
		below = find_key(below, key + n + 1, depth + 1);
		if (below)
			return below;
	}
	return NULL;
}

/* The container that as much of the key as possible leads to, root if nothing does; *key = the rest, which
 * narrows the names, or NULL. */
static val *take_key(val *root, const char **key)
{
	char part[PATH_CAP];
	size_t n = *key ? strlen(*key) : 0;
	while (n) {
		val *found = NULL;
		if (n < sizeof part) {
			memcpy(part, *key, n);
			part[n] = 0;
			found = find_key(root, part, 0);
		}
		if (found) {
			*key = (*key)[n] && (*key)[n + 1] ? *key + n + 1 : NULL;
			return found;
		}
		while (--n && (*key)[n] != '.')
			;
	}
	return root;
}

int hm_pth_add(struct hm_pth *f, const char *prefix, const char *name, size_t n, const val *v,
	       struct hm_err *e)
{
	struct hm_tensor t = {0};
	int shown = n < 200 ? (int)n : 200;
	if (v->kind == HM_PICKLE_OBJECT)
		return hm_err_set(e, HM_EDATA, "tensor \"%.*s\" is made by %.*s, which is not read here",
				  shown, name, v->n < 100 ? (int)v->n : 100, v->s);
	if (hm_pth_tensor(f, v, &t, e))
		return hm_err_prefix(e, "tensor \"%.*s\"", shown, name);
	return hm_weights_add(f->w, prefix, name, n, &t, e);
}

/* Adds every tensor of the group. Other values are left out. A tensor of a form that is not read is an error
 * if the group is the only one; otherwise it is left out too, and the network that needs it will miss it. */
static int add_dict(struct hm_pth *f, const struct group *g, bool only, struct hm_err *e)
{
	for (const struct hm_pickle_item *k = g->dict->first; k; k = k->next) {
		if (!hm_pth_is_name(k->key) || !hm_pth_is_tensor(k->val) ||
		    (!only && k->val->kind == HM_PICKLE_OBJECT))
			continue;
		if (hm_pth_add(f, only ? "" : g->path, k->key->s, k->key->n, k->val, e))
			return HM_EDATA;
	}
	return 0;
}

/* "no dict of tensors", and what there is instead. */
static int refuse_root(const val *root, struct hm_err *e)
{
	char keys[400] = "";
	size_t n = 0;
	int shown = 0;
	bool object = false;
	if (hm_pickle_is(root, HM_PICKLE_OBJECT) || hm_pickle_is(root, HM_PICKLE_GLOBAL))
		return hm_err_set(e, HM_EDATA,
				  "it holds an object of class %.*s, which is not built here, and no dict of "
				  "tensors: save its state_dict() with torch.save",
				  root->n < 200 ? (int)root->n : 200, root->s);
	if (!hm_pickle_is(root, HM_PICKLE_DICT))
		return hm_err_set(e, HM_EDATA, "it holds no dict of tensors");
	for (const struct hm_pickle_item *k = root->first; k && shown < 5; k = k->next) {
		if (!hm_pth_is_name(k->key) || n >= sizeof keys)
			continue;
		n += (size_t)snprintf(keys + n, sizeof keys - n, "%s\"%.*s\"", shown++ ? ", " : "",
				      k->key->n < 40 ? (int)k->key->n : 40, k->key->s);
		object |= k->val->kind == HM_PICKLE_OBJECT;
		if (k->val->kind == HM_PICKLE_OBJECT && n < sizeof keys)
			n += (size_t)snprintf(keys + n, sizeof keys - n, " (an object of class %.*s)",
					      k->val->n < 60 ? (int)k->val->n : 60, k->val->s);
	}
	return hm_err_set(e, HM_EDATA, "it holds no dict of tensors%s%s%s", shown ? "; its keys are " : "",
			  keys, object ? "; of a network, save the state_dict() with torch.save" : "");
}

int hm_pth_add_tensors(struct hm_pth *f, val *root, struct hm_arena *a, struct hm_err *e)
{
	struct hm_weights_store *store = f->w->store;
	struct search s = {.arena = a, .e = e};
	const char *key = store->key;
	if (root->module)
		return hm_pth_add_modules(f, root, e);
	val *from = take_key(root, &store->key);
	f->w->keyed |= store->key != key;
	int rc = is_container(from) ? search_value(&s, from, 0, 0) : 0;
	struct group *g = (struct group *)s.groups.data;
	size_t groups = s.groups.len / sizeof *g, weights = 0, taken;
	for (size_t i = 0; i < groups; i++)
		weights += g[i].weights;
	taken = weights ? weights : groups;
	if (!rc && !taken)
		rc = refuse_root(from, e);
	for (size_t i = 0; !rc && i < groups; i++)
		if (g[i].weights || !weights)
			rc = add_dict(f, &g[i], taken == 1, e);
	hm_buf_clear(&s.groups);
	return rc;
}
