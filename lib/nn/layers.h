/* A stack of transformer layers over packed sequences: parameters, inference, training. BERT's layers are
 * post-norm; those of CLIP, ViT and DINOv2 are pre-norm. With drop for dropout (training only) and attn for
 * the attention of ops.h, a layer computes
 *
 *   post-norm:  h = LN1(x + drop(out(attn(qkv(x)))));    y = LN2(h + drop(down(act(up(h)))))
 *   pre-norm:   h = x + drop(out(attn(qkv(LN1(x)))));    y = h + drop(down(act(up(LN2(h)))))
 *
 * where qkv, out, up, down are linear layers with bias and LN1, LN2 LayerNorms. A pre-norm stack ends with
 * one more LayerNorm. With LayerScale (DINOv2) the outputs of `out` and `down` are multiplied by a learned
 * number per column, which is the same as multiplying the rows of their weights and their biases. Embeddings
 * and heads belong to the networks: bert.c and berttrain.c are examples of use. Failures stick to the device.
 *
 * A network that needs only one row of each sequence names it (hm_packed.row): after its attention, the last
 * layer computes these rows only. */
#ifndef HM_LAYERS_H
#define HM_LAYERS_H

#include "nn/param.h"
#include "nn/slab.h"
#include "ops/ops.h"

struct hm_layers_config {
	int layers, hidden, intermediate;
	int heads;	 /* divides hidden */
	double eps;	 /* of every LayerNorm; above 0 */
	enum hm_act act; /* HM_ACT_GELU or HM_ACT_QUICK_GELU */
	bool pre_norm;
	bool causal; /* a row sees the rows of its sequence up to its own */
};

/* How a family's files name the parameters of its layers: `layers`, the layer's number, a dot, one of the
 * names below, then "weight" or "bias". "encoder.layer." and "output.dense." give
 * "encoder.layer.0.output.dense.weight". */
struct hm_layer_names {
	const char *layers;
	const char *query, *key, *value, *out, *norm1, *up, *down, *norm2;
	const char *last_norm; /* pre-norm: of the stack's last LayerNorm, the whole name */
	const char *scale1,
		*scale2; /* LayerScale, pre-norm: whole names below the layer's number; NULL: none */
};

/* One layer's parameters, fields of a table (param.h). */
struct hm_layer {
	/* Query, key, value: [hidden,hidden], [hidden]. A table that is not borrowed keeps the three weights
	 * one after the other, and the three biases: qkv_w[0] is also one matrix [3*hidden,hidden], qkv_b[0]
	 * its bias. */
	float *qkv_w[3], *qkv_b[3];
	float *out_w, *out_b;	  /* [hidden,hidden], [hidden] */
	float *norm1_w, *norm1_b; /* [hidden] */
	float *up_w, *up_b;	  /* [intermediate,hidden], [intermediate] */
	float *down_w, *down_b;	  /* [hidden,intermediate], [hidden] */
	float *norm2_w, *norm2_b; /* [hidden] */
	float *scale1, *scale2;	  /* [hidden], or NULL */
};

struct hm_layers {
	struct hm_layers_config c;
	struct hm_params *params; /* the table that the fields are in; borrowed */
	struct hm_layer *layer;	  /* [c.layers] */
	float *last_w, *last_b;	  /* [hidden]: the last LayerNorm, pre-norm only */
};
/* Adds the parameters to the table `p`, in the order of struct hm_layer. `l` must stay where it is; the
 * caller clears it after the table. 0 or HM_EDATA. */
int hm_layers_init(struct hm_layers *l, const struct hm_layers_config *c, const struct hm_layer_names *names,
		   struct hm_params *p, struct hm_err *e);
void hm_layers_clear(struct hm_layers *l);

/* Rows of n sequences, one sequence after the other; the arrays are in the device's memory. */
struct hm_packed {
	int m, n;	    /* rows of all sequences; sequences */
	const int32_t *len; /* [n] */
	const int32_t *row; /* [n]: the one row of each sequence that is wanted; NULL: all m rows are */
};

/* ---- inference */

