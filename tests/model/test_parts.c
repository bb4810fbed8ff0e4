/* A batch in parts: the parts' losses and gradients add up to those of the whole batch, with dropout, for
 * every fusion and for a text tower that is trained; on every device. */
#include "../support/devices.h"
#include "base/rng.h"
#include "nn/fusion.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N = 7, C = 3, D = 12, CELLS = 4, VOCAB = 60, LONG = 9 };

/* A fusion on a device, with a batch of random features, or words. */
struct model {
	struct hm_device *d;
	struct hm_tower *text;
	struct hm_fusion *f;
	struct hm_minibatch b;
	float side[HM_SIDES][N * CELLS * D];
	int32_t ids[N * LONG], len[N], label[N];
};

static void open_model(struct model *m, const struct hm_fusion_kind *kind, bool words, const char *device)
{
	struct hm_err e = {0};
	struct hm_rng r;
	const struct hm_tower_hints hints = {.vocab = VOCAB};
	*m = (struct model){.d = hm_device_open(device, HM_PREC_F32, &e)};
	assert_non_null(m->d);
	hm_rng_init(&r, 5, 0, 0, 0);
	int rows = 0;
	for (int i = 0; i < N; i++) {
		m->len[i] = 2 + (int)(hm_rng_u32(&r) % (LONG - 1)); /* 2 to LONG */
		m->label[i] = (int)(hm_rng_u32(&r) % C);
		rows += m->len[i];
	}
	for (int i = 0; i < rows; i++)
		m->ids[i] = 1 + (int)(hm_rng_u32(&r) % (VOCAB - 1));
	for (int k = 0; k < HM_SIDES; k++)
		for (int i = 0; i < N * CELLS * D; i++)
			m->side[k][i] = (float)(hm_rng_u32(&r) % 2001) * 1e-3f - 1;
	m->b = (struct hm_minibatch){.n = N, .label = m->label};
	m->b.feature[HM_IMAGE] = m->side[HM_IMAGE];
	struct hm_fusion_config c = {.kind = kind,
				     .classes = C,
				     .side = {{HM_USE_FEATURE, D, NULL}, {HM_USE_FEATURE, D, NULL}},
				     .cells = kind->gives[HM_IMAGE] == HM_GRID ? CELLS : 0,
				     .head = {.map_dim = 10,
					      .map_layers = 2,
					      .pre_dim = 6,
					      .pre_layers = 2,
					      .normalize = true,
					      .dropout = {.2, .4, .3}}};
	if (words) {
		m->text = hm_tower_make(HM_TEXT, "bert-tiny", &hints, &e);
		assert_non_null(m->text);
		assert_int_equal(hm_params_init(&m->text->params, 3, 0, &e), 0);
		c.side[HM_TEXT] =
			(struct hm_fusion_side){HM_USE_TRAINED, m->text->kind->shape(m->text).width, m->text};
		m->b.ids = m->ids;
		m->b.len = m->len;
	} else {
		m->b.feature[HM_TEXT] = m->side[HM_TEXT];
	}
	if (hm_fusion_new(&m->f, &c, m->d, &e) || hm_params_init(hm_fusion_params(m->f), 4, 0, &e) ||
	    hm_fusion_place(m->f, &e))
		fail_msg("%s", e.text);
}

static void close_model(struct model *m)
{
	hm_fusion_free(m->f);
	hm_tower_free(m->text);
	hm_device_close(m->d);
}

/* out := all gradients; then they are zero. Returns how many. */
static size_t take_gradients(struct model *m, float *out)
{
	struct hm_fusion_table t[1 + HM_SIDES];
	int n = hm_fusion_tables(m->f, t);
	size_t count = 0;
	for (int i = 0; i < n; i++) {
		const struct hm_params *p = t[i].params;
		if (out)
			device_read(m->d, out + count, p->grad, p->count);
		m->d->op->zero(m->d, p->grad, p->count * sizeof(float));
		count += p->count;
	}
	return count;
}

/* The examples [from, to) as a part of the batch; *rows: their words before. */
static struct hm_minibatch cut_batch(const struct model *m, int from, int to, const float *weight)
{
	struct hm_minibatch b = m->b;
	size_t image = hm_fusion_config_of(m->f)->cells ? CELLS * D : D;
	int words = 0, longest = 0;
	for (int i = 0; i < N; i++) {
		words += i < from ? m->len[i] : 0;
		longest = m->len[i] > longest ? m->len[i] : longest;
	}
	b.n = to - from;
	b.label += from;
	b.feature[HM_IMAGE] += (size_t)from * image;
	if (b.ids) {
		b.ids += words;
		b.len += from;
	} else {
		b.feature[HM_TEXT] += (size_t)from * D;
	}
	b.part = (struct hm_part){(uint64_t)from, b.ids ? (uint64_t)words : 0, b.ids ? longest : 0,
				  hm_cross_entropy_total(m->label, weight, N)};
	return b;
}

static void compare_parts(const struct hm_fusion_kind *kind, bool words, const char *device, int micro)
{
	static const float weight[C] = {1, 2.5f, .5f};
	const struct hm_dropout drop = {.p = .3, .seed = 42, .step = 3};
	struct model m;
	struct hm_err e = {0};
	float loss;
	double sum = 0, sums[2], largest = 0, off = 0;
	open_model(&m, kind, words, device);
	size_t count = take_gradients(&m, NULL);
	float *whole = calloc(count, sizeof *whole), *parts = calloc(count, sizeof *parts);
	if (hm_fusion_step(m.f, &m.b, &drop, weight, &loss, &e))
		fail_msg("%s", e.text);
	take_gradients(&m, whole);
	for (int from = 0; from < N; from += micro) {
		struct hm_minibatch b = cut_batch(&m, from, from + micro < N ? from + micro : N, weight);
		hm_fusion_begin(m.f, &b, &drop, weight);
		m.d->op->download(m.d, sums, hm_fusion_sums(m.f), sizeof sums);
		sum += sums[0];
	}
	assert_int_equal(hm_device_error(m.d, &e), 0);
	take_gradients(&m, parts);
	for (size_t i = 0; i < count; i++) {
		largest = fmax(largest, fabs(whole[i]));
		off = fmax(off, fabs((double)whole[i] - parts[i]));
	}
	sum /= hm_cross_entropy_total(m.label, weight, N);
	/* sums of a few dozen f32 products each, in another order */
	if (!(largest > 0) || off > 1e-5 * largest || fabs(sum - loss) > 2e-6)
		fail_msg("%s%s on %s, parts of %d: gradients of up to %g differ by %g, loss %.9g is %.9g",
			 kind->name, words ? " with words" : "", device, micro, largest, off, (double)loss,
			 sum);
	free(whole);
	free(parts);
	close_model(&m);
}

static void parts_add_up(void **state)
{
	(void)state;
	for (const char *const *device = op_devices(); *device; device++)
		for (const struct hm_fusion_kind *const *k = hm_fusion_kinds(); *k; k++)
			for (int micro = 1; micro < N; micro += 2) {
				if (!hm_fusion_takes_words(*k))
					compare_parts(*k, false, *device, micro);
				if (hm_fusion_takes_words(*k) || (*k)->optional)
					compare_parts(*k, true, *device, micro);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(parts_add_up)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
