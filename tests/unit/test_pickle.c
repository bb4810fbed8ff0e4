/* The pickle interpreter: values come out, everything else is refused with its name and its byte. */
#include "weights/pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN(bytes, ...) run(bytes, sizeof bytes - 1, __VA_ARGS__)

/* The value of a pickle that must run; lives in `a`. */
static struct hm_pickle_val *run(const char *p, size_t n, struct hm_arena *a)
{
	struct hm_err e = {0};
	struct hm_pickle_val *v;
	size_t used;
	if (hm_pickle_run((const unsigned char *)p, n, a, &v, &used, &e))
		fail_msg("%s", e.text);
	assert_int_equal(used, n);
	return v;
}

#define REFUSED(bytes, why) refused(bytes, sizeof bytes - 1, why)
static void refused(const char *p, size_t n, const char *why)
{
	struct hm_err e = {0};
	struct hm_arena a = {0};
	struct hm_pickle_val *v;
	size_t used;
	assert_int_equal(hm_pickle_run((const unsigned char *)p, n, &a, &v, &used, &e), HM_EDATA);
	assert_null(v);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
	hm_arena_clear(&a);
}

static void test_values(void **state)
{
	(void)state;
	struct hm_arena a = {0};
	assert_int_equal(RUN("\x80\x02K\xff.", &a)->i, 255);
	assert_int_equal(RUN("M\x34\x12.", &a)->i, 0x1234);
	assert_int_equal(RUN("J\xfe\xff\xff\xff.", &a)->i, -2);
	assert_int_equal(RUN("\x8a\x00.", &a)->i, 0);
	assert_int_equal(RUN("\x8a\x02\x00\x80.", &a)->i, -32768);
	assert_int_equal(RUN("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.", &a)->i, INT64_MAX);
	assert_int_equal(RUN("\x8a\x09\0\0\0\0\0\0\0\0\1.", &a)->kind, HM_PICKLE_BIGINT);
	assert_true(RUN("G\x3f\xf8\0\0\0\0\0\0.", &a)->f == 1.5);
	assert_int_equal(RUN("N.", &a)->kind, HM_PICKLE_NONE);
	assert_int_equal(RUN("\x88.", &a)->i, 1);
	struct hm_pickle_val *v = RUN("(K\1K\2\x86K\3t.", &a);
	assert_int_equal(v->kind, HM_PICKLE_TUPLE);
	assert_int_equal(v->n, 2);
	assert_int_equal(v->first->val->n, 2);
	v = RUN("}(X\1\0\0\0aK\1X\1\0\0\0bK\2uU\1cK\3s.", &a);
	assert_int_equal(v->n, 3);
	assert_int_equal(hm_pickle_get(v, "b")->i, 2);
	assert_int_equal(hm_pickle_get(v, "c")->i, 3);
	assert_null(hm_pickle_get(v, "d"));
	v = RUN("]q\0(K\1h\0e.", &a); /* a list that holds itself */
	assert_ptr_equal(v->last->val, v);
	hm_arena_clear(&a);
}

static void test_objects(void **state)
{
	(void)state;
	struct hm_arena a = {0};
	/* Python 2 wrote OrderedDict([[key, value], ...]); BUILD on it is dropped. */
	struct hm_pickle_val *v = RUN("ccollections\nOrderedDict\nq\1]](U\1aK\7ea\x85R}b.", &a);
	assert_int_equal(v->kind, HM_PICKLE_DICT);
	assert_int_equal(hm_pickle_get(v, "a")->i, 7);
#define STORAGE "(U\7storagectorch\nHalfStorage\nU\0010U\3cpuK\6tQ"
	v = RUN(STORAGE ".", &a);
	assert_int_equal(v->kind, HM_PICKLE_STORAGE);
	assert_int_equal(v->dtype, HM_F16);
	assert_int_equal(v->i, 6);
#define HOOKS "ccollections\nOrderedDict\n)R"
#define TENSOR "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\1K\2\x85K\3\x85\x89" HOOKS "tR"
	v = RUN("ctorch._utils\n_rebuild_parameter\n" TENSOR "\x88" HOOKS "\x87R.", &a);
	assert_int_equal(v->kind, HM_PICKLE_TENSOR);
	assert_int_equal(v->i, 1);
	assert_int_equal(v->size->first->val->i, 2);
	assert_int_equal(v->stride->first->val->i, 3);
	hm_arena_clear(&a);
}

static void test_refuses(void **state)
{
	(void)state;
	REFUSED("cos\nsystem\n(U\2lstR.", "the global \"os.system\" at byte 0 is not allowed");
	REFUSED("N0cbuiltins\neval\n.", "opcode 0x30 at byte 1");
	REFUSED("c__builtin__\neval\nU\0011\x85R.", "\"__builtin__.eval\"");
	REFUSED("\x80\x04N.", "protocol other than 2 at byte 0");
	REFUSED("ctorch\nFloatStorage\n)R.", "do not fit its global");
	REFUSED("]N\x85R.", "REDUCE of what is no global");
	REFUSED("]Nb.", "BUILD on what is no OrderedDict");
	REFUSED("(Nu.", "no dict");
	REFUSED("](NNu.", "no dict");
	REFUSED("}(Nu.", "no dict");
	REFUSED("t.", "no mark");
	REFUSED(".", "stack is empty");
	REFUSED("(.", "stack is empty");
	REFUSED("NN.", "left on the stack");
	REFUSED("a.", "stack is empty");
	REFUSED("\x86.", "stack is empty");
	REFUSED("h\0.", "never put");
	REFUSED("Nr\0\0\0\x7f.", "out of order");
	REFUSED("X\xff\xff\xff\xff", "the data end");
	REFUSED("X\2\0\0\0\xc3(.", "not UTF-8");
	REFUSED("U\1\0.", "holds a NUL");
	REFUSED("ctorch", "the data end");
	REFUSED("N\x85Q.", "no storage");
	REFUSED("(U\7storagectorch\nFloatStorage\nU\0010U\3cpuJ\xff\xff\xff\xfftQ.", "a storage that is not");
	REFUSED("(U\7storagectorch\nFloatStorage\nU\0010U\3cpuK\1K\1tQ.", "view of another");
	REFUSED("", "the data end");
	struct hm_err e = {0};
	struct hm_arena a = {0};
	struct hm_pickle_val *v;
	size_t used, n = (size_t)3 << 20;
	unsigned char *nones = malloc(n);
	assert_non_null(nones);
	memset(nones, 'N', n);
	assert_int_equal(hm_pickle_run(nones, n, &a, &v, &used, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "1 MiB"));
	hm_arena_clear(&a);
	free(nones);
}

/* One list made into dicts again and again would grow without bound. */
static void test_growth(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	assert_int_equal(hm_buf_printf(&b, NULL, "ccollections\nOrderedDict\nq%c](NN\x86q%c", 0, 1), 0);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(hm_buf_add(&b, "h\1", 2, NULL), 0);
	assert_int_equal(hm_buf_add(&b, "eq\2", 3, NULL), 0);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(hm_buf_add(&b, "h\0h\2\x85R", 6, NULL), 0);
	refused((const char *)b.data, b.len, "more items than its bytes can hold");
	hm_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_objects),
					   cmocka_unit_test(test_refuses), cmocka_unit_test(test_growth)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
