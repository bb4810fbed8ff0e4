/* lib/nn/resnet against PyTorch's features of two tiny networks (tests/oracle/make_nets.py), on every device
 * that is built in; and what a table of tensors may not look like. */
#include "../support/devices.h"
#include "nn/resnetparts.h"
#include "weights/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct hm_tensor *find_tensor(void *ctx, const char *name)
{
	return hm_weights_find(ctx, name);
}

/* The network in the file, ready for `d`. */
static struct hm_resnet_net *net_of(struct hm_weights *w, struct hm_device *d)
{
	struct hm_resnet_config c;
	struct hm_err e = {0};
	assert_int_equal(hm_resnet_config_read(&c, find_tensor, w, &e), 0);
	struct hm_resnet *m = hm_resnet_new(&c, &e);
	assert_non_null(m);
	assert_int_equal(hm_params_load(hm_resnet_params(m), find_tensor, w, &e), 0);
	struct hm_resnet_net *net = hm_resnet_prepare(m, d, &e);
	assert_non_null(net);
	hm_resnet_free(m);
	return net;
}

/* max|a - b| <= bound * max|b|, and b is no constant. */
static void assert_close(const float *a, const struct hm_tensor *t, double bound)
{
	size_t n;
	double worst = 0, most = 0;
	const float *b = t->data;
	assert_true(hm_shape_count(t->ndim, t->dim, &n));
	for (size_t j = 0; j < n; j++) {
		most = fmax(most, fabs(b[j]));
		worst = fmax(worst, isfinite(a[j]) ? fabs((double)a[j] - b[j]) : INFINITY);
	}
	if (worst > bound * most)
		fail_msg("%s: off by %g of the largest, %g", t->name, worst / most, most);
	assert_true(most > 0);
}

static void encode(const char *file, const char *device, enum hm_precision precision, double bound)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, file, NULL, &e), 0);
	const struct hm_tensor *px = find_tensor(w, "pixels"), *pooled = find_tensor(w, "pooled"),
			       *grid = find_tensor(w, "grid");
	int n = (int)px->dim[0], h = (int)px->dim[2], wd = (int)px->dim[3];
	size_t c = (size_t)pooled->dim[1], cells = (size_t)grid->dim[1];
	assert_int_equal(hm_resnet_grid_side(h) * hm_resnet_grid_side(wd), cells);

	struct hm_device *d = hm_device_open(device, precision, &e);
	assert_non_null(d);
	struct hm_resnet_net *net = net_of(w, d);
	struct hm_device *fork = hm_device_fork(d, &e);
	struct hm_resnet_work *a = hm_resnet_work_new(net, d, n + 1, h, wd, &e),
			      *b = hm_resnet_work_new(net, fork, n, h, wd, &e);
	assert_non_null(a);
	assert_non_null(b);
	size_t images = (size_t)n * 3 * h * wd;
	float *p = malloc(n * c * sizeof *p), *p2 = malloc(n * c * sizeof *p),
	      *g = malloc(n * cells * c * sizeof *g), *dp = device_floats(d, n * c),
	      *dp2 = device_floats(fork, n * c), *dg = device_floats(d, n * cells * c);
	uint8_t *dx = d->op->alloc(d, images), *dx2 = fork->op->alloc(fork, images);
	d->op->upload(d, dx, px->data, images);
	fork->op->upload(fork, dx2, px->data, images);
	hm_resnet_encode(net, a, dx, n, dp, dg);
	assert_close(device_read(d, p, dp, n * c), pooled, bound);
	assert_close(device_read(d, g, dg, n * cells * c), grid, bound);
	assert_int_equal(hm_device_error(d, &e), 0);

	/* Another context, and either output alone: the same bytes. */
	hm_resnet_encode(net, b, dx2, n, dp2, NULL);
	assert_memory_equal(p, device_read(fork, p2, dp2, n * c), n * c * sizeof *p);
	d->op->zero(d, dp, n * c * sizeof *p);
	hm_resnet_encode(net, a, dx, n, dp, NULL);
	assert_memory_equal(p, device_read(d, p2, dp, n * c), n * c * sizeof *p);

	/* One image at a time. */
	for (int i = 0; i < n; i++)
		hm_resnet_encode(net, b, dx2 + (size_t)i * 3 * h * wd, 1, dp2 + i * c, NULL);
	assert_close(device_read(fork, p2, dp2, n * c), pooled, bound);
	assert_int_equal(hm_device_error(fork, &e), 0);

	free(p);
	free(p2);
	free(g);
	d->op->free(d, dp);
	fork->op->free(fork, dp2);
	d->op->free(d, dg);
	d->op->free(d, dx);
	fork->op->free(fork, dx2);
	hm_resnet_work_free(a);
	hm_resnet_work_free(b);
	hm_device_close(fork);
	hm_resnet_net_free(net);
	hm_device_close(d);
	hm_weights_close(w);
}

