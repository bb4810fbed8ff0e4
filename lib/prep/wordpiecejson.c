/* What tokenizer.json says about a WordPiece tokenizer, but for its vocabulary and its normaliser: see
 * wordpieceparts.h. */
#include "prep/wordpieceparts.h"

#include <string.h>

static const cJSON *member(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsNull(v) ? NULL : v;
}

static const char *text_of(const cJSON *v)
{
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

/* The type of a part, for a message. */
static const char *type_of(const cJSON *part)
{
	const char *type = text_of(member(part, "type"));
	return type ? type : part ? "of no type" : "missing";
}

bool hm_wordpiece_is_model(const struct hm_token_doc *json)
{
	const cJSON *model = member(json->tree, "model"), *type = member(model, "type");
	if (type)
		return text_of(type) && !strcmp(text_of(type), "WordPiece");
	return cJSON_IsObject(member(model, "vocab")) && !member(model, "merges") &&
	       (member(model, "continuing_subword_prefix") || member(model, "max_input_chars_per_word"));
}

/* Notices of what is not BERT's usual setting. */
static int tell_model(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	int rc = 0;
	if (strcmp(w->rules.prefix, "##") != 0)
		rc = hm_wordpiece_tell(&w->notices, e,
				       "pieces inside a word begin with \"%.32s\", as %s says",
				       w->rules.prefix, w->json->path);
	if (!rc && w->rules.word_chars != HM_WORDPIECE_WORD)
		rc = hm_wordpiece_tell(&w->notices, e,
				       "a word of more than %u code points is the unknown token, as %s says",
				       (unsigned)w->rules.word_chars, w->json->path);
	return rc;
}

static int read_model(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	const struct hm_token_doc *d = w->json;
	const cJSON *model = member(d->tree, "model");
	double chars = HM_WORDPIECE_WORD;
	const char *unk;
	if (hm_doc_string(d, model, "continuing_subword_prefix", &w->rules.prefix, e) < 0 ||
	    hm_doc_number(d, model, "max_input_chars_per_word", &chars, e) < 0)
		return HM_EDATA;
	if (!(chars >= 1 && chars <= HM_WORDPIECE_WORD_CAP) || chars != (double)(uint32_t)chars)
		return hm_doc_fault(d, e, "\"max_input_chars_per_word\" is not an integer from 1 to %d",
				    HM_WORDPIECE_WORD_CAP);
	w->rules.word_chars = (uint32_t)chars;
	int rc = tell_model(w, e);
	if (!rc)
		rc = hm_doc_string(d, model, "unk_token", &unk, e);
	return rc > 0 ? hm_specials_say(&w->specials, HM_ROLE_UNK, d, unk, e) : rc;
}

/* The id of a token in the post-processor; -2, which matches no token, for anything else. */
static int64_t id_of(const cJSON *v)
{
	double id = cJSON_IsNumber(v) ? v->valuedouble : -2;
	return id >= 0 && id < HM_VOCAB_TOKENS ? (int64_t)id : -2;
}

/* {"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]} */
static int read_pair(struct hm_wordpiece_opening *w, const cJSON *post, const char *key, enum hm_role role,
		     int64_t *id, struct hm_err *e)
{
	const cJSON *pair = member(post, key);
	const char *text = text_of(cJSON_GetArrayItem(pair, 0));
	*id = id_of(cJSON_GetArrayItem(pair, 1));
	if (!text)
		return hm_doc_fault(w->json, e, "the post_processor's \"%s\" is not a token and its id", key);
	return hm_specials_say(&w->specials, role, w->json, text, e);
}

/* {"SpecialToken": {"id": "[CLS]"}}, and in `tokens` {"[CLS]": {"ids": [101]}} */
static int read_template_end(struct hm_wordpiece_opening *w, const cJSON *step, const cJSON *tokens,
			     enum hm_role role, int64_t *id, struct hm_err *e)
{
	const char *name = text_of(member(member(step, "SpecialToken"), "id"));
	const cJSON *ids = name ? member(member(tokens, name), "ids") : NULL;
	if (!name || !cJSON_IsArray(ids) || cJSON_GetArraySize(ids) != 1)
		return hm_doc_fault(w->json, e, "the post_processor does not make %s",
				    "one special token, the text, one special token");
	*id = id_of(ids->child);
	return hm_specials_say(&w->specials, role, w->json, name, e);
}

static int read_template(struct hm_wordpiece_opening *w, const cJSON *post, struct hm_err *e)
{
	const cJSON *single = member(post, "single"), *tokens = member(post, "special_tokens");
	const cJSON *step[3] = {0};
	int n = 0;
	for (const cJSON *s = cJSON_IsArray(single) ? single->child : NULL; s; s = s->next, n++)
		if (n < 3)
			step[n] = s;
	const char *text = text_of(member(member(step[1], "Sequence"), "id"));
	if (n != 3 || !text || strcmp(text, "A") != 0)
		return hm_doc_fault(w->json, e, "the post_processor does not make %s",
				    "one special token, the text, one special token");
	int rc = read_template_end(w, step[0], tokens, HM_ROLE_CLS, &w->cls, e);
	return rc ? rc : read_template_end(w, step[2], tokens, HM_ROLE_SEP, &w->sep, e);
}

/* Without a post-processor the text gets the tokens at both ends all the same, as in transformers. */
static int read_post_processor(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	const cJSON *post = member(w->json->tree, "post_processor");
	const cJSON *list = member(post, "processors");
	if (post && !strcmp(type_of(post), "Sequence") && cJSON_IsArray(list) &&
	    cJSON_GetArraySize(list) == 1)
		post = list->child;
	if (!post)
		return 0;
	if (!strcmp(type_of(post), "TemplateProcessing"))
		return read_template(w, post, e);
	if (strcmp(type_of(post), "BertProcessing") != 0 && strcmp(type_of(post), "RobertaProcessing") != 0)
		return hm_doc_fault(w->json, e,
				    "the post_processor is %.60s; hm-tokenize knows TemplateProcessing and "
				    "BertProcessing",
				    type_of(post));
	int rc = read_pair(w, post, "cls", HM_ROLE_CLS, &w->cls, e);
	return rc ? rc : read_pair(w, post, "sep", HM_ROLE_SEP, &w->sep, e);
}

static int check_pre_tokenizer(const struct hm_token_doc *d, struct hm_err *e)
{
	const cJSON *pre = member(d->tree, "pre_tokenizer"), *list = member(pre, "pretokenizers");
	if (pre && !strcmp(type_of(pre), "Sequence") && cJSON_IsArray(list) && cJSON_GetArraySize(list) == 1)
		pre = list->child;
	if (!strcmp(type_of(pre), "BertPreTokenizer"))
		return 0;
	return hm_doc_fault(d, e, "the pre_tokenizer is %.60s; hm-tokenize knows BertPreTokenizer",
			    type_of(pre));
}

int hm_wordpiece_read_json(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	int rc = check_pre_tokenizer(w->json, e);
	if (!rc)
		rc = read_model(w, e);
	return rc ? rc : read_post_processor(w, e);
}
