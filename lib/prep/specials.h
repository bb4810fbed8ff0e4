/* The special tokens of a tokenizer: the roles that tokens play ("cls_token" is the one that begins a text),
 * and the tokens that are searched for in a text as they stand, before anything else is done with it. What is
 * said about them comes from tokenizer_config.json, special_tokens_map.json, tokenizer.json and
 * added_tokens.json. */
#ifndef HM_SPECIALS_H
#define HM_SPECIALS_H

#include "prep/tokenfolder.h"
#include "prep/trie.h"
#include "prep/vocab.h"

#define HM_SPECIALS_CAP 1024 /* tokens */

enum hm_role {
	HM_ROLE_PAD,
	HM_ROLE_UNK,
	HM_ROLE_CLS,
	HM_ROLE_SEP,
	HM_ROLE_MASK,
	HM_ROLE_BOS,
	HM_ROLE_EOS,
	HM_ROLES
};

struct hm_special {
	const char *text;
	const char *path;    /* the file that says so, NULL: a usual token of the family */
	int32_t id;	     /* -1: until hm_specials_find */
	bool special;	     /* false: an ordinary word that a text is searched for all the same */
	bool normalized;     /* to be searched for in normalised text */
	bool silent;	     /* plays a role only: texts are not searched for it */
	bool single_word;    /* to be searched for as a whole word */
	bool lstrip, rstrip; /* with the white space before it, behind it */
};

struct hm_specials {
	struct hm_special role[HM_ROLES]; /* text NULL: no token plays it */
	struct hm_buf list; /* of struct hm_special, each text once: what a text is searched for */
	struct hm_arena strings;
	struct hm_trie trie;
	bool first[256]; /* the bytes that tokens of the trie begin with */
	/* Set by the family, between read and find: white space has ids, so lstrip and rstrip matter; tokens
	 * of roles (of any kind, with no normaliser) are searched for as they stand, whatever "normalized"
	 * says. */
	bool spaces, raw_roles, raw;
};
/* `usual` are the family's own tokens for roles that no file speaks of (NULL: no token). HM_EDATA, with a
 * sentence that names the files, when they contradict each other. Caller clears, also on failure. */
int hm_specials_read(struct hm_specials *s, const struct hm_token_folder *f,
		     const char *const usual[HM_ROLES], struct hm_err *e);
/* Adds tokenizer.json's statement that `text` plays the role; HM_EDATA when another file names another token.
 * The statement alone does not make texts be searched for the token. */
int hm_specials_say(struct hm_specials *s, enum hm_role role, const struct hm_token_doc *d, const char *text,
		    struct hm_err *e);
/* Finds the ids in v, which was read from `path`, gives tokens past the vocabulary their place in it, and
 * makes the trie. With `plain` special tokens in a text are ordinary text. HM_EDATA for a token that the
 * vocabulary lacks, and for one that is to be searched for in normalised text or as a whole word only. */
int hm_specials_find(struct hm_specials *s, struct hm_vocab *v, const char *path, bool plain,
		     struct hm_err *e);
void hm_specials_clear(struct hm_specials *s);

/* The id of the longest token that t[0..n) begins with, its bytes in *used; -1: none. Worth a call only where
 * s->first[t[0]]. */
int32_t hm_specials_at(const struct hm_specials *s, const char *t, size_t n, uint32_t *used);
/* The token of that id which texts are searched for; NULL: there is none. */
const struct hm_special *hm_specials_get(const struct hm_specials *s, int32_t id);
/* True when the text is one of the tokens. */
bool hm_specials_has(const struct hm_specials *s, const char *text);
/* A digest of all roles and tokens in `out`, or "" when they are just the usual ones. */
int hm_specials_digest(const struct hm_specials *s, const char *const usual[HM_ROLES], char out[33],
		       struct hm_err *e);

#endif
