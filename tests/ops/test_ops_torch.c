/* Operations and their gradients on every device against float64 PyTorch (tests/oracle/make_ops.py), which
 * says what ref, held to itself, cannot: which formulas are meant. */
#include "../support/opcase.h"
#include "weights/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Names in the file, and the cases they are. */
static const struct {
	const char *name, *kind;
	unsigned flags;
	int n[9];
} vector[] = {
	{"conv3", "conv", 0, {2, 7, 6, 4, 5, 3, 2, 1}},
	{"conv7", "conv", 0, {1, 11, 10, 3, 4, 7, 2, 3}},
	{"conv1", "conv", 0, {2, 5, 4, 5, 4, 1, 2, 0}},
	{"bn-train", "batch_norm", OP_SECOND | OP_RELU | OP_DY2, {3, 4, 3, 5}},
	{"bn-eval", "batch_norm", OP_EVAL | OP_RELU, {3, 4, 3, 5}},
	{"bn-plain", "batch_norm", 0, {3, 4, 3, 5}},
	{"max-pool", "max_pool", OP_DY2, {2, 7, 8, 4}},
	{"avg-pool", "avg_pool", 0, {2, 3, 4, 5}},
	{"dense", "dense", OP_SECOND, {6, 7, 10}},
	{"gelu", "activate", 0, {101, HM_ACT_GELU}},
	{"tanh", "tanh", 0, {101}},
	{"add-norm", "add_norm", OP_SECOND | OP_DY2, {5, 12}},
	{"attention", "attention", 0, {2, 6, 1, 2, 7, 13}},
	{"embedding", "add_rows", 0, {12, 6, 5, 12, 4}},
};
static const double bound = 2e-6; /* of the largest: some roundings of f32, which is 6e-8 each */

/* CASE.part, of as many elements as v has; NULL when v is absent. */
static const float *part(const struct hm_weights *w, const char *name, const char *what, int k,
			 const struct op_value *v)
{
	char full[64];
	size_t n;
	if (!v->form)
		return NULL;
	snprintf(full, sizeof full, k < 0 ? "%s.%s" : "%s.%s%d", name, what, k);
	const struct hm_tensor *t = hm_weights_find(w, full);
	if (!t)
		fail_msg("no tensor %s", full);
	assert_true(hm_shape_count(t->ndim, t->dim, &n) && n == op_count(v));
	return t->data;
}

static void load_value(struct op_value *v, const float *x)
{
	if (x)
		memcpy(v->host, x, op_count(v) * sizeof *x);
}

/* Gradients of parameters were added to what `start` held. */
static void same(const struct op_run *r, const char *name, const char *what, const struct op_value *got,
		 const float *want, const float *start)
{
	double most = 0;
	for (size_t j = 0; j < op_count(got); j++)
		most = fmax(most, fabs(want[j]));
	for (size_t j = 0; j < op_count(got); j++) {
		double x = (double)got->host[j] - (start ? start[j] : 0);
		if (!(fabs(x - want[j]) <= bound * fmax(most, start ? 1 : 0)))
			fail_msg("%s on %s: %s, element %zu: %g, PyTorch says %g", name, r->d->name, what, j,
				 x, want[j]);
	}
}

static void check_vector(const struct hm_weights *w, size_t t, const char *device)
{
	const char *name = vector[t].name;
	struct hm_device *d = hm_device_open(device, HM_PREC_F32, NULL);
	struct op_case c = {.op = op_find(vector[t].kind), .flags = vector[t].flags};
	struct op_run r, start;
	int running = strcmp(vector[t].kind, "batch_norm") ? 0 : 2;
	memcpy(c.n, vector[t].n, sizeof c.n);
	op_init(&r, d, &c);
	op_init(&start, d, &c);
	load_value(&r.dy, part(w, name, "dy", -1, &r.dy));
	load_value(&r.dy2, part(w, name, "dy2", -1, &r.dy2));
	for (int k = 0; k < OP_INPUTS; k++)
		load_value(&r.in[k], part(w, name, "in", k, &r.in[k]));
	for (int k = 0; k < running; k++)
		load_value(&r.state[k], part(w, name, "state", k, &r.state[k]));
	op_forward(&r);
	same(&r, name, "y", &r.y, part(w, name, "y", -1, &r.y), NULL);
	for (int k = 0; k < running; k++)
		same(&r, name, "running statistics", &r.state[k], part(w, name, "after", k, &r.state[k]),
		     NULL);
	op_backward(&r, ~0u);
	for (int k = 0; k < OP_INPUTS; k++)
		if (r.in[k].form && !(r.fixed >> k & 1))
			same(&r, name, "gradient", &r.grad[k], part(w, name, "grad", k, &r.grad[k]),
			     r.grad[k].form == OP_FLOATS ? start.grad[k].host : NULL);
	op_clear(&r);
	op_clear(&start);
	hm_device_close(d);
}

static void pytorch_operations(void **state)
{
	(void)state;
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, "tests/data/nets/ops.safetensors", NULL, NULL), 0);
	for (size_t t = 0; t < sizeof vector / sizeof *vector; t++) {
		check_vector(w, t, "ref");
		check_vector(w, t, "cpu");
	}
	hm_weights_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(pytorch_operations)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
