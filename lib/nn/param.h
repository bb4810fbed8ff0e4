/* The parameter table of a model: published name, field, shape, initial value. It drives load, save, count
 * and init, so that nothing about a tensor is said twice. A model adds its parameters in file order; storage
 * comes with the first load or init, for load after every shape was compared, so that a file of a few bytes
 * cannot ask for gigabytes. Parameters are f32 in host memory, from where networks are made ready for
 * inference; for training hm_params_place moves them to a device's memory and gives them gradients. */
#ifndef HM_PARAM_H
#define HM_PARAM_H

#include "ops/ops.h"

/* What a parameter starts as. */
enum hm_init {
	HM_INIT_ZERO,
	HM_INIT_ONE,
	HM_INIT_NORMAL,	      /* N(0, .02) */
	HM_INIT_NORMAL_PAD,   /* the same, row 0 zero: a table with a padding row */
	HM_INIT_KAIMING,      /* N(0, 2/fan_out), fan_out = dim[0] * kernel area */
	HM_INIT_UNIFORM,      /* U(-1/sqrt(k), 1/sqrt(k)), k = dim[1]: PyTorch's Linear weight */
	HM_INIT_UNIFORM_BIAS, /* the bound of the parameter before it: PyTorch's Linear bias */
	HM_INIT_UNIT,	      /* N(0, 1): PyTorch's Embedding */
	HM_INIT_RUNNING_MEAN, /* 0; a running statistic, which no optimizer touches */
	HM_INIT_RUNNING_VAR,  /* 1; the same */
};

struct hm_param {
	struct hm_tensor t; /* name, HM_F32, shape, data (once there is storage) */
	size_t count;	    /* elements */
	float **field;	    /* where the model keeps t.data */
	enum hm_init init;
	bool held; /* not the optimizer's: a running statistic, or held by hm_params_hold */
};

struct hm_params {
	struct hm_param *item;
	size_t n, cap;
	size_t count; /* elements of all */
	float *data;  /* all of them, one after the other */
	float *grad;  /* their gradients in the same order, once placed for them; NULL: none are wanted */
	struct hm_device *device; /* whose memory data and grad are; NULL: host memory */
	struct hm_arena names;
	struct hm_err err; /* the first failure of hm_params_add; load, init and alloc return it */
};

/* A tensor by its published name, or NULL. What it returns stays valid until the next call. */
typedef const struct hm_tensor *hm_find_fn(void *ctx, const char *name);

/* Adds "name" (printf) of shape dim[0..ndim), ended by 0, ndim 1 to 4. *field must stay where it is. */
void hm_params_add(struct hm_params *s, float **field, enum hm_init init, const int64_t dim[],
		   const char *name, ...) __attribute__((format(printf, 5, 6)));
#define HM_DIMS(...) ((const int64_t[]){__VA_ARGS__, 0})
/* Storage, unless there is some: one zeroed block for all; sets every field. 0 or HM_EDATA. */
int hm_params_alloc(struct hm_params *s, struct hm_err *e);
/* Every parameter := find(name), widened to f32. HM_EDATA naming the tensor that is missing, has another
 * shape or a dtype that is no float, holds NaN or infinity (also as f32), or is a running variance below
 * zero. */
int hm_params_load(struct hm_params *s, hm_find_fn *find, void *ctx, struct hm_err *e);
/* The same without the values: 0 when all names, shapes and dtypes are right, else HM_EDATA. */
int hm_params_check(const struct hm_params *s, hm_find_fn *find, void *ctx, struct hm_err *e);
/* Every parameter := its initial value, a function of (seed, first + position here). 0 or HM_EDATA. */
int hm_params_init(struct hm_params *s, uint64_t seed, uint32_t first, struct hm_err *e);
/* True when the table has this name: what a file holds beyond it is left over. */
bool hm_params_has(const struct hm_params *s, const char *name);
/* The optimizer shall leave the parameters whose names begin so alone, and so shall decay and clipping. */
void hm_params_hold(struct hm_params *s, const char *prefix);

/* Moves the storage into the memory of `d`, which must outlive the table; all fields then point there. With
 * `grad`, gradients come with it, all zero. Once; 0 or HM_EDATA. */
int hm_params_place(struct hm_params *s, struct hm_device *d, bool grad, struct hm_err *e);
/* The gradient of the parameter at this field, NULL when none are wanted. */
static inline float *hm_params_grad(const struct hm_params *s, const float *field)
{
	return s->grad ? s->grad + (field - s->data) : NULL;
}
/* out [count], host memory = all parameters in order, wherever they are; and back. */
void hm_params_read(const struct hm_params *s, float *out);
void hm_params_write(struct hm_params *s, const float *in);
/* Frees all storage; the table is empty. */
void hm_params_clear(struct hm_params *s);

/* The shape of a float tensor that must be there with ndim dimensions, each in [1, cap]: what a configuration
 * is read from. HM_EDATA with the sentence. */
int hm_find_shape(hm_find_fn *find, void *ctx, const char *name, int ndim, int64_t cap, int64_t dim[],
		  struct hm_err *e);

#endif
