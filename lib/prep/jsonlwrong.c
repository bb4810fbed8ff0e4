/* What is wrong with a JSON line, in words: what is there, what may be done about it, at which column. See
 * jsonlparts.h. */
#include "prep/jsonlparts.h"
#include "base/filekind.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 60 /* bytes of a value that a message shows */

/* "the string "hateful"", "the number 1.0", "null", "an array". Locates m. */
static const char *describe(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, char *out, size_t cap)
{
	hm_jsonl_locate(o, m);
	const char *s = cJSON_IsString(m->v) ? m->v->valuestring : m->raw;
	size_t len = cJSON_IsString(m->v) ? strlen(s) : m->len;
	const char *more = len > SHOWN ? "..." : "";
	if (len > SHOWN)
		len = hm_utf8_check(s, SHOWN);
	if (cJSON_IsString(m->v))
		snprintf(out, cap, "the string \"%.*s%s\"", (int)len, s, more);
	else if (cJSON_IsNumber(m->v))
		snprintf(out, cap, "the number %.*s%s", (int)len, s, more);
	else if (cJSON_IsArray(m->v) || cJSON_IsObject(m->v))
		snprintf(out, cap, "an %s", cJSON_IsArray(m->v) ? "array" : "object");
	else
		snprintf(out, cap, "%.*s", (int)len, s); /* null, true, false */
	return out;
}

int hm_jsonl_wrong(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, const char *what,
		   const char *help, struct hm_err *e)
{
	char is[SHOWN + 32];
	describe(o, m, is, sizeof is);
	return help ? hm_err_set(e, HM_EDATA, "the field \"%.64s\" is %s, not %s (%s), at column %zu", m->key,
				 is, what, help, m->column)
		    : hm_err_set(e, HM_EDATA, "the field \"%.64s\" is %s, not %s, at column %zu", m->key, is,
				 what, m->column);
}

int hm_jsonl_no_class(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, const struct hm_labels *l,
		      struct hm_err *e)
{
	char words[128], what[160];
	if (cJSON_IsArray(m->v)) {
		snprintf(what, sizeof what, "jq -c '.[\"%.64s\"] |= .[0]' FILE takes the first of each array",
			 m->key);
		return hm_jsonl_wrong(o, m, "one class", what, e);
	}
	if (cJSON_IsObject(m->v))
		return hm_jsonl_wrong(o, m, "one class", NULL, e);
	if (!l->n)
		return hm_jsonl_wrong(o, m, "an integer from 0",
				      "--labels WORD,WORD,... names the classes from 0", e);
	snprintf(what, sizeof what, "one of --labels %s", hm_labels_text(l, words, sizeof words));
	return hm_jsonl_wrong(o, m, what, NULL, e);
}

int hm_jsonl_missing(const struct hm_jsonl_object *o, const char *key, const char *help, struct hm_err *e)
{
	char names[240] = "";
	size_t at = 0;
	for (const cJSON *v = o->tree->child; v && at + 80 < sizeof names; v = v->next) {
		size_t len = hm_utf8_check(v->string, strnlen(v->string, 40));
		at += (size_t)snprintf(names + at, sizeof names - at, "%s\"%.*s\"%s", at ? ", " : "",
				       (int)len, v->string,
				       v->next && at + len + 88 >= sizeof names ? ", ..." : "");
	}
	return hm_err_set(e, HM_EDATA,
			  "the field \"%.64s\" is missing from the object, which has %s%s%s%s, at column 1",
			  key, *names ? names : "none", help ? " (" : "", help ? help : "", help ? ")" : "");
}

int hm_jsonl_backslash(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, struct hm_err *e)
{
	hm_jsonl_locate(o, m);
	return hm_err_set(
		e, HM_EDATA,
		"the path \"%s\" in the field \"%.64s\" has a backslash, and \"/\" separates folders "
		"(jq -c '.[\"%.64s\"] |= gsub(\"\\\\\\\\\"; \"/\")' FILE mends it), at column %zu",
		hm_path_shown(m->v->valuestring), m->key, m->key, m->column);
}

int hm_jsonl_absolute(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, const char *prefix,
		      struct hm_err *e)
{
	hm_jsonl_locate(o, m);
	return hm_err_set(
		e, HM_EDATA,
		"the path \"%s\" in the field \"%.64s\" is absolute (--img-prefix FOLDER makes it relative "
		"to that folder; it is \"%.200s\" now), at column %zu",
		hm_path_shown(m->v->valuestring), m->key, prefix, m->column);
}

/* The character where the parser stopped, if it cannot be seen: a message without it would point at
 * nothing. 0: it can be seen, or the line ends there. */
static uint32_t find_unseen(const struct hm_jsonl_object *o, size_t at)
{
	uint32_t c = 0;
	if (at >= o->len || hm_utf8_next(o->line + at, o->len - at, &c) < 1)
		return 0;
	bool unseen = c < ' ' || (c >= 0x7f && c <= 0xa0) || (c >= 0x2000 && c <= 0x206f) || c == 0x3000 ||
		      c == 0xfeff;
	return unseen ? c : 0;
}

