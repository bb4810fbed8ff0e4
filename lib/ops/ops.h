/* The operations: all that a network sees of a device. A device is a table of function pointers and a
 * context; `ref` is the definition (plain loops, double accumulators), `cpu` is oneDNN and SIMD loops.
 *
 * Adding an operation: (1) a line in the table below with formula, shapes, aliasing; (2) the plain loop in
 * lib/ops/ref and its slot in ref/table.c; (3) a case in tests/ops/test_ops_infer.c or test_ops_train.c,
 * which hold every device to ref and gradients to finite differences; (4) only then, and with a measurement,
 * a fast version in lib/ops/cpu. A slot that a device leaves alone keeps ref's loop.
 *
 * Conventions. Outputs come first. All arrays are row-major, dense and in the device's memory (op->alloc). No
 * output may overlap an input unless the line says "in place". Sizes must be positive unless the line says
 * otherwise. Operations return void: a failure sticks to the device, what is computed after it means
 * nothing, and hm_device_error reads it, once a step.
 * Letters: m rows, k inputs, n outputs of a matrix; i images of h x w pixels and c channels; s sequences.
 *
 * Sameness: an operation's bytes depend on its arguments and the device alone, never on the thread or context
 * that ran it. On `cpu` a row's result in matmul and attention may depend on the number of rows in the call.
 */
#ifndef HM_OPS_H
#define HM_OPS_H

#include "base/tensor.h"

enum hm_precision { HM_PREC_F32, HM_PREC_BF16, HM_PREC_TF32 };

/* One context of a device, for one thread at a time. */
struct hm_device {
	const struct hm_ops *op;
	enum hm_dtype act; /* activations of the inference operations: HM_F32, or HM_BF16 with HM_PREC_BF16 */
	const char *name;  /* "ref", "cpu" */
	void *ctx;	   /* the device's own */
	struct hm_err err; /* the first failure */
};

/* Name: auto | cpu | ref | cuda[:N]; auto is the fastest one that is there. NULL with `e`: HM_EUSAGE for a
 * word that is no device, HM_EDEVICE for one that is not built in or absent, or a precision it has not. */
struct hm_device *hm_device_open(const char *name, enum hm_precision precision, struct hm_err *e);
/* Another context of the same device, for another thread: shares packed weights and memory, nothing that
 * changes. `d` must outlive it. NULL with `e`. */
struct hm_device *hm_device_fork(const struct hm_device *d, struct hm_err *e);
/* Also for forks, which are closed first; NULL is fine. */
void hm_device_close(struct hm_device *d);
/* The stuck failure's code, copied into `e`, or 0. */
int hm_device_error(const struct hm_device *d, struct hm_err *e);
/* What is built in, for --version: "ref, cpu (oneDNN 2.6.3, OpenMP)", cut to cap; returns out. */
char *hm_device_backends(char *out, size_t cap);
/* "f32", "bf16", "tf32". */
const char *hm_precision_name(enum hm_precision p);

/* Weights made ready for one operation on one device (reordered, converted). Immutable, shared by all
 * contexts. */
struct hm_weight;

enum hm_act { HM_ACT_NONE, HM_ACT_RELU, HM_ACT_GELU, HM_ACT_TANH }; /* GELU with erf */

struct hm_conv {
	int cin, cout, kernel, stride, pad; /* square kernel, zero padding */
	bool relu;			    /* max(0, .) after bias and residual */
	bool residual;			    /* the output is added to what was there, before relu */
};
/* Output side of an input side; 0 or less: the input is too small. */
static inline int hm_conv_out(int size, int kernel, int stride, int pad)
{
	return (size + 2 * pad - kernel) / stride + 1;
}

struct hm_linear {
	int n, k; /* outputs, inputs */
	enum hm_act act;
	bool f32; /* y is f32 whatever the device's activations are */
};

struct hm_adam {
	double lr, beta1, beta2, eps, weight_decay;
	bool decoupled; /* AdamW */
};

struct hm_ops {
	/* ---- memory: zeroed, 64-byte aligned; NULL sticks an error. free takes NULL. */
	void *(*alloc)(struct hm_device *d, size_t bytes);
	void (*free)(struct hm_device *d, void *p);
	void (*upload)(struct hm_device *d, void *dst, const void *host, size_t bytes);
	void (*download)(struct hm_device *d, void *host, const void *src, size_t bytes);
	void (*copy)(struct hm_device *d, void *dst, const void *src, size_t bytes);

	/* ---- inference. "act" arrays hold d->act. Images are [i,h,w,c] by index; how the elements of one
	 * image lie in memory is the device's own affair, so only these operations may touch them. */

	/* Bytes to allocate for images [i,h,w,c]. */
	size_t (*image_bytes)(const struct hm_device *d, int i, int h, int w, int c);
	/* y act [i,h,w,3] = table[c*256 + px]; px u8 [i,3,h,w], table f32 [3*256]. */
	void (*normalise)(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
			  int w);

