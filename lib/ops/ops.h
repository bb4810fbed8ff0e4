/* This file is all that a network sees of a device: a table of operations and a context. Three devices
 * exist. `ref` defines the operations with plain loops and double accumulators. `cpu` computes them with
 * oneDNN and SIMD loops, `cuda` on NVIDIA GPUs.
 *
 * Adding an operation: (1) add a slot to the table below, with its formula, shapes and what may share
 * memory; (2) write the plain loop in lib/ops/ref and fill the slot in ref/table.c; (3) add cases to
 * tests/support/op*.c: tests/ops then compares every device with ref, and gradients with finite
 * differences; (4) write fast versions in lib/ops/cpu and lib/ops/cuda, each with a measurement. The cpu
 * device may use ref's loop.
 *
 * Conventions. Outputs come first. Arrays are row-major, dense and in the device's memory (op->alloc)
 * unless the slot says "host memory". An output may share memory with an input only where the slot says "in
 * place". Sizes are positive. Operations return nothing: the first failure sticks to the device, results
 * after it are meaningless, and the caller asks hm_device_error once per step.
 * Letters: m rows, k inputs, n outputs of a matrix; i images of h x w pixels with c channels; s sequences.
 *
 * Gradients. dy is the gradient of the loss by y and has y's shape and type. Gradients of parameters are
 * f32 and are added to: the caller zeroes them once per step. Gradients of activations are set. An output
 * that is NULL is not computed.
 *
 * Reproducibility. The bytes of a result depend on the arguments, the device and d->threads, and never on
 * the thread or the context that computed it. Results of inference operations do not depend on d->threads
 * either; on `cpu`, of the training operations only those of dense_* and conv_* may. On `cpu` a row's
 * result in matmul, dense_*, linear_* and attention may depend on the number of rows in the call. */
#ifndef HM_OPS_H
#define HM_OPS_H

#include "base/tensor.h"

/* No device has HM_PREC_AUTO: hm_device_open chooses f32 or bf16 for it. */
enum hm_precision { HM_PREC_F32, HM_PREC_BF16, HM_PREC_TF32, HM_PREC_AUTO };

/* One context of a device. One thread at a time uses it. */
struct hm_device {
	const struct hm_ops *op;
	enum hm_precision precision;
	enum hm_dtype act; /* type of activations: HM_F32, or HM_BF16 with HM_PREC_BF16 */
	const char *name;  /* "ref", "cpu", "cuda" */
	int threads;	   /* threads of one training operation; set by hm_device_use_threads, else 1 */
	bool once;	   /* weights are used for a call or two, which packing would not repay; set before
			      networks are made ready */
	bool host;	   /* device memory is host memory */
	bool tiles;	   /* products of bf16 run on tiles of the processor (AMX) */
	void *ctx;	   /* private to the device */
	const struct hm_backend *backend;
	struct hm_err err; /* the first failure, or code 0 */
};

/* Which device a name asks for, in the order of their words: auto, cpu, ref, cuda[:N]; index takes N or 0.
 * False for any other word. Needs no device to be linked. */
enum hm_device_name { HM_NAME_AUTO, HM_NAME_CPU, HM_NAME_REF, HM_NAME_CUDA };
bool hm_device_parse(const char *name, enum hm_device_name *which, int *index);

/* name is auto, cpu, ref, cuda or cuda:N; auto takes the fastest device present. NULL with `e`: HM_EUSAGE
 * when no device has this name; HM_EDEVICE when the device is not built in, is absent, or lacks the
 * precision. HM_PREC_AUTO becomes bf16 on a GPU, and on the processor where bf16 gains HM_BF16_WORTH;
 * otherwise f32. d->precision says which. */
struct hm_device *hm_device_open(const char *name, enum hm_precision precision, struct hm_err *e);
/* How many times as fast as in f32 a product in bf16 is, measured in some milliseconds, if d is the cpu
 * device in bf16; else 0, also without memory. HM_BF16_WORTH is what pays for the lesser accuracy. */
double hm_device_bf16_gain(const struct hm_device *d);
#define HM_BF16_WORTH 1.1
/* The threads that one training operation may take, at least 1. Starts them: call it in the thread that calls
 * the operations, before the first one. 0, or a machine's fault with `e` set. */
int hm_device_use_threads(struct hm_device *d, int n, struct hm_err *e);
/* Opens another context of the same device for another thread. It shares the packed weights and nothing
 * that changes. `d` must outlive it. NULL with `e`. */
