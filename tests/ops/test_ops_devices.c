/* This file compares every device with ref: op x shape x precision x threads from opcase.h's tables,
 * forward and backward, with outputs in place of inputs where ops.h allows it, and with outputs that are
 * not wanted. And no slot of any device is empty. */
#include "../support/opcase.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* In f32 a device adds in another order than ref and in f32 instead of double: results differ by some 2^-24
 * times the root of the number of terms. In bf16 results are rounded to 8 bits: where two devices round the
 * same sum to different sides, they differ by 2^-8 of it, times op->bf16. */
static const double f32_bound = 1e-5, bf16_unit = 0x1p-8;

static void same(const struct op_run *got, const struct op_value *a, const struct op_value *b,
		 const char *what)
{
	const struct op_kind *op = got->c->op;
	double units = op->bf16 + (op->bias && !got->d->host), most = 1e-30, worst = 0,
	       bound = got->d->act == HM_BF16 ? units * bf16_unit : f32_bound;
	char name[200];
	if (op->exact)
		bound = 0;
	for (size_t j = 0; j < op_count(b); j++) {
		most = fmax(most, fabs(b->host[j]));
		worst = fmax(worst, isfinite(a->host[j]) ? fabs((double)a->host[j] - b->host[j]) : INFINITY);
	}
	if (!(worst <= bound * most))
		fail_msg("%s: %s off by %g of the largest, %g", op_name(got, name, sizeof name), what,
			 worst / most, most);
}

static void take_value(struct op_value *a, const struct op_value *b)
{
	if (b->form)
		memcpy(a->host, b->host, op_count(b) * sizeof *a->host);
}

/* Copies all values of ref's forward pass, so that one rounding does not turn a relu. */
static void take_forward(struct op_run *r, const struct op_run *ref)
{
	take_value(&r->y, &ref->y);
	for (int k = 0; k < OP_STATES; k++)
		take_value(&r->state[k], &ref->state[k]);
	for (int k = 0; k < OP_INPUTS; k++)
		take_value(&r->in[k], &ref->in[k]);
}

static void check_forward(struct hm_device *d, const struct op_run *ref)
{
	for (int way = 0; way < ref->c->op->forward_ways; way++) {
		struct op_run r;
		op_init(&r, d, ref->c);
		r.way = way;
		op_forward(&r);
		same(&r, &r.y, &ref->y, "y");
		for (int k = 0; k < OP_STATES; k++)
			same(&r, &r.state[k], &ref->state[k], "what it leaves");
		if (!way)
			same(&r, &r.in[0], &ref->in[0], "x");
		op_clear(&r);
	}
}

/* ref has been backward, wanting all. */
static void check_backward(struct hm_device *d, const struct op_run *ref)
{
	static const char *const what[OP_INPUTS] = {"gradient 0", "gradient 1", "gradient 2", "gradient 3"};
	for (int way = 0; way < ref->c->op->backward_ways; way++)
		for (int without = -1; without < OP_INPUTS; without++) {
			struct op_run r;
			if (without >= 0 && (way || !(ref->c->op->optional >> without & 1)))
				continue;
			op_init(&r, d, ref->c);
			take_forward(&r, ref);
			r.way = way;
			op_backward(&r, without < 0 ? ~0u : ~(1u << without));
			for (int k = 0; k < OP_INPUTS; k++)
				if (k != without)
					same(&r, &r.grad[k], &ref->grad[k], what[k]);
			op_clear(&r);
		}
}

static void check_case(struct hm_device *ref, struct hm_device *d, const struct op_case *c)
{
	struct op_run want;
	op_init(&want, ref, c);
	op_forward(&want);
	if (c->op->backward)
		op_backward(&want, ~0u);
	for (d->threads = 1; d->threads <= (d->host ? 2 : 1); d->threads++) {
		check_forward(d, &want);
		check_backward(d, &want);
	}
	op_clear(&want);
}

