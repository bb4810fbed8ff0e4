/* Objects: what persistent ids, the few globals that are known and BUILD make of their arguments. See
 * pickle.h; torch/_utils.py, torch/_tensor.py and torch/serialization.py are the source. */
#include "weights/pickleparts.h"

#include <string.h>

#define NAMES_CAP ((size_t)1 << 20)

static const struct {
	const char *module, *name;
	int which;
	int more; /* bytes of an element of HM_PICKLE_OTHER_STORAGE; the dtype of HM_PICKLE_DTYPE */
} globals[] = {
	{"collections", "OrderedDict", HM_PICKLE_NEW_DICT, 0},
	{"collections", "defaultdict", HM_PICKLE_NEW_DEFAULTDICT, 0},
	{"builtins", "dict", HM_PICKLE_NEW_DICT, 0},
	{"__builtin__", "dict", HM_PICKLE_NEW_DICT, 0},
	{"torch._utils", "_rebuild_tensor", HM_PICKLE_REBUILD_TENSOR, 0},
	{"torch._utils", "_rebuild_tensor_v2", HM_PICKLE_REBUILD_TENSOR_V2, 0},
	{"torch._utils", "_rebuild_tensor_v3", HM_PICKLE_REBUILD_TENSOR_V3, 0},
	{"torch._utils", "_rebuild_parameter", HM_PICKLE_REBUILD_PARAMETER, 0},
	{"torch._utils", "_rebuild_parameter_with_state", HM_PICKLE_REBUILD_PARAMETER_WITH_STATE, 0},
	{"torch._tensor", "_rebuild_from_type_v2", HM_PICKLE_REBUILD_FROM_TYPE, 0},
	{"torch", "Tensor", HM_PICKLE_TENSOR_TYPE, 0},
	{"torch.nn.parameter", "Parameter", HM_PICKLE_TENSOR_TYPE, 0},
	{"torch.nn.parameter", "Buffer", HM_PICKLE_TENSOR_TYPE, 0},
	{"torch", "FloatStorage", HM_F32, 0},
	{"torch", "DoubleStorage", HM_F64, 0},
	{"torch", "HalfStorage", HM_F16, 0},
	{"torch", "BFloat16Storage", HM_BF16, 0},
	{"torch", "LongStorage", HM_I64, 0},
	{"torch", "IntStorage", HM_I32, 0},
	{"torch", "ShortStorage", HM_I16, 0},
	{"torch", "CharStorage", HM_I8, 0},
	{"torch", "ByteStorage", HM_U8, 0},
	{"torch", "BoolStorage", HM_BOOL, 0},
	{"torch", "UntypedStorage", HM_PICKLE_OTHER_STORAGE, 1},
	{"torch.storage", "UntypedStorage", HM_PICKLE_OTHER_STORAGE, 1},
	{"torch", "ComplexFloatStorage", HM_PICKLE_OTHER_STORAGE, 8},
	{"torch", "ComplexDoubleStorage", HM_PICKLE_OTHER_STORAGE, 16},
	{"torch", "QInt8Storage", HM_PICKLE_OTHER_STORAGE, 1},
	{"torch", "QUInt8Storage", HM_PICKLE_OTHER_STORAGE, 1},
	{"torch", "QUInt4x2Storage", HM_PICKLE_OTHER_STORAGE, 1},
	{"torch", "QUInt2x4Storage", HM_PICKLE_OTHER_STORAGE, 1},
	{"torch", "QInt32Storage", HM_PICKLE_OTHER_STORAGE, 4},
	{"torch", "float32", HM_PICKLE_DTYPE, HM_F32},
	{"torch", "float64", HM_PICKLE_DTYPE, HM_F64},
	{"torch", "float16", HM_PICKLE_DTYPE, HM_F16},
	{"torch", "bfloat16", HM_PICKLE_DTYPE, HM_BF16},
	{"torch", "int64", HM_PICKLE_DTYPE, HM_I64},
	{"torch", "int32", HM_PICKLE_DTYPE, HM_I32},
	{"torch", "int16", HM_PICKLE_DTYPE, HM_I16},
	{"torch", "int8", HM_PICKLE_DTYPE, HM_I8},
	{"torch", "uint64", HM_PICKLE_DTYPE, HM_U64},
	{"torch", "uint32", HM_PICKLE_DTYPE, HM_U32},
	{"torch", "uint16", HM_PICKLE_DTYPE, HM_U16},
	{"torch", "uint8", HM_PICKLE_DTYPE, HM_U8},
	{"torch", "bool", HM_PICKLE_DTYPE, HM_BOOL},
};

static bool is_name(const char *s, size_t n, const char *name)
{
	return strlen(name) == n && !memcmp(s, name, n);
}

