/* A stack of transformer layers over packed sequences: parameters, inference, training. With drop for dropout
 * (training only) and attn for the attention of ops.h, a layer computes
 *
 *   h = LN1(x + drop(out(attn(qkv(x)))));   y = LN2(h + drop(down(act(up(h)))))
 *
 * where qkv, out, up, down are linear layers with bias and LN1, LN2 LayerNorms. This is BERT's layer
 * (post-norm). A network has its own embeddings and heads; berttrain.c and bert.c are examples of use.
 * Failures stick to the device.
 *
 * When a network needs one row of each sequence alone (hm_packed.row), the last layer computes only these
 * rows behind its attention. */
#ifndef HM_BLOCK_H
#define HM_BLOCK_H

#include "nn/param.h"
#include "nn/slab.h"
#include "ops/ops.h"

struct hm_block_config {
	int layers, hidden, intermediate;
	int heads; /* divides hidden */
	double eps;
	enum hm_act act; /* HM_ACT_GELU */
};

/* How a family's files name a layer's parameters: `layers`, the layer's number, then one of the names below,
 * then "weight" or "bias". "encoder.layer." and "output.dense." give "encoder.layer.0.output.dense.weight".
 */
struct hm_block_names {
	const char *layers;
	const char *query, *key, *value, *out, *norm1, *up, *down, *norm2;
};

/* One layer's parameters, fields of a table (param.h). */
struct hm_block {
	/* Query, key, value: [hidden,hidden], [hidden]. The table keeps the three weights one after the
	 * other, and the three biases: qkv_w[0] is also one matrix [3*hidden,hidden], qkv_b[0] its bias. */
	float *qkv_w[3], *qkv_b[3];
	float *out_w, *out_b;	  /* [hidden,hidden], [hidden] */
	float *norm1_w, *norm1_b; /* [hidden] */
	float *up_w, *up_b;	  /* [intermediate,hidden], [intermediate] */
	float *down_w, *down_b;	  /* [hidden,intermediate], [hidden] */
	float *norm2_w, *norm2_b; /* [hidden] */
};

/* Adds c->layers layers to the table and returns them; the caller frees the array after the table. NULL with
 * `e`.
 */
struct hm_block *hm_block_new(const struct hm_block_config *c, const struct hm_block_names *names,
			      struct hm_params *p, struct hm_err *e);

/* Rows of n sequences, one sequence after the other; arrays in the device's memory. */
struct hm_packed {
	int m, n;	    /* rows of all sequences, sequences */
	const int32_t *len; /* [n] */
	const int32_t
		*row; /* [n]: the one row of each sequence that is wanted of the last layer; NULL: all m */
};

/* ---- inference */

/* The layers made ready for a device. Immutable, shared by threads. */
struct hm_block_net {
	struct hm_block_config c;
	struct hm_device *d; /* borrowed */
	struct hm_block_packed *layer;
};
/* `layer` may be freed afterwards. A failure sticks to `d`; in any case the caller clears. */
void hm_block_prepare(struct hm_block_net *net, const struct hm_block_config *c, const struct hm_block *layer,
		      struct hm_device *d);
void hm_block_net_clear(struct hm_block_net *net);

/* One thread's activations for up to `room` rows. */
struct hm_block_work {
	struct hm_device *d;
	void *x;	/* act [room,hidden]: where the caller puts the first layer's input */
	void *y, *wide; /* act [room,hidden], [room,max(3*hidden,intermediate)]: the caller may use them
			   between runs */
};
/* A failure sticks to `d`; in any case the caller clears. */
void hm_block_work_init(struct hm_block_work *work, const struct hm_block_net *net, struct hm_device *d,
			int room);
void hm_block_work_clear(struct hm_block_work *work);
/* work->x act [m,hidden] := the last layer's output [m,hidden], or [n,hidden] when p->row. */
void hm_block_infer(const struct hm_block_net *net, struct hm_block_work *work, const struct hm_packed *p);

/* ---- training */

struct hm_block_tape {
	struct hm_block_config c;
	const struct hm_block *layer;	/* borrowed, as are params and d */
	const struct hm_params *params; /* the table of the layers, placed on d */
	struct hm_device *d;
	bool backward;		    /* keeps what a backward pass needs */
	struct hm_block_kept *kept; /* [layers] */
	void *x;		    /* act [m,hidden]: where the caller puts the first layer's input */
	void *last;		    /* act [m or n,hidden]: the last layer's output */
	void *res, *ctx;       /* act [n,hidden]: the wanted rows of the last layer's input and attention */
	void *grad[3];	       /* act [m,hidden] */
	void *wide;	       /* act [m,max(3*hidden,intermediate)] */
	struct hm_packed rows; /* of the last forward pass, with its dropout */
	struct hm_dropout drop;
};
int hm_block_tape_init(struct hm_block_tape *t, const struct hm_block_config *c, const struct hm_block *layer,
		       const struct hm_params *params, struct hm_device *d, bool backward, struct hm_err *e);
void hm_block_tape_clear(struct hm_block_tape *t);
/* The tape's part of a slab's plan (slab.h), for m rows of n sequences, of which all or one each are wanted.
 */
void hm_block_plan(struct hm_block_tape *t, struct hm_slab *slab, int m, int n, bool all);
/* t->x -> t->last. drop: p, seed, step; NULL: no dropout. Layer i draws at site 3i+1 for its attention, at
 * 3i+2 and 3i+3 for its residuals. p's arrays have to stay for the backward pass. */
void hm_block_forward(struct hm_block_tape *t, const struct hm_packed *p, const struct hm_dropout *drop);
/* From the gradient of t->last in t->grad[0]: adds the gradients of all parameters. The gradient of t->x is
 * then t->grad[0] + t->grad[1]. */
void hm_block_backward(struct hm_block_tape *t);

#endif
