/* The tables of towers and fusions: every row is whole, names are unique, and the texts that cache keys and
 * option tables are made of are the ones they always were. */
#include "nn/fusion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void rows_are_whole(void **state)
{
	(void)state;
	for (const struct hm_tower_kind *const *p = hm_tower_kinds(); *p; p++) {
		const struct hm_tower_kind *k = *p;
		assert_non_null(k->name);
		assert_non_null(k->tensors);
		assert_non_null(k->layouts[0].mark[0]);
		assert_null(k->layouts[0].refuse);
		assert_non_null(k->config.model_types[0]);
		assert_true(k->preset && k->read && k->free && k->shape && k->output);
		assert_true(!k->preset(0) || k->make);
		const struct hm_tower_infer *i = k->infer;
		assert_true(i && i->prepare && i->net_free && i->work_new && i->work_free && i->encode);
		const struct hm_tower_train *t = k->train;
		assert_true(t && t->tape_new && t->tape_free && t->reserve && t->forward && t->backward);
		assert_true(!t->rows == !i->rows && !t->rows == !t->rows_back);
		for (const struct hm_tower_kind *const *q = hm_tower_kinds(); q != p; q++)
			assert_string_not_equal((*q)->name, k->name);
	}
	for (const struct hm_fusion_kind *const *p = hm_fusion_kinds(); *p; p++) {
		const struct hm_fusion_kind *k = *p;
		assert_true(k->name && k->own && k->text_prefix && k->read && k->inputs && k->net_new);
		assert_true(k->tape_new && k->tape_free && k->reserve && k->forward && k->backward);
		const struct hm_fusion_infer *i = k->infer;
		assert_true(i && i->prepare && i->net_free && i->work_new && i->work_free && i->run);
		assert_ptr_equal(hm_fusion_kind(k->name), k);
	}
	assert_null(hm_fusion_kind("none"));
}

/* Presets of a side are made by name, and no two have one. */
static void presets(void **state)
{
	(void)state;
	for (int side = 0; side < HM_SIDES; side++)
		for (int i = 0; hm_tower_preset((enum hm_side)side, i); i++) {
			struct hm_err e = {0};
			const char *name = hm_tower_preset((enum hm_side)side, i);
			for (int j = 0; j < i; j++)
				assert_string_not_equal(hm_tower_preset((enum hm_side)side, j), name);
			if (strstr(name, "tiny")) {
				struct hm_tower *t = hm_tower_make((enum hm_side)side, name,
								   &(struct hm_tower_hints){0}, &e);
				assert_non_null(t);
				assert_int_equal(t->kind->side, side);
				assert_true(t->kind->shape(t).width > 0);
				hm_tower_free(t);
			}
			assert_null(
				hm_tower_make((enum hm_side) !side, name, &(struct hm_tower_hints){0}, &e));
			assert_int_equal(e.code, HM_EUSAGE);
			assert_non_null(strstr(e.text, hm_tower_preset((enum hm_side) !side, 0)));
		}
	assert_string_equal(hm_image_preset(0), hm_tower_preset(HM_IMAGE, 0));
	assert_string_equal(hm_text_preset(0), hm_tower_preset(HM_TEXT, 0));
}

/* The feature caches of all users have these texts in their keys. */
static void identities(void **state)
{
	(void)state;
	struct hm_err e = {0};
	char text[128];
	struct hm_tower *image = hm_tower_make(HM_IMAGE, "resnet-tiny", &(struct hm_tower_hints){0}, &e),
			*bert = hm_tower_make(HM_TEXT, "bert-tiny", &(struct hm_tower_hints){.heads = 4}, &e);
	assert_string_equal(hm_tower_identify(image, text, sizeof text), "");
	assert_string_equal(hm_tower_identify(bert, text, sizeof text),
			    "|4 heads|eps 9.9999999999999998e-13");
	assert_string_equal(hm_tower_identify(bert, text, 8), "|4 head");
	assert_string_equal(bert->kind->output(bert, HM_POOLED), "pooler");
	assert_null(bert->kind->output(bert, HM_GRID));
	assert_string_equal(image->kind->output(image, HM_GRID), "grid");
	hm_tower_free(image);
	hm_tower_free(bert);
}

