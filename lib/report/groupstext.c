/* Scores by group and of pairs of confounders, as tables. See presentparts.h. */
#include "report/presentparts.h"
#include "report/cells.h"

#include <string.h>

int hm_groups_text(const struct hm_groups *g, struct hm_buf *b, struct hm_err *e)
{
	char v[3][HM_CELL_NUMBER], r[2][HM_CELL_RANGE];
	int w = (int)strlen(g->column) < HM_CELL_WIDTH ? (int)strlen(g->column) : HM_CELL_WIDTH;
	bool failed = false;
	for (int i = 0; i < g->n; i++) {
		int own = hm_cell_width(g->item[i].value);
		w = own > w ? own : w;
		failed = failed || g->item[i].failed;
	}
	hm_buf_printf(b, e, "\nby ");
	hm_cell_write(b, g->column, w, e);
	hm_buf_printf(b, e, "  %7s%s  %9s  %-16s  %9s", "n", failed ? "   failed" : "", "accuracy",
		      "95 % (Wilson)", g->classes > 2 ? "macro F1" : "AUROC");
	hm_buf_printf(b, e, "%s   majority\n", g->classes > 2 ? "" : "  95 % (DeLong)   ");
	for (int i = 0; i < g->n; i++) {
		const struct hm_group *t = &g->item[i];
		hm_buf_printf(b, e, "   ");
		hm_cell_write(b, t->value, w, e);
		hm_buf_printf(b, e, "  %7zu", t->n);
		if (failed)
			hm_buf_printf(b, e, "  %7zu", t->failed);
		hm_buf_printf(b, e, "  %9s  %-16s", hm_cell_value(t->accuracy, v[0]),
			      hm_cell_range(t->accuracy_ci, false, r[0]));
		if (g->classes > 2)
			hm_buf_printf(b, e, "  %9s", hm_cell_value(t->macro_f1, v[1]));
		else
			hm_buf_printf(b, e, "  %9s  %-16s", hm_cell_value(t->auroc, v[1]),
				      hm_cell_range(t->auroc_ci, false, r[1]));
		hm_buf_printf(b, e, "  %9s\n", hm_cell_value(t->majority, v[2]));
	}
	return e->code;
}

static void pairs_line(struct hm_buf *b, const struct hm_both_right *t, const char *name, int width,
		       struct hm_err *e)
{
	char value[HM_CELL_NUMBER], range[HM_CELL_RANGE];
	hm_buf_printf(b, e, "  ");
	hm_cell_write(b, name, width, e);
	hm_buf_printf(b, e, "  %7zu  %10zu  %9s", t->n, t->right, hm_cell_value(t->share, value));
	hm_buf_printf(b, e, t->n ? "  %s\n" : "\n", hm_cell_range(t->ci, false, range));
}

int hm_pairscore_text(const struct hm_pairscore *s, struct hm_buf *b, struct hm_err *e)
{
	int w = 9;
	for (int k = 0; k < s->n; k++) {
		int own = hm_cell_width(s->kind[k].kind);
		w = own > w ? own : w;
	}
	hm_buf_printf(b, e, "\nconfounders%*s  %7s  %10s  %9s  %-16s   (%.4f by guessing)\n", w - 9, "",
		      "pairs", "both right", "share", "95 % (Wilson)", s->random);
	for (int k = 0; k < s->n; k++)
		pairs_line(b, &s->kind[k], s->kind[k].kind, w, e);
	pairs_line(b, &s->all, "all", w, e);
	if (s->absent)
		hm_buf_printf(b, e, "  left out: %zu with an id that is not in the input\n", s->absent);
	if (s->unscored)
		hm_buf_printf(b, e, "  left out: %zu with a record that has no answer or no label\n",
			      s->unscored);
	return e->code;
}
