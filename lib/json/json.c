/* Look-ups and canonical writing of JSON trees: see json.h. */
#include "json/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hm_json_get_str(const cJSON *o, const char *key, const char **out, struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	if (!cJSON_IsString(v))
		return hm_err_set(e, HM_EDATA, v ? "\"%s\" is not a string" : "\"%s\" is missing", key);
	*out = v->valuestring;
	return 0;
}

int hm_json_get_int(const cJSON *o, const char *key, int64_t *out, struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	if (!v)
		return hm_err_set(e, HM_EDATA, "\"%s\" is missing", key);
	if (!cJSON_IsNumber(v) || v->valuedouble != floor(v->valuedouble) || fabs(v->valuedouble) > 0x1p53)
		return hm_err_set(e, HM_EDATA, "\"%s\" is not an integer", key);
	*out = (int64_t)v->valuedouble;
	return 0;
}

static char *unusual(double v, char *out)
{
	snprintf(out, HM_JSON_NUMBER, "%s", isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	return out;
}

char *hm_json_f64(double v, char out[HM_JSON_NUMBER])
{
	if (!isfinite(v))
		return unusual(v, out);
	if (v == floor(v) && fabs(v) < 1e15 && !(v == 0 && signbit(v))) {
		snprintf(out, HM_JSON_NUMBER, "%.0f", v);
		return out;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(out, HM_JSON_NUMBER, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			break;
	}
	return out;
}

char *hm_json_f32(float v, char out[HM_JSON_NUMBER])
{
	if (!isfinite(v))
		return unusual(v, out);
	for (int digits = 1; digits <= 9; digits++) {
		snprintf(out, HM_JSON_NUMBER, "%.*g", digits, (double)v);
		if (strtof(out, NULL) == v)
			break;
	}
	return out;
}

int hm_json_write_str(struct hm_buf *out, const char *s, size_t n, struct hm_err *e)
{
	static const char shorthand[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	int rc = hm_buf_add(out, "\"", 1, e);
	for (size_t i = 0, from = 0; !rc && i <= n; i++) {
		unsigned char c = i < n ? (unsigned char)s[i] : 0;
		if (i < n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		rc = hm_buf_add(out, s + from, i - from, e);
		from = i + 1;
		if (rc || i == n)
			break;
		if (c == '"' || c == '\\')
			rc = hm_buf_printf(out, e, "\\%c", c);
		else if (c < sizeof shorthand && shorthand[c])
			rc = hm_buf_printf(out, e, "\\%c", shorthand[c]);
		else
			rc = hm_buf_printf(out, e, "\\u%04x", c);
	}
	return rc ? rc : hm_buf_add(out, "\"", 1, e);
}

/* Where the first character of b[at..len) stands that acts on a terminal, or a byte that is not UTF-8, or
 * len. What is written for it, and its length. */
static size_t find_wild(const struct hm_buf *b, size_t at, uint32_t *cp, size_t *len)
{
	while (at < b->len) {
		int n = b->data[at] < 0x7f ? 1 : hm_utf8_next((char *)b->data + at, b->len - at, cp);
		*len = n ? (size_t)n : 1;
		if (!n)
			*cp = 0xfffd;
		if (!n || (b->data[at] >= 0x7f && hm_utf8_is_control(*cp)))
			return at;
		at += *len;
	}
	return at;
}

int hm_json_tame(struct hm_buf *b, size_t from, struct hm_err *e)
{
	struct hm_buf tame = {0};
	uint32_t cp;
	size_t kept = from, at, n;
	int rc = 0;
	while (!rc && (at = find_wild(b, kept, &cp, &n)) < b->len) {
		rc = hm_buf_add(&tame, b->data + kept, at - kept, e);
		rc = rc ? rc : hm_buf_printf(&tame, e, "\\u%04x", cp);
		kept = at + n;
	}
	if (!rc && kept > from && !(rc = hm_buf_add(&tame, b->data + kept, b->len - kept, e))) {
		b->len = from;
		rc = hm_buf_add(b, tame.data, tame.len, e);
	}
	hm_buf_clear(&tame);
	return rc;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

static int write_children(const cJSON *v, struct hm_buf *out, struct hm_err *e)
{
	bool object = cJSON_IsObject(v);
	size_t n = (size_t)cJSON_GetArraySize(v), i = 0;
	const cJSON **list = hm_alloc(n, sizeof *list, e);
	if (!list)
		return HM_EDATA;
	for (const cJSON *k = v->child; k; k = k->next)
		list[i++] = k;
	if (object)
		qsort(list, n, sizeof *list, by_key);
	int rc = hm_buf_add(out, object ? "{" : "[", 1, e);
	for (i = 0; !rc && i < n; i++) {
		if (i)
			rc = hm_buf_add(out, ",", 1, e);
		if (!rc && object) {
			rc = hm_json_write_str(out, list[i]->string, strlen(list[i]->string), e);
			if (!rc)
				rc = hm_buf_add(out, ":", 1, e);
		}
		if (!rc)
			rc = hm_json_write(list[i], out, e);
	}
	free(list);
	return rc ? rc : hm_buf_add(out, object ? "}" : "]", 1, e);
}

int hm_json_write(const cJSON *v, struct hm_buf *out, struct hm_err *e)
{
	char num[HM_JSON_NUMBER];
	if (cJSON_IsObject(v) || cJSON_IsArray(v))
		return write_children(v, out, e);
	if (cJSON_IsString(v))
		return hm_json_write_str(out, v->valuestring, strlen(v->valuestring), e);
	if (cJSON_IsNumber(v))
		return hm_buf_printf(out, e, "%s", hm_json_f64(v->valuedouble, num));
	return hm_buf_printf(out, e, "%s", cJSON_IsTrue(v) ? "true" : cJSON_IsFalse(v) ? "false" : "null");
}

bool hm_json_same(const cJSON *a, const cJSON *b, struct hm_err *e)
{
	struct hm_buf x = {0}, y = {0};
	bool same = a == b;
	if (a && b)
		same = !hm_json_write(a, &x, e) && !hm_json_write(b, &y, e) && x.len == y.len &&
		       !memcmp(x.data, y.data, x.len);
	hm_buf_clear(&x);
	hm_buf_clear(&y);
	return same;
}
