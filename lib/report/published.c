/* Published results: reading, intervals, differences. See published.h. */
#include "report/published.h"
#include "report/runsparts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct hm_published_column hm_published_columns[HM_PUBLISHED] = {
	[HM_PUBLISHED_ACCURACY] = {"accuracy", 3},
	[HM_PUBLISHED_AUROC] = {"AUROC", 3},
	[HM_PUBLISHED_LOSS] = {"loss", 4},
	[HM_PUBLISHED_SECONDS] = {"seconds", 0},
};

int hm_published_read(const cJSON *o, struct hm_published *p, struct hm_err *e)
{
	static const char *const key[HM_PUBLISHED] = {"accuracy", "auroc", "loss", "seconds"};
	const double n = hm_runs_number(o, "examples"), positives = hm_runs_number(o, "positives");
	for (int i = 0; i < HM_PUBLISHED; i++)
		p->value[i] = hm_runs_number(o, key[i]);
	const double auroc = p->value[HM_PUBLISHED_AUROC];
	for (int i = HM_PUBLISHED_ACCURACY; i <= HM_PUBLISHED_AUROC; i++)
		if (p->value[i] < 0 || p->value[i] > 1)
			return hm_err_set(e, HM_EDATA, "a published \"%s\" must lie between 0 and 1", key[i]);
	if (!(isnan(n) && isnan(positives)) &&
	    !(positives > 0 && n > positives && n == floor(n) && positives == floor(positives)))
		return hm_err_set(
			e, HM_EDATA,
			"\"examples\" and \"positives\" of a published result must be whole numbers, "
			"of both classes at least one");
	p->variance = hm_hanley_mcneil_variance(auroc, positives, n - positives);
	p->auroc_ci = (struct hm_interval){NAN, NAN};
	if (!isnan(p->variance)) {
		const double half = HM_Z95 * sqrt(p->variance);
		p->auroc_ci = (struct hm_interval){fmax(0, auroc - half), fmin(1, auroc + half)};
	}
	return 0;
}

static int read_results(struct hm_runs *r, const cJSON *o, struct hm_err *e)
{
	struct hm_literature *l = &r->literature;
	const cJSON *array, *one;
	int at = 0, n = hm_runs_objects(o, "results", HM_RUNS_ROWS, &array, e);
	if (n <= 0)
		return n ? n : hm_err_set(e, HM_EDATA, "there are no \"results\"");
	if (!(l->result = hm_arena_get(&r->arena, (size_t)n * sizeof *l->result, e)))
		return HM_EDATA;
	cJSON_ArrayForEach(one, array)
	{
		struct hm_result *v = &l->result[at++];
		*v = (struct hm_result){.name = hm_runs_str(one, "name"),
					.set = hm_runs_str(one, "set"),
					.where = hm_runs_str(one, "where")};
		if (!*v->name)
			return hm_err_set(e, HM_EDATA, "result %d has no \"name\"", at);
		for (int i = 0; i < at - 1; i++)
			if (!strcmp(l->result[i].name, v->name) && !strcmp(l->result[i].set, v->set))
				return hm_err_set(e, HM_EDATA,
						  "two results are called \"%s\" on the set \"%s\"", v->name,
						  v->set);
		if (!hm_published_read(one, &v->published, e) && isnan(v->published.variance))
			hm_err_set(e, HM_EDATA, "\"auroc\", \"examples\" and \"positives\" are required");
		if (e->code) {
			hm_err_prefix(e, "result \"%s\"", v->name);
			return HM_EDATA;
		}
	}
	l->n_results = n;
	return 0;
}

static int compare_results(struct hm_result_pair *d, struct hm_err *e)
{
	const struct hm_published *a = &d->a->published, *b = &d->b->published;
	const double error = sqrt(a->variance + b->variance);
	if (d->a == d->b)
		return hm_err_set(e, HM_EDATA, "a pair has \"%s\" twice", d->a->name);
	d->difference = a->value[HM_PUBLISHED_AUROC] - b->value[HM_PUBLISHED_AUROC];
	d->ci = (struct hm_interval){d->difference - HM_Z95 * error, d->difference + HM_Z95 * error};
	d->p = error > 0 ? erfc(fabs(d->difference) / error / sqrt(2)) : d->difference == 0;
	return 0;
}

/* A pair names two results: they are compared on each set that has both. */
static int read_pair(struct hm_runs *r, const cJSON *o, struct hm_err *e)
{
	struct hm_literature *l = &r->literature;
	const char *a = hm_runs_str(o, "a"), *b = hm_runs_str(o, "b");
	const int before = l->n_pairs;
	for (int i = 0; i < l->n_results; i++)
		for (int k = 0; k < l->n_results; k++) {
			struct hm_result *x = &l->result[i], *y = &l->result[k];
			if (strcmp(x->name, a) != 0 || strcmp(y->name, b) != 0 || strcmp(x->set, y->set) != 0)
				continue;
			struct hm_result_pair *d = &l->pair[l->n_pairs++];
			*d = (struct hm_result_pair){.a = x, .b = y, .note = hm_runs_str(o, "note")};
			if (compare_results(d, e))
				return HM_EDATA;
		}
	return l->n_pairs > before
		       ? 0
		       : hm_err_set(e, HM_EDATA, "no set has a result of both \"%s\" and \"%s\"", a, b);
}

static int correct_pairs(struct hm_literature *l, struct hm_err *e)
{
	const size_t n = (size_t)l->n_pairs;
	double *p = hm_alloc(2 * n, sizeof *p, e);
	if (!p)
		return HM_EDATA;
	for (size_t i = 0; i < n; i++)
		p[i] = l->pair[i].p;
	int rc = hm_holm(p, n, p + n, e);
	for (size_t i = 0; i < n && !rc; i++) {
		l->pair[i].holm = p[n + i];
		l->apart += l->pair[i].holm < .05;
	}
	free(p);
	return rc;
}

int hm_runs_literature(struct hm_runs *r, struct hm_err *e)
{
	const cJSON *o = cJSON_GetObjectItemCaseSensitive(r->json, "literature"), *array, *one;
	int rc = 0;
	if (!o)
		return 0;
	int n = hm_runs_objects(o, "pairs", HM_RUNS_ROWS, &array, e);
	if (n < 0 || read_results(r, o, e) ||
	    !(r->literature.pair = hm_arena_get(
		      &r->arena, (size_t)(n * r->literature.n_results + 1) * sizeof *r->literature.pair, e)))
		rc = HM_EDATA;
	if (!rc)
		cJSON_ArrayForEach(one, array) if (!rc) rc = read_pair(r, one, e);
	if (!rc && r->literature.n_pairs)
		rc = correct_pairs(&r->literature, e);
	if (rc)
		hm_err_prefix(e, "\"literature\"");
	return rc;
}
