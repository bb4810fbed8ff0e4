/* The tokenizer that a model file carries, so that it can answer captions: packed when the model is written,
 * opened again with the settings under which its training captions were tokenized. */
#ifndef HM_VOCABULARY_H
#define HM_VOCABULARY_H

#include "prep/tokenizer.h"

/* Appends the files of the tokenizer at `path` as JSON text with a NUL (prep/tokenpack.h). prepared: how the
 * captions of the model's training were tokenized (prepared.h). HM_EDATA: the tokenizer cannot be read, or it
 * is another one. */
int hm_vocabulary_pack(const char *path, const cJSON *prepared, struct hm_buf *out, struct hm_err *e);
/* The tokenizer for captions of a model: from the files at `path`, or, if that is NULL, from the text
 * `packed` of the model file called `model`. Other settings than `prepared` has are not refused here: its
 * attributes are compared when the model is applied. NULL with `e`. Caller closes. */
struct hm_tokenizer *hm_vocabulary_open(const char *path, const char *packed, const char *model,
					const cJSON *prepared, struct hm_err *e);

#endif