/* What the parser said, and what cannot be seen at that place. */
static int refuse_unseen(const struct hm_jsonl_object *o, const struct hm_err *why, size_t column,
			 struct hm_err *e)
{
	uint32_t c = find_unseen(o, column - 1);
	if (column > 1 && column <= o->len && o->line[column - 2] == '\r')
		return hm_err_set(
			e, HM_EDATA,
			"invalid JSON: a line end of CR alone (tr '\\r' '\\n' makes lines of it), at "
			"column %zu",
			column - 1);
	if (c)
		return hm_err_set(e, HM_EDATA,
				  "invalid JSON: the character U+%04" PRIX32
				  ", which cannot be seen, where it must not "
				  "stand, at column %zu",
				  c, column);
	return hm_err_set(e, HM_EDATA, "%s", why->text);
}

/* Whether the line, which is no JSON, has this character and nothing that JSON lines are full of. */
static bool is_table(const struct hm_jsonl_object *o, char separator)
{
	return memchr(o->line, separator, o->len) && !memchr(o->line, '{', o->len) &&
	       !memchr(o->line, '}', o->len) && !memchr(o->line, '[', o->len) &&
	       !memchr(o->line, ']', o->len);
}

static int refuse_text(const struct hm_jsonl_object *o, const struct hm_err *why, size_t column,
		       struct hm_err *e)
{
	static const struct {
		char separator;
		const char *name, *command;
	} table[] = {{'\t', "CSV with tabs (TSV)", "hm-csv2rec --delimiter tab"},
		     {',', "CSV", "hm-csv2rec"},
		     {';', "CSV with semicolons", "hm-csv2rec --delimiter ';'"}};
	const struct hm_filekind *k = hm_filekind_find((const unsigned char *)o->line, o->len);
	if (k && k->group == HM_FILEKIND_POINTER)
		return hm_err_set(e, HM_EDATA,
				  "the line is from %s, not JSON (%s fetches the file), at column 1", k->name,
				  k->command);
	if (k && *o->line == '<')
		return hm_err_set(e, HM_EDATA, "the line is from %s, not JSON, at column 1", k->name);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (is_table(o, table[i].separator))
			return hm_err_set(
				e, HM_EDATA,
				"the line looks like %s, not like a JSON object (%s makes records of it, "
				"and hm-view lines of those), "
				"at column 1",
				table[i].name, table[i].command);
	return refuse_unseen(o, why, column, e);
}

/* What stands where the parser stopped: often it is the habit of another language. */
static int refuse_json(const struct hm_jsonl_object *o, const struct hm_err *why, size_t column,
		       struct hm_err *e)
{
	static const struct {
		const char *bytes, *wrong;
	} habit[] = {
		{"NaN", "NaN is no JSON value (sed 's/: NaN/: null/g' FILE makes it null)"},
		{"nan", "nan is no JSON value (sed 's/: nan/: null/g' FILE makes it null)"},
		{"Infinity", "Infinity is no JSON value"},
		{"None", "None is no JSON value (Python's json.dumps writes null)"},
		{"True", "True is no JSON value (Python's json.dumps writes true)"},
		{"False", "False is no JSON value (Python's json.dumps writes false)"},
		{"'", "a single quote where a double one must stand (Python's json.dumps writes those)"}};
	size_t at = column - 1, left = at < o->len ? o->len - at : 0;
	for (size_t i = 0; i < sizeof habit / sizeof *habit; i++) {
		size_t n = strlen(habit[i].bytes);
		if (n <= left && !memcmp(o->line + at, habit[i].bytes, n))
			return hm_err_set(e, HM_EDATA, "invalid JSON: %s, at column %zu", habit[i].wrong,
					  column);
	}
	if (left && hm_utf8_check(o->line, o->len) == at)
		return hm_err_set(
			e, HM_EDATA,
			"invalid JSON: bytes that are not UTF-8 (iconv -f WINDOWS-1252 -t UTF-8 FILE "
			"converts text of that encoding), at column %zu",
			column);
	return refuse_unseen(o, why, column, e);
}

int hm_jsonl_no_object(const struct hm_jsonl_object *o, const struct hm_err *why, size_t column,
		       struct hm_err *e)
{
	size_t at = 0, end = o->len;
	while (at < end && strchr(" \t\r", o->line[at]) && o->line[at])
		at++;
	while (end > at && strchr(" \t\r", o->line[end - 1]) && o->line[end - 1])
		end--;
	char first = at < end ? o->line[at] : 0;
	if (why->machine)
		return hm_err_machine(e, "%s", why->text);
	if (first == '[')
		return hm_err_set(e, HM_EDATA,
				  "the line begins an array, not an object (jq -c '.[]' FILE makes lines of "
				  "the objects "
				  "in an array), at column %zu",
				  at + 1);
	if (first == '{' && end == at + 1)
		return hm_err_set(
			e, HM_EDATA,
			"the line begins an object that does not end on it (jq -c . FILE puts each on one "
			"line), at column %zu",
			at + 1);
	if (why->code)
		return first == '{' ? refuse_json(o, why, column, e) : refuse_text(o, why, column, e);
	return hm_err_set(e, HM_EDATA, "the line is %s, not an object, at column %zu",
			  cJSON_IsString(o->tree)   ? "a string"
			  : cJSON_IsNumber(o->tree) ? "a number"
						    : "a single word",
			  at + 1);
}
