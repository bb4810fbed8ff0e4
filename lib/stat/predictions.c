/* Predictions in memory, and matching them by id. See predictions.h. */
#include "stat/predictions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for another item: the arrays double. */
static int grow_items(struct hm_predictions *p, struct hm_err *e)
{
	size_t cap = p->cap ? 2 * p->cap : 256, values;
	if (!hm_size_mul(cap, (size_t)p->classes, &values))
		return hm_err_set(e, HM_EDATA, "too many predictions");
	struct hm_prediction *item = hm_alloc(cap, sizeof *item, e);
	double *prob = item ? hm_alloc(values, sizeof *prob, e) : NULL;
	if (!prob) {
		free(item);
		return HM_EDATA;
	}
	if (p->n) {
		memcpy(item, p->item, p->n * sizeof *item);
		memcpy(prob, p->prob, p->n * (size_t)p->classes * sizeof *prob);
	}
	free(p->item);
	free(p->prob);
	p->item = item;
	p->prob = prob;
	p->cap = cap;
	return 0;
}

static const char *copy_text(struct hm_predictions *p, const char *s, size_t len, struct hm_err *e)
{
	char *copy = len ? hm_arena_get(&p->text, len + 1, e) : "";
	if (copy && len) {
		memcpy(copy, s, len);
		copy[len] = 0;
	}
	return copy;
}

int hm_predictions_add(struct hm_predictions *p, const char *id, size_t id_len, const char *text,
		       size_t text_len, int32_t label, const double *prob, uint64_t place, struct hm_err *e)
{
	uint64_t at = p->n;
	if (p->n == p->cap && grow_items(p, e))
		return HM_EDATA;
	double *own = p->prob + p->n * (size_t)p->classes; /* zero until now */
	for (int k = 0; prob && k < p->classes; k++)
		own[k] = prob[k] + 0.; /* -0 becomes 0, here and so in all that is written */
	if (hm_prob_check(prob ? own : NULL, p->classes, label, e))
		return HM_EDATA;
	int rc = hm_strmap_add(&p->ids, id, id_len, &at, e);
	if (rc < 0)
		return rc;
	if (!rc)
		return hm_err_set(e, HM_EDATA, "%s %llu has the same id", p->unit ? p->unit : "record",
				  (unsigned long long)p->item[at].place);
	struct hm_prediction *i = &p->item[p->n];
	*i = (struct hm_prediction){.id = copy_text(p, id, id_len, e),
				    .text = copy_text(p, text, text ? text_len : 0, e),
				    .label = label,
				    .place = place,
				    .group = -1,
				    .failed = !prob};
	if (!i->id || !i->text)
		return HM_EDATA;
	p->n++;
	return 0;
}

int hm_predictions_group(struct hm_predictions *p, const char *value, size_t len, struct hm_err *e)
{
	struct hm_prediction *last = &p->item[p->n - 1];
	last->group = hm_kinds_add(&p->groups, value, len, e);
	return last->group < 0 ? HM_EDATA : 0;
}

/* Of more than two classes: whether the label is the most probable one. */
static bool is_answer(const double *prob, int classes, int32_t label)
{
	for (int k = 0; k < classes; k++)
		if (prob[k] > prob[label])
			return false;
	return true;
}

bool hm_predictions_echo(const struct hm_predictions *p)
{
	size_t n = 0, other = 0;
	int32_t first = -1;
	double end[2] = {-1, 2}; /* the most probable class 0's, the least probable class 1's */
	for (size_t i = 0; i < p->n; i++) {
		const struct hm_prediction *t = &p->item[i];
		const double *prob = p->prob + i * (size_t)p->classes;
		if (t->failed || t->label < 0)
			continue;
		if (p->classes == 2)
			end[t->label] = t->label ? fmin(end[1], prob[1]) : fmax(end[0], prob[1]);
		else if (!is_answer(prob, p->classes, t->label))
			return false;
		first = n ? first : t->label;
		other += t->label != first;
		n++;
	}
	return n >= HM_ECHO_RECORDS && other && end[0] <= end[1];
}

