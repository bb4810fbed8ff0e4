/* BERT (Devlin et al. 2018) and its relatives RoBERTa and DistilBERT for inference, computed as by
 * transformers' BertModel, RobertaModel and DistilBertModel. Sequences are packed: they stand end to end
 * without padding, and attention runs within each. Tensor names are those of these classes, without "bert.".
 *
 *   struct hm_bert_config c;  hm_bert_config_read(&c, style, find, ctx, e), then c.heads, c.eps; or a preset
 *   struct hm_bert *m = hm_bert_new(&c, e);
 *   hm_params_load(hm_bert_params(m), find, ctx, e);           or hm_params_init(..., seed, 0, e)
 *   struct hm_bert_net *net = hm_bert_prepare(m, dev, e);          m may be freed now
 *   struct hm_bert_work *w = hm_bert_work_new(net, dev, 64, 2048, e);    one per thread, with its device
 *   hm_bert_encode(net, w, ids, len, 64, pooled);              hm_device_error(dev, e) */
#ifndef HM_BERT_H
#define HM_BERT_H

#include "nn/tower.h"

/* Their rows of tower.h; in berttower.c. */
extern const struct hm_tower_kind hm_bert_tower, hm_roberta_tower, hm_distilbert_tower;

/* What the pooled vector is, with h for the last hidden state: tanh(W h[CLS] + b) of the pooler; h[CLS]; or
 * the mean of h over all tokens of the sequence, [CLS] and [SEP] included. Training has the first two. */
enum hm_bert_output { HM_BERT_POOLER, HM_BERT_CLS, HM_BERT_MEAN };
/* The word for each output: "pooler", "cls", "mean", NULL. */
extern const char *const hm_bert_output_names[];

struct hm_layer_names;
/* What sets the relatives apart. */
struct hm_bert_style {
	const struct hm_tower_kind *kind;
	const struct hm_layer_names *names;
	int first;     /* the row of the position table of a sequence's first token */
	int padding;   /* the word whose row starts at zero and gets no gradient */
	bool no_types; /* there is no table of token types, and no pooler */
	double eps;    /* the customary one of every LayerNorm */
};
extern const struct hm_bert_style hm_bert_style, hm_roberta_style, hm_distilbert_style;

struct hm_bert_config {
	int layers, hidden, intermediate;
	int vocab, positions, types; /* rows of the three embedding tables; of the positions, those that
					tokens can have */
	int heads;		     /* attention heads; divides hidden; tensors do not say it */
	double eps;		     /* of every LayerNorm, usually 1e-12; tensors do not say it */
	bool no_pooler;		     /* there is no pooler.dense.*; output is then CLS or MEAN */
	enum hm_bert_output output;
	const struct hm_bert_style *style;
};

/* Fills *c from the tensors' names and shapes. heads = hidden/64 (at least 1) and the style's eps are
 * guesses: a caller that knows better sets them afterwards. 0, or HM_EDATA naming the tensor that does not
 * fit. */
int hm_bert_config_read(struct hm_bert_config *c, const struct hm_bert_style *style, hm_find_fn *find,
			void *ctx, struct hm_err *e);
/* *c := the preset "bert-base" or "bert-tiny" with `vocab` word rows. False for any other name. */
bool hm_bert_config_preset(struct hm_bert_config *c, const char *name, int vocab);
/* The i-th preset's name, i from 0; NULL after the last. */
const char *hm_bert_preset_name(int i);

/* A network without values yet: hm_params_load or hm_params_init allocates them. NULL with `e` if heads do
 * not divide hidden or eps is not positive. The caller frees. */
struct hm_bert;
struct hm_bert *hm_bert_new(const struct hm_bert_config *c, struct hm_err *e);
void hm_bert_free(struct hm_bert *m);
struct hm_params *hm_bert_params(struct hm_bert *m);
const struct hm_bert_config *hm_bert_config_of(const struct hm_bert *m);

/* The network made ready to run on `d` and its forks. It is immutable, so threads share it. Borrows `d`; `m`
 * may be freed afterwards. NULL with `e`. The caller frees. */
struct hm_bert_net;
struct hm_bert_net *hm_bert_prepare(const struct hm_bert *m, struct hm_device *d, struct hm_err *e);
void hm_bert_net_free(struct hm_bert_net *net);

/* One thread's activations on `d`, for up to `batch` sequences with up to `tokens` ids in all. Borrows `d`.
 * NULL with `e`. The caller frees. */
struct hm_bert_work;
struct hm_bert_work *hm_bert_work_new(const struct hm_bert_net *net, struct hm_device *d, int batch,
				      int tokens, struct hm_err *e);
void hm_bert_work_free(struct hm_bert_work *work);

/* ids i32: n sequences end to end ([CLS] ... [SEP]); len i32 [n]: their lengths, each 1 .. positions. Both
 * are host memory. The caller has checked that every id is in [0,vocab). pooled f32 [n,hidden], device memory
 * := the config's output. A length out of range, or more sequences or ids than the work holds, is HM_EDATA,
 * which sticks to the work's device as every other failure does. */
void hm_bert_encode(const struct hm_bert_net *net, struct hm_bert_work *work, const int32_t *ids,
		    const int32_t *len, int n, float *pooled);

/* The same network on rows that the caller makes, as BertModel(inputs_embeds=...): struct hm_tower_rows,
 * whose `run` is a struct hm_bert_work. */
extern const struct hm_tower_rows hm_bert_rows;

#endif
