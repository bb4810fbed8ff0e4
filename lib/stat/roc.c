/* Ranking: one sort, then every measure is a walk from the highest score down, group by group. See roc.h. */
#include "stat/roc.h"

#include <math.h>
#include <stdlib.h>

struct scored {
	double score;
	uint32_t at;
};

static int by_falling_score(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;
	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return (x->at > y->at) - (x->at < y->at);
}

int hm_ranking_init(struct hm_ranking *r, size_t n, const double *score, const int32_t *label,
		    int32_t positive, struct hm_err *e)
{
	*r = (struct hm_ranking){.n = n, .label = label, .positive = positive};
	if (n > INT32_MAX)
		return hm_err_set(e, HM_EDATA, "%zu examples are more than can be ranked", n);
	struct scored *s = hm_alloc(n, sizeof *s, e);
	if (s)
		r->order = hm_alloc(n, sizeof *r->order, e);
	if (r->order)
		r->last = hm_alloc(n, sizeof *r->last, e);
	if (r->last)
		r->is_positive = hm_alloc(n, sizeof *r->is_positive, e);
	if (!r->is_positive) {
		free(s);
		hm_ranking_clear(r);
		return HM_EDATA;
	}
	for (size_t i = 0; i < n; i++)
		s[i] = (struct scored){score[i], (uint32_t)i};
	qsort(s, n, sizeof *s, by_falling_score);
	for (size_t i = 0; i < n; i++) {
		r->order[i] = s[i].at;
		r->last[i] = i + 1 == n || s[i + 1].score != s[i].score;
		r->is_positive[i] = label[s[i].at] == positive;
	}
	free(s);
	return 0;
}

void hm_ranking_clear(struct hm_ranking *r)
{
	free(r->order);
	free(r->last);
	free(r->is_positive);
	*r = (struct hm_ranking){0};
}

/* A walk down the ranking: positives and negatives above the group, and in it. */
struct walk {
	size_t k;
	uint64_t pos, neg, pos_here, neg_here;
};

/* The next group; false at the end. */
static bool next_group(const struct hm_ranking *r, const uint32_t *weight, struct walk *w)
{
	w->pos += w->pos_here;
	w->neg += w->neg_here;
	w->pos_here = w->neg_here = 0;
	if (w->k == r->n)
		return false;
	do {
		uint32_t times = weight ? weight[r->order[w->k]] : 1,
			 of_positive = r->is_positive[w->k] ? times : 0;
		w->pos_here += of_positive;
		w->neg_here += times - of_positive;
	} while (!r->last[w->k++]);
	return true;
}

/* Twice the number of pairs in which a positive of the group is above a negative, a tie counting half. */
static uint64_t pairs_won(const struct walk *w)
{
	return w->neg_here * (2 * w->pos + w->pos_here);
}

/* The share of the pairs, after the walk. */
static double share_of_pairs(const struct walk *w, uint64_t won)
{
	return w->pos && w->neg ? (double)won / (2.0 * (double)w->pos * (double)w->neg) : NAN;
}

double hm_auroc(const struct hm_ranking *r, const uint32_t *weight)
{
	struct walk w = {0};
	uint64_t won = 0;
	while (next_group(r, weight, &w))
		won += pairs_won(&w);
	return share_of_pairs(&w, won);
}

void hm_ranking_compute(const struct hm_ranking *r, const uint32_t *weight, double *auroc,
			double *average_precision)
{
	struct walk w = {0};
	uint64_t won = 0;
	double sum = 0;
	while (next_group(r, weight, &w)) {
		uint64_t above = w.pos + w.pos_here, all = above + w.neg + w.neg_here;
		won += pairs_won(&w);
		if (w.pos_here)
			sum += (double)w.pos_here * ((double)above / (double)all);
	}
	*auroc = share_of_pairs(&w, won);
	*average_precision = w.pos ? sum / (double)w.pos : 0;
}

size_t hm_roc_curve(const struct hm_ranking *r, double *fpr, double *tpr)
{
	struct walk w = {0};
	size_t n = 1;
	fpr[0] = tpr[0] = 0;
	for (; next_group(r, NULL, &w); n++) {
		fpr[n] = (double)(w.neg + w.neg_here);
		tpr[n] = (double)(w.pos + w.pos_here);
	}
	for (size_t i = 0; i < n; i++) {
		fpr[i] = w.neg ? fpr[i] / (double)w.neg : NAN;
		tpr[i] = w.pos ? tpr[i] / (double)w.pos : NAN;
	}
	return n;
}

void hm_auroc_bounds(const struct hm_ranking *r, size_t positives, size_t negatives, size_t unknown,
		     double *worst, double *best)
{
	struct walk w = {0};
	uint64_t pairs = 0;
	while (next_group(r, NULL, &w))
		pairs += pairs_won(&w);
	double won = (double)pairs / 2;
	*worst = *best = NAN;
	for (size_t x = 0; x <= unknown; x++) { /* x of the unknown are positive */
		double p = (double)w.pos, n = (double)w.neg, more_p = (double)(positives + x),
		       more_n = (double)(negatives + unknown - x), all = (p + more_p) * (n + more_n);
		if (all == 0)
			continue;
		/* worst: none of the added pairs is won; best: all of them */
		*worst = fmin(*worst, won / all);
		*best = fmax(*best, (won + all - p * n) / all);
	}
}
