/* Objects: what persistent ids, the few globals that are allowed and BUILD make of their arguments. See
 * pickle.h; torch/_utils.py and torch/serialization.py are the source. */
#include "weights/pickleparts.h"

#include <string.h>

static val *item(const val *t, size_t i)
{
	struct hm_pickle_item *k = t->first;
	while (k && i--)
		k = k->next;
	return k ? k->val : NULL;
}

/* BINPERSID: ("storage", type, key, location, elements[, None]) becomes a STORAGE. */
int hm_pickle_persistent(struct hm_pickle_machine *m)
{
	val *t = hm_pickle_pop(m);
	if (!t)
		return HM_EDATA;
	val *tag = hm_pickle_is(t, HM_PICKLE_TUPLE) ? item(t, 0) : NULL, *type = tag ? item(t, 1) : NULL;
	val *key = tag ? item(t, 2) : NULL, *count = tag ? item(t, 4) : NULL, *view = tag ? item(t, 5) : NULL;
	if (!hm_pickle_is(tag, HM_PICKLE_STR) || tag->n != 7 || memcmp(tag->s, "storage", 7))
		return hm_pickle_bad(m, "a persistent id that is no storage");
	if (t->n > 6 || !hm_pickle_is(type, HM_PICKLE_GLOBAL) || type->i >= HM_DTYPES ||
	    !hm_pickle_is(key, HM_PICKLE_STR) || !hm_pickle_is(count, HM_PICKLE_INT) || count->i < 0)
		return hm_pickle_bad(m, "a storage that is not (\"storage\", type, key, location, elements)");
	if (view && !hm_pickle_is(view, HM_PICKLE_NONE))
		return hm_pickle_bad(m, "a storage that is a view of another");
	val *s = hm_pickle_make(m, HM_PICKLE_STORAGE);
	if (s) {
		s->dtype = (enum hm_dtype)type->i;
		s->i = count->i;
		s->key = key;
	}
	return hm_pickle_push(m, s);
}

/* _rebuild_tensor(storage, offset, size, stride), _v2 with (…, requires_grad, hooks[, metadata]). */
static val *rebuild_tensor(struct hm_pickle_machine *m, const val *args, bool v2)
{
	val *storage = item(args, 0), *offset = item(args, 1), *size = item(args, 2), *stride = item(args, 3);
	if (args->n < (v2 ? 6u : 4u) || args->n > (v2 ? 7u : 4u) ||
	    !hm_pickle_is(storage, HM_PICKLE_STORAGE) || !hm_pickle_is(offset, HM_PICKLE_INT) ||
	    !hm_pickle_is(size, HM_PICKLE_TUPLE) || !hm_pickle_is(stride, HM_PICKLE_TUPLE)) {
		hm_pickle_bad(m, "a tensor that is not made of (storage, offset, size, stride)");
		return NULL;
	}
	val *t = hm_pickle_make(m, HM_PICKLE_TENSOR);
	if (t) {
		t->i = offset->i;
		t->storage = storage;
		t->size = size;
		t->stride = stride;
	}
	return t;
}

/* OrderedDict(), or OrderedDict([[key, value], …]) of Python 2. */
static val *ordered_dict(struct hm_pickle_machine *m, const val *args)
{
	val *d = hm_pickle_make(m, HM_PICKLE_DICT), *list = item(args, 0);
	if (!d || !args->n)
		return d;
	if (args->n > 1 || !hm_pickle_is(list, HM_PICKLE_LIST)) {
		hm_pickle_bad(m, "an OrderedDict of what is no list");
		return NULL;
	}
	for (const struct hm_pickle_item *k = list->first; k; k = k->next) {
		val *pair = k->val;
		if ((!hm_pickle_is(pair, HM_PICKLE_LIST) && !hm_pickle_is(pair, HM_PICKLE_TUPLE)) ||
		    pair->n != 2) {
			hm_pickle_bad(m, "an OrderedDict of what are no pairs");
			return NULL;
		}
		if (hm_pickle_append(m, d, pair->first->val, pair->last->val))
			return NULL;
	}
	return d;
}

int hm_pickle_reduce(struct hm_pickle_machine *m)
{
	val *args = hm_pickle_pop(m), *f = args ? hm_pickle_pop(m) : NULL, *made = NULL;
	if (!f)
		return HM_EDATA;
	if (!hm_pickle_is(f, HM_PICKLE_GLOBAL) || !hm_pickle_is(args, HM_PICKLE_TUPLE))
		return hm_pickle_bad(m, "REDUCE of what is no global and a tuple");
	if (f->i == HM_PICKLE_ORDERED_DICT)
		made = ordered_dict(m, args);
	else if (f->i == HM_PICKLE_REBUILD_TENSOR || f->i == HM_PICKLE_REBUILD_TENSOR_V2)
		made = rebuild_tensor(m, args, f->i == HM_PICKLE_REBUILD_TENSOR_V2);
	else if (f->i == HM_PICKLE_REBUILD_PARAMETER && args->n == 3 &&
		 hm_pickle_is(item(args, 0), HM_PICKLE_TENSOR))
		made = item(args, 0);
	else
		return hm_pickle_bad(m, "REDUCE with arguments that do not fit its global");
	return hm_pickle_push(m, made);
}

/* BUILD: the state of a state_dict (_metadata) is dropped; nothing else has any. */
int hm_pickle_build(struct hm_pickle_machine *m)
{
	if (!hm_pickle_pop(m))
		return HM_EDATA;
	return hm_pickle_is(hm_pickle_peek(m, 0), HM_PICKLE_DICT)
		       ? 0
		       : hm_pickle_bad(m, "BUILD on what is no OrderedDict");
}
