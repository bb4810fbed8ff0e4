/* The pickle machine's stack, containers and memo: see pickleparts.h. */
#include "weights/pickleparts.h"

#include <string.h>

enum { POOL = 256 }; /* values or items that are taken from the arena at once */

val *hm_pickle_make(struct hm_pickle_machine *m, enum hm_pickle_kind kind)
{
	if (m->made == HM_PICKLE_VALUES_CAP) {
		hm_pickle_bad(m, "more than 1048576 values");
		return NULL;
	}
	if (!m->spares) {
		m->spare = hm_arena_get(m->arena, POOL * sizeof *m->spare, m->e);
		if (!m->spare)
			return NULL;
		m->spares = POOL;
	}
	m->made++;
	m->spares--;
	*m->spare = (val){.kind = kind};
	return m->spare++;
}

val *hm_pickle_object(struct hm_pickle_machine *m, const char *s, size_t n)
{
	val *v = hm_pickle_make(m, HM_PICKLE_OBJECT);
	if (v) {
		v->s = s;
		v->n = n;
	}
	return v;
}

/* ---- the stack ---- */

size_t hm_pickle_depth(const struct hm_pickle_machine *m)
{
	return m->stack.len / sizeof(val *);
}

int hm_pickle_push(struct hm_pickle_machine *m, val *v)
{
	if (v && hm_pickle_depth(m) == HM_PICKLE_VALUES_CAP)
		return hm_pickle_bad(m, "more than 1048576 values on the stack");
	return v ? hm_buf_add(&m->stack, &v, sizeof v, m->e) : HM_EDATA;
}

val *hm_pickle_peek(const struct hm_pickle_machine *m, size_t from_top)
{
	size_t n = hm_pickle_depth(m);
	return n > from_top ? ((val **)m->stack.data)[n - 1 - from_top] : NULL;
}

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

int hm_pickle_drop(struct hm_pickle_machine *m)
{
	if (!m->stack.len)
		return hm_pickle_bad(m, "the stack is empty");
	m->stack.len -= sizeof(val *);
	return 0;
}

/* Index of the first value above the topmost mark; 0 with the error set. */
static size_t find_mark(struct hm_pickle_machine *m)
{
	for (size_t i = hm_pickle_depth(m); i-- > 0;)
		if (((val **)m->stack.data)[i]->kind == HM_PICKLE_MARK)
			return i + 1;
	hm_pickle_bad(m, "no mark on the stack");
	return 0;
}

int hm_pickle_drop_to_mark(struct hm_pickle_machine *m)
{
	size_t from = find_mark(m);
	if (!from)
		return HM_EDATA;
	m->stack.len = (from - 1) * sizeof(val *);
	return 0;
}

/* ---- containers ---- */

int hm_pickle_append(struct hm_pickle_machine *m, val *to, val *key, val *item)
{
	if (m->items++ > 2 * m->n || m->items > HM_PICKLE_VALUES_CAP) /* one list can be copied many times */
		return hm_pickle_bad(m, "more items than its bytes can hold");
	if (!m->spare_items) {
		m->spare_item = hm_arena_get(m->arena, POOL * sizeof *m->spare_item, m->e);
		if (!m->spare_item)
			return HM_EDATA;
		m->spare_items = POOL;
	}
	struct hm_pickle_item *i = m->spare_item++;
	m->spare_items--;
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
	for (size_t i = from; t && i < hm_pickle_depth(m); i++)
		if (hm_pickle_append(m, t, NULL, ((val **)m->stack.data)[i]))
			return HM_EDATA;
	m->stack.len = down * sizeof(val *);
	return hm_pickle_push(m, t);
}

int hm_pickle_tuple(struct hm_pickle_machine *m, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!hm_pickle_peek(m, i) || hm_pickle_peek(m, i)->kind == HM_PICKLE_MARK)
			return hm_pickle_bad(m, "the stack is empty");
	size_t from = hm_pickle_depth(m) - count;
	return make_tuple(m, from, from);
}

int hm_pickle_tuple_from_mark(struct hm_pickle_machine *m)
{
	size_t from = find_mark(m);
	return from ? make_tuple(m, from, from - 1) : HM_EDATA;
}

int hm_pickle_fill_from_mark(struct hm_pickle_machine *m, enum hm_pickle_kind kind)
{
	size_t from = find_mark(m);
	if (!from)
		return HM_EDATA;
	val **s = (val **)m->stack.data, *to = from >= 2 ? s[from - 2] : NULL;
	size_t step = kind == HM_PICKLE_DICT ? 2 : 1;
	if (!to || (to->kind != kind && to->kind != HM_PICKLE_OBJECT) || (hm_pickle_depth(m) - from) % step)
		return hm_pickle_bad(m, kind == HM_PICKLE_DICT
						? "items set on something other than a dict"
						: "items appended to something other than a list");
	for (size_t i = from; to->kind != HM_PICKLE_OBJECT && i < hm_pickle_depth(m); i += step)
		if (hm_pickle_append(m, to, step == 2 ? s[i] : NULL, s[i + step - 1]))
			return HM_EDATA;
	m->stack.len = (from - 1) * sizeof(val *);
	return 0;
}

int hm_pickle_fill_one(struct hm_pickle_machine *m, enum hm_pickle_kind kind)
{
	val *item = hm_pickle_pop(m), *key = kind == HM_PICKLE_DICT && item ? hm_pickle_pop(m) : NULL,
	    *to = hm_pickle_peek(m, 0);
	if (!item || (kind == HM_PICKLE_DICT && !key))
		return HM_EDATA;
	if (hm_pickle_is(to, HM_PICKLE_OBJECT))
		return 0;
	if (!hm_pickle_is(to, kind))
		return hm_pickle_bad(m, kind == HM_PICKLE_DICT
						? "an item set on something other than a dict"
						: "an item appended to something other than a list");
	return hm_pickle_append(m, to, key, item);
}

int hm_pickle_object_from_mark(struct hm_pickle_machine *m, const char *name)
{
	return hm_pickle_drop_to_mark(m) ? HM_EDATA
					 : hm_pickle_push(m, hm_pickle_object(m, name, strlen(name)));
}

/* ---- the memo ---- */

int hm_pickle_memo_put(struct hm_pickle_machine *m, size_t i)
{
	val *v = hm_pickle_peek(m, 0);
	size_t count = m->memo.len / sizeof v;
	if (!v || v->kind == HM_PICKLE_MARK || i > count + 1 || i > HM_PICKLE_VALUES_CAP)
		return hm_pickle_bad(m, "a memo entry out of order");
	while (i >= m->memo.len / sizeof v) /* Python 2 counted from 1 */
		if (hm_buf_add(&m->memo, NULL, sizeof v, m->e))
			return HM_EDATA;
	((val **)m->memo.data)[i] = v;
	return 0;
}

int hm_pickle_memo_get(struct hm_pickle_machine *m, size_t i)
{
	val *v = i < m->memo.len / sizeof v ? ((val **)m->memo.data)[i] : NULL;
	return v ? hm_pickle_push(m, v) : hm_pickle_bad(m, "a memo entry that was never put");
}