/* v's name; "?" once all names have 1 MiB, since one text of a pickle can become many names. */
static int name_global(struct hm_pickle_machine *m, val *v, const char *module, size_t n, const char *name,
		       size_t k)
{
	v->s = "?";
	v->n = 1;
	if (n > NAMES_CAP || k > NAMES_CAP || n + 1 + k > NAMES_CAP - m->names)
		return 0;
	char *text = hm_arena_get(m->arena, n + 1 + k, m->e);
	if (!text)
		return HM_EDATA;
	memcpy(text, module, n);
	text[n] = '.';
	memcpy(text + n + 1, name, k);
	v->s = text;
	v->n = n + 1 + k;
	m->names += v->n;
	return 0;
}

static bool is_script(const char *module, size_t n)
{
	return n >= 9 && !memcmp(module, "__torch__", 9) && (n == 9 || module[9] == '.');
}

int hm_pickle_global(struct hm_pickle_machine *m, const char *module, size_t n, const char *name, size_t k)
{
	val *v = hm_pickle_make(m, HM_PICKLE_GLOBAL);
	if (!v || name_global(m, v, module, n, name, k))
		return HM_EDATA;
	v->i = is_script(module, n) ? HM_PICKLE_SCRIPT_CLASS : HM_PICKLE_UNKNOWN;
	for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
		if (is_name(module, n, globals[i].module) && is_name(name, k, globals[i].name)) {
			v->i = globals[i].which;
			v->dtype = (enum hm_dtype)globals[i].more;
		}
	return hm_pickle_push(m, v);
}

static bool is_global(const val *v, int which)
{
	return hm_pickle_is(v, HM_PICKLE_GLOBAL) && v->i == which;
}

static val *item(const val *t, size_t i)
{
	struct hm_pickle_item *k = t->first;
	while (k && i--)
		k = k->next;
	return k ? k->val : NULL;
}

/* An OBJECT in place of a tensor that is not read, with the name of what makes it so. */
static val *unread_tensor(struct hm_pickle_machine *m, const val *because)
{
	val *o = hm_pickle_object(m, because->s, because->n);
	if (o)
		o->tensor = true;
	return o;
}

/* ---- storages ---- */

static int push_storage(struct hm_pickle_machine *m, val *type, val *key, val *count)
{
	val *s = hm_pickle_make(m, HM_PICKLE_STORAGE);
	if (!s)
		return HM_EDATA;
	s->dtype = HM_DTYPES;
	if (type->i < HM_DTYPES) {
		s->dtype = (enum hm_dtype)type->i;
		s->n = hm_dtype_size(s->dtype);
	} else if (type->i == HM_PICKLE_OTHER_STORAGE) {
		s->n = (size_t)type->dtype;
	}
	s->i = count->i;
	s->key = key;
	s->type = type;
	if (m->storages && hm_buf_add(m->storages, &s, sizeof s, m->e))
		return HM_EDATA;
	return hm_pickle_push(m, s);
}

/* BINPERSID: ("storage", type, key, location, elements[, None]) becomes a STORAGE; ("module", class, …),
 * which old files have before a whole network, its class. */
int hm_pickle_persistent(struct hm_pickle_machine *m)
{
	val *t = hm_pickle_pop(m);
	if (!t)
		return HM_EDATA;
	val *tag = hm_pickle_is(t, HM_PICKLE_TUPLE) ? item(t, 0) : NULL, *type = tag ? item(t, 1) : NULL;
	val *key = tag ? item(t, 2) : NULL, *count = tag ? item(t, 4) : NULL, *view = tag ? item(t, 5) : NULL;
	if (hm_pickle_is_text(tag, "module", 6) && hm_pickle_is(type, HM_PICKLE_GLOBAL))
		return hm_pickle_push(m, type);
	if (!hm_pickle_is_text(tag, "storage", 7))
		return hm_pickle_bad(m, "a persistent id that is not a storage");
	if (t->n > 6 || !hm_pickle_is(type, HM_PICKLE_GLOBAL) ||
	    (type->i > HM_PICKLE_OTHER_STORAGE && type->i != HM_PICKLE_UNKNOWN) ||
	    !hm_pickle_is(key, HM_PICKLE_STR) || !hm_pickle_is(count, HM_PICKLE_INT) || count->i < 0)
		return hm_pickle_bad(m, "a storage that is not (\"storage\", type, key, location, elements)");
	if (view && !hm_pickle_is(view, HM_PICKLE_NONE))
		return hm_pickle_bad(m, "a storage that is a view of another");
	return push_storage(m, type, key, count);
}

/* ---- tensors ---- */

