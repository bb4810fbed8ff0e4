/* This file checks that a batch computed in parts gives the same as the whole batch, on every device:
 * dropout draws the same masks for the same rows, bit for bit, and cross-entropies and their gradients add
 * up. It also checks that causal attention gives each row what attention over the sequence up to that row
 * gives. */
#include "../support/opcase.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* An array in device memory and its copy on the host. */
struct array {
	void *dev;
	char *host;
	size_t size; /* bytes of an element */
};

static struct hm_device *device; /* under test */

/* n random values that depend on `which`: activations or floats. */
static struct array array_new(size_t n, uint32_t which, bool act)
{
	struct array a = {NULL, malloc(n * sizeof(float)), act ? hm_dtype_size(device->act) : sizeof(float)};
	float *x = (float *)(void *)a.host, *from = device->op->alloc(device, n * sizeof *from);
	struct hm_rng r;
	hm_rng_init(&r, 17, HM_RNG_SYNTH, which, 0);
	for (size_t j = 0; j < n; j++)
		x[j] = (float)hm_rng_normal(&r);
	a.dev = device->op->alloc(device, n * a.size);
	device->op->upload(device, from, x, n * sizeof *x);
	if (act)
		device->op->narrow(device, a.dev, from, n);
	else
		device->op->copy(device, a.dev, from, n * sizeof *x);
	device->op->free(device, from);
	return a;
}

static void array_free(struct array a)
{
	device->op->free(device, a.dev);
	free(a.host);
}

static void *at(struct array a, size_t j)
{
	return (char *)a.dev + j * a.size;
}

static void array_get(struct array a, size_t n)
{
	device->op->download(device, a.host, a.dev, n * a.size);
}

/* n elements of a, computed at once, and b, computed in parts, are the same bytes. */
static void assert_same(struct array a, struct array b, size_t n, const char *what)
{
	array_get(a, n);
	array_get(b, n);
	for (size_t j = 0; j < n; j++)
		if (memcmp(a.host + j * a.size, b.host + j * b.size, a.size))
			fail_msg("%s%s: %s: element %zu of %zu differs", device->name,
				 device->act == HM_BF16 ? " bf16" : "", what, j, n);
}

static void assert_near(struct array a, struct array b, size_t n, const char *what)
{
	array_get(a, n);
	array_get(b, n);
	const float *x = (const float *)(const void *)a.host, *y = (const float *)(const void *)b.host;
	for (size_t j = 0; j < n; j++)
		if (!(fabsf(x[j] - y[j]) <= 1e-5f * fmaxf(1, fabsf(x[j]))))
			fail_msg("%s: %s %zu: %g, not %g", device->name, what, j, y[j], x[j]);
}

/* fn on each device and precision. */
static void on_devices(void (*fn)(void), bool bf16)
{
	for (const char *const *name = op_devices(); *name; name++)
		for (int p = 0; p < 1 + bf16; p++) {
			device = hm_device_open(*name, p ? HM_PREC_BF16 : HM_PREC_F32, NULL);
			if (!device) { /* bf16, which not every processor has */
				assert_true(p && !strcmp(*name, "cpu"));
				continue;
			}
			for (device->threads = 1; device->threads <= (device->host ? 2 : 1);
			     device->threads++) {
				fn();
				assert_int_equal(hm_device_error(device, NULL), 0);
			}
			hm_device_close(device);
		}
}

/* First elements of whole batches: 0, within a block, and where a block's number exceeds 32 bits. */
static const uint64_t begin[] = {0, 6, ((uint64_t)1 << 34) - 8};
enum { BEGINS = sizeof begin / sizeof *begin };

static struct hm_dropout drop_from(uint64_t first)
{
	return (struct hm_dropout){
		.p = .4, .seed = 0x123456789abcdefull, .step = 3, .site = 5, .first = first};
}

