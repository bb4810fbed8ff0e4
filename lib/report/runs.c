/* Reading the table of an experiment. See runs.h. */
#include "report/runsparts.h"
#include "base/file.h"
#include "base/filekind.h"
#include "json/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_MOST = 16 << 20 };

int hm_runs_objects(const cJSON *o, const char *key, int most, const cJSON **array, struct hm_err *e)
{
	const cJSON *one;
	*array = cJSON_GetObjectItemCaseSensitive(o, key);
	if (!*array)
		return 0;
	if (!cJSON_IsArray(*array) || cJSON_GetArraySize(*array) > most)
		return hm_err_set(e, HM_EDATA, "\"%s\" must be a list of at most %d", key, most);
	cJSON_ArrayForEach(one, *array) if (!cJSON_IsObject(one)) return hm_err_set(
		e, HM_EDATA, "\"%s\" must hold objects", key);
	return cJSON_GetArraySize(*array);
}

static int read_trial(struct hm_runs *r, const cJSON *o, struct hm_trial *t, struct hm_predictions *p,
		      struct hm_err *e)
{
	size_t len;
	cJSON *stats;
	t->loss = t->seconds = NAN;
	if (hm_json_get_int(o, "seed", &t->seed, e) || hm_runs_predictions(r, o, p, e) ||
	    hm_runs_contents(r, o, "command", &t->command, &len, e) || hm_runs_history(r, o, t, e) ||
	    hm_runs_log(r, o, t, e) || hm_runs_stats(r, o, &stats, e))
		return HM_EDATA;
	t->seconds = hm_runs_number(stats, "train_s");
	cJSON_Delete(stats);
	return 0;
}

/* Reads the rows and counts their trials, which are read when all are counted. */
static int read_rows(struct hm_runs *r, struct hm_err *e)
{
	const cJSON *array, *o, *runs;
	int at = 0, n = hm_runs_objects(r->json, "rows", HM_RUNS_ROWS, &array, e);
	if (n <= 0)
		return n ? n : hm_err_set(e, HM_EDATA, "there are no \"rows\"");
	if (!(r->row = hm_arena_get(&r->arena, (size_t)n * sizeof *r->row, e)))
		return HM_EDATA;
	memset(r->row, 0, (size_t)n * sizeof *r->row);
	r->n_rows = n;
	cJSON_ArrayForEach(o, array)
	{
		struct hm_row *w = &r->row[at++];
		w->name = hm_runs_str(o, "name");
		w->title = *hm_runs_str(o, "title") ? hm_runs_str(o, "title") : w->name;
		w->options = hm_runs_str(o, "options");
		w->note = hm_runs_str(o, "note");
		w->selected = *hm_runs_str(o, "selected") && strcmp(hm_runs_str(o, "selected"), "last") != 0;
		w->part = isnan(hm_runs_number(o, "part")) ? 0 : (int64_t)hm_runs_number(o, "part");
		if (!*w->name)
			return hm_err_set(e, HM_EDATA, "row %d has no \"name\"", at);
		if (hm_published_read(cJSON_GetObjectItemCaseSensitive(o, "published"), &w->published, e)) {
			hm_err_prefix(e, "row \"%s\"", w->name);
			return HM_EDATA;
		}
		for (int i = 0; i < HM_PUBLISHED; i++)
			r->published[i] |= !isnan(w->published.value[i]);
		for (int i = 0; i < at - 1; i++)
			if (!strcmp(r->row[i].name, w->name))
				return hm_err_set(e, HM_EDATA, "two rows are called \"%s\"", w->name);
		w->n = hm_runs_objects(o, "runs", HM_RUNS_TRIALS, &runs, e);
		if (w->n <= 0)
			return w->n ? w->n : hm_err_set(e, HM_EDATA, "row \"%s\" has no \"runs\"", w->name);
		r->systems += w->n;
	}
	return 0;
}

static int read_trials(struct hm_runs *r, struct hm_err *e)
{
	const cJSON *o, *one;
	int at = 0, row = 0;
	r->system = hm_alloc((size_t)r->systems, sizeof *r->system, e);
	r->sample = r->system ? hm_alloc((size_t)r->systems, sizeof *r->sample, e) : NULL;
	if (!r->sample)
		return HM_EDATA;
	cJSON_ArrayForEach(o, cJSON_GetObjectItemCaseSensitive(r->json, "rows"))
	{
		struct hm_row *w = &r->row[row++];
		int k = 0;
		if (!(w->trial = hm_arena_get(&r->arena, (size_t)w->n * sizeof *w->trial, e)))
			return HM_EDATA;
		memset(w->trial, 0, (size_t)w->n * sizeof *w->trial);
		cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(o, "runs"))
		{
			w->trial[k].sample = &r->sample[at];
			if (read_trial(r, one, &w->trial[k++], &r->system[at++], e)) {
				hm_err_prefix(e, "row \"%s\"", w->name);
				return HM_EDATA;
			}
		}
	}
	return 0;
}

