/* The interpreter: see pickle.h; objects are pickleobj.c's. Protocol 2 as torch.save writes it:
 * https://docs.python.org/3/library/pickletools.html names the opcodes, torch/_utils.py and
 * torch/serialization.py the globals. */
#include "weights/pickleparts.h"
#include "json/json.h"

#include <string.h>

#define PICKLE_CAP ((size_t)1 << 20)

static const struct {
	const char *module, *name;
	int which;
} globals[] = {
	{"collections", "OrderedDict", HM_PICKLE_ORDERED_DICT},
	{"torch._utils", "_rebuild_tensor", HM_PICKLE_REBUILD_TENSOR},
	{"torch._utils", "_rebuild_tensor_v2", HM_PICKLE_REBUILD_TENSOR_V2},
	{"torch._utils", "_rebuild_parameter", HM_PICKLE_REBUILD_PARAMETER},
	{"torch", "FloatStorage", HM_F32},
	{"torch", "DoubleStorage", HM_F64},
	{"torch", "HalfStorage", HM_F16},
	{"torch", "BFloat16Storage", HM_BF16},
	{"torch", "LongStorage", HM_I64},
	{"torch", "IntStorage", HM_I32},
	{"torch", "ShortStorage", HM_I16},
	{"torch", "CharStorage", HM_I8},
	{"torch", "ByteStorage", HM_U8},
	{"torch", "BoolStorage", HM_BOOL},
};

int hm_pickle_bad(struct hm_pickle_machine *m, const char *what)
{
	return hm_err_set(m->e, HM_EDATA, "pickle: %s at byte %zu", what, m->op);
}

val *hm_pickle_make(struct hm_pickle_machine *m, enum hm_pickle_kind kind)
{
	val *v = hm_arena_get(m->arena, sizeof *v, m->e);
	if (v)
		*v = (val){.kind = kind};
	return v;
}

/* ---- the stack ---- */

int hm_pickle_push(struct hm_pickle_machine *m, val *v)
{
	return v ? hm_buf_add(&m->stack, &v, sizeof v, m->e) : HM_EDATA;
}

static size_t depth(const struct hm_pickle_machine *m)
{
	return m->stack.len / sizeof(val *);
}

val *hm_pickle_peek(const struct hm_pickle_machine *m, size_t from_top)
{
	return depth(m) > from_top ? ((val **)m->stack.data)[depth(m) - 1 - from_top] : NULL;
}

/* The top value; NULL, with the error set, when there is none or a mark. */
val *hm_pickle_pop(struct hm_pickle_machine *m)
{
	val *v = hm_pickle_peek(m, 0);
	if (!v || v->kind == HM_PICKLE_MARK) {
		hm_pickle_bad(m, "the stack is empty");
		return NULL;
	}
	m->stack.len -= sizeof v;
	return v;
}

/* Index of the first value above the topmost mark, which goes away with what is above it; 0 with the error
 * set. */
static size_t above_mark(struct hm_pickle_machine *m)
{
	for (size_t i = depth(m); i-- > 0;)
		if (((val **)m->stack.data)[i]->kind == HM_PICKLE_MARK)
			return i + 1;
	hm_pickle_bad(m, "no mark on the stack");
	return 0;
}

int hm_pickle_append(struct hm_pickle_machine *m, val *to, val *key, val *item)
{
	if (m->items++ > 2 * m->n) /* one list made into dicts again and again */
		return hm_pickle_bad(m, "more items than its bytes can hold");
	struct hm_pickle_item *i = hm_arena_get(m->arena, sizeof *i, m->e);
	if (!i)
		return HM_EDATA;
	*i = (struct hm_pickle_item){key, item, NULL};
	if (to->last)
		to->last->next = i;
	else
		to->first = i;
	to->last = i;
	to->n++;
	return 0;
}

/* A tuple of the values from stack index `from` on, which are popped down to index `down`. */
static int make_tuple(struct hm_pickle_machine *m, size_t from, size_t down)
{
	val *t = hm_pickle_make(m, HM_PICKLE_TUPLE);
	for (size_t i = from; t && i < depth(m); i++)
		if (hm_pickle_append(m, t, NULL, ((val **)m->stack.data)[i]))
			return HM_EDATA;
	m->stack.len = down * sizeof(val *);
	return hm_pickle_push(m, t);
}