static void dropout_in_parts(void)
{
	enum { N = 1003 };
	static const size_t cut[] = {0, 1, 5, 8, 300, 301, N};
	for (int b = 0; b < BEGINS; b++) {
		struct array x = array_new(N, 1, true), y = array_new(N, 2, true), z = array_new(N, 3, true);
		struct hm_dropout drop = drop_from(begin[b]);
		device->op->dropout(device, y.dev, x.dev, &drop, N);
		for (size_t k = 0; cut[k] < N; k++) {
			drop.first = begin[b] + cut[k];
			device->op->dropout(device, at(z, cut[k]), at(x, cut[k]), &drop, cut[k + 1] - cut[k]);
		}
		assert_same(y, z, N, "dropout");
		array_free(x);
		array_free(y);
		array_free(z);
	}
}

static void dropout_of_parts(void **state)
{
	(void)state;
	on_devices(dropout_in_parts, true);
}

/* The words by their definition. */
static void words(void)
{
	enum { N = 24 };
	uint64_t first = ((uint64_t)5 << 34) + 40;
	struct hm_dropout drop = drop_from(first);
	struct array x = array_new(N, 1, false);
	float *one = (float *)(void *)x.host;
	for (int j = 0; j < N; j++)
		one[j] = 1;
	device->op->upload(device, x.dev, one, N * sizeof *one);
	device->op->dropout(device, x.dev, x.dev, &drop, N);
	array_get(x, N);
	for (uint32_t j = 0; j < N; j++) {
		uint32_t word[4], ctr[4] = {10 + j / 4, HM_RNG_DROPOUT + 5 * 256, 3, 5};
		hm_philox(ctr, (const uint32_t[2]){0x89abcdef, 0x01234567}, word);
		assert_true(one[j] == (word[j % 4] < 1717986918 ? 0 : (float)(1 / .6)));
	}
	array_free(x);
}

static void high_numbers(void **state)
{
	(void)state;
	on_devices(words, false);
}

/* add_norm and its gradient for rows from .. to-1; out: y, s, stats, ds, dx, dgamma, dbeta. */
static void norm_rows(struct array out[7], const struct array in[5], const struct hm_dropout *drop, int from,
		      int to, int k)
{
	const struct hm_ops *op = device->op;
	size_t first = (size_t)from * (size_t)k;
	op->copy(device, at(out[1], first), at(in[0], first), (size_t)(to - from) * (size_t)k * in[0].size);
	op->add_norm(device, at(out[0], first), at(out[2], 2 * (size_t)from), at(out[1], first),
		     at(in[1], first), in[3].dev, in[4].dev, 1e-5, drop, to - from, k);
	op->add_norm_backward(device, at(out[3], first), at(out[4], first), out[5].dev, out[6].dev,
			      at(in[2], first), NULL, NULL, at(out[1], first), at(out[2], 2 * (size_t)from),
			      in[3].dev, drop, to - from, k);
}

static void norm_in_parts(void)
{
	enum { M = 11 };
	static const int cut[] = {0, 1, 4, 9, 10, M}, width[] = {9, 20, 64};
	static const char *const name[] = {"y", "s", "stats", "ds", "dx", "dgamma", "dbeta"};
	for (int w = 0; w < 3; w++)
		for (int b = 0; b < BEGINS; b++) {
			int k = width[w];
			size_t n = (size_t)(M * k), count[] = {n, n, 2 * M, n, n, (size_t)k, (size_t)k};
			struct array in[5], whole[7], parts[7];
			for (uint32_t j = 0; j < 5; j++)
				in[j] = array_new(j < 3 ? n : (size_t)k, j, j < 3);
			for (uint32_t j = 0; j < 7; j++) {
				whole[j] = array_new(count[j], 10 + j, j != 2 && j < 5);
				parts[j] = array_new(count[j], 10 + j, j != 2 && j < 5);
			}
			struct hm_dropout drop = drop_from(begin[b]);
			norm_rows(whole, in, &drop, 0, M, k);
			for (int c = 0; cut[c] < M; c++) {
				drop.first = begin[b] + (uint64_t)(cut[c] * k);
				norm_rows(parts, in, &drop, cut[c], cut[c + 1], k);
			}
			for (int j = 0; j < 7; j++)
				(j < 5 ? assert_same : assert_near)(whole[j], parts[j], count[j], name[j]);
			for (int j = 0; j < 7; j++) {
				array_free(whole[j]);
				array_free(parts[j]);
			}
			for (int j = 0; j < 5; j++)
				array_free(in[j]);
		}
}

