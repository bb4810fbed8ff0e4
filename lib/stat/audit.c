/* Checks of a data set. See audit.h. */
#include "stat/audit.h"
#include "base/hex.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID, IMAGE, CAPTION, PAIR };

static const struct {
	const char *name, *title;
} check[HM_AUDIT_CHECKS] = {
	[HM_AUDIT_ID_TWICE] = {"id-twice", "ids more than once in a split"},
	[HM_AUDIT_ID_SHARED] = {"id-shared", "ids in more than one split"},
	[HM_AUDIT_PAIR_TWICE] = {"pair-twice", "image and caption more than once in a split"},
	[HM_AUDIT_PAIR_SHARED] = {"pair-shared", "image and caption in more than one split"},
	[HM_AUDIT_IMAGE_SHARED] = {"image-shared", "images in more than one split"},
	[HM_AUDIT_CAPTION_SHARED] = {"caption-shared", "captions in more than one split"},
	[HM_AUDIT_NEAR_SHARED] = {"near-shared", "nearly the same, in more than one split"},
	[HM_AUDIT_LABEL_CONFLICT] = {"label-conflict", "same image and caption, different labels"},
	[HM_AUDIT_LABEL_SHIFT] = {"label-shift", "labels spread differently over the splits"},
	[HM_AUDIT_SAME_CAPTION] = {"same-caption", "confounders: same caption, other image and label"},
	[HM_AUDIT_SAME_IMAGE] = {"same-image", "confounders: same image, other caption and label"},
};

const char *hm_audit_name(enum hm_audit_check c)
{
	return check[c].name;
}

const char *hm_audit_title(enum hm_audit_check c)
{
	return check[c].title;
}

const struct hm_audit_item *hm_audit_item(const struct hm_audit *a, size_t i)
{
	return (const struct hm_audit_item *)a->item.data + i;
}

const struct hm_audit_split *hm_audit_split_at(const struct hm_audit *a, int i)
{
	return (const struct hm_audit_split *)a->split.data + i;
}

/* ---- records ---- */

int hm_audit_split(struct hm_audit *a, const char *name, struct hm_err *e)
{
	struct hm_audit_split s = {.name = hm_arena_get(&a->text, strlen(name) + 1, e)};
	if (!s.name || hm_buf_add(&a->split, &s, sizeof s, e))
		return HM_EDATA;
	memcpy(s.name, name, strlen(name) + 1);
	a->n_splits++;
	return 0;
}

/* *to: the number of p[0..n) among the different values of its kind. */
static int find_number(struct hm_audit *a, int kind, const void *p, size_t n, uint64_t *to, struct hm_err *e)
{
	char hex[33];
	*to = a->same[kind].n;
	if (!p) {
		*to = HM_AUDIT_NONE;
		return 0;
	}
	if (kind == IMAGE || kind == CAPTION) {
		hm_hex_digest(p, n, hex);
		p = hex;
		n = 32;
	}
	return hm_strmap_add(&a->same[kind], p, n, to, e) < 0 ? HM_EDATA : 0;
}

int hm_audit_add(struct hm_audit *a, const struct hm_audit_record *r, struct hm_err *e)
{
	struct hm_audit_split *s = (struct hm_audit_split *)a->split.data + a->n_splits - 1;
	struct hm_audit_item to = {.split = a->n_splits - 1, .label = -1};
	char label[16], *id = hm_arena_get(&a->text, r->id_len + 1, e);
	if (!id || find_number(a, ID, r->id, r->id_len, &to.number[ID], e) ||
	    find_number(a, IMAGE, r->image, r->image_len, &to.number[IMAGE], e) ||
	    find_number(a, CAPTION, r->caption, r->caption_len, &to.number[CAPTION], e) ||
	    find_number(a, PAIR, r->image && r->caption ? &to.number[IMAGE] : NULL,
			2 * sizeof to.number[IMAGE], &to.number[PAIR], e))
		return HM_EDATA;
	if (r->caption && !r->caption_len)
		a->empty = to.number[CAPTION] + 1;
	memcpy(id, r->id, r->id_len);
	id[r->id_len] = 0;
	to.id = id;
	if (r->label >= 0) {
		snprintf(label, sizeof label, "%d", r->label);
		to.label = hm_kinds_add(&a->labels, label, strlen(label), e);
		if (to.label < 0)
			return hm_err_prefix(e, "label %s", label);
		s->label[to.label]++;
	} else {
		s->unlabelled++;
	}
	s->records++;
	a->n++;
	return hm_buf_add(&a->item, &to, sizeof to, e);
}

