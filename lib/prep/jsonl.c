/* The typed fields of one JSON object: see jsonl.h. What a refused line may be is jsonlwrong.c's. */
#include "prep/jsonlparts.h"
#include "json/json.h"
#include "prep/lines.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Finds the member of that key. */
static struct hm_jsonl_member find_member(const struct hm_jsonl_object *o, const char *key)
{
	struct hm_jsonl_member m = {.v = o->tree->child, .key = key};
	while (m.v && strcmp(m.v->string, key)) {
		m.v = m.v->next;
		m.index++;
	}
	return m;
}

void hm_jsonl_locate(const struct hm_jsonl_object *o, struct hm_jsonl_member *m)
{
	size_t start = 0, end = 0;
	hm_json_member(o->line, o->len, m->index, &start, &end);
	m->raw = o->line + start;
	m->len = end - start;
	m->column = start + 1;
}

/* A member that must be there. `help` says what may be done about one that is not, or is null. */
static int want_member(const struct hm_jsonl_object *o, const char *key, const char *help,
		       struct hm_jsonl_member *m, struct hm_err *e)
{
	*m = find_member(o, key);
	return m->v ? 0 : hm_jsonl_missing(o, key, help, e);
}

static int get_text(const struct hm_jsonl_object *o, const char *key, const char *help, const char **out,
		    struct hm_err *e)
{
	struct hm_jsonl_member m;
	if (want_member(o, key, help, &m, e))
		return HM_EDATA;
	if (!cJSON_IsString(m.v))
		return hm_jsonl_wrong(o, &m, "a string", cJSON_IsNull(m.v) ? help : NULL, e);
	*out = m.v->valuestring;
	return 0;
}

/* Whether the member is written as an integer, which 1.0 and 1e0 are not. Locates a number. */
static bool is_integral(const struct hm_jsonl_object *o, struct hm_jsonl_member *m)
{
	if (!cJSON_IsNumber(m->v))
		return false;
	hm_jsonl_locate(o, m);
	return !memchr(m->raw, '.', m->len) && !memchr(m->raw, 'e', m->len) && !memchr(m->raw, 'E', m->len);
}

/* The value of a member that is integral. */
static int get_integer(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, int32_t *out,
		       struct hm_err *e)
{
	if (m->v->valuedouble < INT32_MIN || m->v->valuedouble > INT32_MAX)
		return hm_jsonl_wrong(o, m, "an integer of 32 bits", NULL, e);
	*out = (int32_t)m->v->valuedouble;
	return 0;
}

static int get_i32(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, int32_t *out, struct hm_err *e)
{
	return is_integral(o, m) ? get_integer(o, m, out, e) : hm_jsonl_wrong(o, m, "an integer", NULL, e);
}

static int get_f32(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, float *out, struct hm_err *e)
{
	if (!cJSON_IsNumber(m->v) || fabs(m->v->valuedouble) > FLT_MAX)
		return hm_jsonl_wrong(o, m, "a number within a float's range", NULL, e);
	*out = (float)m->v->valuedouble;
	return 0;
}

static int get_id(const struct hm_jsonl_object *o, const char *key, struct hm_jsonl_rec *rec,
		  struct hm_err *e)
{
	struct hm_jsonl_member m;
	if (want_member(o, key, "--id-field names another", &m, e))
		return HM_EDATA;
	rec->id_index = m.index;
	if (cJSON_IsString(m.v)) {
		rec->v.id = m.v->valuestring;
		return 0;
	}
	if (!is_integral(o, &m) || m.len >= sizeof rec->digits)
		return hm_jsonl_wrong(o, &m, "an integer or a string", NULL, e);
	memcpy(rec->digits, m.raw, m.len);
	rec->digits[m.len] = 0;
	rec->v.id = rec->digits;
	return 0;
}

/* With --labels: strings, numbers and booleans by their words. */
static int get_word(const struct hm_jsonl_object *o, const struct hm_labels *l, struct hm_jsonl_member *m,
		    int32_t *out, struct hm_err *e)
{
	char digits[64] = "";
	*out = -1;
	if (cJSON_IsString(m->v)) {
		*out = hm_labels_find(l, m->v->valuestring);
	} else if (cJSON_IsBool(m->v)) {
		*out = hm_labels_find_bool(l, cJSON_IsTrue(m->v));
	} else if (cJSON_IsNumber(m->v)) {
		hm_jsonl_locate(o, m);
		if (m->len < sizeof digits)
			memcpy(digits, m->raw, m->len);
		*out = hm_labels_find(l, digits);
	}
	return *out < 0 ? hm_jsonl_no_class(o, m, l, e) : 0;
}

