/* Opens a BPE tokenizer: CLIP's, or that of RoBERTa and GPT-2, from a folder's files and the user's options.
 * Which of the two it is follows from "</w>" at the end of tokens. See bpeparts.h. */
#include "json/build.h"
#include "prep/bpeparts.h"

#include <stdlib.h>
#include <string.h>

#define CLIP_LENGTH 77
#define BYTE_LENGTH 512

#define START "<|startoftext|>"
#define END "<|endoftext|>"

static const char *const usual_clip[HM_ROLES] = {
	[HM_ROLE_PAD] = END, [HM_ROLE_UNK] = END, [HM_ROLE_BOS] = START, [HM_ROLE_EOS] = END};
static const char *const usual_roberta[HM_ROLES] = {
	[HM_ROLE_PAD] = "<pad>", [HM_ROLE_UNK] = "<unk>",   [HM_ROLE_CLS] = "<s>", [HM_ROLE_SEP] = "</s>",
	[HM_ROLE_BOS] = "<s>",	 [HM_ROLE_MASK] = "<mask>", [HM_ROLE_EOS] = "</s>"};
static const char *const usual_gpt2[HM_ROLES] = {
	[HM_ROLE_UNK] = END, [HM_ROLE_BOS] = END, [HM_ROLE_EOS] = END};

static const char *const *usual_of(const struct hm_bpe_opening *w)
{
	return w->clip ? usual_clip : w->ends ? usual_roberta : usual_gpt2;
}

/* ---- which kind ---- */

static bool has_token(const struct hm_token_folder *f, const char *token)
{
	const struct hm_token_doc *json = &f->doc[HM_DOC_TOKENIZER];
	const cJSON *vocab =
		json->tree ? hm_token_member(hm_token_member(json->tree, "model"), "vocab") : f->tokens.tree;
	return hm_token_member(vocab, token) != NULL;
}

static bool claims_folder(const struct hm_token_folder *f, bool clip)
{
	const struct hm_token_doc *json = &f->doc[HM_DOC_TOKENIZER];
	if (json->tree)
		return hm_bpe_is_model(json, clip);
	if (!f->merges_path)
		return false;
	return clip == (!f->tokens.tree || has_token(f, "a</w>"));
}

static bool claims_clip(const struct hm_token_folder *f)
{
	return claims_folder(f, true);
}

static bool claims_byte(const struct hm_token_folder *f)
{
	return claims_folder(f, false);
}

/* ---- reading ---- */

static int read_tokens(struct hm_bpe_opening *w, struct hm_err *e)
{
	const struct hm_token_folder *f = w->f;
	int rc;
	if (w->json->tree) {
		const cJSON *model = hm_token_member(w->json->tree, "model");
		w->path = w->json->path;
		rc = hm_bpe_vocab_json(&w->tokens, hm_token_member(model, "vocab"),
				       hm_token_member(model, "merges"), e);
		return rc ? hm_err_prefix(e, "%s", w->path) : 0;
	}
	w->path = f->merges_path;
	const char *s = (const char *)f->merges.data;
	rc = f->tokens.tree ? hm_bpe_vocab_lines(&w->tokens, f->tokens.tree, s, f->merges.len, e)
			    : hm_bpe_vocab_clip(&w->tokens, s, f->merges.len, e);
	return rc ? hm_err_prefix(e, "%s", f->merges_path) : 0;
}

/* What the class says that transformers would use: its steps count there, whatever tokenizer.json says. */
static int read_class(struct hm_bpe_opening *w, struct hm_err *e)
{
	static const struct {
		const char *name;
		bool clip, ends;
	} known[] = {{"CLIPTokenizer", true, true},
		     {"RobertaTokenizer", false, true},
		     {"BartTokenizer", false, true},
		     {"LongformerTokenizer", false, true},
		     {"GPT2Tokenizer", false, false}};
	const char *name = NULL;
	int rc = hm_doc_string(w->config, NULL, "tokenizer_class", &name, e);
	if (rc <= 0 || !strncmp(name, "PreTrainedTokenizer", 19) || !strcmp(name, "TokenizersBackend"))
		return rc < 0 ? rc : 0;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t n = strlen(known[i].name);
		if (strncmp(name, known[i].name, n) != 0 || (name[n] && strcmp(name + n, "Fast") != 0) ||
		    known[i].clip != w->clip)
			continue;
		w->ends = known[i].ends;
		return 0;
	}
	return hm_doc_fault(w->config, e, "\"tokenizer_class\" is %.60s; hm-tokenize knows %s", name,
			    w->clip ? "CLIPTokenizer" : "RobertaTokenizer, BartTokenizer and GPT2Tokenizer");
}

