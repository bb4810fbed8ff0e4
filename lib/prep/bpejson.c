/* The steps that tokenizer.json describes, which must be CLIP's or those of RoBERTa and GPT-2: see
 * bpeparts.h. */
#include "prep/bpeparts.h"

#include <string.h>

#define CLIP_WORDS "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"

static bool has_type(const cJSON *part, const char *type)
{
	return part && !strcmp(hm_token_type(part), type);
}

static bool has_text(const cJSON *o, const char *key, const char *want)
{
	const char *text = hm_token_text(hm_token_member(o, key));
	return text ? !strcmp(text, want) : !*want;
}

bool hm_bpe_is_model(const struct hm_token_doc *json, bool clip)
{
	const cJSON *model = hm_token_member(json->tree, "model"), *type = hm_token_member(model, "type");
	bool bpe = type ? has_type(model, "BPE") : hm_token_member(model, "merges") != NULL;
	return bpe && has_text(model, "end_of_word_suffix", "</w>") == clip;
}

/* ---- the model ---- */

/* Switches of the model that change ids in a way that we cannot compute. */
static int check_model(const struct hm_token_doc *d, bool clip, struct hm_err *e)
{
	static const char *const off[] = {"byte_fallback", "ignore_merges"};
	const cJSON *model = hm_token_member(d->tree, "model");
	bool on = false;
	double dropout = 0;
	for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
		if (hm_doc_bool(d, model, off[i], &on, e) < 0)
			return HM_EDATA;
		if (on)
			return hm_doc_fault(d, e, "\"%s\" is true; hm-tokenize does not do that", off[i]);
	}
	if (hm_doc_number(d, model, "dropout", &dropout, e) < 0)
		return HM_EDATA;
	if (dropout != 0)
		return hm_doc_fault(d, e, "\"dropout\" is %g; hm-tokenize makes no merge by chance", dropout);
	if (!has_text(model, "continuing_subword_prefix", ""))
		return hm_doc_fault(
			d, e, "\"continuing_subword_prefix\" is not empty; hm-tokenize reads BPE without");
	if (!clip && !has_text(model, "end_of_word_suffix", ""))
		return hm_doc_fault(d, e, "\"end_of_word_suffix\" is neither empty nor \"</w>\"");
	return 0;
}

/* ---- before the model ---- */

static bool is_byte_level(const cJSON *pre)
{
	return has_type(pre, "ByteLevel") && !cJSON_IsFalse(hm_token_member(pre, "use_regex"));
}

/* NFC, white space to one space, lower case. */
static bool is_clip_normalizer(const cJSON *n)
{
	const cJSON *list = hm_token_member(n, "normalizers"), *nfc = list ? list->child : NULL;
	const cJSON *space = nfc ? nfc->next : NULL, *lower = space ? space->next : NULL;
	return has_type(n, "Sequence") && has_type(nfc, "NFC") && has_type(space, "Replace") &&
	       has_text(hm_token_member(space, "pattern"), "Regex", "\\s+") &&
	       has_text(space, "content", " ") && has_type(lower, "Lowercase") && !lower->next;
}

/* A split by one of the two expressions that published files have: that of transformers 5 keeps the special
 * tokens together first. Its ids count for both, as there. */
static bool is_clip_split(const cJSON *split)
{
	static const char special[] = "<\\|startoftext\\|>|<\\|endoftext\\|>|" CLIP_WORDS;
	const cJSON *pattern = hm_token_member(split, "pattern");
	return has_type(split, "Split") && has_text(split, "behavior", "Removed") &&
	       cJSON_IsTrue(hm_token_member(split, "invert")) &&
	       (has_text(pattern, "Regex", CLIP_WORDS) || has_text(pattern, "Regex", special));
}

static int check_clip_steps(const struct hm_token_doc *d, struct hm_err *e)
{
	const cJSON *n = hm_token_member(d->tree, "normalizer"),
		    *pre = hm_token_member(d->tree, "pre_tokenizer");
	const cJSON *list = hm_token_member(pre, "pretokenizers"), *split = list ? list->child : NULL;
	const cJSON *bytes = split ? split->next : NULL;
	if (!is_clip_normalizer(n))
		return hm_doc_fault(d, e,
				    "the normalizer (%.40s) is not CLIP's: NFC, white space, lower case",
				    hm_token_type(n));
	if (has_type(pre, "Sequence") && has_type(split, "Split") && !is_clip_split(split))
		return hm_doc_fault(d, e, "the pre_tokenizer splits by another expression than CLIP's");
	if (!has_type(pre, "Sequence") || !is_clip_split(split) || !is_byte_level(bytes) || bytes->next ||
	    cJSON_IsTrue(hm_token_member(bytes, "add_prefix_space")))
		return hm_doc_fault(d, e, "the pre_tokenizer (%.40s) is not CLIP's: Split, ByteLevel",
				    hm_token_type(pre));
	return 0;
}

static int read_byte_steps(struct hm_bpe_opening *w, struct hm_err *e)
{
	const struct hm_token_doc *d = w->json;
	const cJSON *n = hm_token_member(d->tree, "normalizer");
	const cJSON *pre = hm_token_step(hm_token_member(d->tree, "pre_tokenizer"), "pretokenizers");
	if (n)
		return hm_doc_fault(d, e,
				    "the normalizer is %.40s; hm-tokenize knows byte-level BPE without one",
				    hm_token_type(n));
	if (!is_byte_level(pre))
		return hm_doc_fault(d, e,
				    "the pre_tokenizer is %.40s; hm-tokenize knows ByteLevel with GPT-2's "
				    "expression",
				    hm_token_type(pre));
	return hm_doc_bool(d, pre, "add_prefix_space", &w->prefix_space, e) < 0 ? HM_EDATA : 0;
}

int hm_bpe_check_json(struct hm_bpe_opening *w, struct hm_err *e)
{
	int rc = check_model(w->json, w->clip, e);
	if (rc)
		return rc;
	return w->clip ? check_clip_steps(w->json, e) : read_byte_steps(w, e);
}

/* False for a post-processor that puts nothing at the ends, as GPT-2's. */
static bool makes_ends(const cJSON *post)
{
	const cJSON *single = hm_token_member(post, "single");
	bool bare = has_type(post, "TemplateProcessing") && single && cJSON_GetArraySize(single) == 1 &&
		    has_text(hm_token_member(single->child, "Sequence"), "id", "A");
	return post && !bare && !has_type(post, "ByteLevel");
}

int hm_bpe_read_json(struct hm_bpe_opening *w, struct hm_err *e)
{
	const struct hm_token_doc *d = w->json;
	const cJSON *post = hm_token_step(hm_token_member(d->tree, "post_processor"), "processors");
	const char *unk = NULL;
	int rc = hm_doc_string(d, hm_token_member(d->tree, "model"), "unk_token", &unk, e);
	if (rc > 0)
		rc = *unk ? hm_specials_say(&w->specials, HM_ROLE_UNK, d, unk, e) : 0;
	w->ends = w->clip || makes_ends(post);
	if (rc || !makes_ends(post))
		return rc;
	return w->clip ? hm_token_ends(d, &w->specials, HM_ROLE_BOS, HM_ROLE_EOS, &w->first_id, &w->last_id,
				       e)
		       : hm_token_ends(d, &w->specials, HM_ROLE_CLS, HM_ROLE_SEP, &w->first_id, &w->last_id,
				       e);
}
