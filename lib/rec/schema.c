/* Schemas: columns, their JSON in HEAD, and the lookups tools need. See rec.h. */
#include "rec/format.h"
#include "json/build.h"

#include <stdlib.h>
#include <string.h>

int hm_schema_find(const struct hm_schema *s, const char *name)
{
	for (int i = 0; i < s->n; i++)
		if (!strcmp(s->field[i].name, name))
			return i;
	return -1;
}

bool hm_field_ragged(const struct hm_field *f)
{
	return f->dtype == HM_UTF8 || (f->ndim && f->dim[0] == -1);
}

size_t hm_field_count(const struct hm_field *f)
{
	bool ragged = f->ndim && f->dim[0] == -1;
	size_t n = 1;
	hm_shape_count(f->ndim - ragged, f->dim + ragged, &n);
	return n;
}

static int check_shape(const char *name, enum hm_dtype t, int ndim, const int64_t *dim, struct hm_err *e)
{
	size_t count;
	if (ndim < 0 || ndim > HM_MAX_DIMS || (t == HM_UTF8 && ndim))
		return hm_err_set(e, HM_EDATA, "column \"%s\" has an impossible number of dimensions", name);
	bool ragged = ndim && dim[0] == -1;
	const int64_t *fixed = ragged ? dim + 1 : dim; /* dim of a scalar may be NULL */
	if (!hm_shape_count(ndim - ragged, fixed, &count) || count > HM_MAX_RECORD / hm_dtype_size(t) ||
	    (ragged && !count))
		return hm_err_set(e, HM_EDATA, "column \"%s\" has an impossible shape", name);
	return 0;
}

int hm_schema_add(struct hm_schema *s, const char *name, enum hm_dtype t, int ndim, const int64_t *dim,
		  cJSON *attr, struct hm_err *e)
{
	int rc = HM_EDATA;
	size_t len = strlen(name);
	if (!len || len > HM_MAX_NAME || hm_utf8_check(name, len) < len)
		rc = hm_err_set(e, HM_EDATA, "\"%.64s\" is not a column name (1 to %d bytes)", name,
				HM_MAX_NAME);
	else if (hm_schema_find(s, name) >= 0)
		rc = hm_err_set(e, HM_EDATA, "column \"%s\" exists already", name);
	else if (s->n == HM_MAX_FIELDS)
		rc = hm_err_set(e, HM_EDATA, "more than %d columns", HM_MAX_FIELDS);
	else
		rc = check_shape(name, t, ndim, dim, e);
	if (rc) {
		cJSON_Delete(attr);
		return rc;
	}
	struct hm_field *f = &s->field[s->n];
	*f = (struct hm_field){.dtype = t, .ndim = ndim, .attr = attr};
	memcpy(f->name, name, len);
	for (int i = 0; i < ndim; i++)
		f->dim[i] = dim[i];
	return s->n++;
}

void hm_schema_remove(struct hm_schema *s, int i)
{
	cJSON_Delete(s->field[i].attr);
	memmove(&s->field[i], &s->field[i + 1], (size_t)(s->n - i - 1) * sizeof s->field[0]);
	s->n--;
}

int hm_schema_copy(struct hm_schema *to, const struct hm_schema *from, struct hm_err *e)
{
	*to = *from;
	for (int i = 0; i < to->n; i++) {
		if (!from->field[i].attr)
			continue;
		to->field[i].attr = hm_json_copy(from->field[i].attr, e);
		if (!to->field[i].attr) {
			to->n = i;
			hm_schema_clear(to);
			return HM_EDATA;
		}
	}
	return 0;
}

void hm_schema_clear(struct hm_schema *s)
{
	for (int i = 0; i < s->n; i++)
		cJSON_Delete(s->field[i].attr);
	s->n = 0;
}

static bool field_equal(const struct hm_field *a, const struct hm_field *b)
{
	size_t dims = (size_t)a->ndim * sizeof a->dim[0];
	bool bare_a = !a->attr || !a->attr->child, bare_b = !b->attr || !b->attr->child;
	return !strcmp(a->name, b->name) && a->dtype == b->dtype && a->ndim == b->ndim &&
	       !memcmp(a->dim, b->dim, dims) && bare_a == bare_b &&
	       (bare_a || cJSON_Compare(a->attr, b->attr, 1));
}

bool hm_schema_equal(const struct hm_schema *a, const struct hm_schema *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (!field_equal(&a->field[i], &b->field[i]))
			return false;
	return true;
}