	/* w f32 [cout,cin,kernel,kernel], b f32 [cout] or NULL, both host memory, copied. NULL sticks an
	 * error. */
	struct hm_weight *(*conv_pack)(struct hm_device *d, const struct hm_conv *c, const float *w,
				       const float *b);
	/* y act [i,ho,wo,cout] = relu?(conv(x act [i,h,w,cin]) + b + y): the old y is the residual, added
	 * when the weight was packed with `residual`. */
	void (*conv)(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int i, int h,
		     int wd);
	/* y act [i,ho,wo,c] = max over 3x3, stride 2, padding 1, of x act [i,h,w,c]. */
	void (*max_pool)(struct hm_device *d, void *y, const void *x, int i, int h, int w, int c);
	/* y f32 [i,c] = mean over h,w of x act [i,h,w,c]. */
	void (*avg_pool)(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);
	/* y f32 [i,h*w,c], dense, position-major = x act [i,h,w,c]. */
	void (*grid)(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);

	/* w f32 [n,k], b f32 [n] or NULL, both host memory, copied. NULL sticks an error. */
	struct hm_weight *(*linear_pack)(struct hm_device *d, const struct hm_linear *l, const float *w,
					 const float *b);
	/* y [m,n] (act, or f32 by the weight's flag) = f(x act [m,k] . w^T + b). Buffers hold rows_round(m)
	 * rows. */
	void (*matmul)(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int m);
	/* Rows that matmul really computes for m: m rounded up to one of a few sizes. The rows past m are
	 * read and written; what they hold does not matter. */
	int (*rows_round)(const struct hm_device *d, int m);
	/* Releases what a pack returned; NULL is fine. */
	void (*weight_free)(struct hm_device *d, struct hm_weight *w);

	/* y act [m,k] = LN(word[id] + position[pos] + type0): tables f32 [.,k], type0 f32 [k]; id, pos i32
	 * [m]. The caller has checked both ranges. */
	void (*embed)(struct hm_device *d, void *y, const int32_t *id, const int32_t *pos, const float *word,
		      const float *position, const float *type0, const float *gamma, const float *beta,
		      double eps, int m, int k);
	/* y act [m,k] = LN(x + res): x act [m,k], res act [m,k] or NULL; in place on either.
	 * LN(v) = (v - mean)/sqrt(var + eps)*gamma + beta, biased variance, in f32 or wider. */
	void (*layer_norm)(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
			   const float *beta, double eps, int m, int k);
	/* y act [m,heads*dim]: within each of s sequences, one after the other with len[j] >= 1 rows (sum <=
	 * m), and for each head: softmax(Q K^T / sqrt(dim)) V. qkv act [m,3*heads*dim]: a row is Q, K, V,
	 * each head by head. */
	void (*attention)(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
			  int dim);
	/* y act [s,k] = rows row[0..s) of x act [.,k]. */
	void (*gather)(struct hm_device *d, void *y, const void *x, const int32_t *row, int s, int k);

	/* ---- training of heads, all f32. Gradients of parameters are added to (the caller zeroes them once
	 * a step), gradients of activations are set. */

	/* y [m,n] = x [m,k] . w^T + b; w [n,k], b [n] or NULL. */
	void (*linear_forward)(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			       int m, int n, int k);
	/* dx [m,k] = dy . w (NULL: not wanted); dw [n,k] += dy^T . x; db [n] += column sums of dy (NULL: no
	 * bias); dy [m,n]. */
	void (*linear_backward)(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
				const float *x, const float *w, int m, int n, int k);
	/* y [m,n] = softmax of each row of x [m,n]; in place. */
	void (*softmax)(struct hm_device *d, float *y, const float *x, int m, int n);
	/* loss [1] = sum_r u_r (logsumexp(x_r) - x_r[label_r]) / sum_r u_r, u_r = weight[label_r] (weight
	 * [n]; NULL: 1), which is PyTorch's cross_entropy; dx [m,n] = its gradient (NULL: not wanted; in
	 * place of x). Every label i32 [m] is in [0,n), which the caller has checked. */
	void (*cross_entropy)(struct hm_device *d, float *loss, float *dx, const float *x,
			      const int32_t *label, const float *weight, int m, int n);

	/* ---- optimizers over n elements, f32, rounding for rounding as torch.optim (foreach and fused off),
	 * whose fused multiply-adds are kept. Its square root alone may differ in the last bit, being MKL's.
	 * g' = g + wd*p; v = momentum*v + g' (v = g' when t is 1); p -= lr*v, or lr*g' without momentum. */
	void (*sgd)(struct hm_device *d, float *p, float *v, const float *g, size_t n, double lr,
		    double momentum, double weight_decay, int64_t t);
	/* t = 1, 2, ...: g += wd*p (decoupled: p *= 1 - lr*wd first);
	 * m += (1-b1)(g-m); v = b2*v + (1-b2)*g*g;
	 * p -= lr/(1-b1^t) * m/(sqrt(v)/sqrt(1-b2^t) + eps); scalars in double, rounded once. */
	void (*adam)(struct hm_device *d, float *p, float *m, float *v, const float *g, size_t n,
		     const struct hm_adam *a, int64_t t);
	/* sum [1], f64, host memory: += sum of g[j]^2 (for the global norm). */
	void (*sum_squares)(struct hm_device *d, double *sum, const float *g, size_t n);
	/* g[j] *= factor, in f32. */
	void (*scale)(struct hm_device *d, float *g, size_t n, double factor);
};

#endif