static int get_label(const struct hm_jsonl_object *o, const struct hm_form *f, int32_t *out, struct hm_err *e)
{
	*out = -1;
	if (!f->label)
		return 0;
	struct hm_jsonl_member m = find_member(o, f->label);
	if (!m.v || cJSON_IsNull(m.v))
		return 0;
	if (f->labels.n)
		return get_word(o, &f->labels, &m, out, e);
	if (!is_integral(o, &m) || m.raw[0] == '-')
		return hm_jsonl_no_class(o, &m, &f->labels, e);
	return get_integer(o, &m, out, e);
}

static int get_img(const struct hm_jsonl_object *o, const struct hm_form *f, struct hm_fields *v,
		   struct hm_err *e)
{
	const char *help = f->needs_both ? "--img-field names another"
					 : "--img-field names another, --no-img is for data without images";
	const char *whole;
	v->img = NULL;
	if (!f->img)
		return 0;
	if (get_text(o, f->img, help, &whole, e))
		return HM_EDATA;
	enum hm_path path = hm_form_path(f, whole, v);
	if (path == HM_PATH_FINE)
		return 0;
	struct hm_jsonl_member m = find_member(o, f->img);
	return path == HM_PATH_BACKSLASH ? hm_jsonl_backslash(o, &m, e)
					 : hm_jsonl_absolute(o, &m, f->img_prefix, e);
}

static int get_caption(const struct hm_jsonl_object *o, const struct hm_form *f, struct hm_fields *fields,
		       struct hm_err *e)
{
	const char **out = &fields->text;
	*out = NULL;
	fields->no_text = false;
	if (!f->text)
		return 0;
	const cJSON *v = find_member(o, f->text).v;
	if (f->null_text && (!v || cJSON_IsNull(v))) {
		*out = "";
		fields->no_text = !v;
		return 0;
	}
	return get_text(o, f->text,
			v || f->needs_both
				? "--null-text empty makes it an empty caption"
				: "--text-field names another, --null-text empty makes it an empty caption, "
				  "--no-text is for data without captions",
			out, e);
}

static int get_kept(const struct hm_jsonl_object *o, const struct hm_form *f, struct hm_fields *v,
		    struct hm_err *e)
{
	int rc = 0;
	for (int i = 0; !rc && i < f->n_keep; i++) {
		struct hm_jsonl_member m;
		const char *key = f->keep[i].name;
		if (f->keep[i].dtype == HM_UTF8)
			rc = get_text(o, key, NULL, &v->keep[i].text, e);
		else if (!(rc = want_member(o, key, NULL, &m, e)))
			rc = f->keep[i].dtype == HM_I32 ? get_i32(o, &m, &v->keep[i].i32, e)
							: get_f32(o, &m, &v->keep[i].f32, e);
	}
	return rc;
}

/* Bytes of a byte order mark_length in front of the line. */
static size_t mark_length(const char *line, size_t len)
{
	return len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3) ? 3 : 0;
}

int hm_jsonl_parse(const struct hm_form *f, const char *line, size_t len, struct hm_jsonl_rec *rec,
		   struct hm_err *e)
{
	struct hm_err why = {0};
	size_t column = 1;
	rec->tree = NULL;
	if (len > HM_LINE_MOST)
		return hm_err_set(e, HM_EDATA, "the line is longer than the %zu bytes allowed, at column %zu",
				  HM_LINE_MOST, HM_LINE_MOST + 1);
	struct hm_jsonl_object o = {line + mark_length(line, len), len - mark_length(line, len), NULL};
	o.tree = rec->tree = hm_json_parse(o.line, o.len, HM_JSONL_DEPTH, &column, &why);
	if (!rec->tree || !cJSON_IsObject(rec->tree)) {
		int rc = hm_jsonl_no_object(&o, &why, column, e);
		hm_jsonl_clear(rec);
		return rc;
	}
	int rc = get_id(&o, f->id, rec, e);
	if (!rc)
		rc = get_img(&o, f, &rec->v, e);
	if (!rc)
		rc = get_caption(&o, f, &rec->v, e);
	if (!rc)
		rc = get_label(&o, f, &rec->v.label, e);
	if (!rc)
		rc = get_kept(&o, f, &rec->v, e);
	if (rc)
		hm_jsonl_clear(rec);
	return rc;
}

size_t hm_jsonl_id_column(const char *line, size_t len, const struct hm_jsonl_rec *rec)
{
	struct hm_jsonl_object o = {line + mark_length(line, len), len - mark_length(line, len), rec->tree};
	struct hm_jsonl_member m = {.index = rec->id_index};
	hm_jsonl_locate(&o, &m);
	return m.column;
}

void hm_jsonl_clear(struct hm_jsonl_rec *rec)
{
	cJSON_Delete(rec->tree);
	rec->tree = NULL;
}