/* The layers made ready for a device. Immutable, shared by threads. */
struct hm_layers_net {
	struct hm_layers_config c;
	struct hm_device *d; /* borrowed */
	struct hm_layer_packed *layer;
	float *last_w, *last_b; /* device memory */
};
/* same: every pass will have the same number of rows, as images have and captions have not. `l` may be
 * cleared afterwards. A failure sticks to `d`. The caller clears, also after a failure. */
void hm_layers_prepare(struct hm_layers_net *net, const struct hm_layers *l, bool same, struct hm_device *d);
void hm_layers_net_clear(struct hm_layers_net *net);

/* One thread's activations. */
struct hm_layers_work {
	struct hm_device *d;
	void *x;      /* act [room,hidden]: the first layer's input, put there by the caller */
	void *y;      /* act [room,hidden] */
	void *wide;   /* act [room,max(3*hidden,intermediate)] */
	void *branch; /* act [room,hidden], pre-norm only: what is added to x next */
	float *stats; /* [room,2], pre-norm only */
};
/* For up to `room` rows. A failure sticks to `d`. The caller clears, also after a failure. */
void hm_layers_work_init(struct hm_layers_work *work, const struct hm_layers_net *net, struct hm_device *d,
			 int room);
void hm_layers_work_clear(struct hm_layers_work *work);
/* The wanted rows of the stack's output, act [m or n,hidden], valid until `work` is used again. They lie in
 * work->x, or with pre-norm in work->y, and then work->x holds the same rows before the last LayerNorm. */
const void *hm_layers_infer(const struct hm_layers_net *net, struct hm_layers_work *work,
			    const struct hm_packed *p);

/* ---- training */

struct hm_layers_tape {
	const struct hm_layers *l; /* borrowed, as is d; its table is placed on d */
	struct hm_device *d;
	bool backward;		    /* keeps what a backward pass needs */
	struct hm_layer_kept *kept; /* [layers] */
	void *x;		    /* act [m,hidden]: the first layer's input, put there by the caller */
	void *out;		    /* act [m or n,hidden]: the wanted rows of the stack's output */
	void *sum;		    /* the same before the last LayerNorm, pre-norm only */
	float *stats;		    /* [m or n,2]: of that LayerNorm */
	void *res, *ctx;      /* act [n,hidden]: the wanted rows of the last layer's residual and attention */
	void *grad[3];	      /* act [m,hidden] */
	float *scaled[2];     /* f32 [hidden,max(hidden,intermediate)+1]: weight and bias of a layer with
				 LayerScale, and their gradients */
	void *wide;	      /* act [m,max(3*hidden,intermediate)] */
	const void *dx, *dx2; /* after a backward pass: the gradient of x is dx + dx2; dx2 may be NULL */
	struct hm_packed rows; /* of the last forward pass */
	struct hm_dropout drop;
};
/* Borrows l and d. 0 or HM_EDATA. The caller clears, also after a failure. */
int hm_layers_tape_init(struct hm_layers_tape *t, const struct hm_layers *l, struct hm_device *d,
			bool backward, struct hm_err *e);
void hm_layers_tape_clear(struct hm_layers_tape *t);
/* Takes the tape's pieces of a slab, within its plan (slab.h), for n sequences of m rows in all. all: the
 * stack gives all rows, not one per sequence. */
void hm_layers_plan(struct hm_layers_tape *t, struct hm_slab *slab, int m, int n, bool all);
/* Runs the layers from t->x to t->out. drop: p, seed, step; NULL: no dropout. Layer i draws at site 3i+1 for
 * its attention, at 3i+2 and 3i+3 for what it adds to its residuals. The arrays of `p` must stay until the
 * backward pass. */
void hm_layers_forward(struct hm_layers_tape *t, const struct hm_packed *p, const struct hm_dropout *drop);
/* t->grad[0] holds the gradient of t->out. Adds to the gradients of all parameters and sets t->dx and t->dx2,
 * which are two of t->grad. */
void hm_layers_backward(struct hm_layers_tape *t);

#endif
