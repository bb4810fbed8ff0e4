/* The positions of an image that has another number of patches than the table: bicubic interpolation, as
 * torch.nn.functional.interpolate with align_corners=False computes it. */
#include "nn/vitparts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The cubic convolution kernel with parameter a: PyTorch has -3/4, and -1/2 where it smooths. */
static double cubic_weight(double t, double a)
{
	t = fabs(t);
	if (t < 1)
		return ((a + 2) * t - (a + 3)) * t * t + 1;
	return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

/* weight [out,in] := what each of `in` values gives to each of `out`. Beyond the edge the value of the edge
 * counts; smoothing leaves out what is beyond, and normalises. */
static void fill_weights(double *weight, int in, int out, bool smooth)
{
	double scale = (double)in / out, wide = smooth && scale > 1 ? scale : 1;
	memset(weight, 0, (size_t)in * (size_t)out * sizeof *weight);
	for (int o = 0; o < out; o++) {
		double centre = (o + .5) * scale - .5, sum = 0, *row = weight + (size_t)o * (size_t)in;
		int first = (int)floor(centre - 2 * wide), last = (int)ceil(centre + 2 * wide);
		for (int i = first; i <= last; i++) {
			double k = cubic_weight((i - centre) / wide, smooth ? -.5 : -.75);
			int at = i < 0 ? 0 : i >= in ? in - 1 : i;
			if (smooth && at != i)
				continue;
			row[at] += k;
			sum += k;
		}
		for (int i = 0; smooth && i < in; i++)
			row[i] /= sum;
	}
}

int hm_vit_positions(const struct hm_vit_config *c, const float *table, const struct hm_vit_rows *r,
		     float *out, struct hm_err *e)
{
	size_t h = (size_t)c->layers.hidden, side = (size_t)c->side, down = (size_t)r->down,
	       across = (size_t)r->across;
	const float *from = table + h; /* behind the class row's */
	if (down == side && across == side) {
		memcpy(out, from, side * side * h * sizeof *out);
		return 0;
	}
	double *y = hm_alloc(side * (down + across), sizeof *y, e), *x = y ? y + side * down : NULL;
	if (!y)
		return HM_EDATA;
	fill_weights(y, c->side, r->down, c->antialias);
	fill_weights(x, c->side, r->across, c->antialias);
	for (size_t cell = 0; cell < down * across; cell++)
		for (size_t j = 0; j < h; j++) {
			const double *wy = y + cell / across * side, *wx = x + cell % across * side;
			double sum = 0;
			for (size_t a = 0; a < side; a++)
				for (size_t b = 0; b < side && wy[a] != 0; b++)
					sum += wx[b] != 0 ? wy[a] * wx[b] * from[(a * side + b) * h + j] : 0;
			out[cell * h + j] = (float)sum;
		}
	free(y);
	return 0;
}
