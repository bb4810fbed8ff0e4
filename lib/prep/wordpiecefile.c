/* Opens a WordPiece tokenizer: the rules of wordpiece.h from a folder's files and the user's options. A
 * folder is refused when its files contradict each other or ask for something that we cannot compute. */
#include "json/build.h"
#include "prep/wordpieceparts.h"

#include <string.h>

#define USUAL_LENGTH 512

static const char *const usual[HM_ROLES] = {
	[HM_ROLE_PAD] = "[PAD]", [HM_ROLE_UNK] = "[UNK]",   [HM_ROLE_CLS] = "[CLS]",
	[HM_ROLE_SEP] = "[SEP]", [HM_ROLE_MASK] = "[MASK]",
};

static bool claims_folder(const struct hm_token_folder *f)
{
	return f->vocab_path ||
	       (f->doc[HM_DOC_TOKENIZER].tree && hm_wordpiece_is_model(&f->doc[HM_DOC_TOKENIZER]));
}

static int check_equal(const struct hm_wordpiece_opening *w, const struct hm_vocab *other, struct hm_err *e)
{
	int64_t at = hm_vocab_differ(&w->vocab, other);
	if (at < 0)
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "%s and %s hold different vocabularies, from id %lld on: name the file that counts "
			  "(--vocab %s)",
			  w->f->vocab_path, w->json->path, (long long)at, w->f->vocab_path);
}

static int fill_trie(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	if (hm_trie_init(&w->words, w->vocab.text.len, e))
		return HM_EDATA;
	for (uint32_t i = 0; i < w->vocab.n; i++) {
		size_t n;
		const char *s = hm_vocab_token(&w->vocab, i, &n);
		if (hm_trie_add(&w->words, s, n, (int32_t)i, e))
			return HM_EDATA;
	}
	return 0;
}

/* The tokens from vocab.txt, from tokenizer.json, or from both when they are equal. */
static int read_vocabulary(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	const struct hm_token_folder *f = w->f;
	struct hm_vocab second = {0};
	int rc = 0;
	if (f->vocab_path && hm_vocab_parse(&w->vocab, (const char *)f->vocab.data, f->vocab.len, e))
		return hm_err_prefix(e, "%s", f->vocab_path);
	if (w->json->tree) {
		const cJSON *model = cJSON_GetObjectItemCaseSensitive(w->json->tree, "model");
		struct hm_vocab *to = f->vocab_path ? &second : &w->vocab;
		rc = hm_vocab_from_json(to, cJSON_GetObjectItemCaseSensitive(model, "vocab"), e);
		if (rc)
			hm_err_prefix(e, "%s", w->json->path);
		else if (f->vocab_path)
			rc = check_equal(w, &second, e);
	}
	hm_vocab_clear(&second);
	w->vocab_path = f->vocab_path ? f->vocab_path : w->json->path;
	return rc ? rc : fill_trie(w, e);
}

/* Classes that are not listed split a text into words in their own way, or put other tokens at its ends. */
static int check_class(const struct hm_token_doc *config, struct hm_err *e)
{
	static const char *const known[] = {"Bert",
					    "DistilBert",
					    "Electra",
					    "MobileBert",
					    "SqueezeBert",
					    "ConvBert",
					    "RetriBert",
					    "Realm",
					    "DPRContextEncoder",
					    "DPRQuestionEncoder",
					    "DPRReader",
					    "LayoutLM",
					    "Lxmert",
					    "MPNet",
					    "Funnel",
					    "Splinter",
					    "PreTrained"};
	const char *name = NULL;
	int rc = hm_doc_string(config, NULL, "tokenizer_class", &name, e);
	if (rc <= 0 || !strcmp(name, "TokenizersBackend"))
		return rc;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t n = strlen(known[i]);
		if (!strncmp(name, known[i], n) &&
		    (!strcmp(name + n, "Tokenizer") || !strcmp(name + n, "TokenizerFast")))
			return 0;
	}
	return hm_doc_fault(config, e,
			    "\"tokenizer_class\" is %.60s; hm-tokenize knows BertTokenizer and its relatives",
			    name);
}