static void add_norm_of_parts(void **state)
{
	(void)state;
	on_devices(norm_in_parts, true);
}

enum { S = 6, ROWS = 36 };
static const int32_t len[S] = {3, 9, 1, 1, 17, 5};

/* Attention and its gradient for sequences from .. to-1, which begin at row `row`; out: y, dqkv. */
static void attention_rows(struct array out[2], const struct array in[2], const int32_t *lens,
			   const struct hm_dropout *drop, int from, int to, int row, int heads, int dim,
			   bool causal)
{
	size_t width = (size_t)(heads * dim), first = (size_t)row * width;
	device->op->attention_forward(device, at(out[0], first), at(in[0], 3 * first), lens + from, to - from,
				      heads, dim, causal, drop);
	device->op->attention_backward(device, at(out[1], 3 * first), at(in[1], first), at(out[0], first),
				       at(in[0], 3 * first), lens + from, to - from, heads, dim, causal,
				       drop);
}

static void attention_parts_of(int heads, int dim, bool causal, uint64_t first)
{
	static const int cut[] = {0, 1, 3, 4, S};
	size_t n = (size_t)(ROWS * heads * dim);
	struct array in[2] = {array_new(3 * n, 1, true), array_new(n, 2, true)},
		     whole[2] = {array_new(n, 3, true), array_new(3 * n, 4, true)},
		     parts[2] = {array_new(n, 5, true), array_new(3 * n, 6, true)};
	int32_t *lens = device->op->alloc(device, sizeof len);
	device->op->upload(device, lens, len, sizeof len);
	struct hm_dropout drop = drop_from(first);
	attention_rows(whole, in, lens, &drop, 0, S, 0, heads, dim, causal);
	drop.longest = 17;
	for (int c = 0, row = 0; cut[c] < S; c++) {
		drop.first = first + (uint64_t)(row * heads * hm_dropout_keys(drop.longest));
		attention_rows(parts, in, lens, &drop, cut[c], cut[c + 1], row, heads, dim, causal);
		for (int j = cut[c]; j < cut[c + 1]; j++)
			row += len[j];
	}
	assert_same(whole[0], parts[0], n, "attention's y");
	assert_same(whole[1], parts[1], 3 * n, "attention's dqkv");
	device->op->free(device, lens);
	for (int j = 0; j < 2; j++) {
		array_free(in[j]);
		array_free(whole[j]);
		array_free(parts[j]);
	}
}

static void attention_in_parts(void)
{
	attention_parts_of(2, 5, false, 0);
	attention_parts_of(1, 70, false, 0);
	attention_parts_of(3, 8, false, ((uint64_t)1 << 34) - 64);
	attention_parts_of(2, 5, true, 0);
}

static void attention_of_parts(void **state)
{
	(void)state;
	on_devices(attention_in_parts, true);
}

/* A row of causal attention is the last row of attention over the sequence up to it. */
static void causal_rows(void)
{
	enum { N = 70, HEADS = 2, DIM = 5, WIDTH = HEADS * DIM };
	struct array qkv = array_new(3 * N * WIDTH, 1, false), y = array_new(N * WIDTH, 2, false),
		     part = array_new(N * WIDTH, 3, false);
	int32_t *lens = device->op->alloc(device, sizeof *lens);
	device->op->upload(device, lens, &(int32_t){N}, sizeof *lens);
	device->op->attention(device, y.dev, qkv.dev, lens, 1, HEADS, DIM, true);
	array_get(y, N * WIDTH);
	for (int r = 0; r < N; r += 1 + r / 3) {
		device->op->upload(device, lens, &(int32_t){r + 1}, sizeof *lens);
		device->op->attention(device, part.dev, qkv.dev, lens, 1, HEADS, DIM, false);
		array_get(part, N * WIDTH);
		const float *a = (const float *)(const void *)y.host + r * WIDTH,
			    *b = (const float *)(const void *)part.host + r * WIDTH;
		for (int j = 0; j < WIDTH; j++)
			assert_true(fabsf(a[j] - b[j]) <= 1e-6f);
	}
	device->op->free(device, lens);
	array_free(qkv);
	array_free(y);
	array_free(part);
}

