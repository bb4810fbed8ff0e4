/* BERT in training over packed sequences: the forward pass that keeps what the backward pass needs, and the
 * backward pass, which adds every parameter's gradient. Parameters are used where they are: place them first
 * (param.h). Rows past the first of each sequence end with the last layer's attention: nothing reads them.
 *
 *   struct hm_bert_tape *t = hm_bert_tape_new(m, dev, true, e);
 *   hm_bert_forward(t, ids, len, 32, &drop, pooled);
 *   hm_bert_backward(t, dpooled);                                        hm_device_error(dev, e)
 * or, with embeddings made elsewhere, hm_bert_begin, rows into hm_bert_rows, hm_bert_forward_rows. */
#ifndef HM_BERTTRAIN_H
#define HM_BERTTRAIN_H

#include "nn/bert.h"

/* Activations on `d`, kept for a backward pass when `backward`. Borrows both. NULL with `e`. */
struct hm_bert_tape;
struct hm_bert_tape *hm_bert_tape_new(struct hm_bert *m, struct hm_device *d, bool backward,
				      struct hm_err *e);
void hm_bert_tape_free(struct hm_bert_tape *t);

/* Memory for batches up to n sequences of so many rows in all: none of them then asks the device for any. */
void hm_bert_reserve(struct hm_bert_tape *t, int n, int64_t rows);

/* ids i32: n sequences end to end, len i32 [n] (host memory, both), checked here -> pooled f32 [n,hidden] =
 * tanh(W h[CLS] + b), device memory. drop: p, seed and step, or NULL: no dropout; site 0 is the embeddings',
 * 3i+1 the attention's of layer i, 3i+2 and 3i+3 the two residuals'. Failures stick to the device. */
void hm_bert_forward(struct hm_bert_tape *t, const int32_t *ids, const int32_t *len, int n,
		     const struct hm_dropout *drop, float *pooled);
void hm_bert_backward(struct hm_bert_tape *t, const float *dpooled);

/* The same network on rows that are no words (BertModel(inputs_embeds=...)). begin makes room for n sequences
 * of len rows each and returns their zeroed rows f32 [m,hidden], device memory, which the caller fills; NULL
 * after a failure. forward_rows adds positions 0, 1, ... of each sequence and token type 0, and so on ->
 * first f32 [n,hidden], the last hidden state of each sequence's first row; the pooler plays no part. */
float *hm_bert_begin(struct hm_bert_tape *t, const int32_t *len, int n);
void hm_bert_forward_rows(struct hm_bert_tape *t, const struct hm_dropout *drop, float *first);
/* dfirst f32 [n,hidden] -> the gradient of the rows, act [m,hidden], valid until the next call. */
const void *hm_bert_backward_rows(struct hm_bert_tape *t, const float *dfirst);
/* The word table's part, for callers of begin: rows at[r] of the m (i32 [count], device memory) += the words
 * ids[r] (i32 [count], device memory, in range). */
void hm_bert_add_words(struct hm_bert_tape *t, const int32_t *at, const int32_t *ids, int count);
void hm_bert_add_words_backward(struct hm_bert_tape *t, const void *drows, const int32_t *at,
				const int32_t *ids, int count);
/* Text positions 0, 1, ... of the same table as the sequences' own: rows at[r] += position[pos[r]]. */
void hm_bert_add_positions(struct hm_bert_tape *t, const int32_t *at, const int32_t *pos, int count);
void hm_bert_add_positions_backward(struct hm_bert_tape *t, const void *drows, const int32_t *at,
				    const int32_t *pos, int count);

#endif