const char *hm_predictions_echoes(const struct hm_predictions *s, int k, bool *echo)
{
	const char *name = NULL;
	bool known = false; /* by others */
	for (int i = 0; i < k; i++) {
		bool labelled = false;
		for (size_t r = 0; r < s[i].n && !labelled; r++)
			labelled = s[i].item[r].label >= 0;
		echo[i] = s[i].submitted && hm_predictions_echo(&s[i]);
		known |= labelled && !echo[i];
		name = echo[i] && !name ? s[i].name : name;
	}
	for (int i = 0; i < k; i++)
		echo[i] = echo[i] && !known;
	return known ? NULL : name;
}

static bool same_prob(const double *a, const double *b, size_t classes)
{
	/* with two classes a CSV may hold only the second probability */
	for (size_t k = classes == 2; k < classes; k++)
		if ((float)a[k] != (float)b[k])
			return false;
	return true;
}

size_t hm_predictions_shared(const struct hm_predictions *a, const struct hm_predictions *b)
{
	size_t c = (size_t)a->classes, n = 0;
	for (size_t i = 0; a->classes == b->classes && i < a->n; i++) {
		const struct hm_prediction *x = &a->item[i];
		uint64_t at;
		n += hm_strmap_find(&b->ids, x->id, strlen(x->id), &at) && b->item[at].label == x->label &&
		     b->item[at].failed == x->failed && same_prob(a->prob + i * c, b->prob + at * c, c);
	}
	return n;
}

int hm_predictions_call(struct hm_predictions *p, const char *const *word, int n, struct hm_err *e)
{
	char digits[16];
	const char **names = hm_arena_get(&p->text, (size_t)p->classes * sizeof *names, e);
	for (int c = 0; names && c < p->classes; c++) {
		snprintf(digits, sizeof digits, "%d", c);
		const char *own = c < n ? word[c] : digits;
		if (!(names[c] = copy_text(p, own, strlen(own), e)))
			names = NULL;
	}
	p->names = names;
	return names ? 0 : HM_EDATA;
}

size_t hm_predictions_failed(const struct hm_predictions *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->item[i].failed;
	return n;
}

void hm_predictions_clear(struct hm_predictions *p)
{
	hm_kinds_clear(&p->groups);
	free(p->item);
	free(p->prob);
	hm_strmap_clear(&p->ids);
	hm_arena_clear(&p->text);
	*p = (struct hm_predictions){0};
}

/* ---- matching ---- */

/* Whether every id of b is in a; else the sentence names some that are not. */
static int same_ids(const struct hm_predictions *a, const struct hm_predictions *b, struct hm_err *e)
{
	struct hm_buf names = {0};
	uint64_t at;
	int lacking = 0, rc = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (hm_strmap_find(&a->ids, b->item[i].id, strlen(b->item[i].id), &at))
			continue;
		if (lacking++ < 3)
			rc = hm_buf_printf(&names, e, "%s%.64s", lacking > 1 ? ", " : "", b->item[i].id);
	}
	if (!rc && lacking)
		rc = hm_err_set(e, HM_EDATA, "%d ids of %s are not in %s: %s%s", lacking, b->name, a->name,
				(char *)names.data, lacking > 3 ? ", ..." : "");
	hm_buf_clear(&names);
	return rc;
}

/* Whether a and b call their classes alike. */
static int same_names(const struct hm_predictions *a, const struct hm_predictions *b, struct hm_err *e)
{
	for (int c = 0; a->names && b->names && c < a->classes; c++)
		if (strcmp(a->names[c], b->names[c]))
			return hm_err_set(e, HM_EDATA, "class %d is \"%.64s\" in %s and \"%.64s\" in %s", c,
					  a->names[c], a->name, b->names[c], b->name);
	return 0;
}

