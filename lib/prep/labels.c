/* Words of the classes: see labels.h. */
#include "prep/labels.h"
#include "json/build.h"
#include "json/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A plain decimal number whose value is exact: no hexadecimal, no infinity, nothing beyond 2^53. */
static bool read_number(const char *s, double *out)
{
	char *end;
	if (!*s || s[strspn(s, "+-.0123456789eE")])
		return false;
	*out = strtod(s, &end);
	return !*end && end != s && fabs(*out) < 0x1p53;
}

static bool same_value(const char *a, const char *b)
{
	double x, y;
	return !strcmp(a, b) || (read_number(a, &x) && read_number(b, &y) && x == y);
}

int hm_labels_find(const struct hm_labels *l, const char *text)
{
	for (int i = 0; i < l->n; i++)
		if (same_value(l->word[i], text))
			return i;
	return -1;
}

int hm_labels_find_bool(const struct hm_labels *l, bool value)
{
	for (int i = 0; i < l->n; i++)
		if (!strcasecmp(l->word[i], value ? "true" : "false"))
			return i;
	return -1;
}

int hm_labels_parse(struct hm_labels *l, char *list, struct hm_err *e)
{
	for (char *at = list; at;) {
		char *word = at;
		at = strchr(word, ',');
		if (at)
			*at++ = 0;
		if (!*word)
			return hm_err_set(e, HM_EUSAGE, "word %d is empty", l->n + 1);
		if (hm_utf8_check(word, strlen(word)) != strlen(word))
			return hm_err_set(e, HM_EUSAGE, "word %d is not valid UTF-8", l->n + 1);
		if (hm_labels_find(l, word) >= 0)
			return hm_err_set(e, HM_EUSAGE, "\"%s\" is there twice", word);
		if (l->n == HM_LABELS_MOST)
			return hm_err_set(e, HM_EUSAGE, "more than %d words", HM_LABELS_MOST);
		l->word[l->n++] = word;
	}
	return l->n < 2 ? hm_err_set(e, HM_EUSAGE, "two words or more are needed, separated by commas") : 0;
}

const char *hm_labels_text(const struct hm_labels *l, char *out, size_t cap)
{
	size_t at = 0;
	*out = 0;
	for (int i = 0; i < l->n; i++) {
		size_t len = strlen(l->word[i]);
		bool fits = at + 1 + len + sizeof ",..." <= cap;
		at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? "," : "", fits ? l->word[i] : "...");
		if (!fits)
			break;
	}
	return out;
}

cJSON *hm_labels_array(const struct hm_labels *l, struct hm_err *e)
{
	cJSON *names = hm_json_array(e);
	for (int i = 0; i < l->n; i++)
		hm_json_add_str(names, NULL, l->word[i], e);
	return hm_json_whole(names, e);
}

cJSON *hm_labels_json(char *list, struct hm_err *e)
{
	struct hm_labels l = {0};
	return hm_labels_parse(&l, list, e) ? NULL : hm_labels_array(&l, e);
}
