/* Two sound streams of any columns and histories (fuzzstream.h), a byte 2 between them: joined by id, and
 * dealt out as shards. What comes out is whole; a refusal names a file. */
#include "fuzzstream.h"
#include "base/xxh3.h"
#include "rec/deal.h"
#include "rec/rec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The record has the schema's columns, whose bytes can all be read. */
static void touch_record(const struct hm_rec *rec, const struct hm_schema *s)
{
	must(hm_schema_equal(rec->schema, s));
	for (int i = 0; i < s->n; i++) {
		size_t n = rec->val[i].count * hm_dtype_size(s->field[i].dtype);
		must(hm_field_ragged(&s->field[i]) || rec->val[i].count == hm_field_count(&s->field[i]));
		must(!n || XXH3_64bits(rec->val[i].data, n));
	}
}

static void must_name(const struct hm_err *e, char *const *paths)
{
	must_say(e, NULL);
	must(strstr(e->text, paths[0]) || strstr(e->text, paths[1]));
}

static void join_streams(char *const *paths)
{
	struct hm_join *j;
	struct hm_rec rec;
	struct hm_err e = {0};
	uint64_t n = 0;
	if (hm_join_open(&j, 2, paths, NULL, &e)) {
		must_name(&e, paths);
		return;
	}
	int rc;
	for (; (rc = hm_join_next(j, &rec, &e)) == 1; n++)
		touch_record(&rec, hm_join_schema(j));
	if (rc)
		must_name(&e, paths);
	else
		must(n == hm_join_end(j)->records);
	hm_join_close(j);
}

static void deal_streams(char *const *paths)
{
	struct hm_deal *d;
	struct hm_rec rec;
	struct hm_err e = {0};
	uint64_t n = 0, number;
	if (hm_deal_open(&d, 2, paths, NULL, &e)) {
		must_name(&e, paths);
		return;
	}
	int rc;
	for (; (rc = hm_deal_next(d, &rec, &e)) == 1; n++) {
		touch_record(&rec, hm_deal_schema(d));
		must(hm_deal_place(d, n, &number) && number == n / 2);
	}
	if (rc)
		must_name(&e, paths);
	hm_deal_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_part a = next_part(&data, &size, 2);
	struct fuzz_file f[2] = {open_stream(a.p, a.n), open_stream(data, size)};
	char *there[] = {f[0].path, f[1].path}, *back[] = {f[1].path, f[0].path};
	join_streams(there);
	join_streams(back);
	deal_streams(there);
	deal_streams(back);
	close(f[0].fd);
	close(f[1].fd);
	return 0;
}
