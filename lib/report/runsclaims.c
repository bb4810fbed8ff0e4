/* The claims about the rows of an experiment's table, and the stages of its work. See runsparts.h. */
#include "report/runsparts.h"

#include <math.h>
#include <string.h>

static const struct hm_row *find_row(const struct hm_runs *r, const char *name, struct hm_err *e)
{
	for (int i = 0; i < r->n_rows; i++)
		if (!strcmp(r->row[i].name, name))
			return &r->row[i];
	hm_err_set(e, HM_EDATA, "a claim names the row \"%s\", which is not there", name);
	return NULL;
}

int hm_runs_claims(struct hm_runs *r, struct hm_err *e)
{
	static const char *const kinds[] = {"better", "not-worse", "same"};
	const cJSON *array, *o, *pairs, *p;
	int at = 0, n = hm_runs_objects(r->json, "claims", HM_RUNS_ROWS, &array, e);
	if (n <= 0)
		return n;
	if (!(r->claim = hm_arena_get(&r->arena, (size_t)n * sizeof *r->claim, e)))
		return HM_EDATA;
	memset(r->claim, 0, (size_t)n * sizeof *r->claim);
	r->n_claims = n;
	cJSON_ArrayForEach(o, array)
	{
		struct hm_claim *c = &r->claim[at++];
		int kind = 0, k = 0;
		c->text = hm_runs_str(o, "text");
		c->margin = hm_runs_number(o, "margin");
		while (kind < 3 && strcmp(kinds[kind], hm_runs_str(o, "kind")) != 0)
			kind++;
		if (kind == 3)
			return hm_err_set(e, HM_EDATA, "claim %d: \"kind\" must be better, not-worse or same",
					  at);
		c->kind = (enum hm_claim_kind)kind;
		if (c->kind != HM_CLAIM_BETTER && !(c->margin > 0 && c->margin < 1))
			return hm_err_set(e, HM_EDATA, "claim %d: \"margin\" must lie between 0 and 1", at);
		if ((c->n = hm_runs_objects(o, "pairs", HM_RUNS_PAIRS, &pairs, e)) <= 0)
			return c->n ? c->n : hm_err_set(e, HM_EDATA, "claim %d has no \"pairs\"", at);
		cJSON_ArrayForEach(p, pairs)
		{
			c->pair[k].a = find_row(r, hm_runs_str(p, "a"), e);
			c->pair[k].b = c->pair[k].a ? find_row(r, hm_runs_str(p, "b"), e) : NULL;
			c->pair[k].note = hm_runs_str(p, "note");
			if (!c->pair[k++].b)
				return HM_EDATA;
		}
	}
	return 0;
}

int hm_runs_stages(struct hm_runs *r, struct hm_err *e)
{
	static const char *const nouns[] = {"records", "images", "examples", "steps"};
	const cJSON *array, *o;
	int n = hm_runs_objects(r->json, "stages", 4 * HM_RUNS_ROWS, &array, e);
	if (n <= 0)
		return n;
	if (!(r->stage = hm_arena_get(&r->arena, (size_t)n * sizeof *r->stage, e)))
		return HM_EDATA;
	cJSON_ArrayForEach(o, array)
	{
		struct hm_stage *s = &r->stage[r->n_stages++];
		cJSON *stats;
		if (hm_runs_stats(r, o, &stats, e))
			return HM_EDATA;
		const double train =
			hm_runs_number(stats, "train_s"); /* also of a training that was resumed */
		*s = (struct hm_stage){hm_runs_str(o, "name"),
				       isnan(train) ? hm_runs_number(stats, "wall_s") : train, NAN,
				       hm_runs_number(stats, "peak_memory_bytes")};
		for (size_t i = 0; i < sizeof nouns / sizeof *nouns && isnan(s->records); i++)
			s->records = hm_runs_number(stats, nouns[i]);
		cJSON_Delete(stats);
	}
	return 0;
}
