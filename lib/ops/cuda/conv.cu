/* This file has the kernels around the products of convolutions: they lay images out as columns and filters
 * as rows, and bring both gradients back. */
#include "ops/cuda/imageargs.h"
#include "ops/cuda/vector.h"

/* The first pixel that output (oy, ox) of an image reads, and the part of its window inside the image. */
struct hm_window {
	size_t image;
	int y, x;
};

template <class act>
HM_DEVICE const act *tap_at(const struct conv_columns_args &a, const struct hm_window &o, uint32_t tap,
			    size_t channels)
{
	uint32_t kx, ky = hm_divide(tap, a.kernel, &kx);
	int y = o.y + (int)ky, x = o.x + (int)kx;
	if (ky >= a.kernel.by || y < 0 || y >= a.h || x < 0 || x >= a.w)
		return NULL;
	return (const act *)a.x + ((o.image * a.h + y) * a.w + x) * channels;
}

/* Eight channels of one tap, copied as they are. */
template <class act>
HM_DEVICE void copy_channels(act *to, const struct conv_columns_args &a, const struct hm_window &o,
			     uint32_t unit)
{
	uint32_t c, tap = hm_divide(unit, a.c, &c);
	const act *from = tap_at<act>(a, o, tap, (size_t)a.c.by * 8);
	uint4 v[sizeof(act) / 2];
	for (unsigned j = 0; j < sizeof(act) / 2; j++)
		v[j] = from ? ((const uint4 *)(from + c * 8))[j] : make_uint4(0, 0, 0, 0);
	for (unsigned j = 0; j < sizeof(act) / 2; j++)
		((uint4 *)to)[j] = v[j];
}

/* Eight elements of any taps: for 3 channels or numbers of channels that are no multiple of 8. */
template <class act>
HM_DEVICE void copy_elements(act *to, const struct conv_columns_args &a, const struct hm_window &o,
			     uint32_t unit)
{
	uint32_t c, tap = hm_divide(unit * 8, a.c, &c);
	const act *from = tap_at<act>(a, o, tap, a.c.by);
	float v[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		v[j] = from ? hm_get(from + c) : 0;
		if (++c == a.c.by) {
			c = 0;
			from = tap_at<act>(a, o, ++tap, a.c.by);
		}
	}
	hm_store<8>(to, v);
}

HM_KERNEL_ACT(conv_columns, struct conv_columns_args)
{
	for (size_t u = hm_first(); u < a.n; u += hm_stride()) {
		uint32_t unit, ox, oy, position = hm_divide((uint32_t)u, a.units, &unit),
				       row = hm_divide(position, a.wo, &ox),
				       image = hm_divide(row, a.ho, &oy);
		const struct hm_window o = {image, (int)oy * a.stride - a.pad, (int)ox * a.stride - a.pad};
		if (a.wide)
			copy_channels((act *)a.columns + u * 8, a, o, unit);
		else
			copy_elements((act *)a.columns + u * 8, a, o, unit);
	}
}

HM_KERNEL_ACT(conv_filters, struct conv_filters_args)
{
	for (size_t e = hm_first(); e < a.n; e += hm_stride()) {
		uint32_t j, c, row = hm_divide((uint32_t)e, a.width, &j), tap = hm_divide(j, a.c, &c);
		const float *from = a.w + (size_t)row * a.row_step + (size_t)c * a.c_step;
		hm_put((act *)a.y + e, tap < a.taps ? from[a.turned ? a.taps - 1 - tap : tap] : 0);
	}
}

HM_KERNEL(conv_gradient, struct conv_gradient_args)
{
	for (size_t e = hm_first(); e < a.n; e += hm_stride()) {
		uint32_t j, tap, f = hm_divide((uint32_t)e, a.c_taps, &j), c = hm_divide(j, a.taps, &tap);
		a.dw[e] += a.columns[(size_t)f * a.width + tap * a.c + c];
	}
}

/* Tap (ky, kx) of output (oy, ox) reads row oy*stride - pad + ky. So row iy is read by every stride-th tap
 * from (iy + pad) % stride on; the later the tap, the earlier the output. */
template <class act, int N> HM_DEVICE void conv_image_units(const struct conv_image_args &a)
{
	for (size_t u = hm_first(); u < a.n; u += hm_stride()) {
		uint32_t c, ix, iy, ky0, kx0, position = hm_divide((uint32_t)u, a.c, &c),
					      row = hm_divide(position, a.w, &ix),
					      image = hm_divide(row, a.h, &iy);
		int oy0 = (int)hm_divide(iy + a.pad, a.stride, &ky0),
		    ox0 = (int)hm_divide(ix + a.pad, a.stride, &kx0), stride = (int)a.stride.by;
		float sum[N] = {0};
		for (int ky = (int)ky0, oy = oy0; ky < a.kernel && oy >= 0; ky += stride, oy--) {
			if (oy >= a.ho)
				continue;
			const float *line = a.columns + ((size_t)image * a.ho + oy) * a.wo * a.width + c * N;
			for (int kx = (int)kx0, ox = ox0; kx < a.kernel && ox >= 0; kx += stride, ox--) {
				if (ox >= a.wo)
					continue;
				float v[N];
				hm_load<N>(v, line + (size_t)ox * a.width +
						      (ky * a.kernel + kx) * (int)a.c.by * N);
				for (int l = 0; l < N; l++)
					sum[l] += v[l];
			}
		}
		hm_store<N>((act *)a.dx + u * N, sum);
	}
}

HM_KERNEL_ACT(conv_image, struct conv_image_args)
{
	if (a.wide)
		conv_image_units<act, 8>(a);
	else
		conv_image_units<act, 1>(a);
}
