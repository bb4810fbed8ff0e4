/* Reading the table of an experiment, or predictions alone. See runs.h. */
#include "report/runsparts.h"
#include "base/file.h"
#include "json/build.h"
#include "prep/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Every trial's scores on the examples that all have answered. */
static int compute_scores(struct hm_runs *r, bool allow_missing, struct hm_err *e)
{
	const struct hm_matched *m = &r->matched;
	double value[HM_METRICS];
	if (hm_matched_init(&r->matched, r->system, r->systems, e) || hm_runs_check(r, allow_missing, e))
		return HM_EDATA;
	bool *echo = hm_arena_get(&r->arena, (size_t)r->systems * sizeof *echo, e);
	if (!echo)
		return HM_EDATA;
	r->echo = hm_predictions_echoes(r->system, r->systems, echo);
	for (int i = 0; i < r->systems; i++)
		if (hm_sample_init(&r->sample[i], m->n, m->classes, m->prob[i], m->label, .5, e))
			return HM_EDATA;
	for (int i = 0; i < r->n_rows; i++)
		for (int k = 0; k < r->row[i].n; k++) {
			struct hm_trial *t = &r->row[i].trial[k];
			hm_metrics_compute(t->sample, NULL, value);
			t->accuracy = value[HM_ACCURACY];
			t->accuracy_ci = hm_wilson(hm_sample_correct(t->sample), m->n);
			t->auroc = m->classes == 2 ? value[HM_AUROC] : NAN;
			t->auroc_ci = (struct hm_interval){NAN, NAN};
			if (m->classes == 2 && hm_delong_interval(&t->sample->rank, &t->auroc_ci, e))
				return HM_EDATA;
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
	r->title = hm_runs_str(r->json, "title");
	r->data = hm_runs_str(data, "name");
	r->train = hm_runs_number(data, "train");
	r->dev = hm_runs_number(data, "dev");
	r->image = hm_runs_str(encoders, "image");
	r->text = hm_runs_str(encoders, "text");
	r->baseline = hm_runs_str(base, "text");
	r->baseline_accuracy = hm_runs_number(base, "accuracy");
	r->sheet_of = hm_runs_str(r->json, "sheet_of");
	r->claims_about = hm_runs_str(r->json, "claims_about");
	r->made = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data, "made"));
	r->random = !strncmp(r->image, "init:", 5) || !strncmp(r->text, "init:", 5);
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

/* What the operands or the table say, when r->json is there. */
static int read_parts(struct hm_runs *r, const struct hm_runs_options *o, struct hm_err *e)
{
	return read_head(r, e) || hm_runs_rows(r, e) || compute_scores(r, o->allow_missing, e) ||
			       hm_runs_claims(r, e) || hm_runs_stages(r, e) || hm_runs_literature(r, e)
		       ? e->code
		       : 0;
}

static int parse_table(struct hm_runs *r, const struct hm_buf *b, struct hm_err *e)
{
	r->json = hm_json_parse((const char *)b->data, b->len, HM_RUNS_DEPTH, NULL, e);
	if (!r->json)
		return HM_EDATA;
	if (!cJSON_IsObject(r->json) || !cJSON_GetObjectItemCaseSensitive(r->json, "rows"))
		return hm_err_set(e, HM_EDATA,
				  "no \"rows\": this is not a table of runs (hm-report(1) describes it)");
	return 0;
}

static int read_table(struct hm_runs *r, const char *path, const struct hm_runs_options *o, struct hm_err *e)
{
	struct hm_buf b = {0};
	const char *slash = strrchr(path, '/');
	int rc = hm_file_read(path, TABLE_MOST, &b, e);
	if (!rc) {
		r->folder = hm_strndup(path, slash ? (size_t)(slash + 1 - path) : 0, e);
		rc = r->folder ? hm_imageroot_open(&r->root, *r->folder ? r->folder : ".", o->follow_symlinks,
						   e)
			       : HM_EDATA;
	}
	if (!rc && (parse_table(r, &b, e) || read_parts(r, o, e)))
		rc = hm_err_prefix(e, "%s", path);
	hm_buf_clear(&b);
	return rc;
}

/* The file that an operand names; the name before it goes to *name, of n bytes. */
static const char *split_operand(const char *operand, const char **name, size_t *n)
{
	const char *equals = strchr(operand, '='), *slash = strrchr(operand, '/');
	if (equals && equals > operand && access(operand, F_OK)) {
		*name = operand;
		*n = (size_t)(equals - operand);
		return equals + 1;
	}
	*name = slash ? slash + 1 : operand;
	*n = strlen(*name);
	if (*n > 4 && !strcmp(*name + *n - 4, ".csv"))
		*n -= 4;
	return operand;
}

/* The table that says what the operands say: a row for each. */
static int read_given(struct hm_runs *r, int n, char *const *operands, const struct hm_runs_options *o,
		      struct hm_err *e)
{
	r->given = true;
	r->folder = hm_strndup("", 0, e);
	r->json = hm_json_object(e);
	cJSON *rows = hm_json_add_array(r->json, "rows", e);
	if (n > HM_RUNS_ROWS)
		return hm_err_set(e, HM_EDATA, "a report takes at most %d rows, these are %d", HM_RUNS_ROWS,
				  n);
	for (int i = 0; i < n; i++) {
		const char *start, *path;
		size_t len;
		path = split_operand(operands[i], &start, &len);
		char *name = hm_strndup(start, len, e);
		if (name && hm_utf8_check(name, len) < len)
			hm_err_set(e, HM_EDATA, "%s: the name of the row is not UTF-8: name it by NAME=FILE",
				   operands[i]);
		cJSON *row = hm_json_add_object(rows, NULL, e);
		hm_json_add_str(row, "name", name, e);
		hm_json_add_str(row, "predictions", path, e);
		free(name);
	}
	return e->code ? HM_EDATA : read_parts(r, o, e);
}

int hm_runs_open(struct hm_runs *r, int n, char *const *operands, const struct hm_runs_options *o,
		 struct hm_err *e)
{
	enum hm_csv_form form;
	const struct hm_filekind *kind;
	const char *name;
	size_t len;
	int hold;
	*r = (struct hm_runs){.root.fd = -1};
	if (n > 1)
		return read_given(r, n, operands, o, e);
	if (hm_csv_recognise(split_operand(*operands, &name, &len), &form, &kind, &hold, e))
		return HM_EDATA;
	int rc = form == HM_CSV_OTHER && !strcmp(kind->name, "a JSON text")
			 ? read_table(r, *operands, o, e)
			 : read_given(r, n, operands, o, e);
	if (hold >= 0)
		close(hold);
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
	if (r->folder && !r->given)
		hm_imageroot_close(&r->root);
	free(r->folder);
	cJSON_Delete(r->json);
	hm_buf_clear(&r->sheet);
	hm_buf_clear(&r->files);
	hm_arena_clear(&r->arena);
	*r = (struct hm_runs){0};
}
