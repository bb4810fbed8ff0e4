/* The switches of BERT's normaliser as a folder's files state them: see wordpieceparts.h. The reference has
 * two readers of a folder, of which one goes by tokenizer_config.json and the other by tokenizer.json; where
 * the two files say different things no answer is right for both, and the folder is refused. */
#include "prep/wordpieceparts.h"

#include <string.h>

enum { LOWER, STRIP, CJK, CLEAN, SWITCHES };
enum stated { UNSAID, OFF, ON, AS_LOWER }; /* AS_LOWER: "strip_accents" is null */

static const struct {
	const char *config, *json; /* the names in the two files */
	const char *off;	   /* what OFF means, where it is not the usual state */
} names[SWITCHES] = {
	[LOWER] = {"do_lower_case", "lowercase", "case and accents are kept"},
	[STRIP] = {"strip_accents", "strip_accents", "accents are kept"},
	[CJK] = {"tokenize_chinese_chars", "handle_chinese_chars",
		 "CJK ideographs are not words of their own"},
	[CLEAN] = {"clean_text", "clean_text", "control characters are kept"},
};

/* What a file states, and which file. */
struct statement {
	enum stated is[SWITCHES];
	const struct hm_token_doc *by[SWITCHES];
};

static int read_switch(const struct hm_token_doc *d, const cJSON *in, const char *key, int which,
		       struct statement *s, struct hm_err *e)
{
	bool on = false;
	int rc = hm_doc_bool(d, in, key, &on, e);
	if (rc > 0)
		s->is[which] = on ? ON : OFF;
	else if (!rc && which == STRIP && hm_doc_has(d, in, key))
		s->is[which] = AS_LOWER;
	if (s->is[which] != UNSAID)
		s->by[which] = d;
	return rc < 0 ? rc : 0;
}

/* The type of a part of tokenizer.json; "nothing" for null. */
static const char *type_of(const cJSON *part)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(part, "type");
	return cJSON_IsString(type)	     ? type->valuestring
	       : part && !cJSON_IsNull(part) ? "without a type"
					     : "nothing";
}

/* tokenizer.json: a BertNormalizer, alone or as the only step of a sequence, or none at all. */
static int read_normalizer(const struct hm_token_doc *d, struct statement *s, struct hm_err *e)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(d->tree, "normalizer");
	if (!strcmp(type_of(n), "Sequence")) {
		const cJSON *steps = cJSON_GetObjectItemCaseSensitive(n, "normalizers");
		if (cJSON_IsArray(steps) && cJSON_GetArraySize(steps) < 2)
			n = steps->child;
	}
	if (!n || cJSON_IsNull(n)) {
		for (int i = 0; i < SWITCHES; i++) {
			s->is[i] = OFF;
			s->by[i] = d;
		}
		return 0;
	}
	if (strcmp(type_of(n), "BertNormalizer") != 0)
		return hm_doc_fault(d, e, "the normalizer is %.60s; hm-tokenize knows BertNormalizer",
				    type_of(n));
	int rc = 0;
	for (int i = 0; !rc && i < SWITCHES; i++)
		rc = read_switch(d, n, names[i].json, i, s, e);
	return rc;
}

static const char *state_word(enum stated is)
{
	return is == ON ? "true" : is == OFF ? "false" : "null";
}

/* Whether the two files mean the same. AS_LOWER means what its own file says about casing. */
static bool same_meaning(const struct statement *a, const struct statement *b, int which)
{
	enum stated x = a->is[which], y = b->is[which];
	if (x == y || x == UNSAID || y == UNSAID)
		return true;
	if (x == AS_LOWER)
		x = a->is[LOWER] == OFF || (a->is[LOWER] == UNSAID && b->is[LOWER] == OFF) ? OFF : ON;
	if (y == AS_LOWER)
		y = b->is[LOWER] == OFF || (b->is[LOWER] == UNSAID && a->is[LOWER] == OFF) ? OFF : ON;
	return x == y;
}

/* `s` becomes what both files say together: the config's statements, then tokenizer.json's where the config
 * says nothing. With `option` the user has chosen the casing, and the files may differ about it. */
static int join_statements(struct statement *s, const struct statement *json, bool option, struct hm_err *e)
{
	for (int i = 0; i < SWITCHES; i++) {
		if (!same_meaning(s, json, i) && !(i == LOWER && option))
			return hm_err_set(e, HM_EDATA, "%s says \"%s\": %s, and %s says \"%s\": %s%s",
					  s->by[i]->path, names[i].config, state_word(s->is[i]),
					  json->by[i]->path, names[i].json, state_word(json->is[i]),
					  i == LOWER ? " (--cased or --uncased decides)" : "");
	}
	for (int i = 0; i < SWITCHES; i++) {
		if (s->is[i] == UNSAID) {
			s->is[i] = json->is[i];
			s->by[i] = json->by[i];
		}
	}
	return 0;
}

static int tell_switches(struct hm_wordpiece_opening *w, const struct statement *s, struct hm_err *e)
{
	const struct hm_char_rules *r = &w->rules.chars;
	const bool on[SWITCHES] = {r->lower, r->strip, r->cjk, r->clean};
	bool option = w->o->casing != HM_CASING_OF_FOLDER;
	if (option && s->is[LOWER] != UNSAID && r->lower != (s->is[LOWER] == ON))
		return hm_token_tell(&w->warnings, e,
				     r->lower ? "text is lowered (--uncased), although %s says that it is not"
					      : "text is not lowered (--cased), although %s says that it is",
				     s->by[LOWER]->path);
	int rc = 0;
	for (int i = 0; !rc && i < SWITCHES; i++) {
		bool covered = (i == STRIP && on[STRIP] == on[LOWER]) || (i == LOWER && option);
		if (!on[i] && !covered && s->by[i])
			rc = hm_token_tell(&w->notices, e, "%s, as %s says", names[i].off, s->by[i]->path);
	}
	if (!rc && r->strip && !r->lower && s->by[STRIP])
		rc = hm_token_tell(&w->notices, e, "accents are taken off, as %s says", s->by[STRIP]->path);
	return rc;
}

int hm_wordpiece_read_switches(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	struct statement s = {0}, json = {0};
	const struct hm_token_doc *d = &w->f->doc[HM_DOC_TOKENIZER];
	int rc = 0;
	for (int i = 0; !rc && w->config->tree && i < SWITCHES; i++)
		rc = read_switch(w->config, NULL, names[i].config, i, &s, e);
	if (!rc && d->tree && hm_wordpiece_is_model(d))
		rc = read_normalizer(d, &json, e);
	if (!rc)
		rc = join_statements(&s, &json, w->o->casing != HM_CASING_OF_FOLDER, e);
	if (rc)
		return rc;
	struct hm_char_rules *r = &w->rules.chars;
	r->lower = w->o->casing == HM_CASING_OF_FOLDER ? s.is[LOWER] != OFF : w->o->casing == HM_UNCASED;
	r->strip = s.is[STRIP] == ON || (s.is[STRIP] != OFF && r->lower);
	r->cjk = s.is[CJK] != OFF;
	r->clean = s.is[CLEAN] != OFF;
	w->casing_known = w->o->casing != HM_CASING_OF_FOLDER || s.is[LOWER] != UNSAID;
	return tell_switches(w, &s, e);
}
