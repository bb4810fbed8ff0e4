/* The findings of an audit as a table for people. See auditpages.h. */
#include "report/auditpages.h"
#include "report/cells.h"

#include <string.h>

enum { WIDTH = 49 }; /* of a check's title */

const char *hm_audit_verdict(const struct hm_audit *a, const struct hm_audit_view *v, enum hm_audit_check c)
{
	const struct hm_audit_result *r = &a->result[c];
	if (r->why)
		return "not checked";
	if (c >= HM_AUDIT_FINDINGS)
		return "remark";
	return !r->groups ? "ok" : v->allowed[c] ? "allowed" : "finding";
}

int hm_audit_findings(const struct hm_audit *a, const struct hm_audit_view *v)
{
	int n = 0;
	for (int c = 0; c < HM_AUDIT_FINDINGS; c++)
		n += !strcmp(hm_audit_verdict(a, v, c), "finding");
	return n;
}

static void write_splits(const struct hm_audit *a, struct hm_buf *b, struct hm_err *e)
{
	int order[HM_KINDS_MAX], width = 5;
	hm_kinds_order(&a->labels, order);
	for (int i = 0; i < a->n_splits; i++) {
		int w = hm_cell_width(hm_audit_split_at(a, i)->name);
		width = w > width ? w : width;
	}
	hm_buf_printf(b, e, "%-*s  %8s  %9s", width, "split", "records", "no label");
	for (int k = 0; k < a->labels.n; k++)
		hm_buf_printf(b, e, "%*slabel %s", 11 - (int)strlen(a->labels.name[order[k]]), "",
			      a->labels.name[order[k]]);
	hm_buf_printf(b, e, "\n");
	for (int i = 0; i < a->n_splits; i++) {
		const struct hm_audit_split *s = hm_audit_split_at(a, i);
		size_t labelled = s->records - s->unlabelled;
		hm_cell_write(b, s->name, width, e);
		hm_buf_printf(b, e, "  %8zu  %9zu", s->records, s->unlabelled);
		for (int k = 0; labelled && k < a->labels.n; k++)
			hm_buf_printf(b, e, "  %7zu %5.1f %%", s->label[order[k]],
				      100. * (double)s->label[order[k]] / (double)labelled);
		hm_buf_printf(b, e, "\n");
	}
}

static void write_examples(const struct hm_audit *a, const struct hm_audit_result *r, struct hm_buf *b,
			   struct hm_err *e)
{
	for (size_t i = 0; i < r->n_examples; i++) {
		const struct hm_audit_item *x = hm_audit_item(a, r->example[i][0]),
					   *y = hm_audit_item(a, r->example[i][1]);
		hm_buf_printf(b, e, "%13s", "");
		hm_cell_write(b, x->id, 0, e);
		hm_buf_printf(b, e, " (");
		hm_cell_write(b, hm_audit_split_at(a, x->split)->name, 0, e);
		hm_buf_printf(b, e, ")  ");
		hm_cell_write(b, y->id, 0, e);
		hm_buf_printf(b, e, " (");
		hm_cell_write(b, hm_audit_split_at(a, y->split)->name, 0, e);
		hm_buf_printf(b, e, ")\n");
	}
}

int hm_audit_text(const struct hm_audit *a, const struct hm_audit_view *v, struct hm_buf *b, struct hm_err *e)
{
	write_splits(a, b, e);
	hm_buf_printf(b, e, "\nimages compared by %s, captions by %s\n\n", v->image ? v->image : "nothing",
		      v->caption ? v->caption : "nothing");
	for (int c = 0; c < HM_AUDIT_CHECKS; c++) {
		const struct hm_audit_result *r = &a->result[c];
		const char *word = hm_audit_verdict(a, v, c);
		hm_buf_printf(b, e, "%-11s  %-*s  ", strcmp(word, "finding") ? word : "FINDING", WIDTH,
			      hm_audit_title(c));
		if (r->why)
			hm_buf_printf(b, e, "%s\n", r->why);
		else if (c == HM_AUDIT_LABEL_SHIFT)
			hm_buf_printf(b, e, "p = %.2g (chi-square)\n", r->p);
		else if (!r->groups)
			hm_buf_printf(b, e, "none\n");
		else
			hm_buf_printf(b, e, "%zu%s, %zu records\n", r->groups,
				      c < HM_AUDIT_FINDINGS && c != HM_AUDIT_NEAR_SHARED ? ""
				      : r->groups == 1					 ? " pair"
											 : " pairs",
				      r->records);
		write_examples(a, r, b, e);
	}
	int n = hm_audit_findings(a, v);
	hm_buf_printf(b, e, "\n%s", n ? "" : "clean: nothing found that is not allowed\n");
	if (n) {
		hm_buf_printf(b, e, "%d kind%s of finding:", n, n == 1 ? "" : "s");
		for (int c = 0; c < HM_AUDIT_FINDINGS; c++)
			if (!strcmp(hm_audit_verdict(a, v, c), "finding"))
				hm_buf_printf(b, e, " %s", hm_audit_name(c));
		hm_buf_printf(b, e, " (--allow KIND for what is meant to be so)\n");
	}
	return e->code;
}