struct hm_device *hm_device_fork(const struct hm_device *d, struct hm_err *e);
/* Close forks before their device. NULL is fine. */
void hm_device_close(struct hm_device *d);
/* Returns the code of the first failure and copies it into `e`; 0 if there was none. */
int hm_device_error(const struct hm_device *d, struct hm_err *e);
/* Copies x [n] from host memory into new device memory; release it with op->free. NULL sticks an error. */
float *hm_device_floats(struct hm_device *d, const float *x, size_t n);
/* The same, but x itself if it stays and the device reads host memory. To be released with hm_device_drop and
 * the same `stay`. */
float *hm_device_hold(struct hm_device *d, const float *x, size_t n, bool stay);
void hm_device_drop(struct hm_device *d, float *held, bool stay);
/* Writes what the device is made of, cut to cap: "oneDNN 2.6.3, OpenMP". Returns out. */
char *hm_device_describe(const struct hm_device *d, char *out, size_t cap);
/* Writes the devices that are built in, for --version, cut to cap: "ref, cpu (oneDNN 2.6.3, OpenMP)".
 * Returns out. */
char *hm_device_backends(char *out, size_t cap);
/* Identifies the kind of processor: the last bits of results may differ between two values. 0: they do not.
 */
uint64_t hm_device_processor(const struct hm_device *d);
/* "f32", "bf16", "tf32", "auto". */
const char *hm_precision_name(enum hm_precision p);

/* Weights prepared for one operation on one device (reordered, converted). Immutable; all contexts share
 * them. */
struct hm_weight;

/* GELU is x Phi(x) with the normal distribution Phi, computed with erf. Quick GELU is x/(1 + exp(-1.702
 * x)). */
enum hm_act { HM_ACT_NONE, HM_ACT_RELU, HM_ACT_GELU, HM_ACT_TANH, HM_ACT_QUICK_GELU };

struct hm_conv {
	int cin, cout, kernel, stride, pad; /* square kernel, zero padding */
	bool relu;			    /* max(0, .) after bias and residual */
	bool residual;			    /* the result is added to the old output, before relu */
};
/* Output height or width for an input height or width; 0 or less when the input is too small. */
static inline int hm_conv_out(int size, int kernel, int stride, int pad)
{
	return (size + 2 * pad - kernel) / stride + 1;
}

struct hm_linear {
	int n, k; /* outputs, inputs */
	enum hm_act act;
	bool f32;  /* y is f32, not of the activations' type */
	bool stay; /* w and b stay until weight_free: a host need not copy them */
	bool same; /* every matmul has the same m, or one of a few: shapes are few without rounding it far up
		    */
};

/* EVAL normalises with the running statistics. TRAIN normalises with the batch's statistics, which also
 * update the running ones. TRAIN_FROZEN does the same, but weight and bias get no gradient. */
enum hm_bn_mode { HM_BN_EVAL, HM_BN_TRAIN, HM_BN_TRAIN_FROZEN };
#define HM_BN_MOMENTUM .1
struct hm_bn {
	enum hm_bn_mode mode;
	double eps, momentum; /* 1e-5, HM_BN_MOMENTUM */
	bool relu;	      /* max(0, .) at the end */
};

/* Dropout with probability p, 0 <= p < 1. Element e is dropped when word e%4 of block e/4 of the Philox
 * stream (seed, HM_RNG_DROPOUT, step, site) is below p*2^32, rounded to nearest; otherwise it is multiplied
 * by (float)(1/(1-p)). The same numbers give the same mask again, so no mask is stored. NULL or p = 0 means
 * no dropout.
 *
 * An operation numbers its elements from `first`. A call on a whole batch leaves `first` and `longest` at 0.
 * A call on a part of a batch (some consecutive rows) draws what the whole batch would draw for these rows
 * when `first` is the number of its first element there: rows before the part times elements per row, which
 * for attention are heads * hm_dropout_keys(longest), with `longest` the longest sequence of the whole batch.
 * The other operations ignore `longest`.
 *
 * A network is given the numbers from which it computes `first`: how many examples, and how many rows of
 * packed sequences, the whole batch has before the part, and `longest` in rows. Operations ignore both.
 *
 * The counter's words are the block's low 32 bits, HM_RNG_DROPOUT + 2^8 times its high bits, step and site.
 * Numbers stay below 2^58. */
