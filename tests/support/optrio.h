/* One inference operation on ref, on cpu and on a fork of cpu, and the comparison of what they give. */
#ifndef HM_TEST_OPTRIO_H
#define HM_TEST_OPTRIO_H

#include "ops/ops.h"

/* The devices compared in one case: [0] is ref, [1] cpu, [2] a fork of cpu that must give cpu's bytes. */
struct trio {
	struct hm_device *d[3];
	bool bf16;
};

/* False when this processor has no bf16: then opening must say so. */
bool open_trio(struct trio *t, bool bf16);
void close_trio(struct trio *t);
/* [n], of the normal distribution. Caller frees, as with copy_floats. */
float *spread_floats(size_t n, double spread, uint32_t which);
/* x [n] as activations of d, in its memory, with room for `room` of them. */
void *copy_acts(struct hm_device *d, const float *x, size_t n, size_t room);
/* Activations of d as floats. */
float *copy_floats(const struct hm_device *d, const void *x, size_t n);
/* out[0] is ref's, [1] cpu's, [2] the fork's. Frees them. */
void compare_outputs(const struct trio *t, float *out[3], size_t n, const char *what);

#endif
