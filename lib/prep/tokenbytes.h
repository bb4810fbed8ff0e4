/* The bytes of a tokenizer's file: what is no such file is named for what it is. */
#ifndef HM_TOKENBYTES_H
#define HM_TOKENBYTES_H

#include "base/mem.h"

#define HM_MERGES_BYTES ((size_t)16 << 20) /* of a list of merges */

/* By the first line: "#version: 0.2", or "bpe_simple_vocab_16e6.txt#version: 0.2 behind a quotation mark. */
enum hm_token_merges { HM_NO_MERGES, HM_MERGES, HM_MERGES_OF_CLIP };
enum hm_token_merges hm_token_merges_kind(const unsigned char *p, size_t n);

/* HM_EDATA with a sentence that names the file when b can be no text that a tokenizer is read from. */
int hm_token_bytes_check(const char *path, const struct hm_buf *b, struct hm_err *e);
/* Reads a file of at most cap bytes into b and checks it. */
int hm_token_bytes_read(const char *path, size_t cap, struct hm_buf *b, struct hm_err *e);
/* b, a gzip file that was read from `path`, becomes what it holds, if that is OpenAI's list of merges; any
 * other one is refused as above. */
int hm_token_merges_unpack(const char *path, struct hm_buf *b, struct hm_err *e);

#endif
