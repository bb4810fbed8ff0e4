/* Tokenizers: a text becomes token ids. A tokenizer is opened from a vocabulary file or a published folder
 * and takes its settings from there. Each family is a row of tokenizer.c. Adding a family:
 *   1. a file of its own with a struct that begins with struct hm_tokenizer, and a const struct
 *      hm_tokenizer_kind; tokenfolder.h reads the files, specials.h the special tokens, tokensettings.h what
 *      all families have in common;
 *   2. its row in tokenizer.c, before any row that would claim its folders too;
 *   3. its attributes in formats/columns.md, its words in man/hm-tokenize.1, ids of the reference in tests.
 */
#ifndef HM_TOKENIZER_H
#define HM_TOKENIZER_H

#include "base/mem.h"

#include <cjson/cJSON.h>

#define HM_TOKENIZER_MAX_LENGTH 65536

struct hm_token_folder;
struct hm_token_memo; /* tokenmemo.h */

enum hm_casing { HM_CASING_OF_FOLDER, HM_CASED, HM_UNCASED };
/* Typographic quotes in a text become ' and " before all else. */
enum hm_quotes { HM_QUOTES_OF_FOLDER, HM_QUOTES_STRAIGHT, HM_QUOTES_KEPT };

/* What the user says. All zero: everything is as the folder says, and what it does not say as is usual in the
 * family. */
struct hm_tokenizer_options {
	enum hm_casing casing;
	bool recorded;	     /* what a stream or a model says of its captions, not the user */
	bool plain_specials; /* "[CLS]" in a text is five characters and not a token */
	int max_length;	     /* ids per text, those at both ends included: 2 to HM_TOKENIZER_MAX_LENGTH */
	enum hm_quotes quotes;
};

struct hm_tokenizer {
	const struct hm_tokenizer_kind *kind;
	int max_length;
	bool casing_known; /* the folder or the options say whether text is lowered */
	bool straight_quotes;
	/* What the column token_ids carries, an object: "vocab", "max_length", of other families than
	 * WordPiece "kind", and each setting that is not the usual one of the family. Two tokenizers with
	 * equal attributes give equal ids. */
	cJSON *attr;
	struct hm_buf warnings, notices; /* sentences for the user, each with its NUL */
};

struct hm_tokenizer_kind {
	const char *name;  /* of the family, "wordpiece" */
	const char *reads; /* for messages: what it is opened from */
	/* True when the folder is this family's, whole or damaged. */
	bool (*claims)(const struct hm_token_folder *f);
	/* *t is NULL on failure. It keeps nothing of the folder. */
	int (*open)(struct hm_tokenizer **t, const struct hm_token_folder *f,
		    const struct hm_tokenizer_options *o, struct hm_err *e);
	/* As the functions below; a family may leave the memo alone. */
	size_t (*room)(const struct hm_tokenizer *t, size_t len);
	int (*encode)(const struct hm_tokenizer *t, struct hm_token_memo *memo, const char *text, size_t len,
		      int32_t *ids, bool *cut, struct hm_err *e);
	void (*close)(struct hm_tokenizer *t);
};

/* `path` is a folder or a file of it, as tokenfolder.h reads them. NULL with `e` set: a sentence that names
 * the file. Caller closes. */
struct hm_tokenizer *hm_tokenizer_open(const char *path, const struct hm_tokenizer_options *o,
				       struct hm_err *e);
/* The same out of files that are read already, of which it keeps nothing. */
struct hm_tokenizer *hm_tokenizer_from(const struct hm_token_folder *f, const struct hm_tokenizer_options *o,
				       struct hm_err *e);
void hm_tokenizer_close(struct hm_tokenizer *t); /* NULL is fine */

/* The options under which the files that gave these attributes give them again. NULL and what an object does
 * not say: as the folder says. */
struct hm_tokenizer_options hm_tokenizer_options_of(const cJSON *attr);

/* No text of len bytes has more ids than this. */
size_t hm_tokenizer_room(const struct hm_tokenizer *t, size_t len);
/* The ids of text[0..len) with those at both ends into ids, which has room for hm_tokenizer_room(t, len).
 * They are never padded; *cut (may be NULL) says whether max_length cut some off. Returns how many, or
 * HM_EDATA when the text is not UTF-8. Several threads may share t. */
int hm_tokenizer_encode(const struct hm_tokenizer *t, const char *text, size_t len, int32_t *ids, bool *cut,
			struct hm_err *e);
/* The same for a thread that encodes many texts: it remembers words in a memo of its own, which it has used
 * with this tokenizer alone. hm_alloc makes one, free frees it. */
int hm_tokenizer_encode_many(const struct hm_tokenizer *t, struct hm_token_memo *memo, const char *text,
			     size_t len, int32_t *ids, bool *cut, struct hm_err *e);

/* Is a column token_ids with the attributes `used` from the tokenizer at `path`? 0 when it is, as far as both
 * say; HM_EDATA with a sentence that names the attribute, both values and hm-tokenize's option; also when the
 * tokenizer cannot be opened. What only the user chooses (max_length, plain_specials, quotes) is not
 * compared. */
int hm_tokenizer_check(const char *path, const cJSON *used, struct hm_err *e);
/* 1 when there are the files of a tokenizer at `path`, 0 when there are none, or HM_EDATA. In both functions
 * `path` may also be a file of a published folder: model*, pytorch_model*. */
int hm_tokenizer_found(const char *path, struct hm_err *e);
/* Appends the folder where they look, and a NUL: that of such a file, else `path` itself. 0, or HM_EDATA
 * without memory. */
int hm_tokenizer_folder(const char *path, struct hm_buf *folder, struct hm_err *e);

#endif