static int make_short_tuple(struct hm_pickle_machine *m, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!hm_pickle_peek(m, i) || hm_pickle_peek(m, i)->kind == HM_PICKLE_MARK)
			return hm_pickle_bad(m, "the stack is empty");
	return make_tuple(m, depth(m) - count, depth(m) - count);
}

/* APPENDS, SETITEMS: everything above the mark goes into the container below it. */
static int fill(struct hm_pickle_machine *m, enum hm_pickle_kind kind)
{
	size_t from = above_mark(m);
	if (!from)
		return HM_EDATA;
	val **s = (val **)m->stack.data, *to = from >= 2 ? s[from - 2] : NULL;
	size_t step = kind == HM_PICKLE_DICT ? 2 : 1;
	if (!to || to->kind != kind || (depth(m) - from) % step)
		return hm_pickle_bad(m, kind == HM_PICKLE_DICT ? "items set on what is no dict"
							       : "items appended to what is no list");
	for (size_t i = from; i < depth(m); i += step)
		if (hm_pickle_append(m, to, step == 2 ? s[i] : NULL, s[i + step - 1]))
			return HM_EDATA;
	m->stack.len = (from - 1) * sizeof(val *);
	return 0;
}

static int fill_one(struct hm_pickle_machine *m, enum hm_pickle_kind kind)
{
	val *item = hm_pickle_pop(m), *key = kind == HM_PICKLE_DICT && item ? hm_pickle_pop(m) : NULL,
	    *to = hm_pickle_peek(m, 0);
	if (!item || (kind == HM_PICKLE_DICT && !key))
		return HM_EDATA;
	if (!to || to->kind != kind)
		return hm_pickle_bad(m, kind == HM_PICKLE_DICT ? "an item set on what is no dict"
							       : "an item appended to what is no list");
	return hm_pickle_append(m, to, key, item);
}

/* ---- arguments in the byte stream ---- */

static const unsigned char *take(struct hm_pickle_machine *m, size_t n)
{
	if (m->n - m->at < n) {
		hm_pickle_bad(m, m->n == PICKLE_CAP ? "the 1 MiB allowed are used up"
						    : "the data end inside an opcode");
		return NULL;
	}
	m->at += n;
	return m->p + m->at - n;
}

static int take_u32(struct hm_pickle_machine *m, size_t bytes, uint32_t *out)
{
	const unsigned char *p = take(m, bytes);
	*out = 0;
	for (size_t i = 0; p && i < bytes; i++)
		*out |= (uint32_t)p[i] << 8 * i;
	return p ? 0 : HM_EDATA;
}

static int push_int(struct hm_pickle_machine *m, enum hm_pickle_kind kind, int64_t i)
{
	val *v = hm_pickle_make(m, kind);
	if (v)
		v->i = i;
	return hm_pickle_push(m, v);
}

static int push_number(struct hm_pickle_machine *m, size_t bytes)
{
	uint32_t u;
	return take_u32(m, bytes, &u) ? HM_EDATA
				      : push_int(m, HM_PICKLE_INT, bytes == 4 ? (int32_t)u : (int64_t)u);
}

static int push_text(struct hm_pickle_machine *m, size_t length_bytes)
{
	uint32_t n;
	if (take_u32(m, length_bytes, &n))
		return HM_EDATA;
	const char *s = (const char *)take(m, n);
	if (!s)
		return HM_EDATA;
	if (memchr(s, 0, n) || hm_utf8_check(s, n) != n)
		return hm_pickle_bad(m, "a text that is not UTF-8 or holds a NUL");
	val *v = hm_pickle_make(m, HM_PICKLE_STR);
	if (v) {
		v->s = s;
		v->n = n;
	}
	return hm_pickle_push(m, v);
}

