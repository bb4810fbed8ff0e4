/* Settings that are read in one way for all families: see tokensettings.h. */
#include "prep/tokensettings.h"
#include "prep/tokenizer.h"

#include <stdio.h>
#include <string.h>

#define NO_LENGTH 1e6 /* a model_max_length from here on means that there is none */

int hm_token_tell(struct hm_buf *to, struct hm_err *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return hm_buf_add(to, text, strlen(text) + 1, e);
}

/* The folder's own limit: *from is the document that says so, or NULL. */
static int read_length(const struct hm_token_doc *json, const struct hm_token_doc *config, double *length,
		       const struct hm_token_doc **from, struct hm_err *e)
{
	const cJSON *cut = json->tree ? cJSON_GetObjectItemCaseSensitive(json->tree, "truncation") : NULL;
	int rc = config->tree ? hm_doc_number(config, NULL, "model_max_length", length, e) : 0;
	if (!rc && config->tree)
		rc = hm_doc_number(config, NULL, "max_len", length, e);
	*from = rc > 0 ? config : NULL;
	if (cJSON_IsObject(cut)) {
		const char *side = "Right";
		if (rc < 0 || hm_doc_string(json, cut, "direction", &side, e) < 0)
			return HM_EDATA;
		if (strcmp(side, "Right") != 0)
			return hm_doc_fault(
				json, e,
				"the truncation's direction is \"%.20s\"; hm-tokenize cuts at the right",
				side);
		if (!rc && (rc = hm_doc_number(json, cut, "max_length", length, e)) > 0)
			*from = json;
	}
	return rc < 0 ? rc : 0;
}

int hm_token_length(const struct hm_token_doc *json, const struct hm_token_doc *config, int option, int usual,
		    int *length, struct hm_buf *notices, struct hm_err *e)
{
	const struct hm_token_doc *from = NULL;
	double own = 0;
	int rc = read_length(json, config, &own, &from, e);
	if (rc)
		return rc;
	if (from && !(own >= 2))
		return hm_doc_fault(from, e, "at most %g ids per text, but the two at its ends are needed",
				    own);
	bool limited = from && own < NO_LENGTH;
	int limit = !limited ? usual : own > HM_TOKENIZER_MAX_LENGTH ? HM_TOKENIZER_MAX_LENGTH : (int)own;
	*length = option ? option : limit;
	if (limited && option > limit)
		return hm_token_tell(notices, e, "%d ids per text (--max-length), although %s says %d",
				     option, from->path, limit);
	if (limited && !option && limit != usual)
		return hm_token_tell(notices, e, "at most %d ids per text, as %s says", limit, from->path);
	return 0;
}

const cJSON *hm_token_member(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsNull(v) ? NULL : v;
}

const char *hm_token_text(const cJSON *v)
{
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

const char *hm_token_type(const cJSON *part)
{
	const char *type = hm_token_text(hm_token_member(part, "type"));
	return type ? type : part ? "of no type" : "missing";
}

const cJSON *hm_token_step(const cJSON *part, const char *list)
{
	const cJSON *steps = hm_token_member(part, list);
	bool one = part && !strcmp(hm_token_type(part), "Sequence") && cJSON_IsArray(steps) &&
		   cJSON_GetArraySize(steps) == 1;
	return one ? steps->child : part;
}

/* The id of a token in the post-processor; -2, which matches no token, for anything else. */
static int64_t id_of(const cJSON *v)
{
	double id = cJSON_IsNumber(v) ? v->valuedouble : -2;
	return id >= 0 && id < HM_VOCAB_TOKENS ? (int64_t)id : -2;
}

/* {"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]} */
static int read_pair(const struct hm_token_doc *json, const cJSON *post, const char *key,
		     struct hm_specials *s, enum hm_role role, int64_t *id, struct hm_err *e)
{
	const cJSON *pair = hm_token_member(post, key);
	const char *text = hm_token_text(cJSON_GetArrayItem(pair, 0));
	*id = id_of(cJSON_GetArrayItem(pair, 1));
	if (!text)
		return hm_doc_fault(json, e, "the post_processor's \"%s\" is not a token and its id", key);
	return hm_specials_say(s, role, json, text, e);
}

static int refuse_template(const struct hm_token_doc *json, struct hm_err *e)
{
	return hm_doc_fault(
		json, e, "the post_processor does not make one special token, the text, one special token");
}

/* {"SpecialToken": {"id": "[CLS]"}}, and in `tokens` {"[CLS]": {"ids": [101]}} */
static int read_template_end(const struct hm_token_doc *json, const cJSON *step, const cJSON *tokens,
			     struct hm_specials *s, enum hm_role role, int64_t *id, struct hm_err *e)
{
	const char *name = hm_token_text(hm_token_member(hm_token_member(step, "SpecialToken"), "id"));
	const cJSON *ids = name ? hm_token_member(hm_token_member(tokens, name), "ids") : NULL;
	if (!name || !cJSON_IsArray(ids) || cJSON_GetArraySize(ids) != 1)
		return refuse_template(json, e);
	*id = id_of(ids->child);
	return hm_specials_say(s, role, json, name, e);
}

/* The special tokens of the template's two ends in end[0] and end[1]. */
static int find_ends(const struct hm_token_doc *json, const cJSON *post, const cJSON *end[2],
		     struct hm_err *e)
{
	const cJSON *single = hm_token_member(post, "single"), *step[3] = {0};
	int n = 0;
	for (const cJSON *s = cJSON_IsArray(single) ? single->child : NULL; s; s = s->next, n++)
		if (n < 3)
			step[n] = s;
	const char *text = hm_token_text(hm_token_member(hm_token_member(step[1], "Sequence"), "id"));
	if (n != 3 || !text || strcmp(text, "A") != 0)
		return refuse_template(json, e);
	end[0] = step[0];
	end[1] = step[2];
	return 0;
}

int hm_token_ends(const struct hm_token_doc *json, struct hm_specials *s, enum hm_role first,
		  enum hm_role last, int64_t *first_id, int64_t *last_id, struct hm_err *e)
{
	const cJSON *post = hm_token_step(hm_token_member(json->tree, "post_processor"), "processors");
	const char *type = hm_token_type(post);
	const cJSON *end[2] = {0}, *tokens = hm_token_member(post, "special_tokens");
	if (!post)
		return 0;
	if (!strcmp(type, "TemplateProcessing")) {
		int rc = find_ends(json, post, end, e);
		if (!rc)
			rc = read_template_end(json, end[0], tokens, s, first, first_id, e);
		return rc ? rc : read_template_end(json, end[1], tokens, s, last, last_id, e);
	}
	if (strcmp(type, "BertProcessing") != 0 && strcmp(type, "RobertaProcessing") != 0)
		return hm_doc_fault(json, e,
				    "the post_processor is %.60s; hm-tokenize knows TemplateProcessing and "
				    "BertProcessing",
				    type);
	int rc = read_pair(json, post, "cls", s, first, first_id, e);
	return rc ? rc : read_pair(json, post, "sep", s, last, last_id, e);
}
