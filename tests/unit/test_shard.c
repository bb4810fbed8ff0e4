/* Shards in histories: reading I/N, taking the cut out of a history, histories that nobody would write, and
 * what is said of two that differ. Streams of shards are tests/cli/deal.bats's. */
#include "base/file.h"
#include "json/json.h"
#include "rec/deal.h"
#include "rec/shard.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct hm_err e;

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	return 0;
}

static void shards_are_read_and_counted(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",    "/",	"1",	 "1/",		 "/2",		"2/2",	 "3/2",
		"0/0", "-1/2",	"+1/2",	 " 1/2",	 "1/2 ",	"1/2/3", "1//2",
		"a/b", "0x1/2", "1.0/2", "0/9999999999", "9999999999/2"};
	struct hm_shard s = {7, 9};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(hm_shard_parse(bad[i], &s));
	assert_true(s.i == 7 && s.n == 9);
	assert_true(hm_shard_parse("1/3", &s) && s.i == 1 && s.n == 3);
	for (uint64_t n = 1; n < 6; n++)
		for (uint64_t total = 0; total < 13; total++)
			for (uint64_t i = 0; i < n; i++) {
				uint64_t count = 0;
				s = (struct hm_shard){i, n};
				for (uint64_t k = 0; k < total; k++)
					count += hm_shard_has(&s, k);
				assert_int_equal(hm_shard_count(&s, total), count);
			}
	s = (struct hm_shard){0};
	assert_int_equal(hm_shard_count(&s, 5), 5);
	s = (struct hm_shard){1, 2};
	assert_true(hm_shard_count(&s, UINT64_MAX) == UINT64_MAX / 2);
}

