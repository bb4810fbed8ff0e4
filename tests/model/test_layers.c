/* lib/nn/layers against the formulas of layers.h in double precision, on every device: post-norm and
 * pre-norm, both activations, all rows or one of each sequence, with and without dropout. Inference,
 * training's forward pass, and gradients against the slopes of the formulas. */
#include "../support/devices.h"
#include "base/rng.h"
#include "nn/layers.h"
#include "ops/dropmask.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LAYERS = 3, H = 12, F = 20, HEADS = 3, DIM = H / HEADS, S = 3, M = 8, LONGEST = 4 };
static const int32_t len[S] = {3, 1, 4}, wanted[S] = {1, 3, 7};

static const struct hm_layer_names names = {.layers = "layer.",
					    .query = "q.",
					    .key = "k.",
					    .value = "v.",
					    .out = "out.",
					    .norm1 = "norm1.",
					    .up = "up.",
					    .down = "down.",
					    .norm2 = "norm2.",
					    .last_norm = "last."};

/* One stack, its inputs, and its parameters as doubles. */
struct stack {
	struct hm_layers_config c;
	struct hm_params params;
	struct hm_layers l;
	struct hm_layer layer[LAYERS]; /* of l, while its fields are in host memory */
	float *at;		       /* where the table was then */
	double *p;		       /* [params.count] */
	double x[M * H], slope[M * H];
	int rows; /* wanted: M or S */
	struct hm_dropout drop;
};

/* ---- the formulas */

/* Of the parameter that was at this field. */
static const double *value(const struct stack *k, const float *field)
{
	return k->p + (field - k->at);
}

static void linear(const struct stack *k, double *y, const double *x, const float *w, const float *b, int m,
		   int n, int d)
{
	for (int r = 0; r < m; r++)
		for (int j = 0; j < n; j++) {
			y[r * n + j] = value(k, b)[j];
			for (int t = 0; t < d; t++)
				y[r * n + j] += x[r * d + t] * value(k, w)[j * d + t];
		}
}

static void layer_norm(const struct stack *k, double *y, const double *x, const float *w, const float *b,
		       int m)
{
	for (int r = 0; r < m; r++, x += H, y += H) {
		double mean = 0, var = 0;
		for (int j = 0; j < H; j++)
			mean += x[j] / H;
		for (int j = 0; j < H; j++)
			var += (x[j] - mean) * (x[j] - mean) / H;
		for (int j = 0; j < H; j++)
			y[j] = (x[j] - mean) / sqrt(var + k->c.eps) * value(k, w)[j] + value(k, b)[j];
	}
}

static double dropped(const struct stack *k, int site, uint64_t element)
{
	struct hm_dropout d = k->drop;
	d.site = (uint32_t)site;
	return (double)hm_dropout_factor(&d, element);
}

static void attention(const struct stack *k, double *y, const double *qkv, int site)
{
	for (int s = 0, first = 0; s < S; first += len[s++])
		for (int r = first; r < first + len[s]; r++)
			for (int a = 0; a < HEADS; a++) {
				double p[LONGEST], sum = 0;
				const double *q = qkv + r * 3 * H + a * DIM;
				int n = k->c.causal ? r - first + 1 : len[s];
				for (int j = 0; j < n; j++) {
					const double *key = qkv + (first + j) * 3 * H + H + a * DIM;
					p[j] = 0;
					for (int t = 0; t < DIM; t++)
						p[j] += q[t] * key[t] / sqrt(DIM);
					sum += p[j] = exp(p[j]);
				}
				for (int t = 0; t < DIM; t++)
					y[r * H + a * DIM + t] = 0;
				for (int j = 0; j < n; j++) {
					uint64_t e = (uint64_t)((r * HEADS + a) * LONGEST + j);
					const double *v = qkv + (first + j) * 3 * H + 2 * H + a * DIM;
					for (int t = 0; t < DIM; t++)
						y[r * H + a * DIM + t] +=
							p[j] / sum * dropped(k, site, e) * v[t];
				}
			}
}

/* x [m,H] += y, after dropout. */
static void add_dropped(const struct stack *k, double *x, const double *y, int site, int m)
{
	for (int j = 0; j < m * H; j++)
		x[j] += y[j] * dropped(k, site, (uint64_t)j);
}

static double activate(const struct stack *k, double v)
{
	return k->c.act == HM_ACT_GELU ? .5 * v * (1 + erf(v * M_SQRT1_2)) : v / (1 + exp(-1.702 * v));
}

/* x, y [M,H] := their wanted rows. */
static void pick(double *x, double *y)
{
	for (int s = 0; s < S; s++) {
		memmove(x + s * H, x + wanted[s] * H, H * sizeof *x);
		memmove(y + s * H, y + wanted[s] * H, H * sizeof *y);
	}
}