/* Every trial's scores on the examples that all have answered. */
static int compute_scores(struct hm_runs *r, struct hm_err *e)
{
	const struct hm_matched *m = &r->matched;
	double value[HM_METRICS];
	if (hm_matched_init(&r->matched, r->system, r->systems, e))
		return HM_EDATA;
	if (!m->n)
		return hm_err_set(e, HM_EDATA, "no example has a label and an answer from every run");
	r->echo = true;
	for (int i = 0; i < r->systems; i++)
		r->echo = r->echo && hm_predictions_echo(&r->system[i], .5);
	for (int i = 0; i < r->systems; i++)
		if (hm_sample_init(&r->sample[i], m->n, m->classes, m->prob[i], m->label, .5, e))
			return HM_EDATA;
	for (int i = 0; i < r->n_rows; i++)
		for (int k = 0; k < r->row[i].n; k++) {
			struct hm_trial *t = &r->row[i].trial[k];
			hm_metrics_compute(t->sample, NULL, value);
			t->accuracy = value[HM_ACCURACY];
			t->auroc = value[HM_AUROC];
			t->accuracy_ci = hm_wilson(hm_sample_correct(t->sample), m->n);
			if (hm_delong_interval(&t->sample->rank, &t->auroc_ci, e))
				return HM_EDATA;
		}
	return 0;
}

static const struct hm_row *find_row(const struct hm_runs *r, const char *name, struct hm_err *e)
{
	for (int i = 0; i < r->n_rows; i++)
		if (!strcmp(r->row[i].name, name))
			return &r->row[i];
	hm_err_set(e, HM_EDATA, "a claim names the row \"%s\", which is not there", name);
	return NULL;
}

static int read_claims(struct hm_runs *r, struct hm_err *e)
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

static int read_stages(struct hm_runs *r, struct hm_err *e)
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

static int read_head(struct hm_runs *r, struct hm_err *e)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(r->json, "data"),
		    *base = cJSON_GetObjectItemCaseSensitive(r->json, "baseline"),
		    *encoders = cJSON_GetObjectItemCaseSensitive(r->json, "encoders"),
		    *about = cJSON_GetObjectItemCaseSensitive(r->json, "about"), *one;
	static const unsigned char png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	const char *sheet = hm_runs_str(r->json, "sheet"), *path;
	r->title = *hm_runs_str(r->json, "title") ? hm_runs_str(r->json, "title") : "Runs";
	r->data = hm_runs_str(data, "name");
	r->train = hm_runs_number(data, "train");
	r->dev = hm_runs_number(data, "dev");
	r->image = hm_runs_str(encoders, "image");
	r->text = hm_runs_str(encoders, "text");
	r->baseline = hm_runs_str(base, "text");
	r->baseline_accuracy = hm_runs_number(base, "accuracy");
	r->sheet_of = hm_runs_str(r->json, "sheet_of");
	if (!(r->about =
		      hm_arena_get(&r->arena, ((size_t)cJSON_GetArraySize(about) + 1) * sizeof *r->about, e)))
		return HM_EDATA;
	cJSON_ArrayForEach(one, about) if (cJSON_IsString(one)) r->about[r->n_about++] = one->valuestring;
	if (!*sheet)
		return 0;
	if (!(path = hm_runs_path(r, sheet, e)) || hm_file_read(path, HM_RUNS_FILE, &r->sheet, e))
		return HM_EDATA;
	if (r->sheet.len < sizeof png || memcmp(r->sheet.data, png, sizeof png) != 0)
		return hm_err_set(e, HM_EDATA, "%s: a \"sheet\" must be a PNG file", path);
	return 0;
}

/* The table's own text: JSON, an object. */
static int parse_table(struct hm_runs *r, const struct hm_buf *b, struct hm_err *e)
{
	const struct hm_filekind *k = hm_filekind_find(b->data, b->len);
	if (k && strcmp(k->name, "a JSON text") != 0)
		return hm_err_set(e, HM_EDATA,
				  "%s, where a table of runs is wanted (hm-report(1) describes it)", k->name);
	r->json = hm_json_parse((const char *)b->data, b->len, HM_RUNS_DEPTH, NULL, e);
	if (!r->json)
		return HM_EDATA;
	if (!cJSON_IsObject(r->json) || !cJSON_GetObjectItemCaseSensitive(r->json, "rows"))
		return hm_err_set(e, HM_EDATA,
				  "no \"rows\": this is not a table of runs (hm-report(1) describes it)");
	return 0;
}

int hm_runs_read(struct hm_runs *r, const char *path, bool follow_symlinks, struct hm_err *e)
{
	struct hm_buf b = {0};
	const char *slash = strrchr(path, '/');
	*r = (struct hm_runs){.root.fd = -1};
	int rc = hm_file_read(path, TABLE_MOST, &b, e);
	if (rc)
		goto done;
	r->folder = hm_strndup(path, slash ? (size_t)(slash + 1 - path) : 0, e);
	rc = r->folder ? hm_imageroot_open(&r->root, *r->folder ? r->folder : ".", follow_symlinks, e)
		       : HM_EDATA;
	if (!rc && (rc = parse_table(r, &b, e)))
		hm_err_prefix(e, "%s", path);
	if (rc)
		goto done;
	if (read_head(r, e) || read_rows(r, e) || read_trials(r, e) || compute_scores(r, e) ||
	    read_claims(r, e) || read_stages(r, e) || hm_runs_literature(r, e)) {
		hm_err_prefix(e, "%s", path);
		rc = HM_EDATA;
	}
done:
	hm_buf_clear(&b);
	return rc;
}

void hm_runs_clear(struct hm_runs *r)
{
	for (int i = 0; i < r->systems; i++) {
		if (r->system)
			hm_predictions_clear(&r->system[i]);
		if (r->sample)
			hm_sample_clear(&r->sample[i]);
	}
	hm_matched_clear(&r->matched);
	free(r->system);
	free(r->sample);
	if (r->folder)
		hm_imageroot_close(&r->root);
	free(r->folder);
	cJSON_Delete(r->json);
	hm_buf_clear(&r->sheet);
	hm_buf_clear(&r->files);
	hm_arena_clear(&r->arena);
	*r = (struct hm_runs){0};
}