/* A history out of text in which ' stands for ". */
static cJSON *history(const char *text)
{
	struct hm_err ignored = {0};
	char copy[2048];
	size_t n = strlen(text);
	assert_true(n < sizeof copy);
	for (size_t i = 0; i <= n; i++)
		copy[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	cJSON *tree = hm_json_parse(copy, n, 8, NULL, &ignored);
	assert_non_null(tree);
	return tree;
}

#define STEP(TOOL, OPTIONS) "{'options':" OPTIONS ",'tool':'" TOOL "','version':'0.2.0'}"
#define MADE(OPTIONS) STEP("hm-jsonl2rec", OPTIONS)
#define CSV(OPTIONS) STEP("hm-csv2rec", OPTIONS)
#define CAT(OPTIONS) STEP("hm-cat", OPTIONS)
#define IMG(OPTIONS) STEP("hm-imgprep", OPTIONS)

static void the_cut_is_taken_out(void **state)
{
	(void)state;
	static const struct {
		const char *pg, *shard, *want, *loser;
	} c[] = {
		{"[]", "0/0", "[]", NULL},
		{"[" MADE("{'a':1}") "]", "0/0", "[" MADE("{'a':1}") "]", NULL},
		{"[" MADE("{'a':1,'shard':'2/3'}") "]", "2/3", "[" MADE("{'a':1}") "]", NULL},
		/* a maker keeps its step though nothing is left of its options, hm-cat does not */
		{"[" MADE("{'shard':'2/3'}") "]", "2/3", "[" MADE("{}") "]", NULL},
		{"[" MADE("{}") "," CAT("{'shard':'2/3'}") "]", "2/3", "[" MADE("{}") "]", NULL},
		{"[" CAT("{'columns':'a','shard':'0/1'}") "]", "0/1", "[" CAT("{'columns':'a'}") "]", NULL},
		{"[" CAT("{}") "," CAT("{'shard':'2/3'}") "," IMG("{}") "]", "2/3",
		 "[" CAT("{}") "," IMG("{}") "]", NULL},
		/* the last one counts, and of the same number only those that begin a history */
		{"[" MADE("{'shard':'2/3'}") "," CAT("{'shard':'2/3'}") "]", "2/3",
		 "[" MADE("{'shard':'2/3'}") "]", NULL},
		{"[" CAT("{'shard':'0/2'}") "," CAT("{'shard':'1/2'}") "]", "1/2",
		 "[" CAT("{'shard':'0/2'}") "]", NULL},
		{"[" MADE("{'shard':'2/3'}") "," IMG("{}") "," CSV("{'shard':'2/3'}") "]", "2/3",
		 "[" MADE("{}") "," IMG("{}") "," CSV("{}") "]", NULL},
		{"[" MADE("{'shard':'1/3'}") "," CSV("{'shard':'2/3'}") "]", "2/3",
		 "[" MADE("{'shard':'1/3'}") "," CSV("{}") "]", NULL},
		/* who may have left out records after it */
		{"[" MADE("{'on-error':'skip'}") "," CAT("{'shard':'0/2'}") "," IMG(
			 "{'on-error':'keep'}") "]",
		 "0/2", "[" MADE("{'on-error':'skip'}") "," IMG("{'on-error':'keep'}") "]", NULL},
		{"[" MADE("{'on-error':'skip','shard':'0/2'}") "]", "0/2",
		 "[" MADE("{'on-error':'skip'}") "]", NULL},
		{"[" MADE("{'shard':'0/2'}") "," IMG("{'on-error':'skip'}") "]", "0/2",
		 "[" MADE("{}") "," IMG("{'on-error':'skip'}") "]", "hm-imgprep"},
		{"[" MADE("{'shard':'0/2'}") "," STEP("mine", "{}") "]", "0/2",
		 "[" MADE("{}") "," STEP("mine", "{}") "]", "mine"},
		{"[{'options':{'on-error':'skip','shard':'0/2'},'tool':'hm-jsonl2rec','version':'0.1.0'}]",
		 "0/2", "[{'options':{'on-error':'skip'},'tool':'hm-jsonl2rec','version':'0.1.0'}]",
		 "hm-jsonl2rec"},
		{"[" MADE("{'shard':'0/2'}") ",{'options':{},'tool':'hm-encode','version':'0.1.0'}]", "0/2",
		 "[" MADE("{}") ",{'options':{},'tool':'hm-encode','version':'0.1.0'}]", "hm-encode"},
		/* what no tool writes */
		{"[1,null,'x',[],{},{'options':[1],'tool':7}]", "0/0",
		 "[1,null,'x',[],{},{'options':[1],'tool':7}]", NULL},
		{"[{'options':{'shard':'0/2'}},3]", "0/2", "[{'options':{}},3]", "a step without a name"},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		cJSON *pg = history(c[i].pg), *want = history(c[i].want);
		struct hm_piece p;
		struct hm_shard s = {0};
		hm_shard_parse(c[i].shard, &s);
		assert_int_equal(hm_piece_read(&p, pg, &e), 0);
		assert_true(p.shard.i == s.i && p.shard.n == s.n);
		assert_true(hm_json_same(p.pg, want, &e));
		if (c[i].loser)
			assert_string_equal(p.loser, c[i].loser);
		else
			assert_null(p.loser);
		hm_piece_clear(&p);
		cJSON_Delete(pg);
		cJSON_Delete(want);
	}
}

static void histories_without_a_sure_order(void **state)
{
	(void)state;
	static const char *const c[][2] = {
		{"[" MADE("{'shard':'2/2'}") "]",
		 "its history says that hm-jsonl2rec took a shard that is not I/N"},
		{"[" MADE("{'shard':7}") "]",
		 "its history says that hm-jsonl2rec took a shard that is not I/N"},
		{"[" MADE("{'shard':null}") "," MADE("{'shard':'0/2'}") "]", "a shard that is not I/N"},
		{"[" MADE("{'limit':5,'shard':'0/2'}") "]",
		 "not a whole shard: hm-jsonl2rec took it with --limit"},
		{"[" CAT("{'head':5,'shard':'0/2'}") "]", "not a whole shard: hm-cat took it with --head"},
		{"[" MADE("{'shard':'0/2'}") "," CAT("{}") "]", "has an hm-cat after the shard was taken"},
		{"[" MADE("{'shard':'0/2'}") "," CAT("{}") "," CSV("{'shard':'0/2'}") "]",
		 "has an hm-cat after the shard was taken"},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct hm_err why = {0};
		struct hm_piece p;
		cJSON *pg = history(c[i][0]);
		assert_int_equal(hm_piece_read(&p, pg, &why), HM_EDATA);
		assert_non_null(strstr(why.text, c[i][1]));
		hm_piece_clear(&p);
		cJSON_Delete(pg);
	}
}

static void what_differs_is_said(void **state)
{
	(void)state;
	static const char *const c[][3] = {
		{"[]", "[]", NULL},
		{"[" IMG("{'size':48}") "]", "[" IMG("{'size':48}") "]", NULL},
		{"[" IMG("{}") "]", "[]", "step 1 (hm-imgprep) is one more"},
		{"[" IMG("{}") "]", "[" IMG("{}") "," CAT("{}") "]", "step 2 (hm-cat) is missing"},
		{"[" IMG("{}") "]", "[" CAT("{}") "]", "step 1 is hm-imgprep, not hm-cat"},
		{"[" IMG("{'fit':'crop','size':48}") "]", "[" IMG("{'fit':'crop','size':32}") "]",
		 "step 1 (hm-imgprep) has \"size\":48, not \"size\":32"},
		{"[" IMG("{'fit':'crop'}") "]", "[" IMG("{}") "]",
		 "step 1 (hm-imgprep) has \"fit\":\"crop\", not no \"fit\""},
		{"[" IMG("{}") "]", "[" IMG("{'fit':'crop'}") "]",
		 "step 1 (hm-imgprep) has no \"fit\", not \"fit\":\"crop\""},
		{"[" IMG("{}") "]", "[{'options':{},'tool':'hm-imgprep','version':'0.1.0'}]",
		 "step 1 (hm-imgprep) is of another version"},
		{"[1]", "[2]", "step 1 () differs"},
		{"[{'options':[1],'tool':'x'}]", "[{'options':[2],'tool':'x'}]", "step 1 (x) differs"},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct hm_err why = {0};
		cJSON *a = history(c[i][0]), *b = history(c[i][1]);
		assert_int_equal(hm_pg_compare(a, b, &why), c[i][2] ? HM_EDATA : 0);
		assert_string_equal(why.text, c[i][2] ? c[i][2] : "");
		cJSON_Delete(a);
		cJSON_Delete(b);
	}
}

/* Writes a stream of one column, records first, first+2, ..., and its meta. */
static void write_shard(const char *path, int first, const char *meta)
{
	struct hm_writer *w;
	struct hm_schema s = {0};
	cJSON *m = history(meta);
	assert_int_equal(hm_schema_add(&s, "n", HM_I32, 0, NULL, NULL, &e), 0);
	assert_int_equal(hm_writer_open(&w, path, &s, m, NULL, NULL, NULL, &e), 0);
	for (int32_t i = first; i < 9; i += 2) {
		struct hm_val v = {&i, 1};
		assert_int_equal(hm_writer_put(w, &v, &e), 0);
	}
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	hm_schema_clear(&s);
	cJSON_Delete(m);
}

/* Meta, which no tool writes yet, belongs to the whole stream. */
static void meta_is_the_same_or_refused(void **state)
{
	(void)state;
	char a[64], b[64];
	char *paths[2] = {a, b};
	struct hm_deal *d;
	struct hm_rec rec;
	test_scratch(a);
	test_scratch(b);
	write_shard(a, 0, "{'x':{'y':[1,2]},'z':1}");
	write_shard(b, 1, "{'x':{'y':[1,2]},'z':1}");
	assert_int_equal(hm_deal_open(&d, 2, paths, NULL, &e), 0);
	assert_int_equal(hm_deal_expect(d), 9);
	for (int32_t i = 0; i < 9; i++) {
		uint64_t number;
		assert_int_equal(hm_deal_next(d, &rec, &e), 1);
		assert_int_equal(*(const int32_t *)rec.val[0].data, i);
		assert_string_equal(hm_deal_place(d, (uint64_t)i, &number), i % 2 ? b : a);
		assert_int_equal(number, i / 2);
	}
	assert_int_equal(hm_deal_next(d, &rec, &e), 0);
	cJSON *meta = history("{'x':{'y':[1,2]},'z':1}");
	assert_true(hm_json_same(hm_deal_meta(d), meta, &e));
	cJSON_Delete(meta);
	hm_deal_close(d);
	write_shard(b, 1, "{'x':{'y':[2,1]},'z':1}");
	assert_int_equal(hm_deal_open(&d, 2, paths, NULL, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "its meta differs from that of "));
	assert_null(d);
	unlink(a);
	unlink(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(shards_are_read_and_counted, setup),
		cmocka_unit_test_setup(the_cut_is_taken_out, setup),
		cmocka_unit_test_setup(histories_without_a_sure_order, setup),
		cmocka_unit_test_setup(what_differs_is_said, setup),
		cmocka_unit_test_setup(meta_is_the_same_or_refused, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
