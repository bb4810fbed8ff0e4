/* What the files that open a WordPiece tokenizer share: wordpiecefile.c, wordpiecejson.c,
 * wordpieceswitches.c. */
#ifndef HM_WORDPIECEPARTS_H
#define HM_WORDPIECEPARTS_H

#include "prep/tokensettings.h"
#include "prep/wordpiece.h"

struct hm_wordpiece_opening {
	const struct hm_token_folder *f;
	const struct hm_tokenizer_options *o;
	const struct hm_token_doc *json; /* tokenizer.json; its tree is NULL when there is none that counts */
	const struct hm_token_doc *config; /* the same of tokenizer_config.json */
	const char *vocab_path;		   /* where the tokens are from */
	struct hm_vocab vocab;
	struct hm_trie words; /* of the tokens that words are cut into: added tokens are not among them */
	struct hm_specials specials;
	struct hm_wordpiece_rules rules;
	int64_t cls, sep; /* the ids that tokenizer.json's post-processor gives, -1: none */
	bool plain_specials, casing_known;
	struct hm_buf warnings, notices; /* as in struct hm_tokenizer */
};

/* rules.chars from the normaliser of tokenizer.json, tokenizer_config.json and the options; what the user
 * must know goes to warnings and notices. HM_EDATA when files contradict each other or a step is unknown. */
int hm_wordpiece_read_switches(struct hm_wordpiece_opening *w, struct hm_err *e);

/* True when the file's "model" is a WordPiece model; files of old versions do not name its type. */
bool hm_wordpiece_is_model(const struct hm_token_doc *json);
/* The rest of tokenizer.json into rules, specials, cls and sep: the model's settings, the special tokens of
 * the model and of the post-processor. The vocabulary is left out. */
int hm_wordpiece_read_json(struct hm_wordpiece_opening *w, struct hm_err *e);

#endif