/* ref is compared with itself too: its results in place have to agree. */
static void check_table(const struct op_case *table, enum hm_precision p)
{
	for (const char *const *name = op_devices(); *name; name++) {
		struct hm_device *d = hm_device_open(*name, p, NULL), *ref = hm_device_open("ref", p, NULL);
		assert_true(d ||
			    (p == HM_PREC_BF16 && !strcmp(*name, "cpu"))); /* which not every processor has */
		for (const struct op_case *c = table; d && c->op; c++)
			check_case(ref, d, c);
		hm_device_close(d);
		hm_device_close(ref);
	}
}

static void images(void **state)
{
	(void)state;
	check_table(op_image_cases, HM_PREC_F32);
}

static void images_bf16(void **state)
{
	(void)state;
	check_table(op_image_cases, HM_PREC_BF16);
}

static void sequences(void **state)
{
	(void)state;
	check_table(op_text_cases, HM_PREC_F32);
}

static void sequences_bf16(void **state)
{
	(void)state;
	check_table(op_text_cases, HM_PREC_BF16);
}

static void inference(void **state)
{
	(void)state;
	check_table(op_infer_cases, HM_PREC_F32);
}

static void inference_bf16(void **state)
{
	(void)state;
	check_table(op_infer_cases, HM_PREC_BF16);
}

static void heads(void **state)
{
	(void)state;
	check_table(op_head_cases, HM_PREC_F32);
	check_table(op_fusion_cases, HM_PREC_F32);
}

static uint32_t from_to(struct hm_rng *r, uint32_t from, uint32_t to)
{
	return from + hm_rng_below(r, to - from + 1);
}

/* A case of random shape and flags; channels, lengths and widths are rarely a multiple of anything. */
static struct op_case any_case(struct hm_rng *r, int which)
{
	static const char *const name[] = {"conv",  "batch_norm", "max_pool",
					   "dense", "add_norm",	  "attention"};
	struct op_case c = {.op = op_find(name[which])};
	static const int size[] = {1, 3, 7};
	int kernel = size[hm_rng_below(r, 3)];
	int i = (int)from_to(r, 1, 3), h = (int)from_to(r, 2, 14), w = (int)from_to(r, 2, 14),
	    ch = (int)from_to(r, 4, 40);
	c.flags = hm_rng_below(r, 16); /* second, dy2, dropout, relu */
	if (which == 0)
		memcpy(c.n,
		       (int[9]){i, h, w, ch, (int)from_to(r, 4, 40), kernel, (int)from_to(r, 1, 2),
				kernel / 2},
		       sizeof c.n);
	else if (which < 3)
		memcpy(c.n, (int[9]){i, h, w, ch}, sizeof c.n);
	else if (which == 3)
		memcpy(c.n, (int[9]){h * w, ch, (int)from_to(r, 1, 70)}, sizeof c.n);
	else if (which == 4)
		memcpy(c.n, (int[9]){h * w, (int)from_to(r, 8, 90)}, sizeof c.n);
	else
		memcpy(c.n, (int[9]){i, ch, h, w, (int)from_to(r, 1, 70)}, sizeof c.n);
	if (which == 1)
		c.flags |= (unsigned[]){0, OP_EVAL, OP_FROZEN}[hm_rng_below(r, 3)];
	if (which == 0 || which == 3 || which == 5)
		c.flags &= ~(unsigned)OP_DY2; /* they have one gradient */
	return c;
}

static void any_shape(void **state)
{
	(void)state;
	struct hm_rng r;
	const char *said = getenv("HM_TEST_ROUNDS"); /* fewer where each is slow */
	int rounds = said ? (int)strtol(said, NULL, 10) : 36;
	hm_rng_init(&r, 6, HM_RNG_SYNTH, 0, 0);
	for (int round = 0; round < rounds; round++) {
		struct op_case c[2] = {any_case(&r, round % 6)};
		check_table(c, HM_PREC_F32);
		check_table(c, HM_PREC_BF16);
	}
}