static int read_config(struct hm_bpe_opening *w, struct hm_err *e)
{
	const struct hm_token_doc *d = w->config;
	bool split = false, space = false;
	const char *side = "right";
	int said = hm_doc_bool(d, NULL, "add_prefix_space", &space, e);
	if (said < 0 || hm_doc_bool(d, NULL, "split_special_tokens", &split, e) < 0 ||
	    hm_doc_string(d, NULL, "truncation_side", &side, e) < 0)
		return HM_EDATA;
	if (strcmp(side, "right") != 0)
		return hm_doc_fault(d, e, "\"truncation_side\" is \"%.20s\"; hm-tokenize cuts at the right",
				    side);
	if (said && !w->clip && w->json->tree && space != w->prefix_space)
		return hm_err_set(e, HM_EDATA,
				  "%s says \"add_prefix_space\": %s, and %s says the opposite: name the file "
				  "that counts (--vocab)",
				  d->path, space ? "true" : "false", w->json->path);
	w->prefix_space = w->prefix_space || (space && !w->clip);
	w->plain_specials = w->plain_specials || split;
	return 0;
}

static int read_all(struct hm_bpe_opening *w, struct hm_err *e)
{
	int rc = w->json->tree ? hm_bpe_check_json(w, e) : 0;
	if (!rc)
		rc = read_tokens(w, e);
	w->ends = w->clip || (hm_vocab_find(&w->tokens.vocab, "<s>", 3) >= 0 &&
			      hm_vocab_find(&w->tokens.vocab, "</s>", 4) >= 0);
	if (!rc && w->config->tree)
		rc = read_class(w, e);
	bool ends = w->ends;
	if (!rc)
		rc = hm_specials_read(&w->specials, w->f, usual_of(w), e);
	if (!rc && w->json->tree)
		rc = hm_bpe_read_json(w, e);
	if (!rc && w->config->tree)
		rc = read_config(w, e);
	if (!rc && w->config->tree && hm_doc_has(w->config, NULL, "tokenizer_class"))
		w->ends = ends;
	return rc;
}

static int find_specials(struct hm_bpe_opening *w, struct hm_err *e)
{
	struct hm_special *role = w->specials.role;
	int first = w->clip ? HM_ROLE_BOS : HM_ROLE_CLS, last = w->clip ? HM_ROLE_EOS : HM_ROLE_SEP;
	w->specials.spaces = true;
	w->specials.raw_roles = w->clip;
	w->specials.raw = !w->clip;
	if (w->ends && (!role[first].text || !role[last].text))
		return hm_err_set(e, HM_EDATA, "%s: no token stands at the %s of a text", w->path,
				  role[first].text ? "end" : "beginning");
	int rc = hm_specials_find(&w->specials, &w->tokens.vocab, w->path, w->plain_specials, e);
	if (!rc && ((w->first_id != -1 && w->first_id != role[first].id) ||
		    (w->last_id != -1 && w->last_id != role[last].id)))
		rc = hm_doc_fault(w->json, e,
				  "the post_processor's ids of %s and %s are not the vocabulary's",
				  role[first].text, role[last].text);
	w->first_id = w->ends ? role[first].id : -1;
	w->last_id = w->ends ? role[last].id : -1;
	return rc;
}

/* struct hm_tokenizer's `attr`. */
static cJSON *describe(const struct hm_bpe_opening *w, struct hm_err *e)
{
	char vocab[33], merges[33] = "", special[33];
	cJSON *a = hm_json_object(e);
	hm_vocab_digest(&w->tokens.vocab, vocab);
	hm_json_add_str(a, "kind", w->clip ? "clip-bpe" : "byte-bpe", e);
	hm_json_add_str(a, "vocab", vocab, e);
	if (!hm_bpe_vocab_digest(&w->tokens, merges, e))
		hm_json_add_str(a, "merges", merges, e);
	if (w->prefix_space)
		hm_json_add_bool(a, "add_prefix_space", true, e);
	if (!hm_specials_digest(&w->specials, usual_of(w), special, e) && *special)
		hm_json_add_str(a, "special_tokens", special, e);
	if (w->plain_specials)
		hm_json_add_bool(a, "special_in_text", false, e);
	return hm_json_whole(a, e);
}

/* ---- the tokenizer ---- */

static void close_bpe(struct hm_tokenizer *t)
{
	struct hm_bpe_tokenizer *b = (struct hm_bpe_tokenizer *)(void *)t;
	hm_bpe_clear(&b->bpe);
	hm_codemap_clear(&b->chars);
	hm_specials_clear(&b->specials);
	free(b);
}

