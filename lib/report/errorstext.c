/* Wrong answers, a line per record. See present.h. */
#include "report/present.h"
#include "report/cells.h"
#include "stat/errors.h"

#include <stdlib.h>

/* The width of a column of classes. */
static int widest_class(const struct hm_predictions *p)
{
	int w = 6;
	for (int c = 0; p->names && c < p->classes; c++) {
		int own = hm_cell_width(p->names[c]);
		w = own > w ? own : w;
	}
	return w;
}

/* Numbers stand at the right of their column, words at the left. */
static void write_class(struct hm_buf *b, const struct hm_predictions *p, int32_t c, int width,
			struct hm_err *e)
{
	hm_buf_printf(b, e, "  ");
	if (p->names)
		hm_cell_write(b, p->names[c], width, e);
	else
		hm_buf_printf(b, e, "%*d", width, (int)c);
}

int hm_errors_text(const struct hm_predictions *p, const struct hm_matched *m, const struct hm_sample *s,
		   size_t count, struct hm_buf *b, struct hm_err *e)
{
	size_t *at, n;
	int w = widest_class(p);
	if (hm_errors_find(m, s, &at, &n, e))
		return HM_EDATA;
	count = n < count ? n : count;
	hm_buf_printf(b, e, "the %zu most confident of %zu wrong answers\n", count, n);
	hm_buf_printf(b, e, "  %-*s  %-*s  p of answer  id\n", p->names ? w : 5, "label", w, "answer");
	for (size_t k = 0; k < count; k++) {
		size_t i = at[k];
		const struct hm_prediction *t = &p->item[m->item[i]];
		write_class(b, p, s->label[i], p->names ? w : 5, e);
		write_class(b, p, s->answer[i], w, e);
		hm_buf_printf(b, e, "  %11.4f  ", m->prob[0][i * (size_t)m->classes + (size_t)s->answer[i]]);
		hm_cell_text(b, t->id, e);
		hm_buf_printf(b, e, *t->text ? "  " : "");
		hm_cell_text(b, t->text, e);
		hm_buf_printf(b, e, "\n");
	}
	hm_buf_printf(b, e, "\n");
	free(at);
	return e->code;
}
