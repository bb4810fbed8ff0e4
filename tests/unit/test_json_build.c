/* lib/json/build.h: a tree comes out whole, or not at all and with an error. Each allocation of cJSON fails
 * once, the k-th for k = 0, 1, ... until a run meets none. */
#include "json/build.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static long countdown; /* allocations that still succeed; below 0: all do */

static void *allocate(size_t n)
{
	return countdown >= 0 && countdown-- == 0 ? NULL : malloc(n);
}

static int set_hooks(void **state)
{
	(void)state;
	countdown = -1;
	cJSON_InitHooks(&(cJSON_Hooks){allocate, free});
	return 0;
}

static int reset_hooks(void **state)
{
	(void)state;
	cJSON_InitHooks(NULL);
	return 0;
}

/* A tree with a member of every kind, in an object and in an array. */
static cJSON *build_tree(struct hm_err *e)
{
	static const double pair[] = {-1, 0.25};
	cJSON *o = hm_json_object(e), *list = hm_json_add_array(o, "list", e);
	cJSON *one = hm_json_add_object(list, NULL, e), *other = hm_json_array(e);
	hm_json_add_str(one, "s", "text", e);
	hm_json_add_num(one, "n", 7, e);
	hm_json_add_bool(one, "yes", true, e);
	hm_json_add_null(one, "nothing", e);
	hm_json_add_nums(one, "pair", pair, 2, e);
	hm_json_add_str(list, NULL, "x", e);
	hm_json_add_null(list, NULL, e);
	hm_json_add_copy(o, "copy", one, e);
	hm_json_add_num(other, NULL, 1, e);
	hm_json_add_tree(o, "tree", other, e);
	hm_json_add_object(o, "empty", e);
	return hm_json_whole(o, e);
}

#define ONE "{\"n\":7,\"nothing\":null,\"pair\":[-1,0.25],\"s\":\"text\",\"yes\":true}"
#define TREE "{\"copy\":" ONE ",\"empty\":{},\"list\":[" ONE ",\"x\",null],\"tree\":[1]}"

static void check_text(const cJSON *tree)
{
	struct hm_err e = {0};
	struct hm_buf b = {0};
	assert_int_equal(hm_json_write(tree, &b, &e), 0);
	assert_int_equal(hm_buf_add(&b, "", 1, &e), 0);
	assert_string_equal((char *)b.data, TREE);
	hm_buf_clear(&b);
}

static void every_member_is_there(void **state)
{
	(void)state;
	struct hm_err e = {0};
	cJSON *tree = build_tree(&e), *copy = hm_json_copy(tree, &e);
	assert_int_equal(e.code, 0);
	check_text(tree);
	check_text(copy);
	cJSON_Delete(tree);
	cJSON_Delete(copy);
}

static void a_failed_allocation_is_never_a_shorter_tree(void **state)
{
	(void)state;
	for (long k = 0;; k++) {
		struct hm_err e = {0};
		countdown = k;
		cJSON *tree = build_tree(&e);
		bool all = countdown >= 0;
		countdown = -1;
		if (!all) {
			if (tree || e.code != HM_EDATA || strcmp(e.text, "out of memory"))
				fail_msg("allocation %ld failed: tree %p, \"%s\"", k, (void *)tree, e.text);
			continue;
		}
		assert_int_equal(e.code, 0);
		check_text(tree);
		cJSON_Delete(tree);
		assert_true(k > 30);
		return;
	}
}

/* Text that is valid is not called invalid when memory runs out. */
static void reading_says_that_memory_is_out(void **state)
{
	(void)state;
	for (long k = 0;; k++) {
		struct hm_err e = {0};
		countdown = k;
		cJSON *tree = hm_json_parse(ONE, sizeof ONE - 1, 4, NULL, &e);
		bool all = countdown >= 0;
		countdown = -1;
		cJSON_Delete(tree);
		if (all)
			return;
		if (tree || strcmp(e.text, "out of memory while reading JSON"))
			fail_msg("allocation %ld failed: tree %p, \"%s\"", k, (void *)tree, e.text);
	}
}

/* What failed before the builder, or between two members, ends it too. */
static void an_earlier_error_stays(void **state)
{
	(void)state;
	struct hm_err e = {0};
	cJSON *o = hm_json_object(&e);
	hm_json_add_num(o, "a", 1, &e);
	hm_err_set(&e, HM_EUSAGE, "the cause");
	cJSON *orphan = cJSON_CreateObject();
	hm_json_add_tree(o, "b", orphan, &e); /* frees it: the sanitizer build looks */
	hm_json_add_num(o, "c", 1, &e);
	assert_null(hm_json_add_object(o, "d", &e));
	assert_null(hm_json_object(&e));
	assert_int_equal(cJSON_GetArraySize(o), 1);
	assert_null(hm_json_whole(o, &e));
	assert_int_equal(e.code, HM_EUSAGE);
	assert_string_equal(e.text, "the cause");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_is_there),
		cmocka_unit_test(a_failed_allocation_is_never_a_shorter_tree),
		cmocka_unit_test(reading_says_that_memory_is_out),
		cmocka_unit_test(an_earlier_error_stays),
	};
	return cmocka_run_group_tests(tests, set_hooks, reset_hooks);
}
