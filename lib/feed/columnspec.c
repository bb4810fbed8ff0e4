/* Column specifications. See columnspec.h. */
#include "feed/columnspec.h"
#include "feed/sidefeature.h"
#include "json/build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { TEXT, NUMBER, SMALL, TRUTH, COLOURS, WORDS };

static const struct key {
	const char *name;
	enum type type;
	size_t most; /* bytes of a text */
} keys[] = {{"encoder", TEXT, HM_ENCODER_TEXT - 1},
	    {"output", TEXT, HM_OUTPUT_TEXT - 1},
	    {"precision", TEXT, sizeof((struct hm_feature *)0)->precision - 1},
	    {"size", TEXT, 32},
	    {"fit", TEXT, 32},
	    {"filter", TEXT, 32},
	    {"short", NUMBER, 0},
	    {"offset", TEXT, 32},
	    {"mean", COLOURS, 0},
	    {"std", COLOURS, 0},
	    {"vocab", TEXT, 32},
	    {"cased", TRUTH, 0},
	    {"act", TEXT, 32},
	    {"heads", NUMBER, 0},
	    {"eps", SMALL, 0},
	    {"names", WORDS, 0}};
enum { KEYS = sizeof keys / sizeof *keys };

/* The key with which "KEY=" begins, its '='; NULL when the text does not begin so. */
static char *find_equals(char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
	return n && text[n] == '=' ? text + n : NULL;
}

/* Ends the value at the comma before the next KEY=. Returns that key, or NULL behind the last value. */
static char *end_value(char *value)
{
	for (char *comma = value; (comma = strchr(comma, ',')); comma++)
		if (find_equals(comma + 1)) {
			*comma = 0;
			return comma + 1;
		}
	return NULL;
}

static int refuse_key(const char *key, struct hm_err *e)
{
	char list[256] = "";
	size_t at = 0;
	for (int i = 0; i < KEYS; i++)
		at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", keys[i].name);
	return hm_err_set(e, HM_EUSAGE, "there is no attribute '%.64s'; there are %s", key, list);
}

/* One number and what is behind it. */
static bool read_number(const char **text, double *v)
{
	char *end;
	*v = strtod(*text, &end);
	bool read = end != *text && isfinite(*v);
	*text = end;
	return read;
}

static bool add_number(cJSON *attr, const char *key, const char *value, struct hm_err *e)
{
	double v;
	if (!read_number(&value, &v) || *value || v < 1 || v > 1e6 || v != floor(v))
		return false;
	hm_json_add_num(attr, key, v, e);
	return true;
}

static bool add_small(cJSON *attr, const char *key, const char *value, struct hm_err *e)
{
	double v;
	if (!read_number(&value, &v) || *value || !(v > 0 && v < 1))
		return false;
	hm_json_add_num(attr, key, v, e);
	return true;
}

static bool add_colours(cJSON *attr, const char *key, const char *value, struct hm_err *e)
{
	double v[3];
	for (int i = 0; i < 3; i++)
		if (!read_number(&value, &v[i]) || *value++ != (i < 2 ? ',' : 0))
			return false;
	hm_json_add_nums(attr, key, v, 3, e);
	return true;
}

/* The words of the classes; two or more, none empty. */
static bool add_words(cJSON *attr, const char *key, char *value, struct hm_err *e)
{
	cJSON *list = hm_json_add_array(attr, key, e);
	int n = 0;
	for (char *next; value; value = next, n++) {
		next = strchr(value, ',');
		if (next)
			*next++ = 0;
		if (!*value)
			return false;
		hm_json_add_str(list, NULL, value, e);
	}
	return n >= 2;
}

static int add_pair(struct hm_columnspec *c, const char *key, char *value, struct hm_err *e)
{
	static const char *const wants[] = {[TEXT] = "a text",
					    [NUMBER] = "a whole number from 1",
					    [SMALL] = "a number between 0 and 1",
					    [TRUTH] = "true or false",
					    [COLOURS] = "three numbers, R,G,B",
					    [WORDS] = "two words or more, W0,W1,..."};
	const struct key *k = keys;
	bool label = c->name && !strcmp(c->name, hm_column_name(HM_COLUMN_LABEL)), good = true;
	while (k < keys + KEYS && strcmp(k->name, key))
		k++;
	if (k == keys + KEYS)
		return refuse_key(key, e);
	if (label != (k->type == WORDS))
		return hm_err_set(e, HM_EUSAGE,
				  label ? "'%s' is not for labels; 'names' is"
					: "'%s' is for the column label alone",
				  key);
	if (cJSON_GetObjectItemCaseSensitive(c->attr, key))
		return hm_err_set(e, HM_EUSAGE, "'%s' is given twice", key);
	size_t len = strlen(value);
	if (hm_utf8_check(value, len) < len)
		return hm_err_set(e, HM_EUSAGE, "the value of '%s' is not UTF-8", key);
	switch (k->type) {
	case TEXT:
		if (len > k->most)
			return hm_err_set(e, HM_EUSAGE, "the value of '%s' has %zu bytes, %zu are the most",
					  key, len, k->most);
		good = len > 0;
		hm_json_add_str(c->attr, key, value, e);
		break;
	case NUMBER:
		good = add_number(c->attr, key, value, e);
		break;
	case SMALL:
		good = add_small(c->attr, key, value, e);
		break;
	case TRUTH:
		good = !strcmp(value, "true") || !strcmp(value, "false");
		hm_json_add_bool(c->attr, key, *value == 't', e);
		break;
	case COLOURS:
		good = add_colours(c->attr, key, value, e);
		break;
	case WORDS:
		good = add_words(c->attr, key, value, e);
	}
	return good ? e->code : hm_err_set(e, HM_EUSAGE, "'%s' takes %s", key, wants[k->type]);
}

int hm_columnspec_parse(struct hm_columnspec *c, char *text, bool named, struct hm_err *e)
{
	*c = (struct hm_columnspec){.file = text};
	char *equals = named ? strchr(text, '=') : NULL;
	if (named && (!equals || equals == text))
		return hm_err_set(e, HM_EUSAGE, "NAME=FILE is wanted, not '%.200s'", text);
	if (named) {
		*equals = 0;
		c->name = text;
		c->file = equals + 1;
	}
	char *key = end_value((char *)(uintptr_t)c->file);
	if (!*c->file)
		return hm_err_set(e, HM_EUSAGE, "no file is named%s%s", named ? " for " : "",
				  named ? c->name : "");
	if (key && !(c->attr = hm_json_object(e)))
		return e->code;
	for (char *next; key; key = next) {
		char *value = find_equals(key);
		*value++ = 0;
		next = end_value(value);
		if (add_pair(c, key, value, e))
			return e->code;
	}
	return 0;
}

void hm_columnspec_clear(struct hm_columnspec *c)
{
	cJSON_Delete(c->attr);
	*c = (struct hm_columnspec){0};
}
