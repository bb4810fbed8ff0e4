/* Wrong answers, a line per record. See present.h. */
#include "report/present.h"
#include "report/cells.h"
#include "stat/errors.h"

#include <stdlib.h>

int hm_errors_text(const struct hm_predictions *p, const struct hm_matched *m, const struct hm_sample *s,
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
		hm_buf_printf(b, e, "  ");
		hm_cell_text(b, t->id, e);
		hm_buf_printf(b, e, *t->text ? "  " : "");
		hm_cell_text(b, t->text, e);
		hm_buf_printf(b, e, "\n");
	}
	hm_buf_printf(b, e, "\n");
	free(at);
	return e->code;
}