/* ---- groups of records that have something in common ---- */

struct groups {
	size_t *order; /* [a->n] items sorted by number, equal ones in their order; items in no group are
			  last */
	size_t *start; /* [n + 1] where each group begins in `order` */
	size_t n;
};

/* Whether the item has something in common with others that have its number. Two empty captions do not. */
static bool in_group(const struct hm_audit *a, const struct hm_audit_item *x, int kind)
{
	return x->number[kind] != HM_AUDIT_NONE && (kind != CAPTION || x->number[kind] + 1 != a->empty);
}

/* Counting sort: numbers are 0 .. n-1. */
static int sort_groups(struct groups *g, const struct hm_audit *a, int kind, struct hm_err *e)
{
	*g = (struct groups){.n = a->same[kind].n};
	g->order = hm_alloc(a->n + 1, sizeof *g->order, e);
	g->start = hm_alloc(g->n + 2, sizeof *g->start, e);
	if (!g->order || !g->start)
		return HM_EDATA;
	for (size_t i = 0; i < a->n; i++)
		if (in_group(a, hm_audit_item(a, i), kind))
			g->start[hm_audit_item(a, i)->number[kind] + 2]++;
	for (size_t k = 2; k < g->n + 2; k++)
		g->start[k] += g->start[k - 1];
	for (size_t i = 0; i < a->n; i++)
		if (in_group(a, hm_audit_item(a, i), kind))
			g->order[g->start[hm_audit_item(a, i)->number[kind] + 1]++] = i;
	return 0;
}

static void clear_groups(struct groups *g)
{
	free(g->order);
	free(g->start);
}

static bool same_split(const struct hm_audit_item *x, const struct hm_audit_item *y)
{
	return x->split == y->split;
}

static bool other_split(const struct hm_audit_item *x, const struct hm_audit_item *y)
{
	return x->split != y->split;
}

static bool labels_differ(const struct hm_audit_item *x, const struct hm_audit_item *y)
{
	return x->label >= 0 && y->label >= 0 && x->label != y->label;
}

static bool has_label(const struct hm_audit_item *x)
{
	return x->label >= 0;
}

static void add_example(struct hm_audit_result *r, size_t most, size_t x, size_t y)
{
	if (r->n_examples < most) {
		r->example[r->n_examples][0] = x;
		r->example[r->n_examples++][1] = y;
	}
}

/* A check of records that have something in common. */
struct group_check {
	enum hm_audit_check check;
	int kind; /* what they have in common */
	/* Whether two records are what the check looks for. */
	bool (*wrong)(const struct hm_audit_item *, const struct hm_audit_item *);
	bool (*counts)(
		const struct hm_audit_item *); /* whether a record takes part at all; NULL: each does */
};

/* Counts the groups in which two neighbours are `wrong`. Records come split by split, so neighbours suffice.
 * A record that does not count is passed over: without a label it contradicts nobody, and hides no
 * contradiction around it. */
static void count_groups(struct hm_audit *a, const struct groups *g, const struct group_check *look,
			 size_t most)
{
	struct hm_audit_result *r = &a->result[look->check];
	for (size_t k = 0; k < g->n; k++) {
		const size_t *at = g->order + g->start[k];
		size_t n = g->start[k + 1] - g->start[k], last = 0, i = 1;
		for (; i < n && !look->wrong(hm_audit_item(a, at[last]), hm_audit_item(a, at[i])); i++)
			if (!look->counts || look->counts(hm_audit_item(a, at[i])))
				last = i;
		if (i >= n)
			continue;
		r->groups++;
		r->records += n;
		add_example(r, most, at[last], at[i]);
	}
}