/* Copies and conversions, to the bit. */
static void copies(void **state)
{
	(void)state;
	enum { M = 5, K = 7, WIDE = 19, COUNT = M * WIDE };
	for (int bf16 = 0; bf16 < 2; bf16++) {
		for (const char *const *name = op_devices(); *name; name++) {
			struct hm_device *d = hm_device_open(*name, bf16 ? HM_PREC_BF16 : HM_PREC_F32, NULL);
			if (!d)
				continue; /* bf16, which not every processor has */
			const struct hm_ops *op = d->op;
			float x[COUNT], y[COUNT];
			for (int t = 0; t < COUNT; t++)
				x[t] = (float)(t - 40) * 1.0009f;
			void *a = op->alloc(d, sizeof x);
			float *b = op->alloc(d, sizeof y), *c = op->alloc(d, sizeof x);
			op->upload(d, c, x, sizeof x);
			op->narrow(d, a, c, COUNT);
			op->widen(d, b, a, COUNT);
			op->download(d, y, b, sizeof y);
			for (int t = 0; t < COUNT; t++)
				assert_true(y[t] == (bf16 ? hm_bf16_to_f32(hm_f32_to_bf16(x[t])) : x[t]));
			op->copy_columns(d, b + 2, K + 2, c + 3, WIDE, M, K);
			op->zero(d, b, sizeof *b);
			op->download(d, y, b, sizeof y);
			assert_true(y[0] == 0 && y[2] == x[3]);
			for (int t = 0; t < M * K; t++)
				assert_true(y[2 + t / K * (K + 2) + t % K] == x[3 + t / K * WIDE + t % K]);
			op->free(d, a);
			op->free(d, b);
			op->free(d, c);
			hm_device_close(d);
		}
	}
}

static void one_value_a_channel_has_no_statistics(void **state)
{
	(void)state;
	for (const char *const *name = op_devices(); *name; name++) {
		struct hm_err e = {0};
		struct hm_device *d = hm_device_open(*name, HM_PREC_F32, NULL);
		void *x = d->op->alloc(d, d->op->image_bytes(d, 1, 1, 1, 2));
		float *one = d->op->alloc(d, 2 * sizeof *one), *save = d->op->alloc(d, 4 * sizeof *save);
		d->op->batch_norm(d, x, x, NULL, one, one, one, one, save,
				  &(struct hm_bn){HM_BN_EVAL, 1e-5, .1, false}, 1, 1, 1, 2);
		assert_int_equal(hm_device_error(d, &e), 0);
		d->op->batch_norm(d, x, x, NULL, one, one, one, one, save,
				  &(struct hm_bn){HM_BN_TRAIN_FROZEN, 1e-5, .1, false}, 1, 1, 1, 2);
		assert_int_equal(hm_device_error(d, &e), HM_EDATA);
		d->op->free(d, x);
		d->op->free(d, one);
		d->op->free(d, save);
		hm_device_close(d);
	}
}

/* A mean of some 3500 standard deviations costs the variance and y no digits. */
enum { FAR_I = 2, FAR_H = 13, FAR_W = 11, FAR_C = 16, FAR_M = FAR_I * FAR_H * FAR_W };