/* The byte that all special tokens begin with, or -1. */
static int only_first(const struct hm_specials *s)
{
	int only = -1;
	for (int c = 0; c < 256; c++) {
		if (s->first[c] && only >= 0)
			return -1;
		only = s->first[c] ? c : only;
	}
	return only;
}

static int build_tokenizer(struct hm_bpe_opening *w, const struct hm_tokenizer_kind *kind,
			   const struct hm_tokenizer_options *o, struct hm_bpe_tokenizer *b, struct hm_err *e)
{
	b->t = (struct hm_tokenizer){.kind = kind,
				     .casing_known = true,
				     .straight_quotes = w->f->merges_path && !w->f->tokens.tree};
	b->clip = w->clip;
	int rc = hm_token_length(w->json, w->config, o->max_length, w->clip ? CLIP_LENGTH : BYTE_LENGTH,
				 &b->t.max_length, &w->notices, e);
	if (!rc)
		rc = hm_bpe_init(&b->bpe, &w->tokens.vocab,
				 (const struct hm_bpe_merge *)(const void *)w->tokens.merges.data,
				 w->tokens.merges.len / sizeof(struct hm_bpe_merge), w->clip, e);
	if (rc)
		return hm_err_prefix(e, "%s", w->path);
	if (hm_bpe_chars_init(&b->chars, e) || !(b->t.attr = describe(w, e)))
		return HM_EDATA;
	b->prefix_space = w->prefix_space;
	b->first = (int32_t)w->first_id;
	b->last = (int32_t)w->last_id;
	b->only = only_first(&w->specials);
	b->specials = w->specials;
	b->t.warnings = w->warnings;
	b->t.notices = w->notices;
	w->specials = (struct hm_specials){0};
	w->warnings = w->notices = (struct hm_buf){0};
	return 0;
}

static int open_kind(struct hm_tokenizer **t, const struct hm_tokenizer_kind *kind, bool clip,
		     const struct hm_token_folder *f, const struct hm_tokenizer_options *o, struct hm_err *e)
{
	struct hm_bpe_opening w = {.f = f,
				   .clip = clip,
				   .json = &f->doc[HM_DOC_TOKENIZER],
				   .config = &f->doc[HM_DOC_CONFIG],
				   .plain_specials = o->plain_specials,
				   .first_id = -1,
				   .last_id = -1};
	struct hm_bpe_tokenizer *b = NULL;
	*t = NULL;
	int rc = 0;
	if (o->casing != HM_CASING_OF_FOLDER && !o->recorded)
		rc = hm_err_set(e, HM_EUSAGE, "--cased and --uncased are for WordPiece; %s holds %s", f->path,
				clip ? "CLIP's tokenizer, which lowers text"
				     : "a byte-level BPE tokenizer, which keeps case");
	if (!rc)
		rc = read_all(&w, e);
	if (!rc)
		rc = find_specials(&w, e);
	if (!rc && !(b = hm_alloc(1, sizeof *b, e)))
		rc = HM_EDATA;
	if (!rc)
		rc = build_tokenizer(&w, kind, o, b, e);
	if (!rc)
		*t = &b->t;
	else if (b) {
		cJSON_Delete(b->t.attr);
		close_bpe(&b->t);
	}
	hm_bpe_vocab_clear(&w.tokens);
	hm_specials_clear(&w.specials);
	hm_buf_clear(&w.warnings);
	hm_buf_clear(&w.notices);
	return rc;
}

static int open_clip(struct hm_tokenizer **t, const struct hm_token_folder *f,
		     const struct hm_tokenizer_options *o, struct hm_err *e)
{
	return open_kind(t, &hm_clip_bpe_kind, true, f, o, e);
}

static int open_byte(struct hm_tokenizer **t, const struct hm_token_folder *f,
		     const struct hm_tokenizer_options *o, struct hm_err *e)
{
	return open_kind(t, &hm_byte_bpe_kind, false, f, o, e);
}

const struct hm_tokenizer_kind hm_clip_bpe_kind = {
	.name = "clip-bpe",
	.reads = "CLIP's BPE (vocab.json with merges.txt, tokenizer.json, or bpe_simple_vocab_16e6.txt.gz)",
	.claims = claims_clip,
	.open = open_clip,
	.room = hm_bpe_room,
	.encode = hm_bpe_encode,
	.close = close_bpe,
};

const struct hm_tokenizer_kind hm_byte_bpe_kind = {
	.name = "byte-bpe",
	.reads = "RoBERTa's and GPT-2's BPE (vocab.json with merges.txt, or tokenizer.json)",
	.claims = claims_byte,
	.open = open_byte,
	.room = hm_bpe_room,
	.encode = hm_bpe_encode,
	.close = close_bpe,
};