int hm_schema_compare(const struct hm_schema *first, const char *name, const struct hm_schema *s,
		      struct hm_err *e)
{
	int n = s->n < first->n ? s->n : first->n;
	for (int i = 0; i < n; i++)
		if (strcmp(s->field[i].name, first->field[i].name))
			return hm_err_set(
				e, HM_EDATA,
				"%s: column %d is '%s', in the first input it is '%s'; schemas must be equal",
				name, i + 1, s->field[i].name, first->field[i].name);
	for (int i = 0; i < n; i++)
		if (!field_equal(&s->field[i], &first->field[i]))
			return hm_err_set(e, HM_EDATA,
					  "%s: column '%s' has another type, shape or origin than in the "
					  "first input; schemas must be equal",
					  name, s->field[i].name);
	if (s->n != first->n)
		return hm_err_set(e, HM_EDATA,
				  "%s: %d columns, the first input has %d; schemas must be equal", name, s->n,
				  first->n);
	return 0;
}

const char *hm_schema_attr(const struct hm_schema *s, int i, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(s->field[i].attr, key);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

cJSON *hm_schema_to_json(const struct hm_schema *s, struct hm_err *e)
{
	cJSON *array = hm_json_array(e);
	for (int i = 0; i < s->n; i++) {
		const struct hm_field *f = &s->field[i];
		cJSON *o = f->attr ? hm_json_copy(f->attr, e) : hm_json_object(e);
		hm_json_add_tree(array, NULL, o, e);
		cJSON *shape = hm_json_add_array(o, "shape", e);
		hm_json_add_str(o, "name", f->name, e);
		hm_json_add_str(o, "dtype", hm_dtype_name(f->dtype), e);
		for (int d = 0; d < f->ndim; d++)
			hm_json_add_num(shape, NULL, (double)f->dim[d], e);
	}
	return hm_json_whole(array, e);
}

static int field_from_json(const cJSON *o, struct hm_schema *s, struct hm_err *e)
{
	const char *name, *dtype;
	const cJSON *shape = cJSON_GetObjectItemCaseSensitive(o, "shape"), *d;
	int64_t dim[HM_MAX_DIMS];
	int ndim = 0;
	if (hm_json_get_str(o, "name", &name, e) || hm_json_get_str(o, "dtype", &dtype, e))
		return HM_EDATA;
	int t = hm_dtype_parse(dtype);
	if (t < 0)
		return hm_err_set(e, HM_EDATA, "column \"%.64s\" has the unknown dtype \"%.16s\"", name,
				  dtype);
	if (!cJSON_IsArray(shape) || cJSON_GetArraySize(shape) > HM_MAX_DIMS)
		return hm_err_set(e, HM_EDATA, "column \"%.64s\" has no proper shape", name);
	cJSON_ArrayForEach(d, shape)
	{
		if (!cJSON_IsNumber(d) || d->valuedouble != (double)d->valueint)
			return hm_err_set(e, HM_EDATA, "column \"%.64s\" has no proper shape", name);
		dim[ndim++] = d->valueint;
	}
	cJSON *attr = hm_json_copy(o, e);
	if (!attr)
		return HM_EDATA;
	cJSON_DeleteItemFromObjectCaseSensitive(attr, "name");
	cJSON_DeleteItemFromObjectCaseSensitive(attr, "dtype");
	cJSON_DeleteItemFromObjectCaseSensitive(attr, "shape");
	if (!attr->child) {
		cJSON_Delete(attr);
		attr = NULL;
	}
	int rc = hm_schema_add(s, name, (enum hm_dtype)t, ndim, dim, attr, e);
	return rc < 0 ? rc : 0;
}

int hm_schema_from_json(const cJSON *array, struct hm_schema *s, struct hm_err *e)
{
	const cJSON *o;
	*s = (struct hm_schema){0};
	if (!cJSON_IsArray(array) || !array->child)
		return hm_err_set(e, HM_EDATA, "the header has no schema");
	cJSON_ArrayForEach(o, array)
	{
		if (field_from_json(o, s, e)) {
			hm_schema_clear(s);
			return HM_EDATA;
		}
	}
	return 0;
}

/* The values of options come from the command line, where any bytes may stand. */
static void check_options(const cJSON *options, struct hm_err *e)
{
	struct hm_buf text = {0};
	if (options && !e->code && !hm_json_write(options, &text, e) &&
	    hm_utf8_check((char *)text.data, text.len) < text.len)
		hm_err_set(e, HM_EDATA,
			   "the value of an option is not UTF-8, and the history, which would hold it, is");
	hm_buf_clear(&text);
}

cJSON *hm_pg_append(const cJSON *chain, const char *tool, cJSON *options, struct hm_err *e)
{
	cJSON *pg = chain ? hm_json_copy(chain, e) : hm_json_array(e);
	cJSON *step = hm_json_add_object(pg, NULL, e);
	check_options(options, e);
	hm_json_add_tree(step, "options", options ? options : hm_json_object(e), e);
	hm_json_add_str(step, "tool", tool, e);
	hm_json_add_str(step, "version", HM_VERSION, e);
	return hm_json_whole(pg, e);
}