int hm_predictions_check(const struct hm_predictions *s, int k, struct hm_err *e)
{
	const struct hm_predictions *named = s;
	for (int i = 1; i < k; i++) {
		if (s[i].classes != s[0].classes)
			return hm_err_set(e, HM_EDATA, "%s has %d classes, %s has %d", s[i].name,
					  s[i].classes, s[0].name, s[0].classes);
		named = named->names ? named : &s[i];
		if (same_names(named, &s[i], e) || same_ids(&s[0], &s[i], e) || same_ids(&s[i], &s[0], e))
			return HM_EDATA;
	}
	return 0;
}

/* System j's record has another label than the systems before it. */
static int refuse_label(const struct hm_predictions *s, int k, int j, const struct hm_prediction *p,
			int32_t others, struct hm_err *e)
{
	const char *echo = NULL;
	for (int i = 0; i < k && !echo; i++)
		echo = s[i].submitted && hm_predictions_echo(&s[i]) ? s[i].name : NULL;
	return hm_err_set(e, HM_EDATA, "id %.64s: %s has label %d, others have %d%s%.200s%s", p->id,
			  s[j].name, (int)p->label, (int)others, echo ? "; every label in " : "",
			  echo ? echo : "", echo ? " is that system's answer, as in a submission" : "");
}

int hm_predictions_find(const struct hm_predictions *s, int k, size_t i, size_t *at, int32_t *label,
			bool *failed, struct hm_err *e)
{
	const char *id = s[0].item[i].id;
	int32_t known = -1;
	bool none = false;
	for (int j = 0; j < k; j++) {
		uint64_t where = i;
		if (j)
			hm_strmap_find(&s[j].ids, id, strlen(id), &where);
		at[j] = (size_t)where;
		const struct hm_prediction *p = &s[j].item[where];
		if (known >= 0 && p->label >= 0 && p->label != known)
			return refuse_label(s, k, j, p, known, e);
		known = p->label >= 0 ? p->label : known;
		none |= p->failed;
	}
	*label = known;
	*failed = none;
	return 0;
}

static int match_record(struct hm_matched *m, const struct hm_predictions *s, int k, size_t *at,
			struct hm_err *e)
{
	size_t c = (size_t)m->classes;
	for (size_t i = 0; i < s[0].n; i++) {
		int32_t label;
		bool failed;
		if (hm_predictions_find(s, k, i, at, &label, &failed, e))
			return HM_EDATA;
		if (failed) {
			m->failed++;
			if (label == 0 || label == 1)
				m->failed_label[label]++;
			continue;
		}
		if (label < 0) {
			m->unlabelled++;
			continue;
		}
		m->item[m->n] = i;
		m->label[m->n] = label;
		for (int j = 0; j < k; j++)
			memcpy(m->prob[j] + m->n * c, s[j].prob + at[j] * c, c * sizeof(double));
		m->n++;
	}
	return 0;
}

int hm_matched_init(struct hm_matched *m, const struct hm_predictions *s, int k, struct hm_err *e)
{
	*m = (struct hm_matched){.systems = k, .classes = s[0].classes};
	if (hm_predictions_check(s, k, e))
		return HM_EDATA;
	size_t *at = hm_alloc((size_t)k, sizeof *at, e);
	if (at && (m->item = hm_alloc(s[0].n, sizeof *m->item, e)) &&
	    (m->label = hm_alloc(s[0].n, sizeof *m->label, e)))
		m->prob = hm_alloc((size_t)k, sizeof *m->prob, e);
	int rc = m->prob ? 0 : HM_EDATA;
	for (int j = 0; !rc && j < k; j++)
		if (!(m->prob[j] = hm_alloc(s[0].n, (size_t)m->classes * sizeof(double), e)))
			rc = HM_EDATA;
	if (!rc)
		rc = match_record(m, s, k, at, e);
	free(at);
	if (rc)
		hm_matched_clear(m);
	return rc;
}

void hm_matched_clear(struct hm_matched *m)
{
	for (int j = 0; m->prob && j < m->systems; j++)
		free(m->prob[j]);
	free(m->prob);
	free(m->item);
	free(m->label);
	*m = (struct hm_matched){0};
}