struct hm_dropout {
	double p;
	uint64_t seed;
	uint32_t step, site;
	uint64_t first; /* attention: a multiple of 4 */
	int32_t longest;
	uint64_t examples, rows;
};
/* Elements of one row and one head in attention's mask: a multiple of 4, so that each row begins a block. */
static inline int32_t hm_dropout_keys(int32_t longest)
{
	return (longest + 3) / 4 * 4;
}

/* The denominator of cross_entropy, sum_r weight[label_r] (weight NULL: m) in the order of the rows; host
 * memory, both. */
static inline double hm_cross_entropy_total(const int32_t *label, const float *weight, int m)
{
	double total = 0;
	for (int r = 0; r < m; r++)
		total += weight ? weight[label[r]] : 1;
	return total;
}

struct hm_adam {
	double lr, beta1, beta2, eps, weight_decay;
	bool decoupled; /* AdamW */
};

struct hm_ops {
	/* ---- memory. alloc returns zeroed memory, aligned to 64 bytes; NULL sticks an error. free takes
	 * NULL. */
	void *(*alloc)(struct hm_device *d, size_t bytes);
	void (*free)(struct hm_device *d, void *p);
	void (*upload)(struct hm_device *d, void *dst, const void *host, size_t bytes);
	/* Uploads data that is needed later. Nothing asked for since the last download uses dst, so the
	 * copy may run at the same time; operations asked for later wait for it. */
	void (*prefetch)(struct hm_device *d, void *dst, const void *host, size_t bytes);
	void (*download)(struct hm_device *d, void *host, const void *src, size_t bytes);
	void (*copy)(struct hm_device *d, void *dst, const void *src, size_t bytes);
	void (*zero)(struct hm_device *d, void *dst, size_t bytes);
	/* Starts everything asked for so far; otherwise a device may wait until something is downloaded.
	 * Call it before the host turns to other work. */
	void (*submit)(struct hm_device *d);

	/* ---- inference. Arrays marked "act" hold elements of type d->act. Images are [i,h,w,c] by index,
	 * but each device lays out the elements of an image in its own way: only these operations may
	 * access them. An image of 3 channels holds pixels: normalise or image_put make it, and only
	 * convolutions read it. */

	/* Bytes to allocate for images [i,h,w,c]. */
	size_t (*image_bytes)(const struct hm_device *d, int i, int h, int w, int c);
	/* y act [i,h,w,3] = table[c*256 + px]; px u8 [i,3,h,w], table f32 [3*256]. */
	void (*normalise)(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
			  int w);

	/* y act [i*down*across,3*side*side], down = h/side, across = w/side: the rows of the patches of side
	 * x side pixels, image after image, patch after patch by rows. A row holds its pixels colour by
	 * colour, row by row: table[c*256 + px]. px and table are as in normalise. */
	void (*patches)(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
			int w, int side);

	/* w f32 [cout,cin,kernel,kernel] and b f32 [cout] or NULL are in host memory and are copied. NULL
	 * sticks an error. */
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
	/* The reverse: y act [i,h,w,c] = x f32 [i,h,w,c], dense. For tests, which bring images to a device
	 * with it. */
	void (*image_put)(struct hm_device *d, void *y, const float *x, int i, int h, int w, int c);

	/* w f32 [n,k] and b f32 [n] or NULL are in host memory and are copied, unless they stay. NULL sticks
	 * an error. */
	struct hm_weight *(*linear_pack)(struct hm_device *d, const struct hm_linear *l, const float *w,
					 const float *b);
	/* y [m,n] (act, or f32 if the weight says so) = f(x act [m,k] . w^T + b). x and y have room for
	 * rows_round(m) rows. */
	void (*matmul)(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int m);
	/* The most rows that matmul computes for m: m rounded up to one of a few sizes. It may read and write
	 * the rows past m; their values do not matter. */
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
	/* For each head of each of s sequences: y act [m,heads*dim] = softmax(Q K^T / sqrt(dim)) V. The
	 * sequences lie one after the other, with len[j] >= 1 rows each, m or fewer in all. A row of qkv
	 * act [m,3*heads*dim] holds Q, K, V, each head by head. causal: a row sees the keys and values of
	 * its sequence up to its own. */
	void (*attention)(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
			  int dim, bool causal);
	/* y act [s,k] = rows row[0..s) of x act [.,k]. */
	void (*gather)(struct hm_device *d, void *y, const void *x, const int32_t *row, int s, int k);

	/* ---- training: the f32 head of a network. */

