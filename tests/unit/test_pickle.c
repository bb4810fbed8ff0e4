/* The pickle interpreter: values come out, everything else is refused with its name and its byte. */
#include "weights/pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN(bytes, ...) run_pickle(bytes, sizeof bytes - 1, __VA_ARGS__)

/* The value of a pickle that must run; lives in `a`. */
static struct hm_pickle_val *run_pickle(const char *p, size_t n, struct hm_arena *a)
{
	struct hm_err e = {0};
	struct hm_pickle_val *v;
	size_t used;
	if (hm_pickle_run((const unsigned char *)p, n, a, &v, &used, NULL, &e))
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
	assert_int_equal(hm_pickle_run((const unsigned char *)p, n, &a, &v, &used, NULL, &e), HM_EDATA);
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

/* The OBJECT of a pickle that must run, called `name`. */
#define OBJECT(bytes, name, a) is_object(RUN(bytes, a), name)
static void is_object(const struct hm_pickle_val *v, const char *name)
{
	assert_int_equal(v->kind, HM_PICKLE_OBJECT);
	assert_int_equal(v->n, strlen(name));
	assert_memory_equal(v->s, name, v->n);
}

/* Whatever is made of classes that are not known: nothing is called, a name is left. */
static void test_unknown(void **state)
{
	(void)state;
	struct hm_arena a = {0};
	OBJECT("cos\nsystem\n(U\2lstR.", "os.system", &a);
	OBJECT("cargparse\nNamespace\n)\x81}(X\2\0\0\0lrG?\xb9\x99\x99\x99\x99\x99\x9aub.",
	       "argparse.Namespace", &a);
	OBJECT("ccopy_reg\n_reconstructor\n(cx\nNet\nc__builtin__\nobject\nNtR}b.", "x.Net", &a);
	OBJECT("ca\nB\n)}X\1\0\0\0kNs\x92.", "a.B", &a);      /* NEWOBJ_EX */
	OBJECT("ca\nB\n)\x81(K\1K\2e.", "a.B", &a);	      /* a subclass of list */
	OBJECT("ca\nB\n)\x81X\1\0\0\0kK\1s(NNu.", "a.B", &a); /* a subclass of dict */
	OBJECT("ca\nB\n)RK\1\x85R.", "a.B", &a);	      /* what it returned is called */
	OBJECT("\x80\4\x95\x10\0\0\0\0\0\0\0\x8c\2osq\0\x8c\6system\x94\x93)R.", "os.system", &a);
	OBJECT("C\3\xff\0x.", "bytes", &a);
	OBJECT("\x96\2\0\0\0\0\0\0\0\xff\0.", "bytes", &a);
	OBJECT("X\1\0\0\0\0.", "str", &a); /* a NUL inside */
	OBJECT("X\2\0\0\0\xc3(.", "str", &a);
	OBJECT("\x8f\x94(K\1K\2\x90.", "set", &a);
	OBJECT("(K\1K\2\x91.", "frozenset", &a);
	assert_int_equal(RUN("ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RX\1\0\0\0kK\3s.", &a)->n,
			 1);
	assert_int_equal(RUN("NK\1"
			     "0"
			     "0K\5.",
			     &a)
				 ->i,
			 5);				    /* POP */
	assert_int_equal(RUN("K\5(NN1.", &a)->i, 5);	    /* POP_MARK */
	assert_int_equal(RUN("\x8b\1\0\0\0\5.", &a)->i, 5); /* LONG4 */
	assert_int_equal(RUN("\x8d\1\0\0\0\0\0\0\0a.", &a)->kind, HM_PICKLE_STR);
	hm_arena_clear(&a);
}

/* Tensors that are not plain arrays are known to be tensors, and not read as if they were. */
static void test_other_tensors(void **state)
{
	(void)state;
	struct hm_arena a = {0};
	static const struct {
		const char *bytes, *name;
		size_t n;
	} other[] = {
#define OTHER(bytes, name) {bytes, name, sizeof bytes - 1}
		OTHER("ctorch._utils\n_rebuild_qtensor\n)R.", "torch._utils._rebuild_qtensor"),
		OTHER("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_sparse_"
		      "tensor\nctorch\nTensor\n)NtR.",
		      "torch._utils._rebuild_sparse_tensor"),
		OTHER("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_"
		      "v2\ncmy\nTensor\n)NtR.",
		      "my.Tensor"),
		/* the bit that says "negated" */
		OTHER("ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\1K\2\x85K\3\x85\x89" HOOKS
		      "}X\3\0\0\0neg\x88stR.",
		      "torch._utils._rebuild_tensor_v2"),
		OTHER("ctorch._utils\n_rebuild_tensor_v2\n(("
		      "U\7storagectorch\nComplexFloatStorage\nU\0010U\3cpuK\6tQK\0))\x89" HOOKS "tR.",
		      "torch.ComplexFloatStorage"),
		OTHER("ctorch._utils\n_rebuild_tensor_v2\n((U\7storagecx\nYStorage\nU\0010U\3cpuK\6tQK\0))"
		      "\x89" HOOKS "tR.",
		      "x.YStorage"),
		OTHER("ctorch._utils\n_rebuild_tensor_v3\n((U\7storagectorch."
		      "storage\nUntypedStorage\nU\0010U\3cpuK\6tQK\0))\x89" HOOKS
		      "ctorch\nfloat8_e4m3fn\ntR.",
		      "torch.float8_e4m3fn"),
	};
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		struct hm_pickle_val *v = run_pickle(other[i].bytes, other[i].n, &a);
		is_object(v, other[i].name);
		assert_true(v->tensor);
	}
	struct hm_pickle_val *v =
		RUN("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\n"
		    "ctorch.nn.parameter\nParameter\n(" STORAGE "K\1K\2\x85K\3\x85\x89" HOOKS "t}tR.",
		    &a);
	assert_int_equal(v->kind, HM_PICKLE_TENSOR);
	assert_int_equal(v->dtype, HM_F16);
	v = RUN("ctorch._utils\n_rebuild_tensor_v3\n(("
		"U\7storagectorch\nUntypedStorage\nU\0010U\3cpuK\6tQK\1K\2\x85K\1\x85\x89" HOOKS
		"ctorch\nuint16\n}tR.",
		&a);
	assert_int_equal(v->kind, HM_PICKLE_TENSOR);
	assert_int_equal(v->dtype, HM_U16);
	assert_int_equal(v->storage->n, 1);
	hm_arena_clear(&a);
}

