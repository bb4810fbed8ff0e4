/* A part of a sweep: what was written is read to the last bit, and no text that lies becomes a result. */
#include "base/file.h"
#include "json/build.h"
#include "train/sweeppart.h"
#include "../support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define DIGEST "0123456789abcdef0123456789abcdef"
#define HEAD                                                                                                 \
	"{\"by\":\"accuracy\",\"call\":{\"x\":1},\"configurations\":5,\"format\":\"hm sweep part "           \
	"1\",\"keep\":2,"                                                                                    \
	"\"lines\":\"l\",\"part\":1,\"parts\":2,\"sweep\":\"" DIGEST "\"}\n"
#define ITEM(NAME) "{\"error\":null,\"model\":null,\"name\":\"" NAME "\",\"row\":\"r\"}\n"

/* Five items a to e with the digest DIGEST; this part has b and d. */
static void sweep_new(struct hm_sweep *s)
{
	static const char *const name[] = {"a", "b", "c", "d", "e"};
	*s = (struct hm_sweep){.n = 5, .part = 1, .parts = 2, .digest = DIGEST};
	s->item = calloc(5, sizeof *s->item);
	assert_non_null(s->item);
	for (int i = 0; i < 5; i++)
		s->item[i].name = name[i];
}

static void rows_are_read_as_they_were_written(void **state)
{
	(void)state;
	static const char row[] = "\"b\",0.1,\"two\nlines, and \"\"quotes\"\" \xc3\xa4\"";
	struct hm_err e = {0};
	struct hm_sweep s, t;
	char folder[TEST_PATH], path[TEST_PATH + HM_SWEEP_PART_NAME], name[HM_SWEEP_PART_NAME];
	sweep_new(&s);
	struct hm_sweep_item *b = &s.item[1], *d = &s.item[3];
	b->row = row;
	b->trained = true;
	b->loss = 1 / 3.;
	b->result.best = (struct hm_epoch_score){.loss = 5e-324, .accuracy = 0.1, .auroc = NAN, .n = 30};
	snprintf(b->model, sizeof b->model, "%s", DIGEST);
	d->row = "\"d\"";
	d->error = strdup("step 3: the loss is not finite \xc3\xa4");
	struct hm_sweep_call c = {hm_json_object(&e), HM_SWEEP_AUROC, 7, "lines"}, got;
	hm_json_add_str(c.identity, "key", "value", &e);
	test_scratch_folder(folder);
	assert_int_equal(hm_sweep_part_write(&s, &c, folder, &e), 0);
	sweep_new(&t);
	if (hm_sweep_part_read(&t, &got, folder, &e))
		fail_msg("%s", e.text);
	assert_int_equal(got.by, HM_SWEEP_AUROC);
	assert_int_equal(got.keep, 7);
	assert_string_equal(got.lines, "lines");
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(got.identity, "key")), "value");
	const struct hm_sweep_item *r = &t.item[1];
	assert_string_equal(r->row, row);
	assert_string_equal(r->model, DIGEST);
	assert_true(r->trained && !r->error && r->loss == 1 / 3.);
	assert_true(r->result.best.loss == 5e-324 && r->result.best.accuracy == 0.1);
	assert_true(isnan(r->result.best.auroc) && r->result.best.n == 30);
	assert_false(t.item[3].trained);
	assert_string_equal(t.item[3].error, d->error);
	assert_string_equal(t.item[3].model, "");
	assert_null(t.item[0].row);
	snprintf(path, sizeof path, "%s/%s", folder, hm_sweep_part_name(1, 2, name));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	cJSON_Delete(c.identity);
	cJSON_Delete(got.identity);
	hm_sweep_clear(&s);
	hm_sweep_clear(&t);
}

/* Scores that differ in the last bit only keep their order on the way; equal ones that of the file. */
static void the_order_survives(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_sweep s, t;
	struct hm_sweep_call c = {hm_json_object(&e), HM_SWEEP_VAL_LOSS, 0, ""}, got;
	char folder[TEST_PATH], path[TEST_PATH + HM_SWEEP_PART_NAME], name[HM_SWEEP_PART_NAME];
	size_t order[5];
	const double best = .7123456789012345,
		     value[] = {nextafter(best, 1), best, best, nextafter(best, 0), 1};
	static const size_t expected[] = {3, 1, 2, 0, 4};
	test_scratch_folder(folder);
	sweep_new(&t);
	for (int part = 0; part < 2; part++) {
		sweep_new(&s);
		s.part = t.part = (uint64_t)part;
		for (size_t i = 0; i < hm_sweep_count(&s); i++) {
			struct hm_sweep_item *item = hm_sweep_own(&s, i);
			item->row = "r";
			item->trained = true;
			item->result.best.loss = value[item - s.item];
		}
		assert_int_equal(hm_sweep_part_write(&s, &c, folder, &e), 0);
		assert_int_equal(hm_sweep_part_read(&t, &got, folder, &e), 0);
		snprintf(path, sizeof path, "%s/%s", folder, hm_sweep_part_name(s.part, 2, name));
		assert_int_equal(unlink(path), 0);
		cJSON_Delete(got.identity);
		hm_sweep_clear(&s);
	}
	assert_int_equal(rmdir(folder), 0);
	t.part = t.parts = 0;
	assert_int_equal(hm_sweep_rank(&t, HM_SWEEP_VAL_LOSS, order, &e), 0);
	assert_memory_equal(order, expected, sizeof order);
	cJSON_Delete(c.identity);
	hm_sweep_clear(&t);
}

