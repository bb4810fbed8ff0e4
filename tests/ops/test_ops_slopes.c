/* The reference device's gradients against finite differences: every input of every case that opcase.h's
 * tables have, the loss being L = sum of r*y with random r = dy + dy2. */
#include "../support/opcase.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* slope = (8 (L(h) - L(-h)) - (L(2h) - L(-2h))) / 12h, in error by h^4/30 of L's fifth derivative, some 1e-7
 * of it with h = 1/32, and by the roundings of the y that changed: at most 2^-24*|r*y| each, the four
 * weighing 18/12h together. That sum is the noise; it is doubled for what is rounded on the way to y
 * (add_norm's sum). What remains is allowed `part` of the largest slope of that input. Where relu has a kink
 * the step is smaller, and elements whose step crosses it are left out. */
static const double part = 1e-4;
enum { AT_MOST = 150 }; /* elements tried of one input */

struct four {
	struct op_run r[4]; /* at -2h, -h, h, 2h */
};

static double slope(struct four *f, const double *g, double h, double *noise, bool *kink)
{
	static const double weight[4] = {1, -8, 8, -1};
	double sum = 0;
	*noise = 0;
	*kink = false;
	for (size_t j = 0; j < op_count(&f->r[0].y); j++) {
		double most = 0, y[4];
		for (int k = 0; k < 4; k++) {
			y[k] = f->r[k].y.host[j];
			sum += weight[k] * y[k] * g[j] / (12 * h);
			most = fmax(most, fabs(y[k]));
			*kink |= (y[k] > 0) != (y[0] > 0);
		}
		if (y[0] != y[3])
			*noise += 2 * 1.5 / h * most * fabs(g[j]) * 0x1p-24;
	}
	return sum;
}

static void differ(const struct op_run *want, int k, size_t j, double h, struct four *f)
{
	static const double step[4] = {-2, -1, 1, 2};
	for (int t = 0; t < 4; t++) {
		op_init(&f->r[t], want->d, want->c);
		f->r[t].in[k].host[j] += (float)(step[t] * h);
		op_forward(&f->r[t]);
	}
}

/* The gradient of one input. */
static void check_input(const struct op_run *got, const struct op_run *start, const double *g, int k)
{
	size_t n = op_count(&got->in[k]), stride = n / AT_MOST + 1, tried = 0, left = 0;
	bool relu = got->c->flags & OP_RELU;
	double h = relu ? 1. / 256 : 1. / 32, most = 0;
	char what[200];
	bool adds = got->in[k].form == OP_FLOATS;
	for (size_t j = 0; j < n; j++)
		most = fmax(most, fabs(got->grad[k].host[j] - (adds ? start->grad[k].host[j] : 0)));
	for (size_t j = 0; j < n; j += stride) {
		struct four f;
		double noise, mine = got->grad[k].host[j] - (adds ? start->grad[k].host[j] : 0), true_slope;
		bool kink;
		differ(got, k, j, h, &f);
		true_slope = slope(&f, g, h, &noise, &kink);
		for (int t = 0; t < 4; t++)
			op_clear(&f.r[t]);
		tried++;
		if (relu && kink) {
			left++;
			continue;
		}
		if (!(fabs(mine - true_slope) <= noise + part * most))
			fail_msg("%s: input %d, element %zu: gradient %g, slope %g, noise %g",
				 op_name(got, what, sizeof what), k, j, mine, true_slope, noise);
	}
	if (2 * left > tried)
		fail_msg("%s: input %d: %zu of %zu left out", op_name(got, what, sizeof what), k, left,
			 tried);
}

static void check_case(struct hm_device *d, const struct op_case *c)
{
	struct op_run got, start;
	op_init(&got, d, c);
	op_init(&start, d, c);
	double *g = calloc(op_count(&got.dy), sizeof *g);
	for (size_t j = 0; j < op_count(&got.dy); j++)
		g[j] = (double)got.dy.host[j] + (got.dy2.form ? got.dy2.host[j] : 0);
	op_forward(&got);
	op_backward(&got, ~0u);
	for (int k = 0; k < OP_INPUTS; k++)
		if (got.fixed >> k & 1)
			assert_memory_equal(got.grad[k].host, start.grad[k].host,
					    op_count(&got.grad[k]) * sizeof(float));
		else if (got.in[k].form)
			check_input(&got, &start, g, k);
	free(g);
	op_clear(&got);
	op_clear(&start);
}

static void check_table(const struct op_case *c)
{
	struct hm_device *d = hm_device_open("ref", HM_PREC_F32, NULL);
	for (; c->op; c++)
		if (!(c->flags & OP_NO_SLOPES))
			check_case(d, c);
	hm_device_close(d);
}

static void images(void **state)
{
	(void)state;
	check_table(op_image_cases);
}

static void sequences(void **state)
{
	(void)state;
	check_table(op_text_cases);
}

static void sides(void **state)
{
	(void)state;
	check_table(op_fusion_cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(images), cmocka_unit_test(sequences),
					   cmocka_unit_test(sides)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
