/* BERT (Devlin et al. 2018) as transformers' BertModel computes it, for inference, over packed sequences:
 * nothing is ever padded, attention runs within each sequence. Tensor names are BertModel's, without "bert.".
 *
 *   struct hm_bert_config c;        hm_bert_config_read(&c, find, ctx, e), then c.heads, c.eps; or a preset
 *   struct hm_bert *m = hm_bert_new(&c, e);
 *   hm_params_load(hm_bert_params(m), find, ctx, e);           or hm_params_init(..., seed, 0, e)
 *   struct hm_bert_net *net = hm_bert_prepare(m, dev, e);          m may be freed now
 *   struct hm_bert_work *w = hm_bert_work_new(net, dev, 64, 2048, e);    one a thread, with its device
 *   hm_bert_encode(net, w, ids, len, 64, pooled);              hm_device_error(dev, e) */
#ifndef HM_BERT_H
#define HM_BERT_H

#include "nn/tower.h"

extern const struct hm_tower_kind hm_bert_tower; /* its row: berttower.c */

/* What the pooled vector is: tanh(W h[CLS] + b) of the pooler, h[CLS], or the mean of h over all tokens of
 * the sequence, [CLS] and [SEP] too; h is the last hidden state. Training computes the pooler's alone. */
enum hm_bert_output { HM_BERT_POOLER, HM_BERT_CLS, HM_BERT_MEAN };
/* "pooler", "cls", "mean", NULL after the last. */
const char *hm_bert_output_name(int output);

struct hm_bert_config {
	int layers, hidden, intermediate;
	int vocab, positions, types; /* rows of the three embedding tables */
	int heads;		     /* divides hidden; not in the tensors */
	double eps;		     /* of every LayerNorm; not in the tensors: 1e-12 */
	bool no_pooler;		     /* it has no pooler.dense.*; then output is not HM_BERT_POOLER */
	enum hm_bert_output output;
};

/* Everything the tensors' names and shapes tell; heads = hidden/64 (at least 1) and eps = 1e-12 are guesses
 * that the caller replaces by what he knows. HM_EDATA names the tensor that does not fit. */
int hm_bert_config_read(struct hm_bert_config *c, hm_find_fn *find, void *ctx, struct hm_err *e);
/* "bert-base", "bert-tiny" with `vocab` word rows; false when there is no such preset. */
bool hm_bert_config_preset(struct hm_bert_config *c, const char *name, int vocab);
/* The i-th preset's name, i from 0; NULL after the last. */
const char *hm_bert_preset_name(int i);

/* The parameters: storage comes with loading or initialising them. NULL with `e`: heads do not divide hidden,
 * eps is not positive. */
struct hm_bert;
struct hm_bert *hm_bert_new(const struct hm_bert_config *c, struct hm_err *e);
void hm_bert_free(struct hm_bert *m);
struct hm_params *hm_bert_params(struct hm_bert *m);
const struct hm_bert_config *hm_bert_config_of(const struct hm_bert *m);

/* Ready to run on `d` and its forks: immutable, shared by threads. Borrows `d`; needs `m` no longer. NULL
 * with `e`. */
struct hm_bert_net;
struct hm_bert_net *hm_bert_prepare(const struct hm_bert *m, struct hm_device *d, struct hm_err *e);
void hm_bert_net_free(struct hm_bert_net *net);

/* One thread's activations, for at most `batch` sequences of together at most `tokens` ids, on `d` (which it
 * borrows). NULL with `e`. */
struct hm_bert_work;
struct hm_bert_work *hm_bert_work_new(const struct hm_bert_net *net, struct hm_device *d, int batch,
				      int tokens, struct hm_err *e);
void hm_bert_work_free(struct hm_bert_work *work);

/* ids i32: n sequences end to end ([CLS] ... [SEP]); len i32 [n]: their lengths, each 1 .. positions. Both are
 * host memory. The caller has checked that every id is in [0,vocab). pooled f32 [n,hidden], device memory :=
 * the config's output. A length out of range, or more sequences or ids than the work holds, is HM_EDATA,
 * which sticks to the work's device as every other failure does. */
void hm_bert_encode(const struct hm_bert_net *net, struct hm_bert_work *work, const int32_t *ids,
		    const int32_t *len, int n, float *pooled);

#endif