/* _rebuild_tensor(storage, offset, size, stride); _v2 with (…, requires_grad, hooks[, metadata]); _v3 with
 * (…, requires_grad, hooks, dtype[, metadata]). Metadata are bits that change the values (negative,
 * conjugate). */
static val *rebuild_tensor(struct hm_pickle_machine *m, const val *f, const val *args)
{
	size_t least = f->i == HM_PICKLE_REBUILD_TENSOR ? 4 : f->i == HM_PICKLE_REBUILD_TENSOR_V2 ? 6 : 7;
	val *storage = item(args, 0), *offset = item(args, 1), *size = item(args, 2), *stride = item(args, 3);
	val *dtype = least == 7 ? item(args, 6) : NULL, *meta = least > 4 ? item(args, least) : NULL;
	if (args->n < least || args->n > least + (least > 4) || !hm_pickle_is(offset, HM_PICKLE_INT) ||
	    (!hm_pickle_is(storage, HM_PICKLE_STORAGE) && !hm_pickle_is(storage, HM_PICKLE_OBJECT)) ||
	    !hm_pickle_is(size, HM_PICKLE_TUPLE) || !hm_pickle_is(stride, HM_PICKLE_TUPLE) ||
	    (least == 7 && !hm_pickle_is(dtype, HM_PICKLE_GLOBAL))) {
		hm_pickle_bad(m, "a tensor that is not made of (storage, offset, size, stride)");
		return NULL;
	}
	if (storage->kind == HM_PICKLE_OBJECT)
		return unread_tensor(m, storage);
	if (dtype && !is_global(dtype, HM_PICKLE_DTYPE))
		return unread_tensor(m, dtype);
	if (!dtype && storage->dtype == HM_DTYPES)
		return unread_tensor(m, storage->type);
	if ((hm_pickle_is(meta, HM_PICKLE_DICT) && meta->n) || hm_pickle_is(meta, HM_PICKLE_OBJECT))
		return unread_tensor(m, f);
	val *t = hm_pickle_make(m, HM_PICKLE_TENSOR);
	if (t) {
		t->dtype = dtype ? dtype->dtype : storage->dtype;
		t->i = offset->i;
		t->storage = storage;
		t->size = size;
		t->stride = stride;
	}
	return t;
}

static val *call(struct hm_pickle_machine *m, const val *f, const val *args);

/* _rebuild_parameter(tensor, requires_grad, hooks), with_state (…, state): the tensor. */
static val *rebuild_parameter(struct hm_pickle_machine *m, const val *f, const val *args)
{
	val *t = item(args, 0);
	size_t want = f->i == HM_PICKLE_REBUILD_PARAMETER ? 3 : 4;
	if (args->n == want && (hm_pickle_is(t, HM_PICKLE_TENSOR) || hm_pickle_is(t, HM_PICKLE_OBJECT)))
		return t->kind == HM_PICKLE_TENSOR ? t : unread_tensor(m, t);
	hm_pickle_bad(m, "a parameter that is not made of a tensor");
	return NULL;
}

/* _rebuild_from_type_v2(function, type, args, state): function(args), when it is a plain tensor. */
static val *rebuild_from_type(struct hm_pickle_machine *m, const val *f, const val *args)
{
	val *function = item(args, 0), *type = item(args, 1), *inner = item(args, 2);
	if (args->n != 4 || !hm_pickle_is(inner, HM_PICKLE_TUPLE)) {
		hm_pickle_bad(m, "a tensor that is not made of (function, type, arguments, state)");
		return NULL;
	}
	if (!hm_pickle_is(function, HM_PICKLE_GLOBAL) || function->i < HM_PICKLE_REBUILD_TENSOR ||
	    function->i > HM_PICKLE_REBUILD_PARAMETER_WITH_STATE)
		return unread_tensor(m, hm_pickle_is(function, HM_PICKLE_GLOBAL) ? function : f);
	if (!is_global(type, HM_PICKLE_TENSOR_TYPE))
		return unread_tensor(m, hm_pickle_is(type, HM_PICKLE_GLOBAL) ? type : f);
	return call(m, function, inner);
}

/* ---- everything else ---- */

/* dict() or OrderedDict(); the latter also of [[key, value], …], as Python 2 wrote it. */
static val *new_dict(struct hm_pickle_machine *m, const val *args)
{
	val *d = hm_pickle_make(m, HM_PICKLE_DICT), *list = item(args, 0);
	if (!d || !args->n)
		return d;
	if (args->n > 1 || !hm_pickle_is(list, HM_PICKLE_LIST)) {
		hm_pickle_bad(m, "an OrderedDict of something other than a list");
		return NULL;
	}
	for (const struct hm_pickle_item *k = list->first; k; k = k->next) {
		val *pair = k->val;
		if ((!hm_pickle_is(pair, HM_PICKLE_LIST) && !hm_pickle_is(pair, HM_PICKLE_TUPLE)) ||
		    pair->n != 2) {
			hm_pickle_bad(m, "an OrderedDict of something other than pairs");
			return NULL;
		}
		if (hm_pickle_append(m, d, pair->first->val, pair->last->val))
			return NULL;
	}
	return d;
}

