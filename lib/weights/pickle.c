/* The interpreter's bytes and opcodes: see pickle.h. Python's Lib/pickletools.py describes every opcode:
 * https://docs.python.org/3/library/pickletools.html. */
#include "weights/pickleparts.h"
#include "json/json.h"

#include <string.h>

int hm_pickle_bad(struct hm_pickle_machine *m, const char *what)
{
	return hm_err_set(m->e, HM_EDATA, "pickle: %s at byte %zu", what, m->op);
}

bool hm_pickle_is_text(const struct hm_pickle_val *v, const char *s, size_t n)
{
	return hm_pickle_is(v, HM_PICKLE_STR) && v->n == n && !memcmp(v->s, s, n);
}

/* ---- arguments in the byte stream ---- */

static const unsigned char *take_bytes(struct hm_pickle_machine *m, uint64_t n)
{
	if (m->n - m->at < n) {
		hm_pickle_bad(m, m->n == HM_PICKLE_BYTES_CAP ? "the 64 MiB allowed are used up"
							     : "the data end inside an opcode");
		return NULL;
	}
	m->at += n;
	return m->p + m->at - n;
}

/* A little-endian number of 1 to 8 bytes. */
static int take_number(struct hm_pickle_machine *m, int bytes, uint64_t *out)
{
	const unsigned char *p = take_bytes(m, (uint64_t)bytes);
	*out = 0;
	for (int i = 0; p && i < bytes; i++)
		*out |= (uint64_t)p[i] << 8 * i;
	return p ? 0 : HM_EDATA;
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

/* ---- opcodes; `arg` is what the table below says of the opcode ---- */

static int push_constant(struct hm_pickle_machine *m, enum hm_pickle_kind kind, int64_t i)
{
	val *v = hm_pickle_make(m, kind);
	if (v)
		v->i = i;
	return hm_pickle_push(m, v);
}

static int do_proto(struct hm_pickle_machine *m, int arg)
{
	uint64_t version;
	if (take_number(m, arg, &version))
		return HM_EDATA;
	return version >= 2 && version <= 5 ? 0 : hm_pickle_bad(m, "a protocol other than 2 to 5");
}

/* The frame's length only helps a reader of streams. */
static int do_frame(struct hm_pickle_machine *m, int arg)
{
	uint64_t length;
	return take_number(m, arg, &length);
}

static int do_empty(struct hm_pickle_machine *m, int kind)
{
	return hm_pickle_push(m, hm_pickle_make(m, (enum hm_pickle_kind)kind));
}

static int do_bool(struct hm_pickle_machine *m, int truth)
{
	return push_constant(m, HM_PICKLE_BOOL, truth);
}

/* BININT is signed, BININT1 and BININT2 are not. */
static int do_int(struct hm_pickle_machine *m, int bytes)
{
	uint64_t u;
	return take_number(m, bytes, &u)
		       ? HM_EDATA
		       : push_constant(m, HM_PICKLE_INT, bytes == 4 ? (int32_t)u : (int64_t)u);
}

/* LONG1, LONG4: two's complement, little-endian; what does not fit 64 bits stays bytes. */
static int do_long(struct hm_pickle_machine *m, int length_bytes)
{
	uint64_t n;
	const unsigned char *p = take_number(m, length_bytes, &n) ? NULL : take_bytes(m, n);
	val *v = p ? hm_pickle_make(m, n > 8 ? HM_PICKLE_BIGINT : HM_PICKLE_INT) : NULL;
	if (!v)
		return HM_EDATA;
	v->s = (const char *)p;
	v->n = n;
	uint64_t u = n && p[n - 1] & 0x80 ? UINT64_MAX : 0;
	for (uint64_t i = n > 8 ? 0 : n; i-- > 0;)
		u = u << 8 | p[i];
	v->i = (int64_t)u;
	return hm_pickle_push(m, v);
}

static int do_float(struct hm_pickle_machine *m, int bytes)
{
	const unsigned char *p = take_bytes(m, (uint64_t)bytes);
	val *v = p ? hm_pickle_make(m, HM_PICKLE_FLOAT) : NULL;
	uint64_t u = 0;
	for (int i = 0; v && i < bytes; i++)
		u = u << 8 | p[i];
	if (v)
		memcpy(&v->f, &u, sizeof v->f);
	return hm_pickle_push(m, v);
}

/* A text that is not UTF-8 or holds a NUL is an OBJECT: nothing that a tensor needs. */
static int do_text(struct hm_pickle_machine *m, int length_bytes)
{
	uint64_t n;
	const char *s = take_number(m, length_bytes, &n) ? NULL : (const char *)take_bytes(m, n);
	if (!s)
		return HM_EDATA;
	if (memchr(s, 0, n) || hm_utf8_check(s, n) != n)
		return hm_pickle_push(m, hm_pickle_object(m, "str", 3));
	val *v = hm_pickle_make(m, HM_PICKLE_STR);
	if (v) {
		v->s = s;
		v->n = n;
	}
	return hm_pickle_push(m, v);
}

static int do_bytes(struct hm_pickle_machine *m, int length_bytes)
{
	uint64_t n;
	if (take_number(m, length_bytes, &n) || !take_bytes(m, n))
		return HM_EDATA;
	return hm_pickle_push(m, hm_pickle_object(m, "bytes", 5));
}

static int do_global(struct hm_pickle_machine *m, int arg)
{
	size_t n, k;
	const char *module = take_line(m, &n), *name = module ? take_line(m, &k) : NULL;
	(void)arg;
	return name ? hm_pickle_global(m, module, n, name, k) : HM_EDATA;
}

static int do_stack_global(struct hm_pickle_machine *m, int arg)
{
	const val *name = hm_pickle_pop(m), *module = name ? hm_pickle_pop(m) : NULL;
	(void)arg;
	if (!module)
		return HM_EDATA;
	if (!hm_pickle_is(name, HM_PICKLE_STR) || !hm_pickle_is(module, HM_PICKLE_STR))
		return hm_pickle_bad(m, "a global whose name is not a text");
	return hm_pickle_global(m, module->s, module->n, name->s, name->n);
}

static int do_put(struct hm_pickle_machine *m, int bytes)
{
	uint64_t i = m->memo.len / sizeof(val *); /* MEMOIZE: the next one */
	return bytes && take_number(m, bytes, &i) ? HM_EDATA : hm_pickle_memo_put(m, i);
}

static int do_get(struct hm_pickle_machine *m, int bytes)
{
	uint64_t i;
	return take_number(m, bytes, &i) ? HM_EDATA : hm_pickle_memo_get(m, i);
}

static int do_tuple(struct hm_pickle_machine *m, int count)
{
	return count ? hm_pickle_tuple(m, (size_t)count) : hm_pickle_tuple_from_mark(m);
}

static int do_fill(struct hm_pickle_machine *m, int kind)
{
	return hm_pickle_fill_from_mark(m, (enum hm_pickle_kind)kind);
}

static int do_fill_one(struct hm_pickle_machine *m, int kind)
{
	return hm_pickle_fill_one(m, (enum hm_pickle_kind)kind);
}

static int do_pop(struct hm_pickle_machine *m, int to_mark)
{
	return to_mark ? hm_pickle_drop_to_mark(m) : hm_pickle_drop(m);
}

static int do_set(struct hm_pickle_machine *m, int frozen)
{
	return frozen ? hm_pickle_object_from_mark(m, "frozenset")
		      : hm_pickle_push(m, hm_pickle_object(m, "set", 3));
}

static int do_call(struct hm_pickle_machine *m, int opcode)
{
	return opcode == 'Q'   ? hm_pickle_persistent(m)
	       : opcode == 'R' ? hm_pickle_reduce(m)
	       : opcode == 'b' ? hm_pickle_build(m)
			       : hm_pickle_new(m, opcode == 0x92);
}

/* Every opcode that there is. Those without a function are of protocols 0 and 1, or fetch what is not in the
 * file; torch.save writes none of them. */
static const struct {
	const char *name;
	int (*run)(struct hm_pickle_machine *m, int arg);
	int arg;
} opcodes[256] = {
	['('] = {"MARK", do_empty, HM_PICKLE_MARK},
	['.'] = {"STOP", NULL, 0}, /* ends hm_pickle_run's loop */
	['0'] = {"POP", do_pop, 0},
	['1'] = {"POP_MARK", do_pop, 1},
	['2'] = {"DUP", NULL, 0},
	['F'] = {"FLOAT", NULL, 0},
	['I'] = {"INT", NULL, 0},
	['J'] = {"BININT", do_int, 4},
	['K'] = {"BININT1", do_int, 1},
	['L'] = {"LONG", NULL, 0},
	['M'] = {"BININT2", do_int, 2},
	['N'] = {"NONE", do_empty, HM_PICKLE_NONE},
	['P'] = {"PERSID", NULL, 0},
	['Q'] = {"BINPERSID", do_call, 'Q'},
	['R'] = {"REDUCE", do_call, 'R'},
	['S'] = {"STRING", NULL, 0},
	['T'] = {"BINSTRING", do_text, 4},
	['U'] = {"SHORT_BINSTRING", do_text, 1},
	['V'] = {"UNICODE", NULL, 0},
	['X'] = {"BINUNICODE", do_text, 4},
	['a'] = {"APPEND", do_fill_one, HM_PICKLE_LIST},
	['b'] = {"BUILD", do_call, 'b'},
	['c'] = {"GLOBAL", do_global, 0},
	['d'] = {"DICT", NULL, 0},
	['}'] = {"EMPTY_DICT", do_empty, HM_PICKLE_DICT},
	['e'] = {"APPENDS", do_fill, HM_PICKLE_LIST},
	['g'] = {"GET", NULL, 0},
	['h'] = {"BINGET", do_get, 1},
	['i'] = {"INST", NULL, 0},
	['j'] = {"LONG_BINGET", do_get, 4},
	['l'] = {"LIST", NULL, 0},
	[']'] = {"EMPTY_LIST", do_empty, HM_PICKLE_LIST},
	['o'] = {"OBJ", NULL, 0},
	['p'] = {"PUT", NULL, 0},
	['q'] = {"BINPUT", do_put, 1},
	['r'] = {"LONG_BINPUT", do_put, 4},
	['s'] = {"SETITEM", do_fill_one, HM_PICKLE_DICT},
	['t'] = {"TUPLE", do_tuple, 0},
	[')'] = {"EMPTY_TUPLE", do_empty, HM_PICKLE_TUPLE},
	['u'] = {"SETITEMS", do_fill, HM_PICKLE_DICT},
	['G'] = {"BINFLOAT", do_float, 8},
	['B'] = {"BINBYTES", do_bytes, 4},
	['C'] = {"SHORT_BINBYTES", do_bytes, 1},
	[0x80] = {"PROTO", do_proto, 1},
	[0x81] = {"NEWOBJ", do_call, 0x81},
	[0x82] = {"EXT1", NULL, 0},
	[0x83] = {"EXT2", NULL, 0},
	[0x84] = {"EXT4", NULL, 0},
	[0x85] = {"TUPLE1", do_tuple, 1},
	[0x86] = {"TUPLE2", do_tuple, 2},
	[0x87] = {"TUPLE3", do_tuple, 3},
	[0x88] = {"NEWTRUE", do_bool, 1},
	[0x89] = {"NEWFALSE", do_bool, 0},
	[0x8a] = {"LONG1", do_long, 1},
	[0x8b] = {"LONG4", do_long, 4},
	[0x8c] = {"SHORT_BINUNICODE", do_text, 1},
	[0x8d] = {"BINUNICODE8", do_text, 8},
	[0x8e] = {"BINBYTES8", do_bytes, 8},
	[0x8f] = {"EMPTY_SET", do_set, 0},
	[0x90] = {"ADDITEMS", do_fill, HM_PICKLE_OBJECT},
	[0x91] = {"FROZENSET", do_set, 1},
	[0x92] = {"NEWOBJ_EX", do_call, 0x92},
	[0x93] = {"STACK_GLOBAL", do_stack_global, 0},
	[0x94] = {"MEMOIZE", do_put, 0},
	[0x95] = {"FRAME", do_frame, 8},
	[0x96] = {"BYTEARRAY8", do_bytes, 8},
	[0x97] = {"NEXT_BUFFER", NULL, 0},
	[0x98] = {"READONLY_BUFFER", NULL, 0},
};

/* One opcode. 1 at STOP. */
static int run_opcode(struct hm_pickle_machine *m)
{
	m->op = m->at;
	const unsigned char *code = take_bytes(m, 1);
	if (!code)
		return HM_EDATA;
	if (*code == '.')
		return 1;
	if (opcodes[*code].run)
		return opcodes[*code].run(m, opcodes[*code].arg);
	const char *name = opcodes[*code].name;
	return hm_err_set(m->e, HM_EDATA, "pickle: the opcode 0x%02x%s%s at byte %zu is not allowed", *code,
			  name ? " " : "", name ? name : "", m->op);
}

int hm_pickle_run(const unsigned char *p, size_t n, struct hm_arena *a, struct hm_pickle_val **out,
		  size_t *used, struct hm_buf *storages, struct hm_err *e)
{
	struct hm_pickle_machine m = {.p = p, .arena = a, .storages = storages, .e = e};
	int rc = 0;
	m.n = n < HM_PICKLE_BYTES_CAP ? n : HM_PICKLE_BYTES_CAP;
	*out = NULL;
	while (!rc)
		rc = run_opcode(&m);
	val *top = rc == 1 ? hm_pickle_pop(&m) : NULL;
	if (top && hm_pickle_depth(&m))
		hm_pickle_bad(&m, "values are left on the stack");
	else
		*out = top;
	*used = m.at;
	hm_buf_clear(&m.stack);
	hm_buf_clear(&m.memo);
	return *out ? 0 : HM_EDATA;
}

struct hm_pickle_val *hm_pickle_get(const struct hm_pickle_val *v, const char *key)
{
	struct hm_pickle_val *found = NULL;
	if (!hm_pickle_is(v, HM_PICKLE_DICT))
		return NULL;
	for (const struct hm_pickle_item *k = v->first; k; k = k->next)
		if (hm_pickle_is_text(k->key, key, strlen(key)))
			found = k->val;
	return found;
}
