/* The files of a published tokenizer: vocab.txt, tokenizer.json, vocab.json and merges.txt, OpenAI's list of
 * merges, and the small files that go with them. Reads each with a cap and says what a foreign file is. What
 * the files mean is left to the families of tokenizers. */
#ifndef HM_TOKENFOLDER_H
#define HM_TOKENFOLDER_H

#include "base/mem.h"

#include <cjson/cJSON.h>

enum {
	HM_DOC_TOKENIZER, /* tokenizer.json */
	HM_DOC_CONFIG,	  /* tokenizer_config.json */
	HM_DOC_SPECIAL,	  /* special_tokens_map.json */
	HM_DOC_ADDED,	  /* added_tokens.json */
	HM_DOCS
};

extern const char *const hm_token_doc_names[HM_DOCS];

/* A JSON file that holds an object. Both members are NULL when the folder lacks the file. */
struct hm_token_doc {
	char *path;
	cJSON *tree;
};

struct hm_token_folder {
	char *path;	     /* as the caller gave it */
	char *vocab_path;    /* vocab.txt, or the file that was named; NULL: none */
	struct hm_buf vocab; /* its bytes */
	/* The caller named vocab.txt itself: tokenizer.json gives the normaliser alone, and is not read where
	 * tokenizer_config.json says "do_lower_case". */
	bool vocab_named;
	struct hm_token_doc tokens; /* vocab.json, which is read where there is neither of the other two */
	char *merges_path;	    /* merges.txt with it, or OpenAI's list alone; NULL: none */
	struct hm_buf merges;	    /* its bytes, unpacked */
	const char *other;	/* a folder without all these: a file of another kind of tokenizer, or NULL */
	const char *other_kind; /* "a BPE tokenizer" */
	struct hm_token_doc doc[HM_DOCS];
};
/* `path` is a folder, or one of its files. A file that is named vocab.txt or tokenizer.json is read together
 * with the small files of its folder; vocab.json and merges.txt, which are known by what is in them, with the
 * other one of the two as well; any other file alone. HM_EDATA with a sentence that names the file. Caller
 * clears, also on failure. */
int hm_token_folder_read(struct hm_token_folder *f, const char *path, struct hm_err *e);
void hm_token_folder_clear(struct hm_token_folder *f);

/* Typed look-ups in `in`, an object of the document d (NULL: in its top level). 1 when the member is there, 0
 * when it is not or is null, HM_EDATA with a sentence that names file and key when it is of another type. */
int hm_doc_bool(const struct hm_token_doc *d, const cJSON *in, const char *key, bool *out, struct hm_err *e);
int hm_doc_number(const struct hm_token_doc *d, const cJSON *in, const char *key, double *out,
		  struct hm_err *e);
/* Borrowed from the document. */
int hm_doc_string(const struct hm_token_doc *d, const cJSON *in, const char *key, const char **out,
		  struct hm_err *e);
/* True when the member is there, be it null. */
bool hm_doc_has(const struct hm_token_doc *d, const cJSON *in, const char *key);
/* As hm_err_set with HM_EDATA; the sentence begins with the document's path. */
int hm_doc_fault(const struct hm_token_doc *d, struct hm_err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