/* ---- confounders ---- */

/* Finds the pairs of a group within one split whose labels and `other` differ. */
static int find_confounders(struct hm_audit *a, const struct groups *g, int other, int which, size_t most,
			    struct hm_err *e)
{
	struct hm_audit_result *r = &a->result[HM_AUDIT_SAME_CAPTION + which];
	unsigned char *seen = hm_alloc(a->n, 1, e);
	size_t tried = 0;
	int rc = seen ? 0 : HM_EDATA;
	for (size_t k = 0; !rc && k < g->n; k++)
		for (size_t i = g->start[k]; !rc && i < g->start[k + 1]; i++) {
			const struct hm_audit_item *x = hm_audit_item(a, g->order[i]);
			for (size_t j = i + 1; !rc && j < g->start[k + 1]; j++) {
				const struct hm_audit_item *y = hm_audit_item(a, g->order[j]);
				if (++tried > 64 * HM_AUDIT_PAIRS || r->groups == HM_AUDIT_PAIRS)
					rc = 1;
				if (rc || x->split != y->split || !labels_differ(x, y) ||
				    x->number[other] == y->number[other] ||
				    x->number[other] == HM_AUDIT_NONE || y->number[other] == HM_AUDIT_NONE)
					continue;
				size_t pair[] = {g->order[i], g->order[j]};
				rc = hm_buf_add(&a->confounder[which], pair, sizeof pair, e);
				r->groups++;
				seen[pair[0]] = seen[pair[1]] = 1;
				add_example(r, most, pair[0], pair[1]);
			}
		}
	for (size_t i = 0; seen && i < a->n; i++)
		r->records += seen[i];
	free(seen);
	if (rc == 1)
		r->why = "there are too many pairs of records with it in common";
	return rc < 0 ? rc : 0;
}

/* ---- labels ---- */

double hm_chi2_tail(double x, int df)
{
	/* Q(a + 1, y) = Q(a, y) + y^a exp(-y) / Gamma(a + 1), from Q(1/2, y) = erfc(sqrt(y)), Q(1, y) =
	 * exp(-y) */
	double y = x / 2, a = df % 2 ? .5 : 1, q = df % 2 ? erfc(sqrt(y)) : exp(-y);
	if (!(y > 0))
		return 1;
	for (int sign; a < df / 2.; a++)
		q += exp(a * log(y) - y - lgamma_r(a + 1, &sign));
	return q < 1 ? q : 1;
}

static void test_label_shift(struct hm_audit *a)
{
	struct hm_audit_result *r = &a->result[HM_AUDIT_LABEL_SHIFT];
	double all = 0, chi2 = 0, of[HM_KINDS_MAX] = {0};
	int splits = 0;
	for (int i = 0; i < a->n_splits; i++) {
		const struct hm_audit_split *s = hm_audit_split_at(a, i);
		splits += s->records > s->unlabelled;
		for (int k = 0; k < a->labels.n; k++)
			of[k] += (double)s->label[k];
		all += (double)(s->records - s->unlabelled);
	}
	if (splits < 2 || a->labels.n < 2) {
		r->why = splits < 2 ? "fewer than two splits have labels" : "there is one label alone";
		return;
	}
	for (int i = 0; i < a->n_splits; i++) {
		const struct hm_audit_split *s = hm_audit_split_at(a, i);
		for (int k = 0; s->records > s->unlabelled && k < a->labels.n; k++) {
			double want = of[k] * (double)(s->records - s->unlabelled) / all;
			chi2 += ((double)s->label[k] - want) * ((double)s->label[k] - want) / want;
		}
	}
	r->p = hm_chi2_tail(chi2, (splits - 1) * (a->labels.n - 1));
	r->groups = r->p < HM_AUDIT_SHIFT;
	r->records = (size_t)all;
}

void hm_audit_near(struct hm_audit *a, const size_t (*pair)[2], size_t n)
{
	static const size_t none[1][2];
	a->near = n ? pair : none;
	a->n_near = n;
}

