/* The files that the table of an experiment names: predictions, a training's log, statistics. See
 * runsparts.h. */
#include "report/runsparts.h"
#include "base/file.h"
#include "json/json.h"
#include "prep/csv.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

const char *hm_runs_str(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsString(v) ? v->valuestring : "";
}

double hm_runs_number(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

const char *hm_runs_path(struct hm_runs *r, const char *name, struct hm_err *e)
{
	size_t a = strlen(r->folder), b = strlen(name) + 1;
	if (r->given)
		return hm_buf_add(&r->files, &name, sizeof name, e) ? NULL : name;
	if (*name == '/') {
		hm_err_set(e, HM_EDATA, "\"%s\": the path is absolute, not below the table's folder", name);
		return NULL;
	}
	if (hm_imagefile_check(&r->root, name, strlen(name), e)) {
		hm_err_prefix(e, "%s", name);
		return NULL;
	}
	char *path = hm_arena_get(&r->arena, a + b, e);
	if (path) {
		memcpy(path, r->folder, a);
		memcpy(path + a, name, b);
		if (hm_buf_add(&r->files, &path, sizeof path, e))
			return NULL;
	}
	return path;
}

int hm_runs_contents(struct hm_runs *r, const cJSON *o, const char *key, const char **out, size_t *len,
		     struct hm_err *e)
{
	const char *name = hm_runs_str(o, key), *path;
	struct hm_buf b = {0};
	char *copy = NULL;
	*out = "";
	*len = 0;
	if (!*name)
		return 0;
	if (!(path = hm_runs_path(r, name, e)) || hm_file_read(path, HM_RUNS_FILE, &b, e) ||
	    !(copy = hm_arena_copy(&r->arena, (const char *)b.data, b.len, e))) {
		hm_buf_clear(&b);
		return HM_EDATA;
	}
	*out = copy;
	*len = b.len;
	hm_buf_clear(&b);
	return 0;
}

/* What is surely no CSV is named before it is read as one. */
static int check_csv(const struct hm_runs *r, const char *path, int *hold, struct hm_err *e)
{
	enum hm_csv_form form;
	const struct hm_filekind *kind;
	if (hm_csv_recognise(path, &form, &kind, hold, e))
		return HM_EDATA;
	if (form == HM_CSV_TABLE || (kind && kind->group == HM_FILEKIND_NOTHING))
		return 0; /* its reader says of what nothing could be read */
	if (form == HM_CSV_RECORDS && !kind)
		return hm_err_set(e, HM_EDATA, "%s: not a CSV; of records, hm-score --csv FILE makes one",
				  path);
	bool table = r->given && r->n_rows > 1 && !strcmp(kind->name, "a JSON text");
	return hm_err_set(e, table ? HM_EUSAGE : HM_EDATA,
			  "%s: %s, where %s is wanted (hm-report(1) describes them)", path, kind->name,
			  !r->given	   ? "a CSV of predictions"
			  : r->n_rows == 1 ? "a table of runs or a CSV of predictions"
					   : "a CSV of predictions, one among several,");
}

int hm_runs_predictions(struct hm_runs *r, const cJSON *o, struct hm_predictions *p, struct hm_err *e)
{
	const char *name = hm_runs_str(o, "predictions"), *path = *name ? hm_runs_path(r, name, e) : NULL;
	struct hm_csv c;
	struct hm_csv_row row;
	int hold = -1, rc;
	if (!path)
		return *name ? HM_EDATA : hm_err_set(e, HM_EDATA, "a run has no \"predictions\"");
	if (check_csv(r, path, &hold, e)) {
		rc = HM_EDATA;
		goto done;
	}
	rc = hm_csv_open(&c, path, e);
	p->name = path;
	p->unit = "line";
	p->submitted = true;
	p->classes = c.classes;
	while (!rc && (rc = hm_csv_next(&c, &row, e)) == 1)
		if ((rc = hm_predictions_add(p, row.id, strlen(row.id), NULL, 0, row.label, row.prob,
					     c.rows.line, e)))
			hm_csv_row_error(&c, row.id, e);
	hm_csv_close(&c);
done:
	if (hold >= 0)
		close(hold);
	return rc;
}

int hm_runs_history(struct hm_runs *r, const cJSON *o, struct hm_trial *t, struct hm_err *e)
{
	const char *text;
	char *lines;
	size_t len;
	struct hm_buf b = {0};
	const cJSON *one, *option;
	t->history = "";
	if (hm_runs_contents(r, o, "history", &text, &len, e))
		return HM_EDATA;
	if (!len)
		return 0;
	cJSON *list = hm_json_parse(text, len, HM_RUNS_DEPTH, NULL, e);
	cJSON_ArrayForEach(one, list)
	{
		hm_buf_printf(&b, e, "%s %s", hm_runs_str(one, "tool"), hm_runs_str(one, "version"));
		cJSON_ArrayForEach(option, cJSON_GetObjectItemCaseSensitive(one, "options"))
		{
			hm_buf_printf(&b, e, " %s=%s", option->string ? option->string : "",
				      cJSON_IsString(option) ? option->valuestring : "");
			if (!cJSON_IsString(option))
				hm_json_write(option, &b, e);
		}
		hm_buf_add(&b, "\n", 1, e);
	}
	if (!list)
		hm_err_prefix(e, "%s", hm_runs_str(o, "history"));
	cJSON_Delete(list);
	if (!e->code && b.len && (lines = hm_arena_copy(&r->arena, (const char *)b.data, b.len, e)))
		t->history = lines;
	hm_buf_clear(&b);
	return e->code ? HM_EDATA : 0;
}

/* ---- a training's log ---- */

static int curve_room(struct hm_runs *r, struct hm_curve *c, size_t n, struct hm_err *e)
{
	c->x = hm_arena_get(&r->arena, n * sizeof(double), e);
	c->y = hm_arena_get(&r->arena, n * sizeof(double), e);
	return c->x && c->y ? 0 : HM_EDATA;
}

static void add_point(struct hm_curve *c, double x, double y)
{
	const double most = 1e15; /* no step and no loss to draw */
	if (fabs(x) < most && fabs(y) < most && (!c->n || x >= c->x[c->n - 1])) {
		c->x[c->n] = x;
		c->y[c->n++] = y;
	}
}

/* Epochs become steps, of which each has `scale`; nothing when that is unknown. */
static void scale_curve(struct hm_curve *c, double scale)
{
	if (!(scale > 0 && isfinite(scale)))
		c->n = 0;
	for (size_t i = 0; i < c->n; i++)
		c->x[i] *= scale;
}

/* Losses by step: of step lines, or of epochs where these are more. Epoch lines do not say their step, the
 * last line does; without it, of a training that is not over, the last step before the last epoch line is
 * taken. */
int hm_runs_log(struct hm_runs *r, const cJSON *o, struct hm_trial *t, struct hm_err *e)
{
	const char *text, *end;
	size_t len, lines = 1;
	struct hm_curve epoch = {0};
	double epochs = 0, steps = NAN, step = NAN;
	int rc = hm_runs_contents(r, o, "log", &text, &len, e);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	if (rc || curve_room(r, &t->train, lines, e) || curve_room(r, &t->val, lines, e) ||
	    curve_room(r, &epoch, lines, e))
		return HM_EDATA;
	for (size_t line = 1; *text; text = *end ? end + 1 : end, line++) {
		end = text + strcspn(text, "\n");
		cJSON *v = hm_json_parse(text, (size_t)(end - text), HM_RUNS_DEPTH, NULL, e);
		if (!v) {
			hm_err_prefix(e, "%s: line %zu", hm_runs_str(o, "log"), line);
			return HM_EDATA;
		}
		const char *event = hm_runs_str(v, "event");
		if (!strcmp(event, "step")) {
			step = hm_runs_number(v, "step");
			add_point(&t->train, step, hm_runs_number(v, "loss"));
		} else if (!strcmp(event, "epoch")) {
			epochs = hm_runs_number(v, "epoch");
			steps = step;
			t->loss = hm_runs_number(v, "train_loss");
			add_point(&epoch, epochs, t->loss);
		} else if (!strcmp(event, "eval")) {
			add_point(&t->val, hm_runs_number(v, "epoch"), hm_runs_number(v, "loss"));
		} else if (!strcmp(event, "end")) {
			steps = hm_runs_number(v, "steps");
		}
		cJSON_Delete(v);
	}
	scale_curve(&t->val, steps / epochs);
	scale_curve(&epoch, steps / epochs);
	if (t->train.n < epoch.n)
		t->train = epoch;
	return 0;
}

int hm_runs_stats(struct hm_runs *r, const cJSON *o, cJSON **stats, struct hm_err *e)
{
	const char *text;
	size_t len;
	*stats = NULL;
	if (hm_runs_contents(r, o, "stats", &text, &len, e))
		return HM_EDATA;
	if (len && !(*stats = hm_json_parse(text, len, HM_RUNS_DEPTH, NULL, e))) {
		hm_err_prefix(e, "%s", hm_runs_str(o, "stats"));
		return HM_EDATA;
	}
	return 0;
}