/* LONG1: two's complement, little-endian; what does not fit 64 bits stays bytes. */
static int push_long(struct hm_pickle_machine *m)
{
	uint32_t n;
	const unsigned char *p = take_u32(m, 1, &n) ? NULL : take(m, n);
	if (!p)
		return HM_EDATA;
	val *v = hm_pickle_make(m, n > 8 ? HM_PICKLE_BIGINT : HM_PICKLE_INT);
	if (!v)
		return HM_EDATA;
	v->s = (const char *)p;
	v->n = n;
	uint64_t u = n && p[n - 1] & 0x80 ? UINT64_MAX : 0;
	for (uint32_t i = n > 8 ? 0 : n; i-- > 0;)
		u = u << 8 | p[i];
	v->i = (int64_t)u;
	return hm_pickle_push(m, v);
}

static int push_float(struct hm_pickle_machine *m)
{
	const unsigned char *p = take(m, 8);
	val *v = p ? hm_pickle_make(m, HM_PICKLE_FLOAT) : NULL;
	uint64_t u = 0;
	for (int i = 0; v && i < 8; i++)
		u = u << 8 | p[i];
	if (v)
		memcpy(&v->f, &u, sizeof v->f);
	return hm_pickle_push(m, v);
}

/* One line of GLOBAL: text up to a newline. */
static const char *take_line(struct hm_pickle_machine *m, size_t *n)
{
	const char *s = (const char *)m->p + m->at;
	const char *end = memchr(s, '\n', m->n - m->at);
	if (!end) {
		hm_pickle_bad(m, "the data end inside an opcode");
		return NULL;
	}
	*n = (size_t)(end - s);
	m->at += *n + 1;
	return s;
}

static int push_global(struct hm_pickle_machine *m)
{
	size_t n, k;
	const char *module = take_line(m, &n), *name = module ? take_line(m, &k) : NULL;
	if (!name)
		return HM_EDATA;
	for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
		if (strlen(globals[i].module) == n && !memcmp(module, globals[i].module, n) &&
		    strlen(globals[i].name) == k && !memcmp(name, globals[i].name, k))
			return push_int(m, HM_PICKLE_GLOBAL, globals[i].which);
	return hm_err_set(m->e, HM_EDATA, "pickle: the global \"%.*s.%.*s\" at byte %zu is not allowed",
			  n < 100 ? (int)n : 100, module, k < 100 ? (int)k : 100, name, m->op);
}

/* ---- the memo: indices come in order, as every pickler writes them ---- */

static int memo_put(struct hm_pickle_machine *m, size_t bytes)
{
	uint32_t i;
	val *v = hm_pickle_peek(m, 0);
	size_t count = m->memo.len / sizeof v;
	if (take_u32(m, bytes, &i))
		return HM_EDATA;
	if (!v || v->kind == HM_PICKLE_MARK || i > count + 1)
		return hm_pickle_bad(m, "a memo entry out of order");
	while (i >= m->memo.len / sizeof v) /* Python 2 counted from 1 */
		if (hm_buf_add(&m->memo, NULL, sizeof v, m->e))
			return HM_EDATA;
	((val **)m->memo.data)[i] = v;
	return 0;
}

static int memo_get(struct hm_pickle_machine *m, size_t bytes)
{
	uint32_t i;
	if (take_u32(m, bytes, &i))
		return HM_EDATA;
	val *v = i < m->memo.len / sizeof v ? ((val **)m->memo.data)[i] : NULL;
	return v ? hm_pickle_push(m, v) : hm_pickle_bad(m, "a memo entry that was never put");
}

static int tuple_from_mark(struct hm_pickle_machine *m)
{
	size_t from = above_mark(m);
	return from ? make_tuple(m, from, from - 1) : HM_EDATA;
}

