/* More than two classes in the report on one system. See presentparts.h. */
#include "report/presentparts.h"
#include "report/cells.h"

#include <math.h>

enum { SHOWN = 12 }; /* classes of a confusion matrix that fits on a screen */

int hm_classes_rows_text(const struct hm_classes *c, struct hm_buf *b, struct hm_err *e)
{
	static const struct {
		enum hm_macro m;
		const char *name, *baseline;
	} row[] = {{HM_MACRO_F1, "macro F1", ""},
		   {HM_MACRO_AUROC, "macro AUROC", "  0.5000 random"},
		   {HM_MACRO_PRECISION, "macro precision", ""},
		   {HM_MACRO_RECALL, "macro recall", ""},
		   {HM_WEIGHTED_F1, "weighted F1", ""}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		double v = c->value[row[i].m];
		hm_metric_row_text(b, row[i].name, v, c->ci[row[i].m], "bootstrap", e);
		hm_buf_printf(b, e, "%s", isnan(v) ? "" : row[i].baseline);
		hm_metric_end_text(b, e);
	}
	return e->code;
}

static int widest_class(const struct hm_scores *s)
{
	char digits[HM_CELL_NUMBER];
	int w = 5;
	for (int c = 0; c < s->classes; c++) {
		int own = hm_cell_width(hm_cell_class(s->names, c, digits));
		w = own > w ? own : w;
	}
	return w;
}

static void write_confusion(struct hm_buf *b, const struct hm_scores *s, int width, struct hm_err *e)
{
	char digits[HM_CELL_NUMBER];
	if (s->classes > SHOWN) {
		hm_buf_printf(b, e, "\nconfusion: %d classes are more than fit here%s\n", s->classes,
			      s->classes > HM_CONFUSION_MOST ? "" : "; --json has the matrix");
		return;
	}
	hm_buf_printf(b, e, "\n%-*s   predicted\n%-*s", width, "confusion", width, "label");
	for (int c = 0; c < s->classes; c++)
		hm_buf_printf(b, e, "  %7d", c);
	for (int t = 0; t < s->classes; t++) {
		hm_buf_printf(b, e, "\n");
		hm_cell_write(b, hm_cell_class(s->names, t, digits), width, e);
		for (int c = 0; c < s->classes; c++)
			hm_buf_printf(b, e, "  %7zu",
				      s->each->confusion[(size_t)t * (size_t)s->classes + (size_t)c]);
	}
	hm_buf_printf(b, e, "\n");
}

int hm_classes_text(const struct hm_scores *s, struct hm_buf *b, struct hm_err *e)
{
	char v[4][HM_CELL_NUMBER], digits[HM_CELL_NUMBER];
	int w = widest_class(s);
	hm_buf_printf(b, e, "\n%s%-*s  %7s  %8s  %9s  %9s  %9s  %9s\n", s->names ? "  no  " : "", w, "class",
		      "support", "answered", "precision", "recall", "F1", "AUROC");
	for (int c = 0; c < s->classes; c++) {
		const struct hm_class *o = &s->each->item[c];
		if (s->names)
			hm_buf_printf(b, e, "%4d  ", c);
		hm_cell_write(b, hm_cell_class(s->names, c, digits), w, e);
		hm_buf_printf(b, e, "  %7zu  %8zu  %9s  %9s  %9s  %9s\n", o->support, o->answers,
			      hm_cell_value(o->precision, v[0]), hm_cell_value(o->recall, v[1]),
			      hm_cell_value(o->f1, v[2]), hm_cell_value(o->auroc, v[3]));
	}
	if (s->n)
		write_confusion(b, s, w, e);
	return e->code;
}

/* Writes "note: class 2", the first of `count` classes, and how many others there are. */
static void name_classes(struct hm_buf *b, const struct hm_scores *s, int first, int count, struct hm_err *e)
{
	hm_buf_printf(b, e, "note: class %d", first);
	if (s->names) {
		hm_buf_printf(b, e, ", ");
		hm_cell_write(b, s->names[first], 0, e);
	}
	if (count > 1)
		hm_buf_printf(b, e, " and %d other%s", count - 1, count > 2 ? "s" : "");
}

int hm_classes_notes_text(const struct hm_scores *s, struct hm_buf *b, struct hm_err *e)
{
	int unlabelled = 0, unseen = 0, never = 0, first[3] = {0};
	for (int c = s->classes; c-- > 0;) {
		const struct hm_class *o = &s->each->item[c];
		if (!o->support && !o->answers)
			first[0] = c, unseen++;
		else if (!o->answers)
			first[1] = c, never++;
		if (!o->support)
			first[2] = c, unlabelled++;
	}
	if (unlabelled) {
		name_classes(b, s, first[2], unlabelled, e);
		hm_buf_printf(b, e, ": no label is that: AUROC and macro AUROC are undefined\n");
	}
	if (unseen) {
		name_classes(b, s, first[0], unseen, e);
		hm_buf_printf(b, e, ": neither a label nor an answer: the other averages leave %s out\n",
			      unseen > 1 ? "them" : "it");
	}
	if (never) {
		name_classes(b, s, first[1], never, e);
		hm_buf_printf(b, e, ": never answered: precision and F1 are 0 by definition\n");
	}
	return e->code;
}

int hm_classes_line_text(const struct hm_scores *s, struct hm_buf *b, struct hm_err *e)
{
	static const struct {
		enum hm_macro m;
		const char *name;
	} part[] = {{HM_MACRO_F1, "macro F1"}, {HM_MACRO_AUROC, "macro AUROC"}};
	char value[HM_CELL_NUMBER], range[HM_CELL_RANGE];
	for (size_t i = 0; i < 2; i++) {
		hm_buf_printf(b, e, "  %s %s", part[i].name, hm_cell_value(s->each->value[part[i].m], value));
		if (!isnan(s->each->ci[part[i].m].lo))
			hm_buf_printf(b, e, " %s", hm_cell_range(s->each->ci[part[i].m], false, range));
	}
	return e->code;
}
