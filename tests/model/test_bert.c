/* lib/nn/bert against PyTorch's padded and masked pooler output of a tiny network
 * (tests/oracle/make_nets.py), packed, on every device that is built in; and batches that must be refused. */
#include "../support/devices.h"
#include "nn/bertparts.h"
#include "weights/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FILE_NAME "tests/data/nets/bert-tiny.safetensors"

static const struct hm_tensor *find_tensor(void *ctx, const char *name)
{
	return hm_weights_find(ctx, name);
}

static struct hm_bert_net *net_of(struct hm_weights *w, struct hm_device *d)
{
	struct hm_bert_config c;
	struct hm_err e = {0};
	assert_int_equal(hm_bert_config_read(&c, &hm_bert_style, find_tensor, w, &e), 0);
	assert_int_equal(c.layers, 2);
	assert_int_equal(c.intermediate, 40);
	assert_int_equal(c.positions, 40);
	c.heads = 3;
	struct hm_bert *m = hm_bert_new(&c, &e);
	assert_non_null(m);
	assert_int_equal(hm_params_load(hm_bert_params(m), find_tensor, w, &e), 0);
	struct hm_bert_net *net = hm_bert_prepare(m, d, &e);
	assert_non_null(net);
	hm_bert_free(m);
	return net;
}

/* The network with another pooled vector than the pooler's; `output` of it, [n,h] of the file's captions. */
static void encode_output(const char *device, enum hm_bert_output output, float *out)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	struct hm_bert_config c;
	assert_int_equal(hm_weights_open(&w, FILE_NAME, NULL, &e), 0);
	const struct hm_tensor *ids = find_tensor(w, "ids"), *len = find_tensor(w, "len");
	int n = (int)len->dim[0], m = (int)ids->dim[0];
	assert_int_equal(hm_bert_config_read(&c, &hm_bert_style, find_tensor, w, &e), 0);
	c.heads = 3;
	c.output = output;
	struct hm_bert *b = hm_bert_new(&c, &e);
	assert_int_equal(hm_params_load(hm_bert_params(b), find_tensor, w, &e), 0);
	struct hm_device *d = hm_device_open(device, HM_PREC_F32, &e);
	struct hm_bert_net *net = hm_bert_prepare(b, d, &e);
	struct hm_bert_work *work = hm_bert_work_new(net, d, n, m, &e);
	float *dp = device_floats(d, (size_t)n * (size_t)c.hidden);
	hm_bert_encode(net, work, ids->data, len->data, n, dp);
	device_read(d, out, dp, (size_t)n * (size_t)c.hidden);
	assert_int_equal(hm_device_error(d, &e), 0);
	d->op->free(d, dp);
	hm_bert_work_free(work);
	hm_bert_net_free(net);
	hm_bert_free(b);
	hm_device_close(d);
	hm_weights_close(w);
}

/* The last hidden states by the layers themselves, on ref [m,h]. */
static float *last_states(struct hm_weights *w, int n, int m)
{
	struct hm_err e = {0};
	struct hm_bert_config c;
	struct hm_device *d = hm_device_open("ref", HM_PREC_F32, &e);
	assert_int_equal(hm_bert_config_read(&c, &hm_bert_style, find_tensor, w, &e), 0);
	c.heads = 3;
	struct hm_bert *b = hm_bert_new(&c, &e);
	assert_int_equal(hm_params_load(hm_bert_params(b), find_tensor, w, &e), 0);
	const int32_t *len = find_tensor(w, "len")->data, *ids = find_tensor(w, "ids")->data;
	struct hm_layers_net net = {0};
	struct hm_layers_work work = {0};
	int32_t *pos = malloc((size_t)m * sizeof *pos);
	for (int s = 0, r = 0; s < n; s++)
		for (int j = 0; j < len[s]; j++)
			pos[r++] = j;
	hm_layers_prepare(&net, &b->layers, false, d);
	hm_layers_work_init(&work, &net, d, m);
	d->op->embed(d, work.x, ids, pos, b->word, b->position, b->type, b->norm_w, b->norm_b, c.eps, m,
		     c.hidden);
	hm_layers_infer(&net, &work, &(struct hm_packed){m, n, len, NULL});
	float *out = malloc((size_t)m * (size_t)c.hidden * sizeof *out);
	memcpy(out, work.x, (size_t)m * (size_t)c.hidden * sizeof *out);
	assert_int_equal(hm_device_error(d, &e), 0);
	free(pos);
	hm_layers_work_clear(&work);
	hm_layers_net_clear(&net);
	hm_bert_free(b);
	hm_device_close(d);
	return out;
}