	/* y [m,n] = x [m,k] . w^T + b; w [n,k], b [n] or NULL; all f32. */
	void (*linear_forward)(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			       int m, int n, int k);
	/* dx [m,k] = dy . w; dw [n,k] += dy^T . x; db [n] += column sums of dy [m,n]. */
	void (*linear_backward)(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
				const float *x, const float *w, int m, int n, int k);
	/* The same of several layers [n,k] that take one x, whose row r is x[r], [k], wherever that is: y[h],
	 * w[h], b[h] (or NULL), dw[h], db[h] (or NULL) and dy[h] are those of layer h < heads; the tables of
	 * pointers are host memory. The bytes are those of linear_forward and linear_backward in turn. Made
	 * for hosts: a device with its own memory copies the rows first. */
	void (*linears_forward)(struct hm_device *d, float *const *y, const float *const *x,
				const float *const *w, const float *const *b, int heads, int m, int n, int k);
	void (*linears_backward)(struct hm_device *d, float *const *dw, float *const *db,
				 const float *const *dy, const float *const *x, int heads, int m, int n,
				 int k);
	/* y [m,n] = softmax of each row of x [m,n]; in place. */
	void (*softmax)(struct hm_device *d, float *y, const float *x, int m, int n);
	/* Of rows x [m,n] with labels i32 [m], each in [0,n) (the caller has checked), and class weights
	 * [n] (NULL: 1): with u_r = weight[label_r],
	 *   sums f64 [2] = numerator sum_r u_r (logsumexp(x_r) - x_r[label_r]), denominator sum_r u_r;
	 *   loss f32 [1] = numerator / total; dx [m,n] = the gradient of loss, in place of x.
	 * total = 0 stands for these rows' own denominator: loss is then PyTorch's cross_entropy. For a part
	 * of a batch total is the whole batch's denominator (hm_cross_entropy_total): the losses and the
	 * gradients of the parts then add up to those of the whole batch. */
	void (*cross_entropy)(struct hm_device *d, double *sums, float *loss, float *dx, const float *x,
			      const int32_t *label, const float *weight, double total, int m, int n);
	/* y[r*ldy + j] = x[r*ldx + j] for r < m, j < k, f32: copies columns into or out of a wider matrix. */
	void (*copy_columns)(struct hm_device *d, float *y, int ldy, const float *x, int ldx, int m, int k);
	/* n elements: y f32 = x act; y act = x f32. */
	void (*widen)(struct hm_device *d, float *y, const void *x, size_t n);
	void (*narrow)(struct hm_device *d, void *y, const float *x, size_t n);

	/* ---- training: the two sides of a head. All f32; m rows. */

	/* y [m,k] = each row of x [m,k] divided by its length, norm f32 [m] = max(length, 1e-12); in place.
	 */
	void (*row_norm)(struct hm_device *d, float *y, float *norm, const float *x, int m, int k);
	/* dx [m,k] = (dy - y*(y . dy))/norm, or dy/norm where the length was below 1e-12; y and norm as
	 * row_norm left them; in place on dy. */
	void (*row_norm_backward)(struct hm_device *d, float *dx, const float *dy, const float *y,
				  const float *norm, int m, int k);
	/* n elements: y = a*b + c, c NULL: a*b; in place on any. With y = a*b the gradients are da = dy*b and
	 * db = dy*a: the same operation. */
	void (*mul_add)(struct hm_device *d, float *y, const float *a, const float *b, const float *c,
			size_t n);
	/* y [m,k*k] = a b^T of each row: y[r, i*k + j] = a[r,i]*b[r,j], a and b [m,k]. */
	void (*outer)(struct hm_device *d, float *y, const float *a, const float *b, int m, int k);
	/* With M = the row of dy as [k,k]: da = M b, db = M^T a. */
	void (*outer_backward)(struct hm_device *d, float *da, float *db, const float *dy, const float *a,
			       const float *b, int m, int k);
	/* n elements: y = dropout(relu ? max(0, x) : x), in place; NaN stays NaN. Without relu, applied to a
	 * gradient, it is the backward pass as well. */
	void (*relu_drop)(struct hm_device *d, float *y, const float *x, bool relu,
			  const struct hm_dropout *drop, size_t n);
	/* With relu: dx = y > 0 ? dy/(1 - p) : 0, in place on dy. Where an element was dropped y is 0, so of
	 * `drop` only p counts. */
	void (*relu_drop_backward)(struct hm_device *d, float *dx, const float *dy, const float *y,
				   const struct hm_dropout *drop, size_t n);

