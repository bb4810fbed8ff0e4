/* Preparations and their comparison. See prepared.h. */
#include "feed/prepared.h"
#include "json/build.h"

#include <stdio.h>
#include <string.h>

/* What is not about the preparation. */
static bool is_origin(const char *key)
{
	static const char *const origin[] = {"encoder", "output", "precision", "names", NULL};
	const char *const *k = origin;
	while (*k && strcmp(*k, key))
		k++;
	return *k;
}

/* Members that every tool writes now and older ones did not all write; and what makes a value, to which the
 * value is added after a space. */
static const struct {
	const char *key, *how;
} known[] = {{"size", "hm-imgprep --size "},
	     {"fit", "hm-imgprep --fit "},
	     {"vocab", "hm-tokenize --vocab with that vocabulary"},
	     {"cased", "hm-tokenize with or without --cased"}};
enum { KNOWN = sizeof known / sizeof *known };

static int find_known(const char *key)
{
	int i = 0;
	while (i < KNOWN && strcmp(known[i].key, key))
		i++;
	return i;
}

cJSON *hm_prepared_of(const struct hm_schema *s, int at, struct hm_err *e)
{
	const struct hm_field *f = &s->field[at];
	char size[48];
	cJSON *o = hm_json_object(e);
	const cJSON *v;
	cJSON_ArrayForEach(v, f->attr)
	{
		if (!is_origin(v->string))
			hm_json_add_copy(o, v->string, v, e);
	}
	if (f->dtype == HM_U8 && f->ndim == 3)
		hm_json_add_str(o, "size", hm_shape_text(2, f->dim + 1, size, sizeof size), e);
	return hm_json_whole(o, e);
}

/* A member as a person would say it; a digest by its first 8 digits. */
static const char *value_text(const cJSON *v, char out[40])
{
	char *json = v && !cJSON_IsString(v) ? cJSON_PrintUnformatted(v) : NULL;
	const char *text = !v		       ? "not said"
			   : cJSON_IsString(v) ? v->valuestring
			   : json	       ? json
					       : "something else";
	bool digest = strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
	snprintf(out, 40, digest ? "%.8s…" : "%.36s", text);
	cJSON_free(json);
	return out;
}

/* What makes that value of a member, for the parenthesis of a message; "" where nothing is known. */
static const char *hint_text(const char *key, const char *value, char out[80])
{
	int i = find_known(key), n = (int)strcspn(value, "x"); /* "224x224" is --size 224 */
	*out = 0;
	if (i == KNOWN)
		return out;
	if (known[i].how[strlen(known[i].how) - 1] != ' ')
		n = 0;
	snprintf(out, 80, "%s%.*s; ", known[i].how, n, value);
	return out;
}

/* The first member of `a` that `b` has otherwise, or NULL. */
static const cJSON *first_difference(const cJSON *a, const cJSON *b)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, a)
	{
		const cJSON *other = cJSON_GetObjectItemCaseSensitive(b, v->string);
		if (other ? !cJSON_Compare(v, other, true) : find_known(v->string) == KNOWN)
			return v;
	}
	return NULL;
}

int hm_prepared_compare(const cJSON *trained, const cJSON *now, const char *column, bool allow, char *warning,
			size_t cap, struct hm_err *e)
{
	char was[40], is[40], hint[80], text[320];
	if (!trained || !now || !trained->child || !now->child)
		return 0;
	const cJSON *v = first_difference(trained, now);
	v = v ? v : first_difference(now, trained);
	if (!v)
		return 0;
	const cJSON *there = cJSON_GetObjectItemCaseSensitive(trained, v->string);
	snprintf(text, sizeof text, "column \"%s\": %s is %s here, the model was trained on %s", column,
		 v->string, value_text(cJSON_GetObjectItemCaseSensitive(now, v->string), is),
		 value_text(there, was));
	if (allow)
		return snprintf(warning, cap, "%s", text), 0;
	return hm_err_set(e, HM_EDATA, "%s (%s--allow-mismatch goes on)", text,
			  hint_text(v->string, was, hint));
}
