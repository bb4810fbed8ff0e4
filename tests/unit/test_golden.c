/* lib/rec on the golden vectors: every good one gives the lines of its .jsonl, every bad one is refused. The
 * second reader is held to the same lines by tests/formats/secondreader.bats. */
#include "base/file.h"
#include "json/json.h"
#include "rec/rec.h"

#include <glob.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void print_value(const struct hm_field *f, const struct hm_val *v, struct hm_buf *out)
{
	size_t size = hm_dtype_size(f->dtype);
	bool bits = f->dtype == HM_F16 || f->dtype == HM_BF16 || f->dtype == HM_F32 || f->dtype == HM_F64;
	bool negative = f->dtype == HM_I8 || f->dtype == HM_I16 || f->dtype == HM_I32 || f->dtype == HM_I64;
	if (f->dtype == HM_UTF8) {
		hm_json_write_str(out, v->data, v->count, NULL);
		return;
	}
	hm_buf_printf(out, NULL, "[");
	for (size_t i = 0; i < v->count; i++) {
		uint64_t u = 0;
		memcpy(&u, (const char *)v->data + i * size, size);
		hm_buf_printf(out, NULL, "%s", i ? "," : "");
		if (bits)
			hm_buf_printf(out, NULL, "\"%0*" PRIx64 "\"", (int)(2 * size), u);
		else if (negative && u >> (8 * size - 1))
			hm_buf_printf(out, NULL, "%" PRId64, (int64_t)(u | ~(UINT64_MAX >> (64 - 8 * size))));
		else
			hm_buf_printf(out, NULL, "%" PRIu64, u);
	}
	hm_buf_printf(out, NULL, "]");
}

static int dump(const char *path, struct hm_buf *out, struct hm_err *e)
{
	struct hm_reader *r;
	struct hm_rec rec;
	int rc = hm_reader_open(&r, path, NULL, e);
	if (rc)
		return rc;
	const struct hm_schema *s = hm_reader_schema(r);
	hm_json_write(hm_reader_meta(r), out, e);
	while ((rc = hm_reader_next(r, &rec, e)) == 1) {
		for (int i = 0; i < s->n; i++) {
			hm_buf_printf(out, e, "%s", i ? "," : "\n{");
			hm_json_write_str(out, s->field[i].name, strlen(s->field[i].name), e);
			hm_buf_printf(out, e, ":");
			print_value(&s->field[i], &rec.val[i], out);
		}
		hm_buf_printf(out, e, "}");
	}
	const struct hm_end *end = hm_reader_end(r);
	hm_buf_printf(out, e,
		      "\n{\"blocks\":%" PRIu64 ",\"digest\":\"%s\",\"raw_bytes\":%" PRIu64
		      ",\"records\":%" PRIu64 ",\"skipped\":%" PRIu64 "}\n",
		      end->blocks, end->digest, end->raw_bytes, end->records, end->skipped);
	hm_reader_close(r);
	return rc;
}

static void good_ones_give_their_lines(void **state)
{
	(void)state;
	glob_t g;
	assert_int_equal(glob("formats/golden/*.hmr", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 7);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct hm_err e = {0};
		struct hm_buf is = {0}, should = {0}, text = {0};
		if (dump(g.gl_pathv[i], &is, &e))
			fail_msg("%s", e.text);
		hm_buf_printf(&text, &e, "%.*s.jsonl", (int)strlen(g.gl_pathv[i]) - 4, g.gl_pathv[i]);
		if (hm_file_read((char *)text.data, 1 << 20, &should, &e))
			fail_msg("%s", e.text);
		/* The first line is HEAD's JSON; of it lib/rec tells meta, which stands first. */
		const char *line = memchr(should.data, '\n', should.len);
		const char *mine = memchr(is.data, '\n', is.len);
		size_t rest = should.len - (size_t)(line - (char *)should.data);
		assert_memory_equal(should.data + 8, is.data, mine - (char *)is.data);
		assert_int_equal(rest, is.len - (size_t)(mine - (char *)is.data));
		assert_memory_equal(line, mine, rest);
		hm_buf_clear(&is);
		hm_buf_clear(&should);
		hm_buf_clear(&text);
	}
	globfree(&g);
}

static void bad_ones_are_refused(void **state)
{
	(void)state;
	glob_t g;
	assert_int_equal(glob("formats/golden/failed/*.hmr", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 40);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct hm_err e = {0};
		struct hm_buf is = {0};
		if (dump(g.gl_pathv[i], &is, &e) != HM_EDATA)
			fail_msg("%s was accepted", g.gl_pathv[i]);
		assert_memory_equal(e.text, g.gl_pathv[i],
				    strlen(g.gl_pathv[i])); /* the sentence names the file */
		hm_buf_clear(&is);
	}
	globfree(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_give_their_lines),
		cmocka_unit_test(bad_ones_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