	/* ---- training: images. Activations and their gradients are images [i,h,w,c] as above; ho and wo
	 * are hm_conv_out's. Parameters are plain f32 arrays and may change from call to call. */

	/* y act [i,ho,wo,cout] = conv(x act [i,h,w,cin], w [cout,cin,kernel,kernel]); c->relu and
	 * c->residual are ignored. */
	void (*conv_forward)(struct hm_device *d, void *y, const void *x, const float *w,
			     const struct hm_conv *c, int i, int h, int wd);
	/* From dy act [i,ho,wo,cout]: dx act [i,h,w,cin] = ...; dw [cout,cin,kernel,kernel] += ... */
	void (*conv_backward)(struct hm_device *d, void *dx, float *dw, const void *dy, const void *x,
			      const float *w, const struct hm_conv *c, int i, int h, int wd);
	/* y act [i,h,w,c] = relu?((x - mean)*rstd*gamma + beta + res) with rstd = 1/sqrt(var + eps) per
	 * channel; b->mode says whether mean and biased var are the running ones or the batch's. res act or
	 * NULL; in place on res. save f32 [2,c] = the mean and rstd that were used. With the batch's
	 * statistics: mean, var [c] = (1 - momentum)*old + momentum*batch, var unbiased; a batch with one
	 * value per channel sticks HM_EDATA. */
	void (*batch_norm)(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
			   const float *beta, float *mean, float *var, float *save, const struct hm_bn *b,
			   int i, int h, int w, int c);
	/* With g = (dy + dy2)*(relu ? y > 0 : 1), dy2 act or NULL: dres = g, in place on dy or dy2; dx = g
	 * through the normalisation, in place on dy, dy2 or x; dgamma, dbeta [c] += ..., ignored with
	 * HM_BN_TRAIN_FROZEN. x, y, gamma, save are as the forward pass left them; y is read only with
	 * relu. */
	void (*batch_norm_backward)(struct hm_device *d, void *dx, void *dres, float *dgamma, float *dbeta,
				    const void *dy, const void *dy2, const void *y, const void *x,
				    const float *gamma, const float *save, const struct hm_bn *b, int i,
				    int h, int w, int c);
	/* dx act [i,h,w,c]: each element of dy + dy2 (dy2 act or NULL), act [i,ho,wo,c], goes to the first
	 * largest value of its window of x, in row order. */
	void (*max_pool_backward)(struct hm_device *d, void *dx, const void *dy, const void *dy2,
				  const void *x, int i, int h, int w, int c);
	/* dx act [i,h,w,c] = dy f32 [i,c] / (h*w). */
	void (*avg_pool_backward)(struct hm_device *d, void *dx, const float *dy, int i, int h, int w, int c);

	/* ---- training: packed sequences. Matrices that dense_* read or write, act [m,.], have room for
	 * rows_round(m) rows; the rows past m may be read and written. Parameters are f32. */

