/* Confounders. See confounders.h. */
#include "stat/confounders.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Writes ids and kind of a pair as one text, which is the same for (a,b) and (b,a). */
static int write_key(struct hm_buf *b, const struct hm_confounder *t, const char *kind, struct hm_err *e)
{
	bool turned = strcmp(t->a, t->b) > 0;
	const char *part[] = {turned ? t->b : t->a, turned ? t->a : t->b, kind};
	for (int i = 0; i < 3; i++)
		hm_buf_add(b, part[i], strlen(part[i]) + 1, e);
	return e->code;
}

static const char *copy_text(struct hm_confounders *c, const char *s, struct hm_err *e)
{
	size_t n = strlen(s) + 1;
	char *copy = hm_arena_get(&c->text, n, e);
	return copy ? memcpy(copy, s, n) : NULL;
}

int hm_confounders_add(struct hm_confounders *c, const char *a, const char *b, const char *kind,
		       struct hm_err *e)
{
	struct hm_confounder t = {a, b, hm_kinds_add(&c->kinds, kind, strlen(kind), e)};
	struct hm_buf both = {0};
	uint64_t at = c->n;
	if (t.kind < 0)
		return hm_err_prefix(e, "kind %.64s", kind);
	if (!strcmp(a, b))
		return hm_err_set(e, HM_EDATA, "id %.64s is paired with itself", a);
	int rc = write_key(&both, &t, kind, e);
	int fresh = rc ? rc : hm_strmap_add(&c->seen, both.data, both.len, &at, e);
	hm_buf_clear(&both);
	if (!fresh)
		return hm_err_set(e, HM_EDATA, "the pair of %.64s and %.64s is in the list twice", a, b);
	if (fresh < 0 || !(t.a = copy_text(c, a, e)) || !(t.b = copy_text(c, b, e)) ||
	    hm_buf_add(&c->item, &t, sizeof t, e))
		return HM_EDATA;
	c->n++;
	return 0;
}

void hm_confounders_clear(struct hm_confounders *c)
{
	hm_buf_clear(&c->item);
	hm_kinds_clear(&c->kinds);
	hm_strmap_clear(&c->seen);
	hm_arena_clear(&c->text);
	*c = (struct hm_confounders){0};
}

/* ---- how many are both right? ---- */

enum { UNSCORED, WRONG, RIGHT };

static void compute_share(struct hm_both_right *t)
{
	t->share = t->n ? (double)t->right / (double)t->n : NAN;
	t->ci = t->n ? hm_wilson(t->right, t->n) : (struct hm_interval){NAN, NAN};
}

int hm_pairscore_compute(struct hm_pairscore *out, const struct hm_confounders *c,
			 const struct hm_predictions *p, const struct hm_matched *m,
			 const struct hm_sample *s, struct hm_err *e)
{
	int order[HM_KINDS_MAX], place[HM_KINDS_MAX];
	unsigned char *outcome = hm_alloc(p->n, 1, e); /* by position in p; zeroed: UNSCORED */
	*out = (struct hm_pairscore){.n = c->kinds.n, .random = 1.0 / m->classes / m->classes};
	if (!outcome)
		return HM_EDATA;
	hm_kinds_order(&c->kinds, order);
	for (int k = 0; k < out->n; k++) {
		out->kind[k].kind = c->kinds.name[order[k]];
		place[order[k]] = k;
	}
	for (size_t i = 0; i < m->n; i++)
		outcome[m->item[i]] = s->answer[i] == s->label[i] ? RIGHT : WRONG;
	const struct hm_confounder *pair = (const void *)c->item.data;
	for (size_t i = 0; i < c->n; i++) {
		uint64_t a, b;
		struct hm_both_right *kind = &out->kind[place[pair[i].kind]];
		if (!hm_strmap_find(&p->ids, pair[i].a, strlen(pair[i].a), &a) ||
		    !hm_strmap_find(&p->ids, pair[i].b, strlen(pair[i].b), &b)) {
			out->absent++;
		} else if (outcome[a] == UNSCORED || outcome[b] == UNSCORED) {
			out->unscored++;
		} else {
			bool right = outcome[a] == RIGHT && outcome[b] == RIGHT;
			kind->n++, kind->right += right;
			out->all.n++, out->all.right += right;
		}
	}
	for (int k = 0; k < out->n; k++)
		compute_share(&out->kind[k]);
	compute_share(&out->all);
	free(outcome);
	return 0;
}
