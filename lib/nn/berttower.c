/* BERT, RoBERTa and DistilBERT as families of towers: their rows of tower.h, the names that files give their
 * tensors. The computation is bert.c's and berttrain.c's. */
#include "nn/berttrain.h"
#include "nn/familyparts.h"

#include <stdio.h>
#include <string.h>

enum { BASE_VOCAB = 30522 }; /* bert-base-uncased */
#define POOLER "pooler."     /* what its parameters begin with */

/* ---- names */

static bool begins_with(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static bool ends_with(const char *s, const char *with)
{
	size_t n = strlen(s), m = strlen(with);
	return n >= m && !strcmp(s + n - m, with);
}

/* What stands on top of these networks in the files of whole models. */
static const char *const heads[] = {"cls.",
				    "classifier.",
				    "qa_outputs.",
				    "lm_head.",
				    "pre_classifier.",
				    "vocab_transform.",
				    "vocab_layer_norm.",
				    "vocab_projector.",
				    NULL};

/* transformers' BertModel. Heads on top of it are left out, and buffers that count up; LayerNorm.gamma and
 * .beta are an older spelling of weight and bias. */
static enum hm_tensor_role publish_name(const char *name, int part, struct hm_tensor_name *out)
{
	bool gamma = ends_with(name, ".gamma"), beta = ends_with(name, ".beta");
	int stem = (int)strlen(name) - (gamma ? 5 : beta ? 4 : 0);
	(void)part;
	snprintf(out->name, sizeof out->name, "%.*s%s", stem, name, gamma ? "weight" : beta ? "bias" : "");
	for (const char *const *head = heads; *head; head++)
		if (begins_with(name, *head))
			return HM_TENSOR_OTHER;
	return ends_with(name, "position_ids") || ends_with(name, "embeddings.token_type_ids")
		       ? HM_TENSOR_OTHER
		       : HM_TENSOR_PARAM;
}

/* ---- making one */

static struct hm_tower *as_tower(struct hm_bert *m)
{
	return (struct hm_tower *)m;
}

static const struct hm_bert *as_bert(const struct hm_tower *t)
{
	return (const struct hm_bert *)t;
}

static int choose_output(struct hm_bert_config *c, const struct hm_tower_hints *hints, struct hm_err *e)
{
	int i, first = c->style->no_types ? HM_BERT_CLS : HM_BERT_POOLER;
	if (hm_output_choose(&i, hints->output, hm_bert_output_names + first, c->style->kind->name, e))
		return HM_EUSAGE;
	c->output = (enum hm_bert_output)(first + i);
	if (c->no_pooler && c->output == HM_BERT_POOLER)
		return hm_err_set(e, HM_EDATA,
				  "this BERT has no pooler (tensor pooler.dense.weight is missing): "
				  "--text-output cls, or mean, takes its last hidden states");
	return 0;
}

static struct hm_tower *make_preset(int i, const struct hm_tower_hints *hints, struct hm_err *e)
{
	struct hm_bert_config c;
	hm_bert_config_preset(&c, hm_bert_preset_name(i), hints->vocab ? hints->vocab : BASE_VOCAB);
	c.heads = hints->heads ? hints->heads : c.heads;
	if (choose_output(&c, hints, e))
		return NULL;
	return as_tower(hm_bert_new(&c, e));
}

static struct hm_tower *read_style(const struct hm_bert_style *style, hm_find_fn *find, void *ctx,
				   struct hm_tower_hints *hints, struct hm_err *e)
{
	struct hm_bert_config c;
	if (hm_bert_config_read(&c, style, find, ctx, e))
		return NULL;
	if (hm_tower_check_layers(style->kind, hints, c.layers, e))
		return NULL;
	hints->guessed = !hints->heads;
	c.heads = hints->heads ? hints->heads : c.heads;
	c.eps = hints->eps > 0 ? hints->eps : c.eps;
	if (choose_output(&c, hints, e))
		return NULL;
	return as_tower(hm_bert_new(&c, e));
}

static void free_tower(struct hm_tower *t)
{
	hm_bert_free((struct hm_bert *)t);
}

static struct hm_tower *read_bert(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints, struct hm_err *e)
{
	struct hm_tower *t = read_style(&hm_bert_style, find, ctx, hints, e);
	if (!t || hints->named || hm_bert_config_of(as_bert(t))->types > 1)
		return t;
	hm_err_set(e, HM_EDATA,
		   "it has one type of tokens, as RoBERTa's relatives have, and BERT has two: a config.json "
		   "in its folder would say which it is");
	free_tower(t);
	return NULL;
}

static struct hm_tower *read_roberta(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints,
				     struct hm_err *e)
{
	return read_style(&hm_roberta_style, find, ctx, hints, e);
}

static struct hm_tower *read_distilbert(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints,
					struct hm_err *e)
{
	return read_style(&hm_distilbert_style, find, ctx, hints, e);
}

static struct hm_tower_shape shape_of(const struct hm_tower *t)
{
	const struct hm_bert_config *c = hm_bert_config_of(as_bert(t));
	return (struct hm_tower_shape){
		.width = c->hidden, .vocab = c->vocab, .positions = c->positions, .pad = c->style->padding};
}

static struct hm_tower_hints hints_of(const struct hm_tower *t)
{
	const struct hm_bert_config *c = hm_bert_config_of(as_bert(t));
	return (struct hm_tower_hints){.heads = c->heads, .eps = c->eps};
}

static const char *output_name(const struct hm_tower *t, enum hm_give give)
{
	return give == HM_POOLED ? hm_bert_output_names[hm_bert_config_of(as_bert(t))->output] : NULL;
}

/* ---- inference */

static void *prepare_net(const struct hm_tower *t, struct hm_device *d, struct hm_err *e)
{
	return hm_bert_prepare(as_bert(t), d, e);
}

static void free_net(void *net)
{
	hm_bert_net_free(net);
}

static void *new_work(const void *net, struct hm_device *d, const struct hm_tower_room *room,
		      struct hm_err *e)
{
	return hm_bert_work_new(net, d, room->n, (int)room->rows, e);
}

static void free_work(void *work)
{
	hm_bert_work_free(work);
}

static void encode_batch(const void *net, void *work, const struct hm_tower_batch *b,
			 float *const out[HM_GIVES])
{
	hm_bert_encode(net, work, b->ids, b->len, b->n, out[HM_POOLED]);
}

/* ---- training */

static void *new_tape(struct hm_tower *t, struct hm_device *d, bool backward, struct hm_err *e)
{
	const struct hm_bert_config *c = hm_bert_config_of(as_bert(t));
	if (c->output == HM_BERT_MEAN) {
		hm_err_set(e, HM_EUSAGE, "a %s is not trained with the output \"mean\": %scls", t->kind->name,
			   c->no_pooler ? "" : "pooler, ");
		return NULL;
	}
	if (backward && c->output == HM_BERT_CLS && !c->no_pooler)
		hm_params_hold(&t->params, POOLER);
	return hm_bert_tape_new((struct hm_bert *)t, d, backward, e);
}

static void free_tape(void *tape)
{
	hm_bert_tape_free(tape);
}

static void reserve_tape(void *tape, const struct hm_tower_room *room)
{
	hm_bert_reserve(tape, room->n, room->rows);
}

static void forward_batch(void *tape, const struct hm_tower_batch *b, const struct hm_tower_pass *how,
			  float *const out[HM_GIVES])
{
	hm_bert_forward(tape, b->ids, b->len, b->n, how->drop, out[HM_POOLED]);
}

static void backward_batch(void *tape, const float *dpooled)
{
	hm_bert_backward(tape, dpooled);
}

/* ---- rows that are not words alone */

static float *begin_rows(void *tape, const int32_t *len, int n)
{
	return hm_bert_begin(tape, len, n);
}

static void forward_rows(void *tape, const struct hm_dropout *drop, float *first)
{
	hm_bert_forward_rows(tape, drop, first);
}

static const void *backward_rows(void *tape, const float *dfirst)
{
	return hm_bert_backward_rows(tape, dfirst);
}

static void add_words(void *tape, const int32_t *at, const int32_t *ids, int count)
{
	hm_bert_add_words(tape, at, ids, count);
}

static void add_words_backward(void *tape, const void *drows, const int32_t *at, const int32_t *ids,
			       int count)
{
	hm_bert_add_words_backward(tape, drows, at, ids, count);
}

static void add_positions(void *tape, const int32_t *at, const int32_t *pos, int count)
{
	hm_bert_add_positions(tape, at, pos, count);
}

static void add_positions_backward(void *tape, const void *drows, const int32_t *at, const int32_t *pos,
				   int count)
{
	hm_bert_add_positions_backward(tape, drows, at, pos, count);
}

static const struct hm_tower_rows rows = {begin_rows, add_words, add_positions, forward_rows};
static const struct hm_tower_rows_back rows_back = {POOLER, backward_rows, add_words_backward,
						    add_positions_backward};

#define BERT_DEMANDS                                                                                         \
	{"hidden_act", "gelu"}, {"position_embedding_type", "absolute"}, {"is_decoder", "false"},            \
	{                                                                                                    \
		"add_cross_attention", "false"                                                               \
	}
static const char *const demands[][2] = {BERT_DEMANDS, {NULL, NULL}},
			 /* positions are counted from the padding token's id + 1 */
	*const roberta_demands[][2] = {BERT_DEMANDS, {"pad_token_id", "1"}, {NULL, NULL}},
			 *const distil_demands[][2] = {{"activation", "gelu"}, {NULL, NULL}};

static const struct hm_tower_infer infer = {prepare_net, free_net,     new_work,
					    free_work,	 encode_batch, &hm_bert_rows},
				   infer_alone = {prepare_net, free_net,     new_work,
						  free_work,   encode_batch, NULL};
static const struct hm_tower_train train = {new_tape,	    free_tape, reserve_tape, forward_batch,
					    backward_batch, &rows,     &rows_back},
				   train_alone = {new_tape,	  free_tape, reserve_tape, forward_batch,
						  backward_batch, NULL,	     NULL};

static const struct hm_tower_layout
	bert_layouts[] = {{(const char *const[]){"embeddings.word_embeddings.weight",
						 "embeddings.token_type_embeddings.weight",
						 "encoder.layer.0.intermediate.dense.weight", NULL},
			   publish_name, NULL},
			  {NULL, NULL, NULL}},
	distilbert_layouts[] = {{(const char *const[]){"embeddings.word_embeddings.weight",
						       "transformer.layer.0.attention.q_lin.weight",
						       "transformer.layer.0.ffn.lin1.weight", NULL},
				 publish_name, NULL},
				{NULL, NULL, NULL}};

/* What the rows have in common. */
#define FAMILY                                                                                               \
	.side = HM_TEXT, .free = free_tower, .shape = shape_of, .hints = hints_of, .output = output_name
/* Those of the networks that transformers made of its BertModel. */
#define BERT_FAMILY .layouts = bert_layouts, .layers = "encoder.layer."
#define BERT_KEYS(DEMANDS)                                                                                   \
	.demand = DEMANDS, .heads = "num_attention_heads", .eps = "layer_norm_eps",                          \
	.layers = "num_hidden_layers"

const struct hm_tower_kind hm_bert_tower = {
	FAMILY,
	BERT_FAMILY,
	.name = "bert",
	.tensors = "transformers' BertModel",
	/* they count positions from another number */
	.unlike = (const char *const[]){"roberta", "xlm_roberta", "camembert", "data2vec_text", NULL},
	.config = {.model_types = (const char *const[]){"bert", NULL}, BERT_KEYS(demands)},
	.preset = hm_bert_preset_name,
	.make = make_preset,
	.read = read_bert,
	.infer = &infer,
	.train = &train,
};

const struct hm_tower_kind hm_roberta_tower = {
	FAMILY,
	BERT_FAMILY,
	.name = "roberta",
	.tensors = "transformers' RobertaModel",
	.only = (const char *const[]){"roberta", NULL},
	.config = {.model_types = (const char *const[]){"roberta", NULL}, BERT_KEYS(roberta_demands)},
	.preset = hm_tower_no_preset,
	.read = read_roberta,
	.infer = &infer_alone,
	.train = &train_alone,
};

const struct hm_tower_kind hm_distilbert_tower = {
	FAMILY,
	.name = "distilbert",
	.tensors = "transformers' DistilBertModel",
	.layouts = distilbert_layouts,
	.layers = "transformer.layer.",
	.config = {.model_types = (const char *const[]){"distilbert", NULL},
		   .demand = distil_demands,
		   .heads = "n_heads",
		   .layers = "n_layers"},
	.preset = hm_tower_no_preset,
	.read = read_distilbert,
	.infer = &infer_alone,
	.train = &train_alone,
};