static double worst_of(const float *a, const float *b, size_t n)
{
	double worst = 0, most = 0;
	for (size_t j = 0; j < n; j++) {
		most = fmax(most, fabs(b[j]));
		worst = fmax(worst, isfinite(a[j]) ? fabs((double)a[j] - b[j]) : INFINITY);
	}
	return worst / most;
}

static void encode(const char *device, enum hm_precision precision, double bound)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, FILE_NAME, NULL, &e), 0);
	const struct hm_tensor *ids = find_tensor(w, "ids"), *len = find_tensor(w, "len"),
			       *pooled = find_tensor(w, "pooled");
	int n = (int)len->dim[0], m = (int)ids->dim[0];
	size_t h = (size_t)pooled->dim[1], all = n * h;
	const int32_t *l = len->data;
	struct hm_device *d = hm_device_open(device, precision, &e);
	assert_non_null(d);
	struct hm_bert_net *net = net_of(w, d);
	struct hm_device *fork = hm_device_fork(d, &e);
	struct hm_bert_work *a = hm_bert_work_new(net, d, n, m, &e),
			    *b = hm_bert_work_new(net, fork, n + 3, 2 * m, &e);
	float *p = malloc(all * sizeof *p), *q = malloc(all * sizeof *q), *dp = device_floats(d, all),
	      *dq = device_floats(fork, all);
	hm_bert_encode(net, a, ids->data, l, n, dp);
	device_read(d, p, dp, all);
	assert_int_equal(hm_device_error(d, &e), 0);
	if (worst_of(p, pooled->data, all) > bound)
		fail_msg("%s: off by %g", device, worst_of(p, pooled->data, all));

	/* Another context: the same bytes. Each sequence alone: the same features. */
	hm_bert_encode(net, b, ids->data, l, n, dq);
	assert_memory_equal(p, device_read(fork, q, dq, all), all * sizeof *p);
	for (int i = 0, at = 0; i < n; at += l[i++])
		hm_bert_encode(net, b, (const int32_t *)ids->data + at, l + i, 1, dq + i * h);
	device_read(fork, q, dq, all);
	assert_int_equal(hm_device_error(fork, &e), 0);
	assert_true(worst_of(q, pooled->data, all) <= bound);

	free(p);
	free(q);
	d->op->free(d, dp);
	fork->op->free(fork, dq);
	hm_bert_work_free(a);
	hm_bert_work_free(b);
	hm_device_close(fork);
	hm_bert_net_free(net);
	hm_device_close(d);
	hm_weights_close(w);
}

static void pytorch_agrees(void **state)
{
	(void)state;
	for (const char *const *name = op_devices(); *name; name++) {
		encode(*name, HM_PREC_F32, 2e-5);
		struct hm_device *d = hm_device_open(*name, HM_PREC_BF16, NULL);
		if (d) /* the processor has it */
			encode(*name, HM_PREC_BF16, 5e-2);
		hm_device_close(d);
	}
}

