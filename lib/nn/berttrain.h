/* BERT in training, over packed sequences. The forward pass keeps what the backward pass needs; the backward
 * pass adds to every parameter's gradient. Parameters are used where they are: place them first (param.h).
 * Only the first row of each sequence goes through the last layer's part after the attention.
 *
 *   struct hm_bert_tape *t = hm_bert_tape_new(m, dev, true, e);
 *   hm_bert_forward(t, ids, len, 32, &drop, pooled);
 *   hm_bert_backward(t, dpooled);                                        hm_device_error(dev, e)
 * or, with rows that the caller fills: hm_bert_begin, fill, hm_bert_forward_rows, hm_bert_backward_rows. */
#ifndef HM_BERTTRAIN_H
#define HM_BERTTRAIN_H

#include "nn/bert.h"

/* Activations on `d`; with `backward` they are kept for a backward pass. Borrows m and d. NULL with `e`. The
 * caller frees. */
struct hm_bert_tape;
struct hm_bert_tape *hm_bert_tape_new(struct hm_bert *m, struct hm_device *d, bool backward,
				      struct hm_err *e);
void hm_bert_tape_free(struct hm_bert_tape *t);

/* Reserves memory for batches of up to n sequences with up to `rows` rows in all: none of them allocates. A
 * failure sticks to the device. */
void hm_bert_reserve(struct hm_bert_tape *t, int n, int64_t rows);

/* ids i32: n sequences end to end; len i32 [n]: their lengths. Both are host memory. The caller has checked
 * that every id is in [0,vocab). pooled f32 [n,hidden], device memory := tanh(W h[CLS] + b), or h[CLS] if
 * the config says HM_BERT_CLS. drop: p, seed and step; NULL: no dropout. Site 0 is the embeddings', 3i+1 the
 * attention's of layer i, 3i+2 and 3i+3 the two residuals'. Failures, also a length out of range, stick to
 * the device. */
void hm_bert_forward(struct hm_bert_tape *t, const int32_t *ids, const int32_t *len, int n,
		     const struct hm_dropout *drop, float *pooled);
/* dpooled f32 [n,hidden], device memory: the gradient of the last forward pass's output. */
void hm_bert_backward(struct hm_bert_tape *t, const float *dpooled);

/* The same network on rows that the caller makes, as BertModel(inputs_embeds=...). begin makes room for n
 * sequences of len [n] rows (host memory) and returns their rows f32 [m,hidden], device memory, zeroed, for
 * the caller to fill; NULL after a failure. forward_rows adds positions 0, 1, ... of each sequence and token
 * type 0, then runs the layers. first f32 [n,hidden] := the last hidden state of each sequence's first row,
 * without the pooler. */
float *hm_bert_begin(struct hm_bert_tape *t, const int32_t *len, int n);
void hm_bert_forward_rows(struct hm_bert_tape *t, const struct hm_dropout *drop, float *first);
/* dfirst f32 [n,hidden]: the gradient of `first`. Returns the gradient of the rows, act [m,hidden], valid
 * until the next call; NULL after a failure. */
const void *hm_bert_backward_rows(struct hm_bert_tape *t, const float *dfirst);
/* For callers of begin: row at[r] of the m rows += the word embedding ids[r]. at and ids are i32 [count],
 * device memory, in range. */
void hm_bert_add_words(struct hm_bert_tape *t, const int32_t *at, const int32_t *ids, int count);
void hm_bert_add_words_backward(struct hm_bert_tape *t, const void *drows, const int32_t *at,
				const int32_t *ids, int count);
/* The same with the position table: row at[r] += position[pos[r]]. forward_rows adds the sequence's own
 * positions on top. */
void hm_bert_add_positions(struct hm_bert_tape *t, const int32_t *at, const int32_t *pos, int count);
void hm_bert_add_positions_backward(struct hm_bert_tape *t, const void *drows, const int32_t *at,
				    const int32_t *pos, int count);

#endif
