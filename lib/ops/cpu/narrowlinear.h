/* f32 linear layers of few outputs on the cpu device, several at once. What a layer gets does not depend on
 * how many there are. */
#ifndef HM_NARROWLINEAR_H
#define HM_NARROWLINEAR_H

#include "ops/cpu/cpu.h"

/* Layers that take the same x: [n] outputs each of k inputs. A pass uses the arrays that it needs. */
struct hm_narrow {
	const float *x;			  /* [m,k] */
	const float *const *at;		  /* not NULL: row r of x is at[r], [k], wherever that is */
	const float *const *w, *const *b; /* [heads] */
	float *const *y;
	float *const *dw;
	const float *const *dy;
	size_t heads, n, k;
};

/* y[h] [m,n] = x . w[h]^T + b[h] for each layer h; b[h] may be NULL. */
void hm_narrow_forward(const struct hm_narrow *l, size_t m);
/* dw[h] [n,k] += dy[h]^T . x for each layer h; dy[h] is [m,n]. */
void hm_narrow_add_products(const struct hm_narrow *l, size_t m);
/* dx [m,k] = dy [m,n] . w [n,k] */
void hm_narrow_input_gradient(float *dx, const float *dy, const float *w, size_t m, size_t n, size_t k);

#endif
