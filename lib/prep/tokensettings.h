/* What the files of a published folder say in the same way for every family of tokenizers: how long a text
 * may be, where it is cut, which tokens stand at its ends. */
#ifndef HM_TOKENSETTINGS_H
#define HM_TOKENSETTINGS_H

#include "prep/specials.h"

/* Appends a sentence and its NUL: to the warnings or notices of struct hm_tokenizer. */
int hm_token_tell(struct hm_buf *to, struct hm_err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* *length is `option` where that is not 0, else what tokenizer_config.json (`config`) says, else what the
 * truncation of tokenizer.json says (`json`), else `usual`. What the user must know goes to `notices`. The
 * documents' trees may be NULL. HM_EDATA for a limit below 2, and for a cut at the left. */
int hm_token_length(const struct hm_token_doc *json, const struct hm_token_doc *config, int option, int usual,
		    int *length, struct hm_buf *notices, struct hm_err *e);

/* The tokens at both ends of a text as the post-processor of tokenizer.json names them: `s` learns that they
 * play the roles `first` and `last`. *first_id and *last_id are the ids that it gives, and stay as they are
 * when there is none. */
int hm_token_ends(const struct hm_token_doc *json, struct hm_specials *s, enum hm_role first,
		  enum hm_role last, int64_t *first_id, int64_t *last_id, struct hm_err *e);

/* A member of an object, NULL when it is not there or null; the text of a string, NULL of anything else; the
 * "type" of a part of tokenizer.json, for messages. */
const cJSON *hm_token_member(const cJSON *o, const char *key);
const char *hm_token_text(const cJSON *v);
const char *hm_token_type(const cJSON *part);
/* The only step of a "Sequence", or the part itself. `list` is the key of the steps. */
const cJSON *hm_token_step(const cJSON *part, const char *list);

#endif
