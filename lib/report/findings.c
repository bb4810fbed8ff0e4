/* What the pages of a report share. See pages.h. */
#include "report/pages.h"
#include "report/cells.h"
#include "stat/scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hm_pair_significant(const struct hm_pair *p)
{
	return p->mcnemar_holm < .05 || p->delong_holm < .05;
}

static size_t shared_history(const struct hm_runs *r)
{
	const char *first = r->row[0].trial[0].history;
	size_t n = strlen(first);
	for (int i = 0; i < r->n_rows; i++)
		for (int k = 0; k < r->row[i].n; k++) {
			const char *other = r->row[i].trial[k].history;
			size_t same = 0;
			while (same < n && first[same] == other[same])
				same++;
			n = same;
		}
	while (n && first[n - 1] != '\n')
		n--;
	return n;
}

bool hm_row_has_origin(const struct hm_findings *f, const struct hm_row *w)
{
	for (int k = 0; k < w->n; k++)
		if (*w->trial[k].command || w->trial[k].history[f->shared])
			return true;
	return false;
}

/* The variance of Mann and Whitney's statistic when the scores say nothing. NaN without examples of each
 * class. */
static double guessed_auroc_variance(const struct hm_sample *s)
{
	double positives = 0, n = (double)s->n;
	for (size_t i = 0; i < s->n; i++)
		positives += s->label[i] == 1;
	const double pairs = positives * (n - positives);
	return pairs > 0 ? (n + 1) / (12 * pairs) : NAN;
}

int hm_findings_compute(struct hm_findings *f, const struct hm_runs *r, struct hm_err *e)
{
	size_t n = (size_t)r->n_rows, claims = (size_t)r->n_claims;
	struct hm_sample *first = NULL;
	*f = (struct hm_findings){.runs = r, .pairs = r->n_rows * (r->n_rows - 1) / 2};
	f->guess = HM_Z95 * sqrt(.25 / (double)r->matched.n);
	f->guess_auroc = HM_Z95 * sqrt(guessed_auroc_variance(r->row[0].trial[0].sample));
	f->shared = shared_history(r);
	if (!(f->row = hm_alloc(n, sizeof *f->row, e)) || !(first = hm_alloc(n, sizeof *first, e)) ||
	    !(f->difference = hm_alloc(claims * HM_RUNS_PAIRS, sizeof *f->difference, e)) ||
	    !(f->verdict = hm_alloc(claims, sizeof *f->verdict, e)) ||
	    !(f->pair = hm_alloc((size_t)f->pairs, sizeof *f->pair, e)))
		goto done;
	for (size_t i = 0; i < n; i++) {
		first[i] = *r->row[i].trial[0].sample;
		f->seeds |= r->row[i].n > 1;
		if (hm_row_summary(&r->row[i], &f->row[i], e))
			goto done;
	}
	for (size_t i = 0; i < claims; i++)
		if (hm_claim_judge(&r->claim[i], f->difference + i * HM_RUNS_PAIRS, &f->verdict[i], e))
			goto done;
	if (hm_pairs_compute(first, r->n_rows, f->pair, e))
		goto done;
	for (int i = 0; i < f->pairs; i++)
		f->significant += hm_pair_significant(&f->pair[i]);
done:
	free(first);
	return e->code;
}

void hm_findings_clear(struct hm_findings *f)
{
	free(f->row);
	free(f->difference);
	free(f->verdict);
	free(f->pair);
	*f = (struct hm_findings){0};
}

const char hm_page_literature_note[] = "Only an AUROC and the numbers of examples are known of a published "
				       "result. So intervals are Hanley and McNeil's, and "
				       "differences are taken as those of independent samples. Both results "
				       "of a pair are on the same examples, which makes "
				       "this conservative: a difference that looks like noise here may be "
				       "real. The noise of the random seed is not in it: "
				       "most results are of one training.";

char *hm_page_value(double v, int digits, char out[HM_PAGE_NUMBER])
{
	if (isnan(v))
		snprintf(out, HM_PAGE_NUMBER, "\xe2\x80\x93");
	else
		hm_cell_number(v, digits, false, out);
	return out;
}

char *hm_page_difference(double v, char out[HM_PAGE_NUMBER])
{
	return isnan(v) ? hm_page_value(v, 3, out) : hm_cell_number(v, 3, true, out);
}

char *hm_page_interval(struct hm_interval ci, bool sign, char out[HM_PAGE_NUMBER])
{
	char lo[HM_CELL_NUMBER], hi[HM_CELL_NUMBER];
	if (isnan(ci.lo) || isnan(ci.hi))
		out[0] = 0;
	else
		snprintf(out, HM_PAGE_NUMBER, "[%.20s, %.20s]", hm_cell_number(ci.lo, 3, sign, lo),
			 hm_cell_number(ci.hi, 3, sign, hi));
	return out;
}

char *hm_page_p(double p, char out[HM_PAGE_NUMBER])
{
	if (p < 1e-4)
		snprintf(out, HM_PAGE_NUMBER, "< 0.0001");
	else
		snprintf(out, HM_PAGE_NUMBER, p < .01 ? "%.4f" : "%.3f", p);
	return isnan(p) ? hm_page_value(p, 0, out) : out;
}
