/* Summaries, differences, verdicts. See verdict.h. */
#include "report/verdict.h"

#include <math.h>
#include <stdlib.h>

/* P(|T| > t) = I_x(df/2, 1/2) with x = df/(df + t^2), which is halved until it is .05. */
double hm_student_975(double df)
{
	double lo = 0, hi = 1;
	for (int i = 0; i < 200; i++) {
		double x = (lo + hi) / 2;
		if (hm_beta_inc(df / 2, .5, x) < .05)
			lo = x;
		else
			hi = x;
	}
	return sqrt(df * (1 / lo - 1));
}

static double share_right(const struct hm_row *row, size_t i)
{
	double k = 0;
	for (int t = 0; t < row->n; t++)
		k += row->trial[t].sample->answer[i] == row->trial[t].sample->label[i];
	return k / row->n;
}

/* Mean and Wald interval over examples of share_right(a) - share_right(b); b NULL: of share_right(a). */
static double over_examples(const struct hm_row *a, const struct hm_row *b, double *error)
{
	size_t n = a->trial[0].sample->n;
	double sum = 0, squares = 0;
	for (size_t i = 0; i < n; i++)
		sum += share_right(a, i) - (b ? share_right(b, i) : 0);
	for (size_t i = 0; i < n; i++) {
		double d = share_right(a, i) - (b ? share_right(b, i) : 0) - sum / (double)n;
		squares += d * d;
	}
	*error = n > 1 ? sqrt(squares / ((double)n - 1) / (double)n) : NAN;
	return sum / (double)n;
}

static bool is_constant(const struct hm_ranking *r)
{
	for (size_t i = 0; i + 1 < r->n; i++)
		if (r->last[i])
			return false;
	return r->n > 0;
}

/* DeLong's components are linear in the systems, so those of a mean of AUROCs are their mean. */
static int auroc_interval(const struct hm_row *row, double auroc, struct hm_interval *ci, struct hm_err *e)
{
	const struct hm_sample *s = row->trial[0].sample;
	double *place = hm_alloc(s->n, sizeof *place, e),
	       *sum = place ? hm_alloc(s->n, sizeof *sum, e) : NULL;
	size_t positives = 0;
	if (sum) {
		for (int t = 0; t < row->n; t++) {
			hm_delong_places(&row->trial[t].sample->rank, place, &positives);
			for (size_t i = 0; i < s->n; i++)
				sum[i] += place[i] / row->n;
		}
		double half = HM_Z95 * sqrt(hm_delong_variance(sum, s->label, s->n, positives));
		*ci = (struct hm_interval){fmax(0, auroc - half), fmin(1, auroc + half)};
		if (isnan(half))
			*ci = (struct hm_interval){NAN, NAN};
	}
	int rc = sum ? 0 : HM_EDATA;
	free(place);
	free(sum);
	return rc;
}

int hm_row_summary(const struct hm_row *row, struct hm_summary *out, struct hm_err *e)
{
	const double none = NAN;
	double n = row->n, squares = 0, error;
	*out = (struct hm_summary){
		.deviation = none, .least = 1, .over_seeds = {none, none}, .constant = true};
	for (int t = 0; t < row->n; t++) {
		const struct hm_trial *one = &row->trial[t];
		out->constant &= is_constant(&one->sample->rank);
		out->accuracy += one->accuracy / n;
		out->auroc += one->auroc / n;
		out->loss += one->loss / n;
		out->seconds += one->seconds / n;
		out->least = fmin(out->least, one->accuracy);
		out->most = fmax(out->most, one->accuracy);
	}
	if (row->n == 1) {
		out->accuracy_ci = row->trial[0].accuracy_ci;
		out->auroc_ci = row->trial[0].auroc_ci;
		return 0;
	}
	for (int t = 0; t < row->n; t++)
		squares +=
			(row->trial[t].accuracy - out->accuracy) * (row->trial[t].accuracy - out->accuracy);
	out->deviation = sqrt(squares / (n - 1));
	double half = hm_student_975(n - 1) * out->deviation / sqrt(n);
	out->over_seeds = (struct hm_interval){fmax(0, out->accuracy - half), fmin(1, out->accuracy + half)};
	over_examples(row, NULL, &error);
	out->accuracy_ci = (struct hm_interval){fmax(0, out->accuracy - HM_Z95 * error),
						fmin(1, out->accuracy + HM_Z95 * error)};
	out->auroc_ci = (struct hm_interval){none, none};
	return isnan(out->auroc) ? 0 : auroc_interval(row, out->auroc, &out->auroc_ci, e);
}

static int compare_rows(const struct hm_row *a, const struct hm_row *b, struct hm_difference *d,
			struct hm_err *e)
{
	struct hm_paired one;
	double error;
	if (a->n == 1 && b->n == 1) {
		if (hm_paired_compute(a->trial[0].sample, b->trial[0].sample, &one, e))
			return HM_EDATA;
		*d = (struct hm_difference){one.accuracy, one.accuracy_ci, one.mcnemar_p, 0};
		return 0;
	}
	d->accuracy = over_examples(a, b, &error);
	d->ci = (struct hm_interval){d->accuracy - HM_Z95 * error, d->accuracy + HM_Z95 * error};
	d->p = error > 0 ? erfc(fabs(d->accuracy) / error / sqrt(2)) : d->accuracy == 0;
	return 0;
}

enum hm_verdict hm_verdict_of(enum hm_claim_kind kind, double margin, const struct hm_difference *d, int n)
{
	bool all = true, against = false;
	for (int i = 0; i < n; i++) {
		bool significant = d[i].holm < .05;
		switch (kind) {
		case HM_CLAIM_BETTER:
			all &= significant && d[i].accuracy > 0;
			against |= significant && d[i].accuracy < 0;
			break;
		case HM_CLAIM_NOT_WORSE:
			all &= d[i].ci.lo > -margin;
			against |= significant && d[i].accuracy < 0;
			break;
		case HM_CLAIM_SAME:
			all &= d[i].ci.lo > -margin && d[i].ci.hi < margin;
			against |= significant;
			break;
		}
	}
	/* all and against: significant, yet within the margin, so as claimed */
	return all ? HM_SUPPORTED : against ? HM_NOT_SUPPORTED : HM_UNDECIDABLE;
}

int hm_claim_judge(const struct hm_claim *claim, struct hm_difference *out, enum hm_verdict *verdict,
		   struct hm_err *e)
{
	double p[HM_RUNS_PAIRS], holm[HM_RUNS_PAIRS];
	for (int i = 0; i < claim->n; i++) {
		if (compare_rows(claim->pair[i].a, claim->pair[i].b, &out[i], e))
			return HM_EDATA;
		p[i] = out[i].p;
	}
	if (hm_holm(p, (size_t)claim->n, holm, e))
		return HM_EDATA;
	for (int i = 0; i < claim->n; i++)
		out[i].holm = holm[i];
	*verdict = hm_verdict_of(claim->kind, claim->margin, out, claim->n);
	return 0;
}

const char *hm_verdict_text(enum hm_verdict v)
{
	static const char *const text[] = {"undecidable at this n", "supported", "not supported"};
	return text[v];
}
