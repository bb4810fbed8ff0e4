/* What the pages of a report share. See pages.h. */
#include "report/pages.h"
#include "stat/scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hm_pair_significant(const struct hm_pair *p)
{
	return p->mcnemar_holm < .05 || p->delong_holm < .05;
}

/* Whether the test of the headline's metric shows a row of a pair to be above the other. */
static bool pair_favours(const struct hm_findings *f, const struct hm_pair *p, int row)
{
	double above = f->auroc ? p->test.auroc : p->test.accuracy,
	       holm = f->auroc ? p->delong_holm : p->mcnemar_holm;
	return holm < .05 && (p->a == row ? above > 0 : above < 0);
}

char *hm_page_best(const struct hm_findings *f, char out[HM_PAGE_BEST])
{
	int alike = 0, others = f->runs->n_rows - 1;
	for (int i = 0; i < f->pairs; i++)
		alike += (f->pair[i].a == f->best || f->pair[i].b == f->best) &&
			 !pair_favours(f, &f->pair[i], f->best);
	if (!alike)
		snprintf(out, HM_PAGE_BEST, "shown to differ from every other");
	else if (others == 1)
		snprintf(out, HM_PAGE_BEST, "not shown to differ from the other");
	else
		snprintf(out, HM_PAGE_BEST, "not shown to differ from %d of %d others", alike, others);
	return out;
}

/* How many bytes two texts begin with alike, at most n. */
static size_t count_alike(const char *a, const char *b, size_t n)
{
	size_t same = 0;
	while (same < n && a[same] == b[same])
		same++;
	return same;
}

static size_t shared_history(const struct hm_runs *r)
{
	const char *first = NULL;
	size_t n = 0;
	for (int i = 0; i < r->n_rows; i++)
		for (int k = 0; k < r->row[i].n; k++) {
			const char *other = r->row[i].trial[k].history;
			if (!*other)
				continue;
			n = first ? count_alike(first, other, n) : strlen(other);
			first = first ? first : other;
		}
	while (n && first[n - 1] != '\n')
		n--;
	return n;
}

const char *hm_trial_history(const struct hm_findings *f, const struct hm_trial *t)
{
	return *t->history ? t->history + f->shared : "";
}

const char *hm_shared_history(const struct hm_findings *f)
{
	const struct hm_runs *r = f->runs;
	for (int i = 0; i < r->n_rows; i++)
		for (int k = 0; k < r->row[i].n; k++)
			if (*r->row[i].trial[k].history)
				return r->row[i].trial[k].history;
	return "";
}

bool hm_row_has_origin(const struct hm_findings *f, const struct hm_row *w)
{
	for (int k = 0; k < w->n; k++)
		if (*w->trial[k].command || *hm_trial_history(f, &w->trial[k]))
			return true;
	return false;
}

bool hm_findings_have_origins(const struct hm_findings *f)
{
	for (int i = 0; i < f->runs->n_rows; i++)
		if (hm_row_has_origin(f, &f->runs->row[i]))
			return true;
	return f->shared > 0;
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

static double headline(const struct hm_findings *f, int row)
{
	return f->auroc ? f->row[row].auroc : f->row[row].accuracy;
}

bool hm_row_guesses(const struct hm_findings *f, int row)
{
	const struct hm_interval range = f->auroc ? f->guess_auroc : f->guess;
	return headline(f, row) >= range.lo && headline(f, row) <= range.hi;
}

/* What some row has, and which is the best one. */
static void look_at_rows(struct hm_findings *f)
{
	const struct hm_runs *r = f->runs;
	for (int i = 0; i < r->n_rows; i++) {
		f->seeds |= r->row[i].n > 1;
		f->auroc |= !isnan(f->row[i].auroc);
		f->loss |= !isnan(f->row[i].loss);
		f->seconds |= !isnan(f->row[i].seconds);
		for (int k = 0; k < r->row[i].n; k++)
			f->curves |= r->row[i].trial[k].train.n || r->row[i].trial[k].val.n;
	}
	for (int i = 0; i < r->n_rows; i++) {
		if (headline(f, i) > headline(f, f->best))
			f->best = i;
		f->guessing += hm_row_guesses(f, i);
	}
}

int hm_findings_compute(struct hm_findings *f, const struct hm_runs *r, struct hm_err *e)
{
	size_t n = (size_t)r->n_rows, claims = (size_t)r->n_claims;
	struct hm_sample *first = NULL;
	*f = (struct hm_findings){.runs = r, .pairs = r->n_rows * (r->n_rows - 1) / 2};
	const double half = r->matched.classes == 2
				    ? HM_Z95 * sqrt(guessed_auroc_variance(r->row[0].trial[0].sample))
				    : NAN;
	f->guess = hm_binomial_range(r->matched.n, 1. / r->matched.classes);
	f->guess_auroc = (struct hm_interval){fmax(0, .5 - half), fmin(1, .5 + half)};
	if (isnan(half))
		f->guess_auroc = (struct hm_interval){NAN, NAN};
	f->judged = !r->made && !r->random;
	f->shared = shared_history(r);
	if (!(f->row = hm_alloc(n, sizeof *f->row, e)) || !(first = hm_alloc(n, sizeof *first, e)) ||
	    !(f->difference = hm_alloc(claims * HM_RUNS_PAIRS, sizeof *f->difference, e)) ||
	    !(f->verdict = hm_alloc(claims, sizeof *f->verdict, e)) ||
	    !(f->pair = hm_alloc((size_t)f->pairs, sizeof *f->pair, e)))
		goto done;
	for (size_t i = 0; i < n; i++) {
		first[i] = *r->row[i].trial[0].sample;
		if (hm_row_summary(&r->row[i], &f->row[i], e))
			goto done;
	}
	look_at_rows(f);
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
