/* Labels by id, and which classes they are. See truth.h; truthread.c reads the file. */
#include "score/truthread.h"

#include <stdlib.h>
#include <string.h>

static const struct hm_truth_entry *get_entry(const struct hm_truth *t, size_t i)
{
	return (const struct hm_truth_entry *)t->entry.data + i;
}

/* Prefixes the sentence in `e` with file, place and id of entry i. */
static int entry_error(const struct hm_truth *t, size_t i, struct hm_err *e)
{
	const struct hm_truth_entry *o = get_entry(t, i);
	return hm_truth_error(t, o->place, o->id, e);
}

/* ---- which class is a label? ---- */

/* The value of "1" or "1.0"; -1: the text is no integer from 0. */
static int32_t read_integer(const char *s)
{
	size_t digits = strspn(s, "0123456789"),
	       zeros = s[digits] == '.' ? 1 + strspn(s + digits + 1, "0") : 0;
	if (!digits || digits > 9 || s[digits + zeros] || (digits > 1 && *s == '0'))
		return -1;
	return (int32_t)strtol(s, NULL, 10);
}

/* Whether a word is a number, but not that of its class, as with hm-jsonl2rec --labels 1,2: then all numbers
 * are words. */
static bool has_numbers(const struct hm_labels *l)
{
	for (int c = 0; c < l->n; c++) {
		int32_t own = read_integer(l->word[c]);
		if (own >= 0 && own != c)
			return true;
	}
	return false;
}

/* *class: of word number w. */
static int find_class(const struct hm_truth *t, const struct hm_labels *l, int w, int classes, int32_t *class,
		      struct hm_err *e)
{
	char list[160];
	const char *text = t->word[w];
	*class = t->numbers ? read_integer(text) : -1;
	if (*class < 0)
		*class = hm_labels_find(l, text);
	if (*class < 0 && (!strcmp(text, "true") || !strcmp(text, "false")))
		*class = hm_labels_find_bool(l, *text == 't');
	if (*class < 0 && !has_numbers(l))
		*class = read_integer(text);
	if (*class >= 0 && *class < classes)
		return 0;
	if (*class >= 0)
		hm_err_set(e, HM_EDATA, "label %.64s is outside the %d classes, 0 to %d", text, classes,
			   classes - 1);
	else if (l->n)
		hm_err_set(e, HM_EDATA, "label \"%.64s\" is not one of the classes, %s", text,
			   hm_labels_text(l, list, sizeof list));
	else
		hm_err_set(e, HM_EDATA,
			   "label \"%.64s\" is a word, and nothing says which class it is; "
			   "hm-csv2rec (hm-jsonl2rec) --labels WORD,WORD,... makes records that do",
			   text);
	return entry_error(t, t->first[w], e);
}

/* The words of p's classes. */
static void take_names(const struct hm_predictions *p, struct hm_labels *l)
{
	for (int c = 0; p->names && c < p->classes && c < HM_LABELS_MOST; c++)
		l->word[l->n++] = p->names[c];
}

/* ---- the same ids? ---- */

/* Counts what one side lacks and keeps the first ids for the message. */
struct lacking {
	size_t n;
	struct hm_buf ids;
};

static void note_lacking(struct lacking *l, const char *id, struct hm_err *e)
{
	if (l->n++ < 3)
		hm_buf_printf(&l->ids, e, "%s%.64s", l->n > 1 ? ", " : "", id);
}

static int refuse_lacking(struct lacking *l, const char *a, const char *b, struct hm_err *e)
{
	if (l->n)
		hm_err_set(e, HM_EDATA,
			   "%zu ids of %s are not in %s: %s%s; --allow-missing scores the others", l->n, a, b,
			   (char *)l->ids.data, l->n > 3 ? ", ..." : "");
	hm_buf_clear(&l->ids);
	return l->n ? HM_EDATA : 0;
}

/* Whether the ids are the same, unless they need not be; *missing as in hm_truth_apply. */
static int compare_ids(const struct hm_truth *t, const struct hm_predictions *p, bool allow, size_t *missing,
		       struct hm_err *e)
{
	struct lacking here = {0}, there = {0};
	uint64_t at;
	*missing = 0;
	for (size_t i = 0; i < p->n && !allow; i++)
		if (!hm_strmap_find(&t->ids, p->item[i].id, strlen(p->item[i].id), &at))
			note_lacking(&there, p->item[i].id, e);
	for (size_t i = 0; i < t->n; i++) {
		const struct hm_truth_entry *o = get_entry(t, i);
		if (hm_strmap_find(&p->ids, o->id, strlen(o->id), &at))
			continue;
		*missing += o->word >= 0;
		if (!allow)
			note_lacking(&here, o->id, e);
	}
	int rc = refuse_lacking(&there, p->name, t->name, e);
	return refuse_lacking(&here, t->name, p->name, e) ? HM_EDATA : rc;
}

int hm_truth_apply(const struct hm_truth *t, struct hm_predictions *p, bool allow, size_t *missing,
		   struct hm_err *e)
{
	int32_t class[HM_LABELS_MOST];
	struct hm_labels names = {0};
	uint64_t at;
	if (compare_ids(t, p, allow, missing, e))
		return HM_EDATA;
	if (!p->names && t->own.n && hm_predictions_call(p, t->own.word, t->own.n, e))
		return HM_EDATA;
	take_names(p, &names);
	for (int w = 0; w < t->words; w++)
		if (find_class(t, &names, w, p->classes, &class[w], e))
			return HM_EDATA;
	for (size_t i = 0; i < p->n; i++) {
		struct hm_prediction *o = &p->item[i];
		bool known = hm_strmap_find(&t->ids, o->id, strlen(o->id), &at);
		int word = known ? get_entry(t, at)->word : -1;
		o->label = word < 0 ? -1 : class[word];
	}
	p->submitted = t->submitted;
	return 0;
}
