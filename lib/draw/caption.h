/* hm-synth's captions: an opening, a doing and an ending, `level` of the three grumpy, the others kind.
 * Lower-case English of some fifty characters, made of a known set of words. */
#ifndef HM_CAPTION_H
#define HM_CAPTION_H

#include "base/mem.h"
#include "base/rng.h"

#define HM_CAPTION_PARTS 3

/* Appends a caption; level in 0..HM_CAPTION_PARTS. A NUL stands behind it, not counted. */
int hm_caption_make(struct hm_buf *out, int level, struct hm_rng *r, struct hm_err *e);
/* Appends a BERT WordPiece vocabulary, a token a line, that spells every caption without [UNK]. */
int hm_caption_vocab(struct hm_buf *out, struct hm_err *e);

#endif
