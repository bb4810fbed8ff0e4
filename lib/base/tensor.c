/* dtypes, shapes and half-precision conversion: see tensor.h. */
#include "base/tensor.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned char size;
} dtypes[HM_DTYPES] = {
	[HM_BOOL] = {"BOOL", 1}, [HM_U8] = {"U8", 1},	  [HM_I8] = {"I8", 1},	   [HM_I16] = {"I16", 2},
	[HM_U16] = {"U16", 2},	 [HM_I32] = {"I32", 4},	  [HM_U32] = {"U32", 4},   [HM_I64] = {"I64", 8},
	[HM_U64] = {"U64", 8},	 [HM_F16] = {"F16", 2},	  [HM_BF16] = {"BF16", 2}, [HM_F32] = {"F32", 4},
	[HM_F64] = {"F64", 8},	 [HM_UTF8] = {"UTF8", 1},
};

size_t hm_dtype_size(enum hm_dtype t)
{
	return dtypes[t].size;
}

const char *hm_dtype_name(enum hm_dtype t)
{
	return dtypes[t].name;
}

int hm_dtype_parse(const char *name)
{
	for (int i = 0; i < HM_DTYPES; i++)
		if (!strcmp(dtypes[i].name, name))
			return i;
	return -1;
}

bool hm_shape_count(int ndim, const int64_t *dim, size_t *n)
{
	size_t count = 1;
	for (int i = 0; i < ndim; i++)
		if (dim[i] < 0 || !hm_size_mul(count, (size_t)dim[i], &count))
			return false;
	*n = count;
	return true;
}

char *hm_shape_text(int ndim, const int64_t *dim, char *out, size_t cap)
{
	size_t len = (size_t)snprintf(out, cap, "%s", ndim ? "" : "scalar");
	for (int i = 0; i < ndim && len < cap; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s%lld", i ? "x" : "", (long long)dim[i]);
	return out;
}

static float float_of(uint32_t u)
{
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

static uint32_t bits_of(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	return u;
}

float hm_f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, man = h & 0x3ff;
	if (exp == 31)
		return float_of(sign | 0x7f800000 | man << 13);
	if (exp)
		return float_of(sign | (exp + 112) << 23 | man << 13);
	float f = (float)man * 0x1p-24f;
	return sign ? -f : f;
}

uint16_t hm_f32_to_f16(float f)
{
	uint32_t u = bits_of(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
	if (a > 0x7f800000)
		return (uint16_t)(sign | 0x7e00);
	if (a >= 0x477ff000) /* rounds to 65536 or above */
		return (uint16_t)(sign | 0x7c00);
	if (a < 0x38800000) { /* subnormal: adding 0.5 leaves the rounded mantissa in the low bits */
		uint32_t r = bits_of(float_of(a) + 0.5f) - bits_of(0.5f);
		return (uint16_t)(sign | r);
	}
	a += 0xc8000fff + (a >> 13 & 1);
	return (uint16_t)(sign | a >> 13);
}

uint16_t hm_f32_to_bf16(float f)
{
	uint32_t u = bits_of(f);
	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

int hm_to_f32(enum hm_dtype t, const void *in, size_t n, float *out, struct hm_err *e)
{
	const unsigned char *from = in; /* at any address, so that each element is copied before it is read */
	uint16_t half;
	double wide;
	switch (t) {
	case HM_F32:
		memcpy(out, in, n * sizeof *out);
		return 0;
	case HM_F16:
		for (size_t i = 0; i < n; i++) {
			memcpy(&half, from + i * sizeof half, sizeof half);
			out[i] = hm_f16_to_f32(half);
		}
		return 0;
	case HM_BF16:
		for (size_t i = 0; i < n; i++) {
			memcpy(&half, from + i * sizeof half, sizeof half);
			out[i] = hm_bf16_to_f32(half);
		}
		return 0;
	case HM_F64:
		for (size_t i = 0; i < n; i++) {
			memcpy(&wide, from + i * sizeof wide, sizeof wide);
			out[i] = (float)wide;
		}
		return 0;
	default:
		return hm_err_set(e, HM_EDATA, "dtype %s holds no floating-point numbers", hm_dtype_name(t));
	}
}