static int check_never_split(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(w->config->tree, "never_split");
	for (const cJSON *m = cJSON_IsArray(all) ? all->child : NULL; m; m = m->next)
		if (!cJSON_IsString(m) || !hm_specials_has(&w->specials, m->valuestring))
			return hm_doc_fault(w->config, e,
					    "\"never_split\" names %.60s, which is not a special token; "
					    "hm-tokenize splits it",
					    cJSON_IsString(m) ? m->valuestring : "something");
	return 0;
}

/* Refuses settings of tokenizer_config.json that would change the ids in a way that we cannot compute. */
static int check_config(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	const struct hm_token_doc *d = w->config;
	bool basic = true, split = false;
	const char *side = "right";
	int rc = w->json->tree ? 0 : check_class(d, e);
	if (rc < 0 || hm_doc_bool(d, NULL, "do_basic_tokenize", &basic, e) < 0 ||
	    hm_doc_bool(d, NULL, "split_special_tokens", &split, e) < 0 ||
	    hm_doc_string(d, NULL, "truncation_side", &side, e) < 0)
		return HM_EDATA;
	if (!basic)
		return hm_doc_fault(d, e, "\"do_basic_tokenize\" is false; hm-tokenize always splits words");
	if (strcmp(side, "right") != 0)
		return hm_doc_fault(d, e, "\"truncation_side\" is \"%.20s\"; hm-tokenize cuts at the right",
				    side);
	w->plain_specials = w->plain_specials || split;
	return 0;
}

static int find_specials(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	const struct hm_special *role = w->specials.role;
	static const enum hm_role needed[] = {HM_ROLE_UNK, HM_ROLE_CLS, HM_ROLE_SEP};
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!role[needed[i]].text)
			return hm_err_set(e, HM_EDATA, "%s: no token plays the part of %s",
					  role[needed[i]].path, usual[needed[i]]);
	int rc = hm_specials_find(&w->specials, &w->vocab, w->vocab_path, w->plain_specials, e);
	if (!rc && ((w->cls != -1 && w->cls != role[HM_ROLE_CLS].id) ||
		    (w->sep != -1 && w->sep != role[HM_ROLE_SEP].id)))
		rc = hm_doc_fault(w->json, e,
				  "the post_processor's ids of %s and %s are not the vocabulary's",
				  role[HM_ROLE_CLS].text, role[HM_ROLE_SEP].text);
	return rc ? rc : check_never_split(w, e);
}

/* Lowered text never matches a token with a capital letter. An uncased vocabulary has almost no such token,
 * so one that has many is likely to need --cased. */
static int warn_of_capitals(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	uint32_t capital = 0;
	for (uint32_t i = 0; i < w->vocab.n; i++) {
		size_t n, k = 0;
		const char *s = hm_vocab_token(&w->vocab, i, &n);
		while (k < n && !(s[k] >= 'A' && s[k] <= 'Z'))
			k++;
		capital += k < n && s[0] != '[' && s[0] != '<';
	}
	if (w->casing_known || capital <= w->vocab.n / 100)
		return 0;
	return hm_token_tell(&w->warnings, e,
			     "%u of the %u tokens of %s have capital letters, but text is lowered: "
			     "--cased keeps case, --uncased says that this is meant",
			     capital, w->vocab.n, w->vocab_path);
}