/* Normalises x [FAR_M,c] with weight 1 into y; stats: mean, then variance [FAR_C]. */
static void normalise_far(struct hm_device *d, float *y, float *stats, const float *x, int c)
{
	static const struct hm_bn b = {HM_BN_TRAIN, 1e-5, 1, false};
	const struct hm_ops *op = d->op;
	float one[FAR_C], *dense = op->alloc(d, (size_t)(FAR_M * c) * sizeof *dense),
			  *part = op->alloc(d, 6 * sizeof one);
	void *in = op->alloc(d, op->image_bytes(d, FAR_I, FAR_H, FAR_W, c)),
	     *out = op->alloc(d, op->image_bytes(d, FAR_I, FAR_H, FAR_W, c));
	for (int k = 0; k < FAR_C; k++)
		one[k] = 1;
	op->upload(d, part, one, sizeof one);
	op->upload(d, dense, x, (size_t)(FAR_M * c) * sizeof *x);
	op->image_put(d, in, dense, FAR_I, FAR_H, FAR_W, c);
	op->batch_norm(d, out, in, NULL, part, part + FAR_C, part + 2 * FAR_C, part + 3 * FAR_C,
		       part + 4 * FAR_C, &b, FAR_I, FAR_H, FAR_W, c);
	op->grid(d, dense, out, FAR_I, FAR_H, FAR_W, c);
	op->download(d, y, dense, (size_t)(FAR_M * c) * sizeof *y);
	op->download(d, stats, part + 2 * FAR_C, 2 * sizeof one);
	op->free(d, dense);
	op->free(d, part);
	op->free(d, in);
	op->free(d, out);
	assert_int_equal(hm_device_error(d, NULL), 0);
}

static void statistics_far_from_zero(void **state)
{
	(void)state;
	for (const char *const *name = op_devices(); *name; name++)
		for (int c = 5; c <= FAR_C; c += FAR_C - 5) {
			struct hm_device *d = hm_device_open(*name, HM_PREC_F32, NULL);
			float x[FAR_M * FAR_C], y[FAR_M * FAR_C], stats[2 * FAR_C];
			struct hm_rng r;
			hm_rng_init(&r, 9, HM_RNG_SYNTH, 0, 0);
			for (int j = 0; j < FAR_M * c; j++)
				x[j] = 4096 + ((float)hm_rng_below(&r, 1024) - 512) / 256;
			normalise_far(d, y, stats, x, c);
			for (int k = 0; k < c; k++) {
				double mean = 0, var = 0, worst = 0;
				for (int j = k; j < FAR_M * c; j += c)
					mean += (double)x[j] / FAR_M;
				for (int j = k; j < FAR_M * c; j += c)
					var += (x[j] - mean) * (x[j] - mean) / FAR_M;
				for (int j = k; j < FAR_M * c; j += c)
					worst = fmax(worst, fabs(y[j] - (x[j] - mean) / sqrt(var + 1e-5)));
				if (fabs(stats[k] - mean) > mean * 0x1p-24 || worst > f32_bound ||
				    fabs(stats[FAR_C + k] - var * FAR_M / (FAR_M - 1)) > 1e-6 * var)
					fail_msg("%s: channel %d of %d: mean %g, not %g; variance %g, not "
						 "%g; y "
						 "off by %g",
						 *name, k, c, stats[k], mean, stats[FAR_C + k],
						 var * FAR_M / (FAR_M - 1), worst);
			}
			hm_device_close(d);
		}
}

static void no_slot_is_empty(void **state)
{
	(void)state;
	for (const char *const *name = op_devices(); *name; name++) {
		struct hm_device *d = hm_device_open(*name, HM_PREC_F32, NULL);
		void (*slot[sizeof *d->op / sizeof(void (*)(void))])(void);
		memcpy(slot, d->op, sizeof slot);
		for (size_t k = 0; k < sizeof slot / sizeof *slot; k++)
			if (!slot[k])
				fail_msg("%s: slot %zu of struct hm_ops is empty", *name, k);
		hm_device_close(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_slot_is_empty),
		cmocka_unit_test(sequences),
		cmocka_unit_test(sequences_bf16),
		cmocka_unit_test(inference),
		cmocka_unit_test(inference_bf16),
		cmocka_unit_test(images),
		cmocka_unit_test(images_bf16),
		cmocka_unit_test(heads),
		cmocka_unit_test(any_shape),
		cmocka_unit_test(copies),
		cmocka_unit_test(one_value_a_channel_has_no_statistics),
		cmocka_unit_test(statistics_far_from_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
