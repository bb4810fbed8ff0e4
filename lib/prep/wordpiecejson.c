/* What tokenizer.json says about a WordPiece tokenizer, but for its vocabulary and its normaliser: see
 * wordpieceparts.h. */
#include "prep/wordpieceparts.h"

#include <string.h>

bool hm_wordpiece_is_model(const struct hm_token_doc *json)
{
	const cJSON *model = hm_token_member(json->tree, "model"), *type = hm_token_member(model, "type");
	if (type)
		return hm_token_text(type) && !strcmp(hm_token_text(type), "WordPiece");
	return cJSON_IsObject(hm_token_member(model, "vocab")) && !hm_token_member(model, "merges") &&
	       (hm_token_member(model, "continuing_subword_prefix") ||
		hm_token_member(model, "max_input_chars_per_word"));
}

/* Notices of what is not BERT's usual setting. */
static int tell_model(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	int rc = 0;
	if (strcmp(w->rules.prefix, "##") != 0)
		rc = hm_token_tell(&w->notices, e, "pieces inside a word begin with \"%.32s\", as %s says",
				   w->rules.prefix, w->json->path);
	if (!rc && w->rules.word_chars != HM_WORDPIECE_WORD)
		rc = hm_token_tell(&w->notices, e,
				   "a word of more than %u code points is the unknown token, as %s says",
				   (unsigned)w->rules.word_chars, w->json->path);
	return rc;
}

static int read_model(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	const struct hm_token_doc *d = w->json;
	const cJSON *model = hm_token_member(d->tree, "model");
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

static int check_pre_tokenizer(const struct hm_token_doc *d, struct hm_err *e)
{
	const cJSON *pre = hm_token_step(hm_token_member(d->tree, "pre_tokenizer"), "pretokenizers");
	if (!strcmp(hm_token_type(pre), "BertPreTokenizer"))
		return 0;
	return hm_doc_fault(d, e, "the pre_tokenizer is %.60s; hm-tokenize knows BertPreTokenizer",
			    hm_token_type(pre));
}

int hm_wordpiece_read_json(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	int rc = check_pre_tokenizer(w->json, e);
	if (!rc)
		rc = read_model(w, e);
	/* without a post-processor the text gets the tokens at both ends all the same, as in transformers */
	return rc ? rc : hm_token_ends(w->json, &w->specials, HM_ROLE_CLS, HM_ROLE_SEP, &w->cls, &w->sep, e);
}