/* struct hm_tokenizer's `attr`. */
static cJSON *describe(const struct hm_wordpiece_opening *w, struct hm_err *e)
{
	const struct hm_wordpiece_rules *r = &w->rules;
	char vocab[33], special[33];
	cJSON *a = hm_json_object(e);
	hm_vocab_digest(&w->vocab, vocab);
	hm_json_add_str(a, "vocab", vocab, e);
	hm_json_add_bool(a, "cased", !r->chars.lower, e);
	if (r->chars.strip != r->chars.lower)
		hm_json_add_bool(a, "strip_accents", r->chars.strip, e);
	if (!r->chars.cjk)
		hm_json_add_bool(a, "tokenize_chinese_chars", false, e);
	if (!r->chars.clean)
		hm_json_add_bool(a, "clean_text", false, e);
	if (strcmp(r->prefix, "##") != 0)
		hm_json_add_str(a, "continuing_subword_prefix", r->prefix, e);
	if (r->word_chars != HM_WORDPIECE_WORD)
		hm_json_add_num(a, "max_input_chars_per_word", r->word_chars, e);
	if (!hm_specials_digest(&w->specials, usual, special, e) && *special)
		hm_json_add_str(a, "special_tokens", special, e);
	if (w->plain_specials)
		hm_json_add_bool(a, "special_in_text", false, e);
	return hm_json_whole(a, e);
}

static int read_all(struct hm_wordpiece_opening *w, struct hm_err *e)
{
	int rc = read_vocabulary(w, e);
	if (!rc)
		rc = hm_specials_read(&w->specials, w->f, usual, e);
	if (!rc && w->json->tree)
		rc = hm_wordpiece_read_json(w, e);
	if (!rc && w->config->tree)
		rc = check_config(w, e);
	if (!rc)
		rc = hm_wordpiece_read_switches(w, e);
	if (!rc)
		rc = hm_token_length(w->json, w->config, w->o->max_length, USUAL_LENGTH, &w->rules.max_length,
				     &w->notices, e);
	return rc;
}

static int open_folder(struct hm_tokenizer **t, const struct hm_token_folder *f,
		       const struct hm_tokenizer_options *o, struct hm_err *e)
{
	static const struct hm_token_doc none = {0};
	const struct hm_token_doc *json = &f->doc[HM_DOC_TOKENIZER];
	struct hm_wordpiece_opening w = {
		.f = f, .o = o, .config = &f->doc[HM_DOC_CONFIG], .cls = -1, .sep = -1};
	cJSON *attr = NULL;
	*t = NULL;
	w.json = f->vocab_named ? &none : json;
	w.rules = (struct hm_wordpiece_rules){.prefix = "##", .word_chars = HM_WORDPIECE_WORD};
	w.plain_specials = o->plain_specials;
	int rc = 0;
	if (w.json->tree && !hm_wordpiece_is_model(json))
		rc = hm_doc_fault(
			json, e,
			"the file holds another tokenizer than %s: name the file that counts (--vocab %s)",
			f->vocab_path, f->vocab_path);
	if (!rc)
		rc = read_all(&w, e);
	if (!rc)
		rc = find_specials(&w, e);
	if (!rc)
		rc = warn_of_capitals(&w, e);
	if (!rc && !(attr = describe(&w, e)))
		rc = HM_EDATA;
	if (!rc)
		rc = hm_wordpiece_new(t, &w.words, &w.specials, &w.rules, e);
	if (!rc) {
		(*t)->attr = attr;
		(*t)->casing_known = w.casing_known;
		(*t)->warnings = w.warnings;
		(*t)->notices = w.notices;
	} else {
		cJSON_Delete(attr);
		hm_buf_clear(&w.warnings);
		hm_buf_clear(&w.notices);
	}
	hm_vocab_clear(&w.vocab);
	hm_trie_clear(&w.words);
	hm_specials_clear(&w.specials);
	return rc;
}

const struct hm_tokenizer_kind hm_wordpiece_kind = {
	.name = "wordpiece",
	.reads = "WordPiece (vocab.txt, or tokenizer.json of that type)",
	.claims = claims_folder,
	.open = open_folder,
	.room = hm_wordpiece_room,
	.encode = hm_wordpiece_encode,
	.close = hm_wordpiece_close,
};
