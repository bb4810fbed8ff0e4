/* This file has f32 linear layers of inference for processors with AVX2 and without AVX-512. There oneDNN's
 * products of a row depend on the number of rows in its last bits, so that features would depend on which
 * captions are computed together. Here neither m nor the other rows show in a row of the result. The weight
 * is packed once, into panels of 16 outputs, and the input per call, so that the loops read memory in order.
 * The method: Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication (2008). */
#ifndef HM_PANELS_H
#define HM_PANELS_H

#include "ops/cpu/weight.h"

/* Whether this processor has the instructions. */
bool hm_panels_take(void);
/* linear_pack of ops.h: w [n,k] and b [n] or NULL are copied. NULL with `e`. Its matmul reads and writes no
 * rows but m. */
struct hm_weight *hm_panels_pack(const struct hm_linear *l, const float *w, const float *b, struct hm_err *e);

#endif