static void the_option_names_all_fusions(void **state)
{
	(void)state;
	char words[256] = "";
	size_t n = 0;
	for (const struct hm_fusion_kind *const *k = hm_fusion_kinds(); *k; k++)
		n += (size_t)snprintf(words + n, sizeof words - n, "%s%s", n ? "|" : "", (*k)->name);
	assert_string_equal(words, HM_FUSION_WORDS);
}

/* What is below the last k layers stays, what is above them does not. */
static void layers_are_held(void **state)
{
	(void)state;
	static const struct {
		enum hm_side side;
		const char *preset;
		int layers, k;
		const char *trained; /* the first parameter above */
	} row[] = {
		{HM_TEXT, "bert-tiny", 2, 1, "encoder.layer.1.attention.self.query.weight"},
		{HM_TEXT, "bert-tiny", 2, 0, "pooler.dense.weight"},
		{HM_TEXT, "clip-tiny-text", 2, 2, "text_model.encoder.layers.0.self_attn.q_proj.weight"},
		{HM_IMAGE, "clip-tiny-image", 2, 0, "vision_model.post_layernorm.weight"},
		{HM_IMAGE, "resnet-tiny", 4, 1, "layer4.0.conv1.weight"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct hm_err e = {0};
		struct hm_tower *t =
			hm_tower_make(row[i].side, row[i].preset, &(struct hm_tower_hints){.vocab = 30}, &e);
		bool below = true;
		assert_non_null(t);
		assert_int_equal(hm_tower_hold_below(t, row[i].layers + 1, &e), HM_EUSAGE);
		assert_non_null(strstr(e.text, " layers, not "));
		e = (struct hm_err){0};
		assert_int_equal(hm_tower_hold_below(t, row[i].k, &e), 0);
		for (size_t j = 0; j < t->params.n; j++) {
			const struct hm_param *p = &t->params.item[j];
			below = below && strcmp(p->t.name, row[i].trained) != 0;
			if (p->init == HM_INIT_RUNNING_MEAN || p->init == HM_INIT_RUNNING_VAR)
				continue;
			if (p->held != below)
				fail_msg("%s: %s", row[i].preset, p->t.name);
		}
		assert_false(below);
		hm_tower_free(t);
	}
}

/* Parameters that the output is not made of keep their values in training; in a pass without a backward one
 * nothing is held. */
static void unused_parameters_are_held(void **state)
{
	(void)state;
	static const struct {
		enum hm_side side;
		const char *preset, *output, *unused; /* prefix; "": all are used */
	} row[] = {
		{HM_IMAGE, "clip-tiny-image", NULL, "visual_projection."},
		{HM_IMAGE, "clip-tiny-image", "projected", ""},
		{HM_TEXT, "clip-tiny-text", NULL, "text_projection."},
		{HM_TEXT, "clip-tiny-text", "projected", ""},
		{HM_TEXT, "bert-tiny", NULL, ""},
		{HM_TEXT, "bert-tiny", "cls", "pooler."},
	};
	struct hm_err e = {0};
	struct hm_device *d = hm_device_open("ref", HM_PREC_F32, &e);
	for (size_t i = 0; i < 2 * (sizeof row / sizeof *row); i++) {
		bool backward = i % 2;
		const struct hm_tower_hints hints = {.vocab = 30, .output = row[i / 2].output};
		const char *unused = row[i / 2].unused;
		struct hm_tower *t = hm_tower_make(row[i / 2].side, row[i / 2].preset, &hints, &e);
		assert_non_null(t);
		void *tape = t->kind->train->tape_new(t, d, backward, &e);
		assert_non_null(tape);
		for (size_t j = 0; j < t->params.n; j++) {
			const struct hm_param *p = &t->params.item[j];
			bool held = backward && *unused && !strncmp(p->t.name, unused, strlen(unused));
			if (p->held != held)
				fail_msg("%s %s: %s", row[i / 2].preset, hints.output, p->t.name);
		}
		t->kind->train->tape_free(tape);
		hm_tower_free(t);
	}
	hm_device_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),  cmocka_unit_test(presets),
		cmocka_unit_test(identities),	   cmocka_unit_test(the_option_names_all_fusions),
		cmocka_unit_test(layers_are_held), cmocka_unit_test(unused_parameters_are_held)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
