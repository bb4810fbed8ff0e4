/* This file has functions of single elements. Their time is that of reading and writing once, so they
 * access 16 bytes at a time where the arrays are aligned, and the rest one by one. They work in place: a
 * thread writes only what it alone has read. */
#include "ops/cuda/vector.h"
#include "ops/cuda/philox.h"

enum function { SAME, GELU, GELU_BACKWARD, QUICK_GELU, QUICK_GELU_BACKWARD, TANH, TANH_BACKWARD };

/* gelu(v) = v*Phi(v), gelu'(v) = Phi(v) + v*phi(v), of the standard normal distribution; with s = 1/(1 +
 * exp(-1.702 v)), quick gelu(v) = v*s, quick gelu'(v) = s*(1 + 1.702 v (1 - s)). */
HM_DEVICE float function_value(enum function f, float v, float dy)
{
	float e, phi, s;
	switch (f) {
	case GELU:
		return .5f * v * (1 + erff(v * .70710678f));
	case GELU_BACKWARD:
		phi = .39894228f * expf(-.5f * v * v);
		return dy * fmaf(v, phi, .5f * (1 + erff(v * .70710678f)));
	case QUICK_GELU:
		return v / (1 + expf(-1.702f * v));
	case QUICK_GELU_BACKWARD: /* 1 - s is exp(-1.702 v)*s; of exp(-|1.702 v|), which does not overflow */
		e = expf(-fabsf(1.702f * v));
		s = 1 / (1 + e);
		return dy * (v < 0 ? e : 1) * s * fmaf(1.702f * v, (v < 0 ? 1 : e) * s, 1);
	case TANH:
		return tanhf(v);
	case TANH_BACKWARD:
		return dy * (1 - v * v);
	default:
		return v;
	}
}

template <int n, class to, class from>
HM_DEVICE void map_some(to *y, const from *x, const from *dy, size_t j, enum function f)
{
	float v[n], g[n];
	hm_load<n>(v, x + j);
	if (dy)
		hm_load<n>(g, dy + j);
#pragma unroll
	for (int i = 0; i < n; i++)
		v[i] = function_value(f, v[i], dy ? g[i] : 0);
	hm_store<n>(y + j, v);
}

/* f is a compile-time constant. */
template <class to, class from> HM_DEVICE void map_elements(const struct element_args &a, enum function f)
{
	enum { VECTOR = sizeof(to) < sizeof(from) ? HM_VECTOR(to) : HM_VECTOR(from) };
	to *y = (to *)a.y;
	const from *x = (const from *)a.x,
		   *dy = f == GELU_BACKWARD || f == QUICK_GELU_BACKWARD || f == TANH_BACKWARD
				      ? (const from *)a.dy
				      : NULL;
	size_t even = hm_aligned(y) && hm_aligned(x) && hm_aligned(dy) ? a.n / VECTOR : 0;
	for (size_t j = hm_first(); j < even; j += hm_stride())
		map_some<VECTOR>(y, x, dy, j * VECTOR, f);
	for (size_t j = even * VECTOR + hm_first(); j < a.n; j += hm_stride())
		map_some<1>(y, x, dy, j, f);
}

HM_KERNEL_ACT(gelu, struct element_args)
{
	map_elements<act, act>(a, GELU);
}

HM_KERNEL_ACT(gelu_backward, struct element_args)
{
	map_elements<act, act>(a, GELU_BACKWARD);
}

HM_KERNEL_ACT(quick_gelu, struct element_args)
{
	map_elements<act, act>(a, QUICK_GELU);
}

HM_KERNEL_ACT(quick_gelu_backward, struct element_args)
{
	map_elements<act, act>(a, QUICK_GELU_BACKWARD);
}

HM_KERNEL_ACT(tanh, struct element_args)
{
	map_elements<act, act>(a, TANH);
}

HM_KERNEL_ACT(tanh_backward, struct element_args)
{
	map_elements<act, act>(a, TANH_BACKWARD);
}

HM_KERNEL_ACT(widen, struct element_args)
{
	map_elements<float, act>(a, SAME);
}

HM_KERNEL_ACT(narrow, struct element_args)
{
	map_elements<act, float>(a, SAME);
}

HM_KERNEL(narrow_weight, struct narrow_weight_args)
{
	struct element_args w = {a.w, a.from_w, NULL, a.n_w}, b = {a.b, a.from_b, NULL, a.n_b};
	map_elements<struct hm_bf16, float>(w, SAME);
	map_elements<struct hm_bf16, float>(b, SAME);
}

HM_KERNEL_ACT(clear_spare, struct clear_spare_args)
{
	for (size_t j = hm_first(); j < a.n_a; j += hm_stride())
		hm_put((act *)a.a + j, 0);
	for (size_t j = hm_first(); j < a.n_b; j += hm_stride())
		hm_put((act *)a.b + j, 0);
}

template <int n, class act>
HM_DEVICE void drop_some(act *y, const act *x, const struct hm_drop &d, const struct hm_draw &w, size_t j)
{
	float v[n];
	hm_load<n>(v, x + j);
	hm_drop<n>(v, d, w, j);
	hm_store<n>(y + j, v);
}

HM_KERNEL_ACT(dropout, struct dropout_args)
{
	enum { VECTOR = HM_VECTOR(act) };
	act *y = (act *)a.y;
	const act *x = (const act *)a.x;
	struct hm_draw w = hm_draw_of(a.drop);
	size_t even = !a.drop.straddle && hm_aligned(y) && hm_aligned(x) ? a.n / VECTOR : 0;
	for (size_t j = hm_first(); j < even; j += hm_stride())
		drop_some<VECTOR>(y, x, a.drop, w, j * VECTOR);
	for (size_t j = even * VECTOR + hm_first(); j < a.n; j += hm_stride())
		drop_some<1>(y, x, a.drop, w, j);
}