/* What a call of something unknown stands for: an OBJECT called by its class, as far as that can be seen. */
static val *unknown_call(struct hm_pickle_machine *m, const val *f, const val *args)
{
	static const char tensor[] = "torch._utils._rebuild_", tensor2[] = "torch._tensor._rebuild_";
	const val *type = item(args, 0);
	if ((f->n >= sizeof tensor && !memcmp(f->s, tensor, sizeof tensor - 1)) ||
	    (f->n >= sizeof tensor2 && !memcmp(f->s, tensor2, sizeof tensor2 - 1)))
		return unread_tensor(m, f);
	bool of_class = is_name(f->s, f->n, "copyreg._reconstructor") ||
			is_name(f->s, f->n, "copy_reg._reconstructor");
	if (of_class && hm_pickle_is(type, HM_PICKLE_GLOBAL))
		f = type;
	return hm_pickle_object(m, f->s, f->n);
}

/* f(args), of a GLOBAL or an OBJECT; NULL with the error set. */
static val *call(struct hm_pickle_machine *m, const val *f, const val *args)
{
	if (f->kind == HM_PICKLE_OBJECT)
		return hm_pickle_object(m, f->s, f->n);
	switch (f->i) {
	case HM_PICKLE_NEW_DICT:
		return new_dict(m, args);
	case HM_PICKLE_NEW_DEFAULTDICT:
		return hm_pickle_make(m, HM_PICKLE_DICT);
	case HM_PICKLE_REBUILD_TENSOR:
	case HM_PICKLE_REBUILD_TENSOR_V2:
	case HM_PICKLE_REBUILD_TENSOR_V3:
		return rebuild_tensor(m, f, args);
	case HM_PICKLE_REBUILD_PARAMETER:
	case HM_PICKLE_REBUILD_PARAMETER_WITH_STATE:
		return rebuild_parameter(m, f, args);
	case HM_PICKLE_REBUILD_FROM_TYPE:
		return rebuild_from_type(m, f, args);
	default:
		return unknown_call(m, f, args);
	}
}

int hm_pickle_reduce(struct hm_pickle_machine *m)
{
	val *args = hm_pickle_pop(m), *f = args ? hm_pickle_pop(m) : NULL;
	if (!f)
		return HM_EDATA;
	if ((f->kind != HM_PICKLE_GLOBAL && f->kind != HM_PICKLE_OBJECT) || args->kind != HM_PICKLE_TUPLE)
		return hm_pickle_bad(m, "REDUCE of something other than a global and a tuple");
	return hm_pickle_push(m, call(m, f, args));
}

int hm_pickle_new(struct hm_pickle_machine *m, size_t extra)
{
	const val *args = hm_pickle_peek(m, 0), *class = hm_pickle_peek(m, 1);
	if (!extra && is_global(class, HM_PICKLE_SCRIPT_CLASS) && hm_pickle_is(args, HM_PICKLE_TUPLE) &&
	    !args->n) {
		val *module = hm_pickle_make(m, HM_PICKLE_DICT);
		if (!module || hm_pickle_drop(m) || hm_pickle_drop(m))
			return HM_EDATA;
		module->module = true;
		return hm_pickle_push(m, module);
	}
	for (size_t i = 0; i < extra; i++)
		if (!hm_pickle_pop(m))
			return HM_EDATA;
	return hm_pickle_reduce(m);
}

/* BUILD: the attributes of a TorchScript object become its items. Any other state is dropped; that of a
 * state_dict is _metadata, which says nothing about its tensors. */
int hm_pickle_build(struct hm_pickle_machine *m)
{
	const val *state = hm_pickle_pop(m);
	if (!state)
		return HM_EDATA;
	val *top = hm_pickle_peek(m, 0);
	if (!hm_pickle_is(top, HM_PICKLE_DICT) && !hm_pickle_is(top, HM_PICKLE_OBJECT))
		return hm_pickle_bad(m, "BUILD on something that has no state");
	if (!top->module || state->kind != HM_PICKLE_DICT || state->module)
		return 0;
	for (const struct hm_pickle_item *k = state->first; k; k = k->next)
		if (hm_pickle_append(m, top, k->key, k->val))
			return HM_EDATA;
	return 0;
}
