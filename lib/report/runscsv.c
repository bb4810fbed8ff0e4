/* The report for programs: a line per trial of each row. See pages.h. */
#include "report/pages.h"

#include <math.h>
#include <string.h>

enum column {
	NAME,
	PART,
	SEED,
	SELECTED,
	N,
	NUMBERS, /* from here on numbers that may be unknown */
	ACCURACY = NUMBERS,
	ACCURACY_LO,
	ACCURACY_HI,
	AUROC,
	AUROC_LO,
	AUROC_HI,
	LOSS,
	SECONDS,
	PUB_ACCURACY,
	PUB_LOSS,
	PUB_SECONDS,
	OPTIONS,
	PUB_AUROC,
	PUB_AUROC_LO,
	PUB_AUROC_HI,
	LEFT_OUT,
	UNLABELLED,
	FAILED,
	COLUMNS
};

static const char *const names[COLUMNS] = {
	[NAME] = "name",
	[PART] = "part",
	[SEED] = "seed",
	[SELECTED] = "selected",
	[N] = "n",
	[ACCURACY] = "accuracy",
	[ACCURACY_LO] = "accuracy_lo",
	[ACCURACY_HI] = "accuracy_hi",
	[AUROC] = "auroc",
	[AUROC_LO] = "auroc_lo",
	[AUROC_HI] = "auroc_hi",
	[LOSS] = "train_loss",
	[SECONDS] = "train_s",
	[PUB_ACCURACY] = "published_accuracy",
	[PUB_LOSS] = "published_loss",
	[PUB_SECONDS] = "published_s",
	[OPTIONS] = "options",
	[PUB_AUROC] = "published_auroc",
	[PUB_AUROC_LO] = "published_auroc_lo",
	[PUB_AUROC_HI] = "published_auroc_hi",
	[LEFT_OUT] = "left_out",
	[UNLABELLED] = "unlabelled",
	[FAILED] = "failed",
};

static double find_number(const struct hm_runs *r, const struct hm_row *w, const struct hm_trial *t,
			  enum column c)
{
	const struct hm_matched *m = &r->matched;
	const struct hm_published *p = &w->published;
	const double value[COLUMNS] = {
		[PART] = w->part,
		[SEED] = t->seed,
		[ACCURACY] = t->accuracy,
		[ACCURACY_LO] = t->accuracy_ci.lo,
		[ACCURACY_HI] = t->accuracy_ci.hi,
		[AUROC] = t->auroc,
		[AUROC_LO] = t->auroc_ci.lo,
		[AUROC_HI] = t->auroc_ci.hi,
		[LOSS] = t->loss,
		[SECONDS] = t->seconds,
		[PUB_ACCURACY] = p->value[HM_PUBLISHED_ACCURACY],
		[PUB_LOSS] = p->value[HM_PUBLISHED_LOSS],
		[PUB_SECONDS] = p->value[HM_PUBLISHED_SECONDS],
		[PUB_AUROC] = p->value[HM_PUBLISHED_AUROC],
		[PUB_AUROC_LO] = p->auroc_ci.lo,
		[PUB_AUROC_HI] = p->auroc_ci.hi,
		[LEFT_OUT] = m->failed || m->unlabelled ? (double)(m->failed + m->unlabelled) : NAN,
		[UNLABELLED] = m->unlabelled ? (double)m->unlabelled : NAN,
		[FAILED] = m->failed ? (double)t->failed : NAN,
	};
	return value[c];
}

/* Whether some row has something for the column. */
static bool has_column(const struct hm_runs *r, enum column c)
{
	bool any = c == NAME || c == N;
	for (int i = 0; i < r->n_rows && !any; i++)
		for (int k = 0; k < r->row[i].n && !any; k++)
			any = c == SELECTED  ? r->row[i].selected
			      : c == OPTIONS ? *r->row[i].options != 0
					     : !isnan(find_number(r, &r->row[i], &r->row[i].trial[k], c));
	return any;
}

static void put_field(const struct hm_runs *r, const struct hm_row *w, const struct hm_trial *t,
		      enum column c, hm_field_writer *put, struct hm_buf *b, struct hm_err *e)
{
	if (c == NAME || c == OPTIONS)
		put(b, c == NAME ? w->name : w->options, e);
	else if (c == SELECTED)
		hm_buf_printf(b, e, "%s", w->selected ? "dev" : "last");
	else if (c == N)
		hm_buf_printf(b, e, "%zu", r->matched.n);
	else if (!isnan(find_number(r, w, t, c)))
		hm_buf_printf(b, e, c < NUMBERS ? "%.17g" : "%.9g", 0. + find_number(r, w, t, c));
}

int hm_page_csv(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e)
{
	const struct hm_runs *r = f->runs;
	hm_field_writer *put = f->spreadsheet ? hm_buf_cell : hm_buf_quote;
	bool has[COLUMNS];
	for (enum column c = 0; c < COLUMNS; c++) {
		has[c] = has_column(r, c);
		if (has[c])
			hm_buf_printf(out, e, "%s%s", c ? "," : "", names[c]);
	}
	hm_buf_printf(out, e, "\n");
	for (int i = 0; i < r->n_rows; i++)
		for (int k = 0; k < r->row[i].n; k++) {
			for (enum column c = 0; c < COLUMNS; c++) {
				if (has[c] && c)
					hm_buf_printf(out, e, ",");
				if (has[c])
					put_field(r, &r->row[i], &r->row[i].trial[k], c, put, out, e);
			}
			hm_buf_printf(out, e, "\n");
		}
	return e->code;
}