static void causal_attention(void **state)
{
	(void)state;
	on_devices(causal_rows, false);
}

/* ---- cross-entropy */

enum { M = 23, N = 3 };
static const int cuts[] = {0, 1, 3, 4, 9, M};

/* Labels; row 0, which is a part of its own, and some other rows have the class of weight 0. */
static void labels(int32_t label[M])
{
	for (int r = 0; r < M; r++)
		label[r] = (r + 2) * (r + 2) % N ? r % 2 : 2;
	label[0] = 2;
}

static void entropy_in_parts(void)
{
	static const float weight[N] = {.25f, 3, 0};
	int32_t label[M], *labels_there = device->op->alloc(device, sizeof label);
	float *weights_there = device->op->alloc(device, sizeof weight);
	labels(label);
	device->op->upload(device, labels_there, label, sizeof label);
	device->op->upload(device, weights_there, weight, sizeof weight);
	double *sums_there = device->op->alloc(device, 2 * sizeof(double));
	for (int weighted = 0; weighted < 2; weighted++) {
		struct array x = array_new(M * N, 1, false), dx = array_new(M * N, 2, false),
			     given = array_new(M * N, 3, false), parts = array_new(M * N, 4, false),
			     loss = array_new(2, 5, false);
		const float *w = weighted ? weights_there : NULL;
		double total = hm_cross_entropy_total(label, weighted ? weight : NULL, M), whole[2], sums[2],
		       numerator = 0, denominator = 0, shares = 0;
		const struct hm_ops *op = device->op;
		op->cross_entropy(device, sums_there, (float *)at(loss, 0), (float *)at(dx, 0),
				  (float *)at(x, 0), labels_there, w, 0, M, N);
		op->download(device, whole, sums_there, sizeof whole);
		op->cross_entropy(device, NULL, (float *)at(loss, 1), (float *)at(given, 0),
				  (float *)at(x, 0), labels_there, w, total, M, N);
		assert_same(dx, given, M * N, "gradient with the denominator given");
		array_get(loss, 2);
		float of_all = *(float *)(void *)loss.host;
		assert_memory_equal(loss.host, loss.host + sizeof(float), sizeof(float));
		assert_true(whole[1] == total && of_all == (float)(whole[0] / whole[1]));
		for (int c = 0; cuts[c] < M; c++) {
			size_t from = (size_t)(cuts[c] * N);
			op->cross_entropy(device, sums_there, (float *)at(loss, 1), (float *)at(parts, from),
					  (float *)at(x, from), labels_there + cuts[c], w, total,
					  cuts[c + 1] - cuts[c], N);
			op->download(device, sums, sums_there, sizeof sums);
			array_get(loss, 2);
			numerator += sums[0], denominator += sums[1];
			shares += (double)((float *)(void *)loss.host)[1];
			assert_true(!weighted || c || (sums[0] == 0 && sums[1] == 0));
		}
		assert_same(dx, parts, M * N, "gradient of the parts");
		assert_true(denominator == total && fabs(numerator - whole[0]) <= 1e-12 * whole[0]);
		assert_true(fabs(shares - (double)of_all) <= 1e-6 * (double)of_all);
		array_free(x);
		array_free(dx);
		array_free(given);
		array_free(parts);
		array_free(loss);
	}
	device->op->free(device, labels_there);
	device->op->free(device, weights_there);
	device->op->free(device, sums_there);
}

static void cross_entropy_of_parts(void **state)
{
	(void)state;
	on_devices(entropy_in_parts, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dropout_of_parts),	  cmocka_unit_test(high_numbers),
		cmocka_unit_test(add_norm_of_parts),	  cmocka_unit_test(attention_of_parts),
		cmocka_unit_test(cross_entropy_of_parts), cmocka_unit_test(causal_attention),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
