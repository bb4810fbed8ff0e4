/* What each fusion can learn: a label that is the xor of two bits, one in the image's features and one in the
 * text's, each linear in them. One linear layer over both stays at guessing; a map, a joint and hidden layers
 * find it. From records through the set-up and the trainer, as hm-fuse-train runs them. */
#include "base/rng.h"
#include "train/setup.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { IMAGE = 24, TEXT = 16, TRAIN = 3000, VAL = 600 };

/* Records whose features are noise plus each side's bit along a direction of its own. */
static void write_records(char *path, size_t n, uint32_t stream)
{
	struct hm_err e = {0};
	struct hm_schema s = {0};
	struct hm_writer *w;
	struct hm_rng r;
	int64_t dim[] = {IMAGE, TEXT};
	float x[IMAGE + TEXT];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	hm_rng_init(&r, 11, HM_RNG_SYNTH, stream, 0);
	assert_int_equal(hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e), 0);
	assert_int_equal(hm_schema_add(&s, "label", HM_I32, 0, NULL, NULL, &e), 1);
	assert_int_equal(hm_schema_add(&s, "image_feature", HM_F32, 1, &dim[0], NULL, &e), 2);
	assert_int_equal(hm_schema_add(&s, "text_feature", HM_F32, 1, &dim[1], NULL, &e), 3);
	assert_int_equal(hm_writer_open(&w, path, &s, NULL, NULL, &(struct hm_writer_options){0}, NULL, &e),
			 0);
	for (size_t i = 0; i < n; i++) {
		int a = (int)hm_rng_below(&r, 2), b = (int)hm_rng_below(&r, 2);
		int32_t label = a ^ b;
		char id[24];
		int len = snprintf(id, sizeof id, "%u.%zu", stream, i);
		for (int j = 0; j < IMAGE + TEXT; j++)
			x[j] = (float)(hm_rng_normal(&r) +
				       (j % 3 ? .8 : -.8) * ((j < IMAGE ? a : b) ? 1 : -1));
		const struct hm_val val[] = {{id, (size_t)len}, {&label, 1}, {x, IMAGE}, {x + IMAGE, TEXT}};
		assert_int_equal(hm_writer_put(w, val, &e), 0);
	}
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	hm_schema_clear(&s);
}

static void keep_quiet(void *ctx, bool warning, const char *text)
{
	(void)ctx, (void)warning, (void)text;
}

static int keep_event(void *ctx, const struct hm_event *ev, struct hm_err *e)
{
	(void)ctx, (void)ev, (void)e;
	return 0;
}

static int see_step(void *ctx, int64_t at, int64_t steps, double loss, double lr, bool *stop)
{
	(void)ctx, (void)at, (void)steps, (void)loss, (void)lr, (void)stop;
	return 0;
}

/* The validation AUROC of the fusion with that number, best epoch. */
static double learn(int fusion, const struct hm_recipe *like, char *train, char *val)
{
	struct hm_recipe recipe = *like;
	struct hm_err e = {0};
	struct hm_setup s;
	struct hm_trainer_config c = {.log_steps = 1 << 20};
	struct hm_trainer_result result;
	const struct hm_trainer_calls calls = {.tell = keep_event, .step = see_step};
	float weight[2];
	recipe.fusion = fusion;
	const struct hm_setup_options o = {.n_train = 1,
					   .n_val = 1,
					   .train = &train,
					   .val = &val,
					   .recipe = &recipe,
					   .seed = 3,
					   .memory = 1 << 26,
					   .unknown = true,
					   .notice = keep_quiet};
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	struct hm_workers *w = hm_workers_new(1, &e);
	if (hm_setup_open(&s, &o, d, w, &e) || hm_recipe_config(&recipe, true, 2, weight, &c, &e))
		fail_msg("%s", e.text);
	c.judge = s.judge;
	c.refold = hm_standard_refold;
	c.refold_ctx = &s.standard;
	if (hm_trainer_run(s.fusion, d, &s.train, &s.val, &c, &calls, &result, &e))
		fail_msg("%s", e.text);
	hm_setup_clear(&s);
	hm_workers_free(w);
	hm_device_close(d);
	return result.best.auroc;
}

static void xor_of_two_sides(void **state)
{
	char train[] = "/tmp/hm-learn-XXXXXX", val[] = "/tmp/hm-learn-XXXXXX";
	struct hm_recipe recipe = {.optimizer = HM_ADAMW,
				   .select = HM_SELECT_LAST,
				   .lr = 1e-3,
				   .batch_size = 64,
				   .epochs = 12,
				   .seed = 3,
				   .map_dim = 32,
				   .map_layers = 1,
				   .pre_layers = 1};
	(void)state;
	write_records(train, TRAIN, 0);
	write_records(val, VAL, 1);
	for (int i = 0; hm_fusion_kinds()[i]; i++) {
		const struct hm_fusion_kind *k = hm_fusion_kinds()[i];
		if (!k->intakes)
			continue;
		recipe.map_dim = !strcmp(k->name, "cross") ? 12 : 32;
		double auroc = learn(i, &recipe, train, val);
		print_message("%s: AUROC %.4f\n", k->name, auroc);
		if (k->measure ? auroc < .95 : auroc > .6)
			fail_msg("%s: AUROC %.4f", k->name, auroc);
	}
	unlink(train);
	unlink(val);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(xor_of_two_sides)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
