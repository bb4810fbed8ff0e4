/* What a system said, record by record: the wrong answers, the most confident first, and predictions as CSV.
 * See report.h. */
#include "stat/report.h"

#include <stdlib.h>
#include <string.h>

/* ---- CSV ---- */

/* Quoted where RFC 4180 wants it. */
static void csv_text(struct hm_buf *b, const char *s, struct hm_err *e)
{
	if (!s[strcspn(s, ",\"\r\n")]) {
		hm_buf_printf(b, e, "%s", s);
		return;
	}
	for (hm_buf_printf(b, e, "\""); *s; s++)
		hm_buf_printf(b, e, *s == '"' ? "\"\"" : "%c", *s);
	hm_buf_printf(b, e, "\"");
}

int hm_report_csv(const struct hm_predictions *p, struct hm_buf *b, struct hm_err *e)
{
	int first = p->classes == 2; /* of two classes, class 1's alone */
	hm_buf_printf(b, e, first ? "id,proba" : "id");
	for (int c = 0; !first && c < p->classes; c++)
		hm_buf_printf(b, e, ",proba_%d", c);
	hm_buf_printf(b, e, ",label\n");
	for (size_t i = 0; i < p->n; i++) {
		const struct hm_prediction *t = &p->item[i];
		csv_text(b, t->id, e);
		for (int c = first; c < p->classes; c++) {
			hm_buf_printf(b, e, ",");
			if (!t->failed)
				hm_buf_printf(b, e, "%.9g", p->prob[i * (size_t)p->classes + (size_t)c]);
		}
		hm_buf_printf(b, e, t->label >= 0 ? ",%d\n" : ",\n", (int)t->label);
	}
	return e->code;
}

/* ---- the worst errors ---- */

struct wrong {
	double confidence; /* p of the wrong answer */
	size_t at;	   /* in the sample */
};

static int falling(const void *a, const void *b)
{
	const struct wrong *x = a, *y = b;
	if (x->confidence != y->confidence)
		return x->confidence < y->confidence ? 1 : -1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Control bytes, which ids and captions may hold, become ?. */
static void masked(struct hm_buf *b, const char *s, struct hm_err *e)
{
	size_t from = b->len;
	hm_buf_printf(b, e, "  %s", s);
	for (size_t i = from; i < b->len; i++)
		if (b->data[i] < ' ' || b->data[i] == 0x7f)
			b->data[i] = '?';
}

int hm_errors_find(const struct hm_matched *m, const struct hm_sample *s, size_t **at, size_t *n,
		   struct hm_err *e)
{
	struct wrong *w = hm_alloc(s->n, sizeof *w, e);
	*n = 0;
	*at = w ? hm_alloc(s->n, sizeof **at, e) : NULL;
	for (size_t i = 0; *at && i < s->n; i++)
		if (s->answer[i] != s->label[i])
			w[(*n)++] =
				(struct wrong){m->prob[0][i * (size_t)m->classes + (size_t)s->answer[i]], i};
	if (*n)
		qsort(w, *n, sizeof *w, falling);
	for (size_t k = 0; k < *n; k++)
		(*at)[k] = w[k].at;
	free(w);
	return *at ? 0 : HM_EDATA;
}

int hm_report_errors(const struct hm_predictions *p, const struct hm_matched *m, const struct hm_sample *s,
		     size_t count, struct hm_buf *b, struct hm_err *e)
{
	size_t *at, n;
	if (hm_errors_find(m, s, &at, &n, e))
		return HM_EDATA;
	count = n < count ? n : count;
	hm_buf_printf(b, e, "the %zu most confident of %zu wrong answers\n  label  answer  p of answer  id\n",
		      count, n);
	for (size_t k = 0; k < count; k++) {
		size_t i = at[k];
		const struct hm_prediction *t = &p->item[m->item[i]];
		hm_buf_printf(b, e, "  %5d  %6d  %11.4f", (int)t->label, (int)s->answer[i],
			      m->prob[0][i * (size_t)m->classes + (size_t)s->answer[i]]);
		masked(b, t->id, e);
		if (*t->text)
			masked(b, t->text, e);
		hm_buf_printf(b, e, "\n");
	}
	hm_buf_printf(b, e, "\n");
	free(at);
	return e->code;
}