static void pytorch_agrees(void **state)
{
	(void)state;
	static const char *const file[] = {"tests/data/nets/resnet-basic.safetensors",
					   "tests/data/nets/resnet-bottleneck.safetensors"};
	for (const char *const *name = op_devices(); *name; name++)
		for (int f = 0; f < 2; f++) {
			encode(file[f], *name, HM_PREC_F32, 2e-5);
			struct hm_device *d = hm_device_open(*name, HM_PREC_BF16, NULL);
			if (d) /* the processor has it */
				encode(file[f], *name, HM_PREC_BF16, 3e-2);
			hm_device_close(d);
		}
}

/* A lookup that hides or replaces one tensor. */
struct tampered {
	struct hm_weights *w;
	const char *name;
	const struct hm_tensor *instead;
};

static const struct hm_tensor *find_tampered(void *ctx, const char *name)
{
	struct tampered *t = ctx;
	return strcmp(name, t->name) ? hm_weights_find(t->w, name) : t->instead;
}

static void wrong_tensors_are_named(void **state)
{
	(void)state;
	static const struct hm_tensor flat = {.name = "x", .dtype = HM_F32, .ndim = 1, .dim = {4}};
	static const struct hm_tensor vast = {
		.name = "x", .dtype = HM_F32, .ndim = 4, .dim = {1 << 20, 1, 1, 1}};
	static const struct {
		const char *name;
		const struct hm_tensor *instead;
		const char *says;
	} bad[] = {
		{"conv1.weight", NULL, "tensor conv1.weight is missing"},
		{"conv1.weight", &flat, "tensor conv1.weight is 4, which no such network has"},
		{"layer3.0.conv1.weight", &vast,
		 "tensor layer3.0.conv1.weight is 1048576x1x1x1, which no such network has"},
		{"layer4.0.bn2.bias", &flat, "tensor layer4.0.bn2.bias is 4, the network needs 17"},
		{"layer2.1.bn1.running_var", NULL, "tensor layer2.1.bn1.running_var is missing"},
	};
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, "tests/data/nets/resnet-basic.safetensors", NULL, NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct tampered t = {w, bad[i].name, bad[i].instead};
		struct hm_resnet_config c;
		struct hm_resnet *m = NULL;
		struct hm_err e = {0};
		int rc = hm_resnet_config_read(&c, find_tampered, &t, &e);
		if (!rc) {
			m = hm_resnet_new(&c, &e);
			assert_non_null(m);
			rc = hm_params_load(hm_resnet_params(m), find_tampered, &t, &e);
			assert_null(hm_resnet_params(m)->data); /* nothing was allocated for it */
		}
		assert_int_equal(rc, HM_EDATA);
		assert_string_equal(e.text, bad[i].says);
		hm_resnet_free(m);
	}
	hm_weights_close(w);
}

static void presets_have_their_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t count;
	} preset[] = {/* torchvision's parameters and running statistics, without fc */
		      {"resnet18", 11176512 + 9600},
		      {"resnet50", 23508032 + 53120},
		      {"resnet-tiny", 0}};
	for (int i = 0; i < 3; i++) {
		struct hm_resnet_config c;
		assert_true(hm_resnet_config_preset(&c, preset[i].name));
		struct hm_resnet *m = hm_resnet_new(&c, NULL);
		if (preset[i].count)
			assert_int_equal(hm_resnet_params(m)->count, preset[i].count);
		hm_resnet_free(m);
	}
	assert_false(hm_resnet_config_preset(&(struct hm_resnet_config){0}, "resnet19"));
}

