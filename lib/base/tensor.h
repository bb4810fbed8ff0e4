/* The tensor type, a named, typed, row-major array, and the dtypes that all of hm uses. A tensor describes
 * memory and does not own it: the function that made it says who frees it. */
#ifndef HM_TENSOR_H
#define HM_TENSOR_H

#include "base/mem.h"

enum hm_dtype {
	HM_BOOL,
	HM_U8,
	HM_I8,
	HM_I16,
	HM_U16,
	HM_I32,
	HM_U32,
	HM_I64,
	HM_U64,
	HM_F16,
	HM_BF16,
	HM_F32,
	HM_F64,
	HM_UTF8, /* record columns only: bytes of valid UTF-8 */
	HM_DTYPES
};
#define HM_MAX_DIMS 8

struct hm_tensor {
	const char *name; /* published name, e.g. "layer1.0.conv1.weight" */
	enum hm_dtype dtype;
	int ndim; /* 0: a scalar */
	int64_t dim[HM_MAX_DIMS];
	void *data; /* row-major, little-endian */
};

/* Bytes of one element; 1 for HM_UTF8. */
size_t hm_dtype_size(enum hm_dtype t);
/* safetensors' name ("F32"), "UTF8" for text. Static storage. */
const char *hm_dtype_name(enum hm_dtype t);
/* The dtype of that name, or -1. */
int hm_dtype_parse(const char *name);

/* Product of dim[0..ndim) into *n; false when a dimension is negative or the product overflows. */
bool hm_shape_count(int ndim, const int64_t *dim, size_t *n);
/* "3x224x224" ("scalar" without dimensions) into out, cut to cap; returns out. */
char *hm_shape_text(int ndim, const int64_t *dim, char *out, size_t cap);

/* Half precision, round to nearest even, as PyTorch converts. */
float hm_f16_to_f32(uint16_t h);
uint16_t hm_f32_to_f16(float f);
static inline float hm_bf16_to_f32(uint16_t b)
{
	union {
		uint32_t u;
		float f;
	} v = {(uint32_t)b << 16};
	return v.f;
}
uint16_t hm_f32_to_bf16(float f);

/* out[i] = in[i] as f32 for F16, BF16, F32, F64 (rounded); `in` may stand at any address. HM_EDATA for other
 * dtypes. */
int hm_to_f32(enum hm_dtype t, const void *in, size_t n, float *out, struct hm_err *e);

#endif