/* out [rows,H]. */
static void formulas(const struct stack *k, double *out)
{
	double x[M * H], y[M * H], wide[M * 3 * H];
	bool pre = k->c.pre_norm;
	int m = M;
	memcpy(x, k->x, sizeof x);
	for (int i = 0; i < LAYERS; i++) {
		const struct hm_layer *l = &k->layer[i];
		memcpy(y, x, sizeof y);
		if (pre)
			layer_norm(k, y, x, l->norm1_w, l->norm1_b, m);
		linear(k, wide, y, l->qkv_w[0], l->qkv_b[0], m, 3 * H, H);
		attention(k, y, wide, 3 * i + 1);
		if (i == LAYERS - 1 && k->rows == S) {
			pick(x, y);
			m = S;
		}
		linear(k, wide, y, l->out_w, l->out_b, m, H, H);
		add_dropped(k, x, wide, 3 * i + 2, m);
		layer_norm(k, y, x, pre ? l->norm2_w : l->norm1_w, pre ? l->norm2_b : l->norm1_b, m);
		if (!pre)
			memcpy(x, y, sizeof x);
		linear(k, wide, y, l->up_w, l->up_b, m, F, H);
		for (int j = 0; j < m * F; j++)
			wide[j] = activate(k, wide[j]);
		linear(k, y, wide, l->down_w, l->down_b, m, H, F);
		add_dropped(k, x, y, 3 * i + 3, m);
		if (!pre)
			layer_norm(k, x, x, l->norm2_w, l->norm2_b, m);
	}
	if (pre)
		layer_norm(k, x, x, k->l.last_w, k->l.last_b, m);
	memcpy(out, x, (size_t)(m * H) * sizeof *x);
}

/* The loss whose gradient by the output is k->slope. */
static double loss_of(const struct stack *k)
{
	double out[M * H], sum = 0;
	formulas(k, out);
	for (int j = 0; j < k->rows * H; j++)
		sum += out[j] * k->slope[j];
	return sum;
}

static double slope_by(const struct stack *k, double *at)
{
	double was = *at, step = 1e-5, up, down;
	*at = was + step;
	up = loss_of(k);
	*at = was - step;
	down = loss_of(k);
	*at = was;
	return (up - down) / (2 * step);
}

/* ---- a stack */

static void stack_init(struct stack *k, bool pre, bool causal, enum hm_act act, int rows, double p)
{
	struct hm_err e = {0};
	struct hm_rng r;
	*k = (struct stack){.c = {LAYERS, H, F, HEADS, 1e-5, act, pre, causal},
			    .rows = rows,
			    .drop = {.p = p, .seed = 7, .step = 3}};
	assert_int_equal(hm_layers_init(&k->l, &k->c, &names, &k->params, &e), 0);
	assert_int_equal(hm_params_init(&k->params, 5, 0, &e), 0);
	memcpy(k->layer, k->l.layer, sizeof k->layer);
	k->at = k->params.data;
	k->p = malloc(k->params.count * sizeof *k->p);
	hm_rng_init(&r, 8, HM_RNG_SYNTH, 0, 0);
	for (size_t j = 0; j < k->params.count; j++) {
		k->params.data[j] +=
			.3f * (float)hm_rng_normal(&r); /* norms about 1 and 0, all else about 0 */
		k->p[j] = (double)k->params.data[j];
	}
	for (int j = 0; j < M * H; j++) {
		k->x[j] = (double)(float)hm_rng_normal(&r);
		k->slope[j] = (double)(float)hm_rng_normal(&r);
	}
}

static void stack_clear(struct stack *k)
{
	hm_params_clear(&k->params);
	hm_layers_clear(&k->l);
	free(k->p);
}

static void put_act(struct hm_device *d, void *to, const double *x, size_t n)
{
	float f[M * H], *from = device_floats(d, n);
	for (size_t j = 0; j < n; j++)
		f[j] = (float)x[j];
	d->op->upload(d, from, f, n * sizeof *f);
	d->op->narrow(d, to, from, n);
	d->op->free(d, from);
}

static void get_act(struct hm_device *d, float *x, const void *from, size_t n)
{
	float *wide = device_floats(d, n);
	d->op->widen(d, wide, from, n);
	device_read(d, x, wide, n);
	d->op->free(d, wide);
}

/* In parts of the largest value. */
static void assert_close(const struct stack *k, const struct hm_device *d, const float *got,
			 const double *want, size_t n, double bound, const char *what)
{
	double worst = 0, most = 1e-9;
	for (size_t j = 0; j < n; j++) {
		most = fmax(most, fabs(want[j]));
		worst = fmax(worst, isfinite(got[j]) ? fabs((double)got[j] - want[j]) : INFINITY);
	}
	if (!(worst <= bound * most))
		fail_msg("%s, %s-norm%s, act %d, %d rows, dropout %g: %s off by %g of the largest, %g",
			 d->name, k->c.pre_norm ? "pre" : "post", k->c.causal ? ", causal" : "",
			 (int)k->c.act, k->rows, k->drop.p, what, worst / most, most);
}

static struct hm_packed packed_on(struct hm_device *d, const struct stack *k, int32_t **own)
{
	int32_t *at = *own = d->op->alloc(d, 2 * sizeof len);
	d->op->upload(d, at, len, sizeof len);
	d->op->upload(d, at + S, wanted, sizeof wanted);
	return (struct hm_packed){M, S, at, k->rows == S ? at + S : NULL};
}

