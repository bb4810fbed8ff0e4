/* The captions of hm-synth: an opening, an action and an ending. `level` of the three are grumpy, the others
 * are kind. They are lower-case English of some fifty characters, from a known set of words. */
#ifndef HM_CAPTION_H
#define HM_CAPTION_H

#include "base/mem.h"
#include "base/rng.h"

#define HM_CAPTION_PARTS 3

/* Appends a caption and a NUL, which is not counted; level in 0..HM_CAPTION_PARTS. */
int hm_caption_make(struct hm_buf *out, int level, struct hm_rng *r, struct hm_err *e);
/* Appends a BERT WordPiece vocabulary, one token per line, that spells every caption without [UNK]. */
int hm_caption_vocab(struct hm_buf *out, struct hm_err *e);

#endif