static void bad_batches_are_refused(void **state)
{
	(void)state;
	static const struct {
		int32_t ids[4], len[2];
		int n;
		const char *says;
	} bad[] = {
		{{0}, {0}, 1, "a sequence of 0 tokens is outside 1 to 40, the lengths this network takes"},
		{{0}, {41}, 1, "a sequence of 41 tokens is outside 1 to 40, the lengths this network takes"},
		{{1, 2, 3, 4},
		 {2, 2},
		 3,
		 "a batch of 3 sequences is larger than the 2 that memory was made for"},
	};
	struct hm_weights *w;
	float out[3 * 24];
	assert_int_equal(hm_weights_open(&w, FILE_NAME, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hm_err e = {0};
		struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
		struct hm_bert_net *net = net_of(w, d);
		struct hm_bert_work *a = hm_bert_work_new(net, d, 2, 64, &e);
		hm_bert_encode(net, a, bad[i].ids, bad[i].len, bad[i].n, out);
		assert_int_equal(hm_device_error(d, &e), HM_EDATA);
		assert_string_equal(e.text, bad[i].says);
		hm_bert_work_free(a);
		hm_bert_net_free(net);
		hm_device_close(d);
	}
	hm_weights_close(w);
}

static void configurations(void **state)
{
	(void)state;
	struct hm_bert_config c;
	struct hm_err e = {0};
	assert_true(hm_bert_config_preset(&c, "bert-base", 30522));
	struct hm_bert *m = hm_bert_new(&c, &e);
	assert_int_equal(hm_bert_params(m)->count, 109482240); /* transformers' count */
	hm_bert_free(m);
	assert_true(hm_bert_config_preset(&c, "bert-tiny", 100));
	assert_false(hm_bert_config_preset(&c, "bert-huge", 100));
	hm_bert_config_preset(&c, "bert-tiny", 100);
	m = hm_bert_new(&c, &e);
	assert_int_equal(hm_params_init(hm_bert_params(m), 0, 0, &e), 0);
	const float *word = hm_bert_params(m)->item[0].t.data;
	for (int j = 0; j < 128; j++)
		assert_true(word[j] == 0 && word[128 + j] != 0); /* the padding row, and no other */
	hm_bert_free(m);
	c.heads = 3;
	assert_null(hm_bert_new(&c, &e));
	assert_string_equal(e.text,
			    "a BERT of hidden size 128 cannot have 3 heads and a LayerNorm eps of 1e-12");
}

/* cls is the first row of each sequence, from which the pooler's vector follows; mean is the mean of its
 * rows. */
static void other_outputs_follow_from_the_hidden_states(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, FILE_NAME, NULL, &e), 0);
	const struct hm_tensor *pooled = find_tensor(w, "pooled");
	const int32_t *len = find_tensor(w, "len")->data;
	const float *pw = find_tensor(w, "pooler.dense.weight")->data,
		    *pb = find_tensor(w, "pooler.dense.bias")->data;
	int n = (int)pooled->dim[0], m = (int)find_tensor(w, "ids")->dim[0], h = (int)pooled->dim[1];
	size_t all = (size_t)n * (size_t)h;
	float *states = last_states(w, n, m), *got = malloc(all * sizeof *got),
	      *want = malloc(all * sizeof *want);
	for (const char *const *device = op_devices(); *device; device++) {
		encode_output(*device, HM_BERT_CLS, got);
		for (int s = 0; s < n; s++)
			for (int i = 0; i < h; i++) {
				double z = pb[i];
				for (int j = 0; j < h; j++)
					z += (double)pw[i * h + j] * got[s * h + j];
				want[s * h + i] = (float)tanh(z);
			}
		assert_true(worst_of(want, pooled->data, all) < 1e-5);
		encode_output(*device, HM_BERT_MEAN, got);
		for (int s = 0, first = 0; s < n; first += len[s++])
			for (int i = 0; i < h; i++) {
				double sum = 0;
				for (int j = 0; j < len[s]; j++)
					sum += states[(size_t)(first + j) * (size_t)h + (size_t)i];
				want[s * h + i] = (float)(sum / len[s]);
			}
		if (worst_of(got, want, all) > 1e-5)
			fail_msg("%s: the mean is off by %g", *device, worst_of(got, want, all));
	}
	free(states);
	free(got);
	free(want);
	hm_weights_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_outputs_follow_from_the_hidden_states),
		cmocka_unit_test(pytorch_agrees),
		cmocka_unit_test(bad_batches_are_refused),
		cmocka_unit_test(configurations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
