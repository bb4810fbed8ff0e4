/* The rows of an experiment's table, and their trials. See runsparts.h. */
#include "report/runsparts.h"
#include "json/json.h"

#include <math.h>
#include <string.h>

static int read_trial(struct hm_runs *r, const cJSON *o, struct hm_trial *t, struct hm_predictions *p,
		      struct hm_err *e)
{
	size_t len;
	int64_t seed;
	cJSON *stats;
	t->loss = t->seconds = t->seed = NAN;
	if (cJSON_HasObjectItem(o, "seed")) {
		if (hm_json_get_int(o, "seed", &seed, e))
			return HM_EDATA;
		t->seed = (double)seed;
	}
	if (hm_runs_predictions(r, o, p, e) || hm_runs_contents(r, o, "command", &t->command, &len, e) ||
	    hm_runs_history(r, o, t, e) || hm_runs_log(r, o, t, e) || hm_runs_stats(r, o, &stats, e))
		return HM_EDATA;
	t->failed = hm_predictions_failed(p);
	t->seconds = hm_runs_number(stats, "train_s");
	cJSON_Delete(stats);
	return 0;
}

/* A row's list of trials; NULL when the row is its one trial itself: it names the predictions. */
static const cJSON *find_runs(const cJSON *row)
{
	return cJSON_GetObjectItemCaseSensitive(row, "runs");
}

static int count_trials(const cJSON *o, struct hm_row *w, struct hm_err *e)
{
	const cJSON *runs;
	w->n = find_runs(o) ? hm_runs_objects(o, "runs", HM_RUNS_TRIALS, &runs, e) : 1;
	if (w->n < 0)
		return w->n;
	if (!w->n || (!find_runs(o) && !*hm_runs_str(o, "predictions")))
		return hm_err_set(e, HM_EDATA, "row \"%s\" has neither \"predictions\" nor \"runs\"",
				  w->name);
	return 0;
}

static int read_row(struct hm_runs *r, const cJSON *o, int number, struct hm_row *w, struct hm_err *e)
{
	*w = (struct hm_row){.name = hm_runs_str(o, "name"),
			     .title = hm_runs_str(o, "title"),
			     .options = hm_runs_str(o, "options"),
			     .note = hm_runs_str(o, "note"),
			     .part = hm_runs_number(o, "part")};
	if (!*w->title)
		w->title = w->name;
	w->selected = *hm_runs_str(o, "selected") && strcmp(hm_runs_str(o, "selected"), "last") != 0;
	if (!*w->name)
		return hm_err_set(e, HM_EDATA, "row %d has no \"name\"", number);
	for (const struct hm_row *other = r->row; other < w; other++)
		if (!strcmp(other->name, w->name))
			return hm_err_set(e, r->given ? HM_EUSAGE : HM_EDATA, "two rows are called \"%s\"%s",
					  w->name,
					  r->given ? ": NAME=FILE gives one of them another name" : "");
	if (hm_published_read(cJSON_GetObjectItemCaseSensitive(o, "published"), &w->published, e)) {
		hm_err_prefix(e, "row \"%s\"", w->name);
		return HM_EDATA;
	}
	for (int i = 0; i < HM_PUBLISHED; i++)
		r->published[i] |= !isnan(w->published.value[i]);
	return count_trials(o, w, e);
}

/* Reads the rows and counts their trials, which are read when all are counted. */
static int read_rows(struct hm_runs *r, struct hm_err *e)
{
	const cJSON *array, *o;
	int n = hm_runs_objects(r->json, "rows", HM_RUNS_ROWS, &array, e);
	if (n <= 0)
		return n ? n : hm_err_set(e, HM_EDATA, "there are no \"rows\"");
	if (!(r->row = hm_arena_get(&r->arena, (size_t)n * sizeof *r->row, e)))
		return HM_EDATA;
	cJSON_ArrayForEach(o, array)
	{
		if (read_row(r, o, r->n_rows + 1, &r->row[r->n_rows], e))
			return HM_EDATA;
		r->systems += r->row[r->n_rows++].n;
	}
	return 0;
}

static int read_trials(struct hm_runs *r, struct hm_err *e)
{
	const cJSON *o = cJSON_GetObjectItemCaseSensitive(r->json, "rows")->child, *one;
	int at = 0;
	r->system = hm_alloc((size_t)r->systems, sizeof *r->system, e);
	r->sample = r->system ? hm_alloc((size_t)r->systems, sizeof *r->sample, e) : NULL;
	if (!r->sample)
		return HM_EDATA;
	for (int i = 0; i < r->n_rows; i++, o = o->next) {
		struct hm_row *w = &r->row[i];
		if (!(w->trial = hm_arena_get(&r->arena, (size_t)w->n * sizeof *w->trial, e)))
			return HM_EDATA;
		memset(w->trial, 0, (size_t)w->n * sizeof *w->trial);
		one = find_runs(o) ? find_runs(o)->child : o;
		for (int k = 0; k < w->n; k++, one = one->next) {
			w->trial[k].sample = &r->sample[at];
			if (read_trial(r, one, &w->trial[k], &r->system[at++], e)) {
				if (!r->given)
					hm_err_prefix(e, "row \"%s\"", w->name);
				return HM_EDATA;
			}
		}
	}
	return 0;
}

int hm_runs_rows(struct hm_runs *r, struct hm_err *e)
{
	return read_rows(r, e) || read_trials(r, e) ? e->code : 0;
}
