/* How two mapped sides a and b [m,n] become one matrix f [m,width]. All arrays are f32 in the device's
 * memory; spare [m,n] is scratch. */
#ifndef HM_HEADJOINT_H
#define HM_HEADJOINT_H

#include "ops/ops.h"

struct hm_joint {
	int64_t (*width)(int n);
	void (*forward)(struct hm_device *d, float *f, float *spare, const float *a, const float *b, int m,
			int n);
	/* da, db [m,n] := the gradients from df. */
	void (*backward)(struct hm_device *d, float *da, float *db, float *spare, const float *df,
			 const float *a, const float *b, int m, int n);
};

extern const struct hm_joint hm_joint_align;	    /* a*b, element by element: width n */
extern const struct hm_joint hm_joint_concat;	    /* [a; b]: width 2n */
extern const struct hm_joint hm_joint_cross;	    /* a b^T of each row, row-major: width n*n */
extern const struct hm_joint hm_joint_align_concat; /* [a*b; a; b]: width 3n */

#endif
