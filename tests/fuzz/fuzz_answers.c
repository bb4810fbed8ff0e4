/* Two systems' answers, a byte 2 between them: each a sound stream of any columns (fuzzstream.h) where it
 * begins with {"meta", else a file of any bytes, as a CSV is. Both are scored, alone and against each other,
 * labelled by the other one, read as files of ids, and searched for neighbours. Refusals name the file;
 * what is written is text that reads back. */
#include "fuzzstream.h"
#include "feed/idfile.h"
#include "nn/late.h"
#include "report/present.h"
#include "score/nearaudit.h"
#include "score/pairsfile.h"
#include "score/scored.h"
#include "score/system.h"
#include "score/truth.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_file open_system(const struct fuzz_part *part)
{
	bool stream = part->n > 7 && !memcmp(part->p, "{\"meta\"", 7);
	return stream ? open_stream(part->p, part->n) : open_input(part->p, part->n);
}

/* A head of late fusion on features of 2 and 2 numbers, whose encoders are known by texts. */
static const char *make_head(void)
{
	static char path[192];
	float weight[] = {1, -1, .5F, .25F, -1, 1, -.5F, 2}, bias[] = {0, .5F};
	struct hm_modelfile m = {.fusion = &hm_late_fusion,
				 .classes = 2,
				 .inputs = 4,
				 .dim = {2, 2},
				 .encoder = {"mine", "yours"},
				 .weight = weight,
				 .bias = bias};
	struct hm_err e = {0};
	if (make_fuzz_folder()) {
		snprintf(path, sizeof path, "%s", put_file("head", NULL, 0));
		must(!hm_modelfile_write(path, &m, NULL, 0, &e));
	}
	return path;
}

/* All its answers, by the head or, if that is NULL, its own; false: refused. */
static bool read_system(char *path, const char *by, const char *head, struct hm_predictions *p)
{
	static struct hm_device *d;
	static struct hm_workers *w;
	struct hm_system s;
	struct hm_err e = {0};
	d = d ? d : hm_device_open("ref", HM_PREC_F32, &e);
	w = w ? w : hm_workers_new(1, &e);
	const struct hm_answers_options o = {
		.texts = true,
		.by = by,
		.model = head,
		.device = d,
		.predict = {.allow_mismatch = true,
			    .allow_unknown = true,
			    .ablate = {HM_ABLATE_NONE, by ? HM_ABLATE_SHUFFLE : HM_ABLATE_NONE}}};
	int rc = hm_system_open(&s, &o, 1, &path, w, &e);
	*p = (struct hm_predictions){.name = path};
	while (!rc && (rc = hm_system_prepare(&s, &e)) == 1)
		rc = 0;
	while (!rc && (rc = hm_system_next(&s, p, &e)) == 1)
		rc = 0;
	if (!rc)
		rc = hm_system_call(&s, p, &e);
	if (rc)
		must_say(&e, strncmp(e.text, "--", 2) && !head ? path : NULL);
	for (size_t i = 0; i < p->n; i++) {
		const struct hm_prediction *v = &p->item[i];
		must(v->label >= -1 && v->id && v->text && v->group >= -1 && v->group < p->groups.n);
		for (int k = 0; k < p->classes; k++) {
			double x = p->prob[i * (size_t)p->classes + (size_t)k];
			must(x >= 0 && x <= 1);
		}
	}
	hm_system_close(&s);
	return !rc;
}

static void check_text(struct hm_buf *b, bool json)
{
	struct hm_err e = {0};
	check_page(b->data, b->len);
	if (json) {
		cJSON *o = hm_json_parse((const char *)b->data, b->len, 32, NULL, &e);
		must(o != NULL);
		cJSON_Delete(o);
	}
	b->len = 0;
}

/* What hm-score makes of k systems. */
static void score_systems(const struct hm_predictions *p, int k, const char *by)
{
	struct hm_scored_options o = {
		.threshold = .5, .bootstrap = {.resamples = 20}, .by = by, .allow_missing = true};
	struct hm_scored s = {0};
	struct hm_err e = {0};
	struct hm_buf b = {0};
	if (hm_scored_compute(&s, p, k, &o, &e)) {
		must_say(&e, NULL);
	} else {
		must(!hm_scored_text(&s, 5, &b, &e));
		check_text(&b, false);
		must(!hm_scored_json(&s, &b, &e));
		check_text(&b, true);
	}
	for (int i = 0; i < k; i++) {
		e = (struct hm_err){0};
		must(!hm_predictions_csv(&p[i], i % 2 ? hm_buf_cell : hm_buf_field, &b, &e));
		must(hm_utf8_check((const char *)b.data, b.len) == b.len);
		b.len = 0;
	}
	hm_scored_clear(&s);
	hm_buf_clear(&b);
}