static void check_infer(struct stack *k, struct hm_device *d, const double *want, double bound)
{
	struct hm_layers_net net = {0};
	struct hm_layers_work work = {0};
	float out[M * H];
	int32_t *own;
	struct hm_packed packed = packed_on(d, k, &own);
	hm_layers_prepare(&net, &k->l, false, d);
	hm_layers_work_init(&work, &net, d, M);
	put_act(d, work.x, k->x, M * H);
	get_act(d, out, hm_layers_infer(&net, &work, &packed), (size_t)(k->rows * H));
	assert_int_equal(hm_device_error(d, NULL), 0);
	assert_close(k, d, out, want, (size_t)(k->rows * H), bound, "inference");
	hm_layers_work_clear(&work);
	hm_layers_net_clear(&net);
	d->op->free(d, own);
}

/* Forward, with or without a backward pass; dx [M*H], grad [params.count] := the gradients. */
static void check_train(struct stack *k, struct hm_device *d, const double *want, bool backward, float *dx,
			float *grad, double bound)
{
	struct hm_layers_tape t;
	struct hm_slab slab = {.d = d};
	float out[M * H], more[M * H];
	int32_t *own;
	struct hm_packed packed = packed_on(d, k, &own);
	assert_int_equal(hm_layers_tape_init(&t, &k->l, d, backward, NULL), 0);
	do
		hm_layers_plan(&t, &slab, M, S, k->rows == M);
	while (hm_slab_again(&slab));
	put_act(d, t.x, k->x, M * H);
	hm_layers_forward(&t, &packed, &k->drop);
	get_act(d, out, t.out, (size_t)(k->rows * H));
	assert_close(k, d, out, want, (size_t)(k->rows * H), bound, "forward");
	if (backward) {
		put_act(d, t.grad[0], k->slope, (size_t)(k->rows * H));
		hm_layers_backward(&t);
		get_act(d, dx, t.dx, M * H);
		if (t.dx2) {
			get_act(d, more, t.dx2, M * H);
			for (int j = 0; j < M * H; j++)
				dx[j] += more[j];
		}
		device_read(d, grad, k->params.grad, k->params.count);
	}
	assert_int_equal(hm_device_error(d, NULL), 0);
	hm_layers_tape_clear(&t);
	hm_slab_clear(&slab);
	d->op->free(d, own);
}

static void check_stack(const char *device, enum hm_precision precision, bool pre, bool causal,
			enum hm_act act, int rows, double p)
{
	enum { EVERY = 7 }; /* parameters looked at */
	struct stack k;
	struct hm_device *d = hm_device_open(device, precision, NULL);
	if (!d) { /* bf16, which not every processor has */
		assert_true(precision == HM_PREC_BF16 && !strcmp(device, "cpu"));
		return;
	}
	double out[M * H], bound = precision == HM_PREC_F32 ? 2e-5 : 5e-2;
	stack_init(&k, pre, causal, act, rows, p);
	size_t count = k.params.count, some = (count + EVERY - 1) / EVERY;
	float *grad = malloc(count * sizeof *grad), dx[M * H];
	double *slope = malloc(some * sizeof *slope), dslope[M * H];
	formulas(&k, out);
	if (p == 0)
		check_infer(&k, d, out, bound);
	struct hm_layers host = k.l; /* the formulas go on with where its fields were */
	assert_int_equal(hm_params_place(&k.params, d, true, NULL), 0);
	check_train(&k, d, out, false, NULL, NULL, bound);
	check_train(&k, d, out, true, dx, grad, bound);
	k.l.last_w = host.last_w, k.l.last_b = host.last_b;
	if (precision == HM_PREC_F32) {
		for (int j = 0; j < M * H; j++)
			dslope[j] = slope_by(&k, &k.x[j]);
		assert_close(&k, d, dx, dslope, M * H, bound, "gradient of x");
		for (size_t j = 0; j < some; j++) {
			slope[j] = slope_by(&k, &k.p[j * EVERY]);
			grad[j] = grad[j * EVERY];
		}
		assert_close(&k, d, grad, slope, some, bound, "gradient of the parameters");
	}
	stack_clear(&k);
	free(grad);
	free(slope);
	hm_device_close(d);
}

static void each(enum hm_precision precision)
{
	for (const char *const *name = op_devices(); *name; name++)
		for (int j = 0; j < 32; j++)
			check_stack(*name, precision, j & 1, j & 16, j & 2 ? HM_ACT_GELU : HM_ACT_QUICK_GELU,
				    j & 4 ? S : M, j & 8 ? .3 : 0);
}

static void layers_are_their_formulas(void **state)
{
	(void)state;
	each(HM_PREC_F32);
}

static void layers_in_bf16(void **state)
{
	(void)state;
	each(HM_PREC_BF16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(layers_are_their_formulas),
					   cmocka_unit_test(layers_in_bf16)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
