/* The parameter table of a model: published name, field, shape, initial value. Load, save, count and init all
 * work from it, so that each tensor is described once. A model adds its parameters in file order. The first
 * load or init allocates the storage; load first compares every shape, so that a file of a few bytes cannot
 * ask for gigabytes. Parameters are f32 in host memory, and networks are made ready for inference from there.
 * For training, hm_params_place moves them to a device's memory and adds gradients. */
#ifndef HM_PARAM_H
#define HM_PARAM_H

#include "base/workers.h"
#include "ops/ops.h"

/* What a parameter starts as. */
enum hm_init {
	HM_INIT_ZERO,
	HM_INIT_ONE,
	HM_INIT_NORMAL,	      /* N(0, .02) */
	HM_INIT_NORMAL_PAD,   /* the same, but row 0, the padding's, is zero */
	HM_INIT_KAIMING,      /* N(0, 2/fan_out), fan_out = dim[0] * kernel area */
	HM_INIT_UNIFORM,      /* U(-1/sqrt(k), 1/sqrt(k)), k = dim[1]: PyTorch's Linear weight */
	HM_INIT_UNIFORM_BIAS, /* the bound of the parameter before it: PyTorch's Linear bias */
	HM_INIT_UNIT,	      /* N(0, 1): PyTorch's Embedding */
	HM_INIT_RUNNING_MEAN, /* 0; a running statistic, which no optimizer touches */
	HM_INIT_RUNNING_VAR,  /* 1; the same */
};

struct hm_param {
	struct hm_tensor t; /* name, HM_F32, shape; data once storage is allocated */
	size_t count;	    /* elements */
	float **field;	    /* where the model keeps t.data */
	enum hm_init init;
	bool held; /* the optimizer does not touch it: a running statistic, or hm_params_hold named it */
};

struct hm_params {
	struct hm_param *item;
	size_t n, cap;
	size_t count;		  /* elements of all */
	float *data;		  /* all of them, one after the other; NULL if they are borrowed */
	bool borrowed;		  /* hm_params_borrow: some stay where the caller has them */
	float *grad;		  /* their gradients in the same order; NULL: not placed with gradients */
	struct hm_device *device; /* whose memory data and grad are; NULL: host memory */
	struct hm_arena names;
	/* The first failure of hm_params_add; check, load, borrow, init and alloc return it. */
	struct hm_err err;
};

/* Returns a tensor by its published name, valid until the next call; NULL if there is no such tensor. */
typedef const struct hm_tensor *hm_find_fn(void *ctx, const char *name);

/* Adds the parameter "name" (printf) of shape dim[], which has 1 to 4 sizes and ends with 0. The address
 * `field` is kept. A failure goes to s->err. */
void hm_params_add(struct hm_params *s, float **field, enum hm_init init, const int64_t dim[],
		   const char *name, ...) __attribute__((format(printf, 5, 6)));
#define HM_DIMS(...) ((const int64_t[]){__VA_ARGS__, 0})
/* Allocates the storage, one zeroed block, unless it is there; sets every field. 0 or HM_EDATA. */
int hm_params_alloc(struct hm_params *s, struct hm_err *e);
/* Every parameter := find(name), widened to f32. HM_EDATA naming the tensor that is missing, has another
 * shape or a dtype that is no float, holds NaN or infinity (also as f32), or is a running variance below
 * zero. */
int hm_params_load(struct hm_params *s, hm_find_fn *find, void *ctx, struct hm_err *e);
/* The same, but a parameter that is f32 and can be read in place stays there: its data must stay until the
 * table, and every network that is made ready from it, is freed. Such a table is for inference only. */
int hm_params_borrow(struct hm_params *s, hm_find_fn *find, void *ctx, struct hm_err *e);
/* Checks names, shapes and dtypes as load does, and reads no values. 0 or HM_EDATA. */
int hm_params_check(const struct hm_params *s, hm_find_fn *find, void *ctx, struct hm_err *e);
/* Every parameter := its initial value, a function of the random seed and of first + its number in the table.
 * 0 or HM_EDATA. */
int hm_params_init(struct hm_params *s, uint64_t seed, uint32_t first, struct hm_err *e);
/* The same by the threads of w, or NULL: in the calling thread. The same bytes for any number. */
int hm_params_init_by(struct hm_params *s, uint64_t seed, uint32_t first, struct hm_workers *w,
		      struct hm_err *e);
/* True if the table has a parameter of this name. */
bool hm_params_has(const struct hm_params *s, const char *name);
/* Excludes the parameters whose names begin with `prefix` from the optimizer's steps, decay and clipping. */
void hm_params_hold(struct hm_params *s, const char *prefix);

/* Moves the storage into the memory of `d`, which must outlive the table; all fields then point there. With
 * `grad` it also allocates gradients, all zero. To be called once. 0 or HM_EDATA. */
int hm_params_place(struct hm_params *s, struct hm_device *d, bool grad, struct hm_err *e);
/* The gradient of the parameter at this field; NULL if the table has no gradients. */
static inline float *hm_params_grad(const struct hm_params *s, const float *field)
{
	return s->grad ? s->grad + (field - s->data) : NULL;
}
/* out [count], host memory := all parameters in order, wherever they are, borrowed ones too; write is the way
 * back, for a table that has `data`. Failures stick to the device. */
void hm_params_read(const struct hm_params *s, float *out);
void hm_params_write(struct hm_params *s, const float *in);
/* Frees all storage; the table is empty. */
void hm_params_clear(struct hm_params *s);

/* dim[0..ndim) := the shape of the tensor `name`, from which a configuration is read. The tensor must exist
 * and have ndim dimensions, each in [1, cap]: else HM_EDATA with a sentence that names it. */
int hm_find_shape(hm_find_fn *find, void *ctx, const char *name, int ndim, int64_t cap, int64_t dim[],
		  struct hm_err *e);

#endif
