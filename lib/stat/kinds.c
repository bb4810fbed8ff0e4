/* A set of texts. See kinds.h. */
#include "stat/kinds.h"

#include <stdlib.h>
#include <string.h>

int hm_kinds_add(struct hm_kinds *m, const char *s, size_t len, struct hm_err *e)
{
	uint64_t at = (uint64_t)m->n;
	if (hm_strmap_find(&m->at, s, len, &at))
		return (int)at;
	if (m->n == HM_KINDS_MAX)
		return hm_err_set(e, HM_EDATA, "more than %d different values", HM_KINDS_MAX);
	char *copy = hm_arena_get(&m->text, len + 1, e);
	if (!copy || hm_strmap_add(&m->at, s, len, &at, e) < 0)
		return HM_EDATA;
	if (len)
		memcpy(copy, s, len);
	copy[len] = 0;
	m->name[m->n] = copy;
	return m->n++;
}

void hm_kinds_clear(struct hm_kinds *m)
{
	hm_strmap_clear(&m->at);
	hm_arena_clear(&m->text);
	*m = (struct hm_kinds){0};
}

struct named {
	const char *name;
	long long value;
	int at;
};

static int by_value(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return strcmp(x->name, y->name); /* "7" and "07" */
}

static int by_bytes(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static bool is_integer(const char *s)
{
	size_t digits = strspn(s + (*s == '-'), "0123456789");
	return digits && digits <= 18 && !s[(*s == '-') + digits];
}

void hm_kinds_order(const struct hm_kinds *m, int order[HM_KINDS_MAX])
{
	struct named all[HM_KINDS_MAX];
	bool integers = true;
	for (int i = 0; i < m->n; i++) {
		all[i] = (struct named){m->name[i], strtoll(m->name[i], NULL, 10), i};
		integers = integers && is_integer(m->name[i]);
	}
	qsort(all, (size_t)m->n, sizeof *all, integers ? by_value : by_bytes);
	for (int i = 0; i < m->n; i++)
		order[i] = all[i].at;
}