/* Replaces `was` by `is` in a good part, and expects this sentence; is NULL: the good part itself. */
static void forge(const char *was, const char *is, const char *sentence)
{
	static const char good[] = HEAD ITEM("b") ITEM("d");
	struct hm_buf b = {0};
	struct hm_err e = {0};
	struct hm_sweep s;
	struct hm_sweep_call c;
	const char *at = strstr(good, was);
	sweep_new(&s);
	assert_non_null(at);
	hm_buf_printf(&b, &e, "%.*s%s%s", (int)(at - good), good, is ? is : was, at + strlen(was));
	int rc = hm_sweep_part_parse(&s, &c, (const char *)b.data, b.len, &e);
	if (is ? rc != HM_EDATA || !strstr(e.text, sentence) : rc != 0)
		fail_msg("rc %d, \"%s\" instead of \"%s\"", rc, e.text, sentence);
	cJSON_Delete(c.identity);
	hm_buf_clear(&b);
	hm_sweep_clear(&s);
}

static void lies_are_refused(void **state)
{
	(void)state;
	forge("r", NULL, "");
	forge("part 1\"", "part 2\"", "not a part of a sweep as this version");
	forge("\"part\":1", "\"part\":0", "part 0 of 2");
	forge("\"parts\":2", "\"parts\":3", "part 1 of 3");
	forge("\"parts\":2", "\"parts\":-2", "part 1 of -2");
	forge("\"part\":1,", "", "\"part\"");
	forge("sweep\":\"0", "sweep\":\"1", "another file of configurations");
	forge("configurations\":5", "configurations\":4", "another file of configurations");
	forge("\"accuracy\"", "\"luck\"", "\"by\", \"keep\" or \"call\"");
	forge("\"keep\":2", "\"keep\":-2", "\"by\", \"keep\" or \"call\"");
	forge("{\"x\":1}", "[]", "\"by\", \"keep\" or \"call\"");
	forge("{\"x\":1}", "{\"x\":{\"y\":{}}}", "level");
	forge("\"name\":\"b\"", "\"name\":\"c\"", "it has \"c\" where its share has \"b\"");
	forge("\"name\":\"b\"", "\"name\":7", "\"name\"");
	forge("\"row\":\"r\"", "\"row\":null", "\"row\"");
	forge("\"model\":null", "\"model\":\"../x\"", "impossible \"model\"");
	forge("\"error\":null,\"model\":null", "\"error\":\"x\",\"model\":\"" DIGEST "\"",
	      "impossible \"model\"");
	forge("\"row\":\"r\"}\n", "\"row\":\"r\"", "column");
	forge(ITEM("d"), "", "fewer configurations");
	forge(ITEM("d"), ITEM("d") ITEM("e"), "more configurations");
	forge(ITEM("d"), "[1]\n", "not an object");
	forge(HEAD, "", "not a part of a sweep as this version");
	forge(HEAD ITEM("b") ITEM("d"), "", "fewer");
}

/* Each item is of one share, whatever their number. */
static void shares_are_a_division(void **state)
{
	(void)state;
	struct hm_sweep s;
	sweep_new(&s);
	for (s.parts = 1; s.parts < 9; s.parts++) {
		int seen[5] = {0};
		for (s.part = 0; s.part < s.parts; s.part++)
			for (size_t i = 0; i < hm_sweep_count(&s); i++)
				seen[hm_sweep_own(&s, i) - s.item]++;
		for (int i = 0; i < 5; i++)
			assert_int_equal(seen[i], 1);
	}
	s.part = UINT64_MAX - 1;
	s.parts = UINT64_MAX;
	assert_int_equal(hm_sweep_count(&s), 0);
	s.parts = 0;
	assert_int_equal(hm_sweep_count(&s), 5);
	hm_sweep_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_read_as_they_were_written), cmocka_unit_test(the_order_survives),
		cmocka_unit_test(lies_are_refused), cmocka_unit_test(shares_are_a_division)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
