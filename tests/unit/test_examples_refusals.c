/* Examples for training: records, columns, features and files that cannot be trained on are refused or left
 * out. */
#include "../support/exampleset.h"
#include "feed/columns.h"
#include "nn/late.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void what_cannot_be_trained_on(void **state)
{
	static const struct {
		int error, unlabelled;
		enum hm_use text;
		const char *says;
	} bad[] = {
		{5, -1, HM_USE_FEATURE, "record 5 (id n5): an earlier tool failed on it"},
		{-1, 6, HM_USE_FEATURE, "record 6 (id n6): it has no label"},
		{-1, -1, HM_USE_TRAINED, "record 3 (id n3)"}, /* 600 ids, late */
	};
	(void)state;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		struct hm_examples x;
		struct hm_examples_options o = {.kind = &hm_late_fusion,
						.side = {[HM_TEXT] = {bad[k].text, &set_bert}},
						.path = set_file,
						.unknown = true};
		e = (struct hm_err){0};
		set_write(set_file, true, bad[k].error, bad[k].unlabelled);
		assert_int_equal(set_read(&x, set_file, &o, 1), HM_EDATA);
		assert_non_null(strstr(e.text, bad[k].says));
		assert_memory_equal(e.text, set_file, strlen(set_file));
		hm_examples_clear(&x);
		if (bad[k].text == HM_USE_TRAINED)
			continue;
		struct hm_minibatch b;
		o.skip = true;
		e = (struct hm_err){0};
		assert_int_equal(set_read(&x, set_file, &o, 1), 0);
		assert_int_equal(x.n, N - 1);
		assert_int_equal(x.failed + 2 * x.unlabelled, bad[k].error >= 0 ? 1 : 2);
		assert_string_equal(x.id[6], "n7");
		assert_int_equal(hm_examples_batch(&x, &(uint32_t){6}, 1, &b, &e), 0);
		assert_true(b.joined[0][1] == 6); /* record 7's, fetched by its number in the file */
		hm_examples_clear(&x);
	}
}

/* The record that is named is the one that was computed, not the last one that was read. */
static void a_computed_feature_is_finite(void **state)
{
	(void)state;
	struct hm_encoder broken;
	struct hm_examples x;
	assert_int_equal(
		hm_encoder_open(&broken, HM_TEXT, "init:bert-tiny:3", &(struct hm_encoder_options){0}, &e),
		0);
	struct hm_params *p = &broken.tower->params;
	p->data[p->count - 1] = NAN; /* the pooler's bias */
	struct hm_examples_options o = {
		.kind = &hm_late_fusion, .side = {[HM_TEXT] = {HM_USE_COMPUTED, &broken}}, .skip = true};
	set_write(set_file, false, -1, 0);
	assert_int_equal(set_read(&x, set_file, &o, 2), HM_EDATA);
	assert_non_null(strstr(e.text, "record 1 (id n1): its feature holds a number that is not finite"));
	assert_memory_equal(e.text, set_file, strlen(set_file));
	hm_examples_clear(&x);
	hm_encoder_clear(&broken);
}

