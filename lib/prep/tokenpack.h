/* A tokenizer's files as one JSON text, for a model file that answers raw captions: an object whose members
 * are called as the files of a published folder ("vocab.txt", "merges.txt" as texts; "tokenizer.json",
 * "vocab.json" and the small files as objects). "named": true means that the caller named vocab.txt and not
 * its folder (tokenfolder.h). Of OpenAI's list, which is unpacked, it holds the merges that count. */
#ifndef HM_TOKENPACK_H
#define HM_TOKENPACK_H

#include "prep/tokenfolder.h"

#define HM_TOKENPACK_MOST ((size_t)3 << 20) /* bytes of the text */

/* Appends the text of the files at `path`, which hm_token_folder_read reads, and a NUL. 0, or HM_EDATA,
 * naming the file; also for a text beyond HM_TOKENPACK_MOST. */
int hm_token_pack(const char *path, struct hm_buf *out, struct hm_err *e);
/* The files out of text[0..len). `name` is what messages call them. HM_EDATA for what hm_token_pack does not
 * write. Caller clears with hm_token_folder_clear, also on failure. */
int hm_token_unpack(struct hm_token_folder *f, const char *text, size_t len, const char *name,
		    struct hm_err *e);

#endif