/* The labels of one file for the answers of the other. */
static void take_labels(const char *path, struct hm_predictions *p)
{
	static struct hm_truth t;
	struct hm_err e = {0}, strict = {0}, why = {0};
	size_t missing;
	if (hm_truth_read(&t, path, NULL, &e)) {
		must_say(&e, path);
	} else {
		if (hm_truth_apply(&t, p, false, &missing, &strict))
			must_say(&strict, NULL);
		if (hm_truth_apply(&t, p, true, &missing, &why))
			must_say(&why, NULL);
		for (size_t i = 0; !why.code && i < p->n; i++)
			must(p->item[i].label >= -1 && p->item[i].label < p->classes);
	}
	hm_truth_clear(&t);
}

static void read_ids(const char *path, bool label)
{
	struct hm_idfile *f;
	struct hm_rec rec;
	struct hm_err e = {0};
	int rc = hm_idfile_open(&f, path, label, NULL, &e), at = rc ? -1 : hm_idfile_id(f);
	while (!rc && (rc = hm_idfile_next(f, &rec, &e)) == 1) {
		const struct hm_val *id = &rec.val[at];
		must(hm_schema_equal(rec.schema, hm_idfile_schema(f)) &&
		     hm_utf8_check(id->data, id->count) == id->count);
		rc = 0;
	}
	if (rc)
		must_say(&e, path);
	hm_idfile_close(f);
}

static void read_pairs(const char *path)
{
	struct hm_confounders c = {0};
	struct hm_err e = {0};
	if (hm_confounders_read(&c, path, &e))
		must_say(&e, path);
	hm_confounders_clear(&c);
}

/* The rows of one file; false: it has none. */
static bool read_rows(char *path, const char *names, struct hm_nearrows *rows, struct hm_nearcolumns *c,
		      struct hm_schema *schema)
{
	struct hm_join *in;
	struct hm_err e = {0};
	*rows = (struct hm_nearrows){0};
	*schema = (struct hm_schema){0};
	if (hm_join_open(&in, 1, &path, NULL, &e))
		return false;
	must(!hm_schema_copy(schema, hm_join_schema(in), &e));
	int rc = hm_nearcolumns_find(c, names, schema, &e);
	if (!rc)
		rc = hm_nearrows_read(rows, c, in, &e);
	if (rc)
		must_say(&e, NULL);
	hm_join_close(in);
	return !rc;
}

/* The neighbours of the second file's records in the first. */
static void find_neighbours(char *path, char *other, const char *names)
{
	static struct hm_device *d;
	static struct hm_workers *w;
	struct hm_nearrows a, b = {0};
	struct hm_nearcolumns ca, cb;
	struct hm_schema sa, sb = {0};
	struct hm_nearest *s = NULL;
	struct hm_near near[32];
	struct hm_err e = {0};
	d = d ? d : hm_device_open("ref", HM_PREC_F32, &e);
	w = w ? w : hm_workers_new(1, &e);
	if (read_rows(path, names, &a, &ca, &sa) && a.n && read_rows(other, names, &b, &cb, &sb) && b.n) {
		if (hm_nearcolumns_compare(&ca, &sa, &cb, &sb, &e)) {
			must_say(&e, NULL);
		} else if (a.dim == b.dim) {
			must(!hm_nearest_open(&s, &a, d, w, &e));
			for (size_t i = 0; i < 32; i++)
				near[i] = (struct hm_near){SIZE_MAX, NAN};
			must(a.n > 32 || !hm_nearest_find(s, b.row, 1, a.n, near, &e));
			for (size_t i = 0; a.n <= 32 && i < a.n; i++)
				must(near[i].row < a.n && fabs(near[i].similarity) <= 1.0000001 &&
				     (!i || near[i].similarity <= near[i - 1].similarity));
			hm_nearest_close(s);
		}
	}
	hm_nearrows_clear(&a);
	hm_nearrows_clear(&b);
	hm_schema_clear(&sa);
	hm_schema_clear(&sb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_part a = next_part(&data, &size, 2), b = {data, size};
	struct fuzz_file f[2] = {open_system(&a), open_system(&b)};
	struct hm_predictions p[2];
	const char *by = a.n % 2 ? "g" : NULL;
	const char *head = make_head();
	bool good[2];
	for (int i = 0; i < 2; i++) {
		read_ids(f[i].path, i);
		read_pairs(f[i].path);
		good[i] = read_system(f[i].path, i ? NULL : by, head, &p[i]);
		hm_predictions_clear(&p[i]);
		good[i] = read_system(f[i].path, i ? NULL : by, NULL, &p[i]);
	}
	if (good[0])
		score_systems(p, 1, by);
	if (good[0] && good[1])
		score_systems(p, 2, NULL);
	if (good[0]) {
		take_labels(f[1].path, &p[0]);
		score_systems(p, 1, NULL);
	}
	find_neighbours(f[0].path, f[1].path, "image_feature");
	find_neighbours(f[0].path, f[1].path, "image_feature,text_feature");
	for (int i = 0; i < 2; i++) {
		hm_predictions_clear(&p[i]);
		close(f[i].fd);
	}
	return 0;
}