/* Columns of the right name that are not what their tools make. */
static void other_columns_are_refused(void **state)
{
	static const struct {
		enum hm_column instead;
		enum hm_dtype dtype;
		enum hm_use image, text;
		const char *says;
	} bad[] = {
		{HM_COLUMN_LABEL, HM_I64, HM_USE_FEATURE, HM_USE_FEATURE, "column \"label\" is I64"},
		{HM_COLUMN_ERROR, HM_I32, HM_USE_FEATURE, HM_USE_FEATURE, "column \"error\" is I32"},
		{HM_COLUMN_IMAGE_FEATURE, HM_F64, HM_USE_FEATURE, HM_USE_NONE,
		 "column \"image_feature\" is F64"},
		{HM_COLUMN_TEXT_FEATURE, HM_I32, HM_USE_NONE, HM_USE_FEATURE,
		 "column \"text_feature\" is I32"},
		{HM_COLUMN_PIXELS, HM_U8, HM_USE_TRAINED, HM_USE_NONE, "column \"pixels\" is U8"},
		{HM_COLUMN_PIXELS, HM_U8, HM_USE_COMPUTED, HM_USE_NONE, "column \"pixels\" is U8"},
		{HM_COLUMN_TOKEN_IDS, HM_I64, HM_USE_NONE, HM_USE_TRAINED, "column \"token_ids\" is I64"},
	};
	(void)state;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		for (int there = 0; there < 2; there++) { /* of another type; not at all */
			struct hm_schema s = {0};
			struct hm_writer *w;
			struct hm_examples x;
			struct hm_examples_options o = {
				.kind = &hm_late_fusion,
				.side = {{bad[k].image, &set_resnet}, {bad[k].text, &set_bert}},
				.unknown = true};
			const char *name = hm_column_name(bad[k].instead);
			char missing[64];
			e = (struct hm_err){0};
			if (!there && bad[k].instead == HM_COLUMN_ERROR)
				continue; /* which need not be there */
			hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
			if (bad[k].instead != HM_COLUMN_LABEL)
				hm_schema_add(&s, "label", HM_I32, 0, NULL, NULL, &e);
			if (there)
				hm_schema_add(&s, name, bad[k].dtype, 0, NULL, NULL, &e);
			for (int c = HM_COLUMN_IMAGE_FEATURE; c <= HM_COLUMN_TEXT_FEATURE; c += 2)
				if (hm_schema_find(&s, hm_column_name((enum hm_column)c)) < 0 &&
				    c != (int)bad[k].instead)
					hm_schema_add(&s, hm_column_name((enum hm_column)c), HM_F32, DIMS(C),
						      NULL, &e);
			assert_int_equal(hm_writer_open(&w, set_file, &s, NULL, NULL, NULL, NULL, &e), 0);
			assert_int_equal(hm_writer_finish(w, 0, &e), 0);
			assert_int_equal(set_read(&x, set_file, &o, 1), HM_EDATA);
			snprintf(missing, sizeof missing, "there is no column \"%s\"", name);
			if (!strstr(e.text, there ? bad[k].says : missing) ||
			    strncmp(e.text, set_file, strlen(set_file)))
				fail_msg("row %zu: \"%s\"", k, e.text);
			hm_examples_clear(&x);
			hm_schema_clear(&s);
		}
}

/* A file that is replaced or written over between reading and training is an error, not another example. */
static void a_file_that_changes_is_noticed(void **state)
{
	(void)state;
	struct hm_examples x;
	struct hm_minibatch b;
	struct hm_examples_options o = {.kind = &hm_late_fusion,
					.side = {[HM_TEXT] = {HM_USE_FEATURE, NULL}},
					.path = set_file,
					.unknown = true};
	assert_int_equal(set_read(&x, set_file, &o, 1), 0);
	struct hm_examples_place *place = (struct hm_examples_place *)(void *)x.store->places.data;
	place->hash ^= 1; /* as if a sound block of other content stood there now */
	assert_int_equal(hm_examples_batch(&x, &(uint32_t){0}, 1, &b, &e), HM_EDATA);
	assert_string_equal(e.text, "id n0: the file has changed since it was read");
	place->hash ^= 1;
	assert_int_equal(hm_examples_batch(&x, &(uint32_t){0}, 1, &b, &e), 0);
	assert_int_equal(hm_examples_batch(&x, &(uint32_t){39}, 1, &b, &e), 0);
	e = (struct hm_err){0};
	FILE *f = fopen(set_file, "r+b");
	assert_non_null(f);
	for (int k = 0; k < 20000; k++)
		fputc(0, f);
	fclose(f);
	assert_int_equal(hm_examples_batch(&x, &(uint32_t){0}, 1, &b, &e), HM_EDATA);
	assert_memory_equal(e.text, set_file, strlen(set_file));
	hm_examples_clear(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_cannot_be_trained_on, set_setup, set_teardown),
		cmocka_unit_test_setup_teardown(a_computed_feature_is_finite, set_setup, set_teardown),
		cmocka_unit_test_setup_teardown(other_columns_are_refused, set_setup, set_teardown),
		cmocka_unit_test_setup_teardown(a_file_that_changes_is_noticed, set_setup, set_teardown),
	};
	return cmocka_run_group_tests(tests, set_open_encoders, set_clear_encoders);
}