static int count_near(struct hm_audit *a, size_t examples, struct hm_err *e)
{
	struct hm_audit_result *r = &a->result[HM_AUDIT_NEAR_SHARED];
	bool *seen = hm_alloc(a->n, sizeof *seen, e);
	for (size_t i = 0; seen && i < a->n_near; i++) {
		for (int k = 0; k < 2; k++) {
			r->records += !seen[a->near[i][k]];
			seen[a->near[i][k]] = true;
		}
		if (r->n_examples < examples)
			memcpy(r->example[r->n_examples++], a->near[i], sizeof a->near[i]);
	}
	r->groups = a->n_near;
	free(seen);
	return seen ? 0 : HM_EDATA;
}

/* ---- all of it ---- */

static void mark_unchecked(struct hm_audit *a)
{
	static const int needs[HM_AUDIT_CHECKS] = {ID, ID,   PAIR, PAIR, IMAGE, CAPTION,
						   ID, PAIR, ID,   PAIR, PAIR};
	static const char *const none[] = {NULL, "there are no images to compare",
					   "there are no captions to compare",
					   "there are no images and captions to compare"};
	for (int c = 0; c < HM_AUDIT_CHECKS; c++) {
		a->result[c].p = NAN;
		bool across = c == HM_AUDIT_ID_SHARED || c == HM_AUDIT_PAIR_SHARED ||
			      c == HM_AUDIT_IMAGE_SHARED || c == HM_AUDIT_CAPTION_SHARED ||
			      c == HM_AUDIT_NEAR_SHARED;
		if (a->n && !a->same[needs[c]].n)
			a->result[c].why = none[needs[c]];
		else if (across && a->n_splits < 2)
			a->result[c].why = "there is one split alone";
		else if (c == HM_AUDIT_NEAR_SHARED && !a->near)
			a->result[c].why = "--near T looks for them, by features";
	}
}

int hm_audit_run(struct hm_audit *a, size_t examples, struct hm_err *e)
{
	static const struct group_check of[] = {
		{HM_AUDIT_ID_TWICE, ID, same_split, NULL},
		{HM_AUDIT_ID_SHARED, ID, other_split, NULL},
		{HM_AUDIT_PAIR_TWICE, PAIR, same_split, NULL},
		{HM_AUDIT_PAIR_SHARED, PAIR, other_split, NULL},
		{HM_AUDIT_IMAGE_SHARED, IMAGE, other_split, NULL},
		{HM_AUDIT_CAPTION_SHARED, CAPTION, other_split, NULL},
		{HM_AUDIT_LABEL_CONFLICT, PAIR, labels_differ, has_label},
	};
	struct groups g[4];
	int rc = 0;
	mark_unchecked(a);
	for (int c = 0; c < HM_AUDIT_CHECKS; c++)
		if (!(a->result[c].example = hm_alloc(examples, sizeof *a->result[c].example, e)))
			return HM_EDATA;
	for (int k = 0; k < 4; k++)
		rc = sort_groups(&g[k], a, k, e) ? HM_EDATA : rc;
	for (size_t i = 0; !rc && i < sizeof of / sizeof *of; i++)
		count_groups(a, &g[of[i].kind], &of[i], examples);
	test_label_shift(a);
	rc = rc ? rc : count_near(a, examples, e);
	for (int i = 0; !rc && i < 2; i++)
		rc = find_confounders(a, &g[i ? IMAGE : CAPTION], i ? CAPTION : IMAGE, i, examples, e);
	for (int k = 0; k < 4; k++)
		clear_groups(&g[k]);
	return rc;
}

void hm_audit_clear(struct hm_audit *a)
{
	for (int c = 0; c < HM_AUDIT_CHECKS; c++)
		free(a->result[c].example);
	for (int k = 0; k < 4; k++)
		hm_strmap_clear(&a->same[k]);
	hm_buf_clear(&a->split);
	hm_buf_clear(&a->item);
	hm_buf_clear(&a->confounder[0]);
	hm_buf_clear(&a->confounder[1]);
	hm_kinds_clear(&a->labels);
	hm_arena_clear(&a->text);
	*a = (struct hm_audit){0};
}