static void initial_values(void **state)
{
	(void)state;
	struct hm_resnet_config c;
	hm_resnet_config_preset(&c, "resnet-tiny");
	struct hm_resnet *m = hm_resnet_new(&c, NULL), *same = hm_resnet_new(&c, NULL),
			 *other = hm_resnet_new(&c, NULL);
	struct hm_params *p = hm_resnet_params(m);
	assert_int_equal(hm_params_init(p, 7, 0, NULL), 0);
	assert_int_equal(hm_params_init(hm_resnet_params(same), 7, 0, NULL), 0);
	assert_int_equal(hm_params_init(hm_resnet_params(other), 8, 0, NULL), 0);
	for (size_t i = 0; i < p->n; i++) {
		const struct hm_param *q = &p->item[i];
		const float *x = q->t.data;
		double sum = 0;
		assert_memory_equal(x, hm_resnet_params(same)->item[i].t.data, q->count * sizeof *x);
		for (size_t j = 0; j < q->count; j++)
			sum += q->init == HM_INIT_KAIMING ? x[j] * x[j] : x[j];
		if (q->init ==
		    HM_INIT_KAIMING) { /* deviation sqrt(2/fan_out), to the spread of so many draws */
			double fan_out = (double)(q->t.dim[0] * q->t.dim[2] * q->t.dim[3]);
			assert_true(fabs(sum / (double)q->count * fan_out / 2 - 1) <
				    6 / sqrt((double)q->count));
			assert_memory_not_equal(x, hm_resnet_params(other)->item[i].t.data,
						q->count * sizeof *x);
		} else {
			assert_true(sum == (q->init == HM_INIT_ONE || q->init == HM_INIT_RUNNING_VAR
						    ? (double)q->count
						    : 0));
		}
	}
	assert_true(hm_params_has(p, "layer4.0.downsample.1.running_var"));
	assert_false(hm_params_has(p, "layer1.0.downsample.0.weight"));
	hm_resnet_free(m);
	hm_resnet_free(same);
	hm_resnet_free(other);
}

/* Each weight is finite, the product of filter and batch norm is not. */
static void a_product_beyond_f32_is_an_error(void **state)
{
	(void)state;
	struct hm_resnet_config c;
	struct hm_err e = {0};
	assert_true(hm_resnet_config_preset(&c, "resnet-tiny"));
	struct hm_resnet *m = hm_resnet_new(&c, &e);
	struct hm_device *d = hm_device_open("ref", HM_PREC_F32, &e);
	assert_non_null(m);
	assert_non_null(d);
	struct hm_params *p = hm_resnet_params(m);
	assert_int_equal(hm_params_init(p, 1, 0, &e), 0);
	for (size_t j = 0; j < p->count; j++)
		p->data[j] = 1e30f;
	assert_null(hm_resnet_prepare(m, d, &e));
	assert_non_null(strstr(e.text, "product is not finite"));
	hm_resnet_free(m);
	hm_device_close(d);
}

/* Training reserves four gradients of this size, so the image, which needs no gradient and on cpu takes the
 * room of 16 channels, must not count. */
static void gradients_have_room_for_outputs_alone(void **state)
{
	(void)state;
	struct hm_resnet_config c;
	struct hm_err e = {0};
	assert_true(hm_resnet_config_preset(&c, "resnet-tiny"));
	c.stem = 1; /* less than an image on every device */
	for (int s = 0; s < 4; s++)
		c.width[s] = c.out[s] = 1;
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	assert_non_null(d);
	size_t most = d->op->image_bytes(d, 2, 32, 32, c.stem); /* after the stem */
	for (int s = 0; s < 4; s++) {
		int side = 16 >> s;
		size_t bytes = d->op->image_bytes(d, 2, side, side, c.out[s]);
		most = bytes > most ? bytes : most;
	}
	assert_true(most < d->op->image_bytes(d, 2, 64, 64, 3));
	assert_int_equal(hm_resnet_largest_bytes(&c, d, 2, 64, 64), most);
	hm_device_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pytorch_agrees),
		cmocka_unit_test(wrong_tensors_are_named),
		cmocka_unit_test(presets_have_their_sizes),
		cmocka_unit_test(initial_values),
		cmocka_unit_test(a_product_beyond_f32_is_an_error),
		cmocka_unit_test(gradients_have_room_for_outputs_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
