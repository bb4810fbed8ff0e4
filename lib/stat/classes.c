/* One class against the rest. See classes.h. */
#include "stat/classes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *hm_macro_key(enum hm_macro m)
{
	static const char *const key[HM_MACROS] = {"macro_precision", "macro_recall", "macro_f1",
						   "macro_auroc", "weighted_f1"};
	return key[m];
}

/* How often a class is the label, the answer, both. */
struct tally {
	double support, answers, right;
};

struct work {
	const struct hm_sample *s;
	struct hm_ranking *rank; /* [C]; NULL: no AUROC */
	struct tally *tally;	 /* [workers, C] */
};

static void count_answers(const struct hm_sample *s, const uint32_t *weight, struct tally *t)
{
	memset(t, 0, (size_t)s->classes * sizeof *t);
	for (size_t i = 0; i < s->n; i++) {
		double w = weight ? weight[i] : 1;
		t[s->label[i]].support += w;
		t[s->answer[i]].answers += w;
		t[s->label[i]].right += s->answer[i] == s->label[i] ? w : 0;
	}
}

static double divide_or_zero(double a, double b)
{
	return b != 0 ? a / b : 0;
}

/* Precision, recall and F1 of a class that occurs. */
static void score_class(const struct tally *t, double v[3])
{
	v[HM_MACRO_PRECISION] = divide_or_zero(t->right, t->answers);
	v[HM_MACRO_RECALL] = divide_or_zero(t->right, t->support);
	v[HM_MACRO_F1] = 2 * t->right / (t->support + t->answers);
}

static void average_classes(const struct work *k, const uint32_t *weight, const struct tally *t,
			    double *value)
{
	double occur = 0, n = 0, one[3];
	memset(value, 0, HM_MACROS * sizeof *value);
	for (int c = 0; c < k->s->classes; c++) {
		if (k->rank)
			value[HM_MACRO_AUROC] += hm_auroc(&k->rank[c], weight);
		if (t[c].support + t[c].answers == 0)
			continue;
		score_class(&t[c], one);
		for (int m = 0; m < 3; m++)
			value[m] += one[m];
		value[HM_WEIGHTED_F1] += t[c].support * one[HM_MACRO_F1];
		n += t[c].support;
		occur++;
	}
	for (int m = 0; m < 3; m++)
		value[m] /= occur; /* without examples 0/0: undefined */
	value[HM_WEIGHTED_F1] /= n;
	value[HM_MACRO_AUROC] = k->rank ? value[HM_MACRO_AUROC] / k->s->classes : NAN;
}

static void measure_averages(void *ctx, const uint32_t *weight, int worker, double *value)
{
	struct work *k = ctx;
	struct tally *t = k->tally + (size_t)worker * (size_t)k->s->classes;
	count_answers(k->s, weight, t);
	average_classes(k, weight, t, value);
}

/* Ranks the examples by the probability of each class. */
static int rank_classes(struct work *k, const double *prob, struct hm_err *e)
{
	const struct hm_sample *s = k->s;
	size_t classes = (size_t)s->classes;
	double *own = hm_alloc(s->n, sizeof *own, e);
	int rc = own && (k->rank = hm_alloc(classes, sizeof *k->rank, e)) ? 0 : HM_EDATA;
	for (size_t c = 0; !rc && c < classes; c++) {
		for (size_t i = 0; i < s->n; i++)
			own[i] = prob[i * classes + c];
		rc = hm_ranking_init(&k->rank[c], s->n, own, s->label, (int32_t)c, e);
	}
	free(own);
	return rc;
}

static void free_ranks(struct work *k)
{
	for (int c = 0; k->rank && c < k->s->classes; c++)
		hm_ranking_clear(&k->rank[c]);
	free(k->rank);
	k->rank = NULL;
}

static void fill_classes(struct hm_classes *c, const struct work *k)
{
	double one[3];
	for (size_t i = 0; i < k->s->n; i++)
		c->confusion[(size_t)k->s->label[i] * (size_t)c->n + (size_t)k->s->answer[i]]++;
	for (int i = 0; i < c->n; i++) {
		const struct tally *t = &k->tally[i];
		struct hm_class *o = &c->item[i];
		bool occurs = t->support + t->answers > 0;
		if (occurs)
			score_class(t, one);
		*o = (struct hm_class){.support = (size_t)t->support,
				       .answers = (size_t)t->answers,
				       .right = (size_t)t->right,
				       .precision = occurs ? one[HM_MACRO_PRECISION] : NAN,
				       .recall = occurs ? one[HM_MACRO_RECALL] : NAN,
				       .f1 = occurs ? one[HM_MACRO_F1] : NAN,
				       .auroc = k->rank ? hm_auroc(&k->rank[i], NULL) : NAN};
	}
}

int hm_classes_compute(struct hm_classes *c, const struct hm_sample *s, const double *prob,
		       const struct hm_resampling *how, struct hm_err *e)
{
	size_t n = (size_t)s->classes, cells,
	       workers = how->workers ? (size_t)hm_workers_count(how->workers) : 1;
	struct work k = {.s = s};
	int rc = HM_EDATA;
	*c = (struct hm_classes){.n = s->classes};
	if (!hm_size_mul(n, n, &cells) || !(c->confusion = hm_alloc(cells, sizeof *c->confusion, e)) ||
	    !(c->item = hm_alloc(n, sizeof *c->item, e)) ||
	    !(k.tally = hm_alloc(workers * n, sizeof *k.tally, e)))
		goto done;
	rc = prob ? rank_classes(&k, prob, e) : 0;
	if (rc)
		goto done;
	measure_averages(&k, NULL, 0, c->value);
	fill_classes(c, &k);
	if (isnan(c->value[HM_MACRO_AUROC])) /* then in every resample */
		free_ranks(&k);
	rc = hm_bootstrap_values(s->n, s->label, how, HM_MACROS, measure_averages, &k, c->ci, e);
done:
	free_ranks(&k);
	free(k.tally);
	return rc;
}

void hm_classes_clear(struct hm_classes *c)
{
	free(c->item);
	free(c->confusion);
	*c = (struct hm_classes){0};
}
