/* The report for programs: a line per trial of each row. See pages.h. */
#include "report/pages.h"

#include <math.h>
#include <string.h>

static void put_number(struct hm_buf *b, double v, struct hm_err *e)
{
	if (isnan(v))
		hm_buf_printf(b, e, ",");
	else
		hm_buf_printf(b, e, ",%.9g", 0. + v);
}

int hm_page_csv(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e)
{
	const struct hm_runs *r = f->runs;
	hm_buf_printf(out, e,
		      "name,part,seed,selected,n,accuracy,accuracy_lo,accuracy_hi,auroc,auroc_lo,auroc_hi,"
		      "train_loss,train_s,"
		      "published_accuracy,published_loss,published_s,options,"
		      "published_auroc,published_auroc_lo,published_auroc_hi\n");
	for (int i = 0; i < r->n_rows; i++)
		for (int k = 0; k < r->row[i].n; k++) {
			const struct hm_row *w = &r->row[i];
			const struct hm_trial *t = &w->trial[k];
			const struct hm_published *p = &w->published;
			const double value[] = {t->accuracy,
						t->accuracy_ci.lo,
						t->accuracy_ci.hi,
						t->auroc,
						t->auroc_ci.lo,
						t->auroc_ci.hi,
						t->loss,
						t->seconds,
						p->value[HM_PUBLISHED_ACCURACY],
						p->value[HM_PUBLISHED_LOSS],
						p->value[HM_PUBLISHED_SECONDS]};
			hm_buf_quote(out, w->name, e);
			hm_buf_printf(out, e, ",%lld,%lld,%s,%zu", (long long)w->part, (long long)t->seed,
				      w->selected ? "dev" : "last", r->matched.n);
			for (size_t v = 0; v < sizeof value / sizeof *value; v++)
				put_number(out, value[v], e);
			hm_buf_printf(out, e, ",");
			hm_buf_quote(out, w->options, e);
			put_number(out, p->value[HM_PUBLISHED_AUROC], e);
			put_number(out, p->auroc_ci.lo, e);
			put_number(out, p->auroc_ci.hi, e);
			hm_buf_printf(out, e, "\n");
		}
	return e->code;
}
