/* Numbers, names and sentences of the pages of a report. See pages.h. */
#include "report/cells.h"
#include "report/pages.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

char *hm_page_measure(double v, char out[HM_PAGE_NUMBER])
{
	if (!(v >= 0 && isfinite(v)))
		return hm_page_value(NAN, 0, out);
	if (v > 0 && v < 1e-4)
		snprintf(out, HM_PAGE_NUMBER, "%.1e", v);
	else
		snprintf(out, HM_PAGE_NUMBER, "%.*f",
			 v >= 99.95 || v == 0 ? 0
			 : v >= 9.995	      ? 1
			 : v >= .9995	      ? 2
					      : 2 - (int)floor(log10(v)),
			 v);
	return out;
}

char *hm_page_auroc_interval(const struct hm_summary *m, char out[HM_PAGE_NUMBER])
{
	if (m->auroc_ci.lo < m->auroc_ci.hi || isnan(m->auroc_ci.lo))
		return hm_page_interval(m->auroc_ci, false, out);
	snprintf(out, HM_PAGE_NUMBER, "%s",
		 m->constant	 ? "constant answer"
		 : m->auroc >= 1 ? "every pair in order"
				 : "no interval");
	return out;
}

char *hm_page_examples(const struct hm_runs *r, char out[HM_PAGE_NUMBER])
{
	const size_t n = r->matched.n, all = hm_matched_records(&r->matched);
	snprintf(out, HM_PAGE_NUMBER, all > n ? "%zu of %zu" : "%zu", n, all);
	return out;
}

int hm_page_caveats(const struct hm_runs *r, struct hm_buf *out, struct hm_err *e)
{
	const size_t all = hm_matched_records(&r->matched), left = all - r->matched.n;
	struct hm_buf why = {0};
	if (left && !hm_runs_uncounted(r, &why, e))
		hm_buf_printf(out, e, "%zu of %zu examples %s left out: %s.", left, all,
			      left > 1 ? "are" : "is", (char *)why.data);
	if (r->echo)
		hm_buf_printf(
			out, e,
			"%sEvery label is the answer of its own file, as in a submission, where labels are "
			"predictions: then all scores here say nothing.",
			left ? " " : "");
	hm_buf_clear(&why);
	return hm_buf_add(out, "", 1, e);
}

int hm_page_title(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e)
{
	const struct hm_runs *r = f->runs;
	char n[HM_PAGE_NUMBER];
	if (*r->title)
		return hm_buf_add(out, r->title, strlen(r->title) + 1, e);
	hm_buf_printf(out, e, "%d row%s on %s examples", r->n_rows, r->n_rows == 1 ? "" : "s",
		      hm_page_examples(r, n));
	return hm_buf_add(out, "", 1, e);
}

const char *hm_page_unjudged(const struct hm_findings *f)
{
	if (f->judged)
		return "";
	if (!f->runs->random)
		return "The data of these rows is made, so that their scores say nothing about claims that "
		       "were made "
		       "of real data: none is judged here.";
	if (!f->runs->made)
		return "The encoders of these rows have random weights, so that their scores say nothing "
		       "about claims "
		       "that were made of trained ones: none is judged here.";
	return "The data of these rows is made and their encoders have random weights, so that their scores "
	       "say "
	       "nothing about claims that were made of real data and trained encoders: none is judged here.";
}

const char *hm_page_char(const char **s, char out[HM_PAGE_CHAR])
{
	const size_t left = strnlen(*s, 4);
	int n = hm_utf8_next(*s, left, NULL);
	if (**s == '\n' || **s == '\t') {
		out[0] = **s;
		out[1] = 0;
		n = 1;
	} else {
		hm_utf8_mask(*s, n ? (size_t)n : 1, out, HM_PAGE_CHAR);
	}
	*s += n ? n : 1;
	return out;
}