/* One opcode. 1 at STOP. */
static int step(struct hm_pickle_machine *m)
{
	uint32_t version;
	m->op = m->at;
	const unsigned char *code = take(m, 1);
	switch (code ? *code : -1) {
	case -1:
		return HM_EDATA;
	case 0x80: /* PROTO */
		if (take_u32(m, 1, &version))
			return HM_EDATA;
		return version == 2 ? 0 : hm_pickle_bad(m, "a protocol other than 2");
	case 'c': /* GLOBAL */
		return push_global(m);
	case 'q': /* BINPUT */
		return memo_put(m, 1);
	case 'r': /* LONG_BINPUT */
		return memo_put(m, 4);
	case 'h': /* BINGET */
		return memo_get(m, 1);
	case 'j': /* LONG_BINGET */
		return memo_get(m, 4);
	case '(': /* MARK */
		return hm_pickle_push(m, hm_pickle_make(m, HM_PICKLE_MARK));
	case ')': /* EMPTY_TUPLE */
		return hm_pickle_push(m, hm_pickle_make(m, HM_PICKLE_TUPLE));
	case 't': /* TUPLE */
		return tuple_from_mark(m);
	case 0x85: /* TUPLE1 */
		return make_short_tuple(m, 1);
	case 0x86: /* TUPLE2 */
		return make_short_tuple(m, 2);
	case 0x87: /* TUPLE3 */
		return make_short_tuple(m, 3);
	case '}': /* EMPTY_DICT */
		return hm_pickle_push(m, hm_pickle_make(m, HM_PICKLE_DICT));
	case 's': /* SETITEM */
		return fill_one(m, HM_PICKLE_DICT);
	case 'u': /* SETITEMS */
		return fill(m, HM_PICKLE_DICT);
	case ']': /* EMPTY_LIST */
		return hm_pickle_push(m, hm_pickle_make(m, HM_PICKLE_LIST));
	case 'a': /* APPEND */
		return fill_one(m, HM_PICKLE_LIST);
	case 'e': /* APPENDS */
		return fill(m, HM_PICKLE_LIST);
	case 'X': /* BINUNICODE */
		return push_text(m, 4);
	case 'U': /* SHORT_BINSTRING */
		return push_text(m, 1);
	case 'J': /* BININT */
		return push_number(m, 4);
	case 'K': /* BININT1 */
		return push_number(m, 1);
	case 'M': /* BININT2 */
		return push_number(m, 2);
	case 0x8a: /* LONG1 */
		return push_long(m);
	case 'G': /* BINFLOAT */
		return push_float(m);
	case 0x88: /* NEWTRUE */
		return push_int(m, HM_PICKLE_BOOL, 1);
	case 0x89: /* NEWFALSE */
		return push_int(m, HM_PICKLE_BOOL, 0);
	case 'N': /* NONE */
		return hm_pickle_push(m, hm_pickle_make(m, HM_PICKLE_NONE));
	case 'Q': /* BINPERSID */
		return hm_pickle_persistent(m);
	case 'R': /* REDUCE */
		return hm_pickle_reduce(m);
	case 'b': /* BUILD */
		return hm_pickle_build(m);
	case '.': /* STOP */
		return 1;
	default:
		return hm_err_set(m->e, HM_EDATA, "pickle: the opcode 0x%02x at byte %zu is not allowed",
				  *code, m->op);
	}
}

int hm_pickle_run(const unsigned char *p, size_t n, struct hm_arena *a, struct hm_pickle_val **out,
		  size_t *used, struct hm_err *e)
{
	struct hm_pickle_machine m = {.p = p, .n = n < PICKLE_CAP ? n : PICKLE_CAP, .arena = a, .e = e};
	int rc = 0;
	*out = NULL;
	while (!rc)
		rc = step(&m);
	val *top = rc == 1 ? hm_pickle_pop(&m) : NULL;
	if (top)
		rc = depth(&m) ? hm_pickle_bad(&m, "values are left on the stack") : 0;
	if (top && !rc)
		*out = top;
	*used = m.at;
	hm_buf_clear(&m.stack);
	hm_buf_clear(&m.memo);
	return *out ? 0 : HM_EDATA;
}

struct hm_pickle_val *hm_pickle_get(const struct hm_pickle_val *v, const char *key)
{
	struct hm_pickle_val *found = NULL;
	for (const struct hm_pickle_item *k = hm_pickle_is(v, HM_PICKLE_DICT) ? v->first : NULL; k;
	     k = k->next)
		if (hm_pickle_is(k->key, HM_PICKLE_STR) && k->key->n == strlen(key) &&
		    !memcmp(k->key->s, key, k->key->n))
			found = k->val;
	return found;
}