	/* y act [m,n] = x act [m,k] . w^T + b; w [n,k], b [n] or NULL. */
	void (*dense_forward)(struct hm_device *d, void *y, const void *x, const float *w, const float *b,
			      int m, int n, int k);
	/* dx act [m,k] = dy . w; dw [n,k] += dy^T . x; db [n] += column sums of dy act [m,n]. */
	void (*dense_backward)(struct hm_device *d, void *dx, float *dw, float *db, const void *dy,
			       const void *x, const float *w, int m, int n, int k);
	/* n elements, act: y = f(x), where f is HM_ACT_GELU or HM_ACT_QUICK_GELU; dx = dy*f'(x), in place
	 * on dy. */
	void (*activate)(struct hm_device *d, void *y, const void *x, size_t n, enum hm_act f);
	void (*activate_backward)(struct hm_device *d, void *dx, const void *dy, const void *x, size_t n,
				  enum hm_act f);
	/* n elements, act: y = tanh(x), in place; dx = dy*(1 - y^2), in place on dy. */
	void (*tanh)(struct hm_device *d, void *y, const void *x, size_t n);
	void (*tanh_backward)(struct hm_device *d, void *dx, const void *dy, const void *y, size_t n);
	/* n elements, act: y = dropout(x), in place. Applied to a gradient it is the backward pass. */
	void (*dropout)(struct hm_device *d, void *y, const void *x, const struct hm_dropout *drop, size_t n);
	/* s = dropout(x) + res is written over x; y = LN(s) as in layer_norm, of s as stored. x act [m,k],
	 * res act [m,k] or NULL; stats f32 [m,2] = mean, 1/sqrt(var + eps). y is neither x nor res. */
	void (*add_norm)(struct hm_device *d, void *y, float *stats, void *x, const void *res,
			 const float *gamma, const float *beta, double eps, const struct hm_dropout *drop,
			 int m, int k);
	/* ds act [m,k] = the gradient of s, which is res's too: that of dy + dy2 (dy2 act or NULL) through
	 * the LayerNorm, plus skip (act or NULL: what reaches s past the norm, as in pre-norm layers). dx =
	 * dropout(ds) is set only when there is dropout; otherwise ds is x's gradient as well. dgamma, dbeta
	 * [k] +=. ds in place on dy, dy2 or skip. */
	void (*add_norm_backward)(struct hm_device *d, void *ds, void *dx, float *dgamma, float *dbeta,
				  const void *dy, const void *dy2, const void *skip, const void *s,
				  const float *stats, const float *gamma, const struct hm_dropout *drop,
				  int m, int k);
	/* attention with dropout on the softmax. The element of row r (of m), head a, key j is
	 * drop->first + (r*heads + a)*L + j, L = hm_dropout_keys(drop->longest, or the longest len if that
	 * is 0). */
	void (*attention_forward)(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s,
				  int heads, int dim, bool causal, const struct hm_dropout *drop);
	/* From dy act [m,heads*dim]: dqkv act [m,3*heads*dim] = ... y and qkv are as in the forward pass. */
	void (*attention_backward)(struct hm_device *d, void *dqkv, const void *dy, const void *y,
				   const void *qkv, const int32_t *len, int s, int heads, int dim,
				   bool causal, const struct hm_dropout *drop);
	/* Row at[r] of y f32 [.,k] += row row[r] of table f32 [.,k], for r < m. at NULL stands for r, row
	 * NULL for 0. No two at[r] are equal. */
	void (*add_rows)(struct hm_device *d, float *y, const int32_t *at, const float *table,
			 const int32_t *row, int m, int k);
	/* Row row[r] of dtable f32 += row at[r] of dy act, except where row[r] = skip; -1 skips no row. */
	void (*add_rows_backward)(struct hm_device *d, float *dtable, const int32_t *row, const void *dy,
				  const int32_t *at, int skip, int m, int k);
	/* The gradient of gather: dx act [m,k] = 0, except rows row[j] = row j of dy, j < s. */
	void (*gather_backward)(struct hm_device *d, void *dx, const void *dy, const int32_t *row, int s,
				int m, int k);

	/* y [n,k] = scale[r]*x[r][j]; all f32, in place. dx [n,k] += scale[r]*dy[r][j]; dscale [n] += the sum
	 * of dy[r][j]*x[r][j] over j. */
	void (*scale_rows)(struct hm_device *d, float *y, const float *x, const float *scale, int n, int k);
	void (*scale_rows_backward)(struct hm_device *d, float *dx, float *dscale, const float *dy,
				    const float *x, const float *scale, int n, int k);

	/* ---- optimizers over n elements, f32. They round at the same places as torch.optim with foreach
	 * and fused off, fused multiply-adds included. Only square roots may differ from PyTorch's, in the
	 * last bit.
	 * sgd: g' = g + wd*p; v = momentum*v + g' (v = g' when t is 1); p -= lr*v, or lr*g' without
	 * momentum. */
	void (*sgd)(struct hm_device *d, float *p, float *v, const float *g, size_t n, double lr,
		    double momentum, double weight_decay, int64_t t);
	/* adam, t = 1, 2, ...: g += wd*p (decoupled: p *= 1 - lr*wd first); m += (1-b1)(g-m); v = b2*v +
	 * (1-b2)*g*g; p -= lr/(1-b1^t) * m/(sqrt(v)/sqrt(1-b2^t) + eps). Scalars are computed in double and
	 * rounded once. */
	void (*adam)(struct hm_device *d, float *p, float *m, float *v, const float *g, size_t n,
		     const struct hm_adam *a, int64_t t);
	/* sum f64 [1] += sum of g[j]^2. */
	void (*sum_squares)(struct hm_device *d, double *sum, const float *g, size_t n);
	/* Clips by the global norm, whose square is sum f64 [1]: g[j] *= f, f = most/(sqrt(*sum) + 1e-6)
	 * rounded to f32. Does nothing when f is 1 or more, or not a number. */
	void (*clip)(struct hm_device *d, float *g, size_t n, const double *sum, double most);
};

#endif