/* Storages are counted wherever they are, also inside what is skipped. */
static void test_storages(void **state)
{
	(void)state;
	static const char p[] = "ca\nB\n(" STORAGE "tR(U\7storagectorch\nLongStorage\nU\0011U\3cpuK\2tQ\x86.";
	struct hm_arena a = {0};
	struct hm_buf b = {0};
	struct hm_err e = {0};
	struct hm_pickle_val *v;
	size_t used;
	assert_int_equal(hm_pickle_run((const unsigned char *)p, sizeof p - 1, &a, &v, &used, &b, &e), 0);
	assert_int_equal(b.len, 2 * sizeof v);
	assert_int_equal(((struct hm_pickle_val **)b.data)[0]->n, 2);
	assert_int_equal(((struct hm_pickle_val **)b.data)[1]->n, 8);
	hm_buf_clear(&b);
	hm_arena_clear(&a);
}

static void test_refuses(void **state)
{
	(void)state;
	REFUSED("I1\n.", "opcode 0x49 INT at byte 0 is not allowed");
	REFUSED("(dp0\n.", "opcode 0x64 DICT at byte 1");
	REFUSED("(S'ls'\nios\nsystem\n.", "opcode 0x53 STRING");
	REFUSED("N(ios\nsystem\n.", "opcode 0x69 INST at byte 2");
	REFUSED("\x82\1.", "opcode 0x82 EXT1");
	REFUSED("\x97.", "opcode 0x97 NEXT_BUFFER");
	REFUSED("\xff.", "opcode 0xff at byte 0");
	REFUSED("\x80\x01N.", "protocol other than 2 to 5 at byte 0");
	REFUSED("\x80\x06N.", "protocol other than 2 to 5 at byte 0");
	REFUSED("]N\x85R.", "REDUCE of something other than a global");
	REFUSED("cx\ny\nNR.", "REDUCE of something other than a global and a tuple");
	REFUSED("K\1)\x81.", "REDUCE of something other than a global");
	REFUSED("]Nb.", "BUILD on something that has no state");
	REFUSED("(Nu.", "other than a dict");
	REFUSED("](NNu.", "other than a dict");
	REFUSED("}(Nu.", "other than a dict");
	REFUSED("](N\x90.", "other than a list");
	REFUSED("t.", "no mark");
	REFUSED("1.", "no mark");
	REFUSED("0.", "stack is empty");
	REFUSED(".", "stack is empty");
	REFUSED("(.", "stack is empty");
	REFUSED("NN.", "left on the stack");
	REFUSED("a.", "stack is empty");
	REFUSED("\x86.", "stack is empty");
	REFUSED("\x94.", "out of order");
	REFUSED("h\0.", "never put");
	REFUSED("Nr\0\0\0\x7f.", "out of order");
	REFUSED("X\xff\xff\xff\xff", "the data end");
	REFUSED("\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "the data end");
	REFUSED("\x8b\xff\xff\xff\xff", "the data end");
	REFUSED("ctorch", "the data end");
	REFUSED("NN\x93.", "a global whose name is not a text");
	REFUSED("N\x85Q.", "not a storage");
	REFUSED("(U\7storagectorch\nFloatStorage\nU\0010U\3cpuJ\xff\xff\xff\xfftQ.", "a storage that is not");
	REFUSED("(U\7storageccollections\nOrderedDict\nU\0010U\3cpuK\1tQ.", "a storage that is not");
	REFUSED("(U\7storagectorch\nFloatStorage\nU\0010U\3cpuK\1K\1tQ.", "view of another");
	REFUSED("ctorch._utils\n_rebuild_tensor_v2\n)R.", "a tensor that is not made of");
	REFUSED("ctorch._utils\n_rebuild_parameter\n(NNNtR.", "a parameter that is not made of a tensor");
	REFUSED("ctorch._tensor\n_rebuild_from_type_v2\n)R.", "a tensor that is not made of");
	REFUSED("", "the data end");
}

static void many(const char *op, size_t times, const char *why)
{
	struct hm_err e = {0};
	struct hm_arena a = {0};
	struct hm_pickle_val *v;
	size_t used, k = strlen(op), n = times * k;
	unsigned char *p = malloc(n);
	assert_non_null(p);
	for (size_t i = 0; i < n; i += k)
		memcpy(p + i, op, k);
	assert_int_equal(hm_pickle_run(p, n, &a, &v, &used, NULL, &e), HM_EDATA);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
	hm_arena_clear(&a);
	free(p);
}

static void test_caps(void **state)
{
	(void)state;
	many("N", (size_t)3 << 20, "more than 1048576 values at byte 1048576");
	many("N0", ((size_t)1 << 20) + 1, "more than 1048576 values");
	many("]q\1h\1"
	     "a0",
	     (size_t)3 << 19, "more than 1048576 values");
	many("\x80\2", (size_t)33 << 20, "the 64 MiB allowed are used up");
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	 cmocka_unit_test(test_objects),
		cmocka_unit_test(test_unknown),	 cmocka_unit_test(test_other_tensors),
		cmocka_unit_test(test_storages), cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_caps),	 cmocka_unit_test(test_growth)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
