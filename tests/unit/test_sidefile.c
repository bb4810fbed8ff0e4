/* What is kept of a file of records: it gives the records that the file gives, for exactly the bytes that the
 * file has; whatever is wrong with it, the file is read instead. */
#include "base/file.h"
#include "model/encode.h"
#include "feed/sidefile.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { RECORDS = 100, SIDE = 8, PIXELS = 1, SKIPPED = 3 };

static char folder[TEST_PATH], file[128];
static struct hm_workers *workers;
static struct hm_err e;
static struct hm_schema schema;

/* id, pixels, text, token_ids; in many blocks. `words`: of a caption. */
static void write_file(int records, int words)
{
	struct hm_writer_options o = {.block_size = 2000};
	struct hm_writer *w;
	uint8_t pixels[3 * SIDE * SIDE];
	int32_t ids[64];
	char id[16], text[1024];
	assert_int_equal(hm_writer_open(&w, file, &schema, NULL, NULL, &o, NULL, &e), 0);
	for (int k = 0; k < records; k++) {
		int len = k % 7;
		for (size_t j = 0; j < sizeof pixels; j++)
			pixels[j] = (uint8_t)((size_t)k * 31 + j * (size_t)(k % 5));
		for (int j = 0; j < len; j++)
			ids[j] = k + j;
		snprintf(id, sizeof id, "%d", k);
		memset(text, 'a' + k % 26, sizeof text);
		struct hm_val val[] = {
			{id, strlen(id)}, {pixels, sizeof pixels}, {text, (size_t)words}, {ids, (size_t)len}};
		assert_int_equal(hm_writer_put(w, val, &e), 0);
	}
	assert_int_equal(hm_writer_finish(w, SKIPPED, &e), 0);
}

static int setup_all(void **state)
{
	(void)state;
	test_scratch_folder(folder);
	if (!(workers = hm_workers_new(2, &e)))
		return -1;
	snprintf(file, sizeof file, "%s/in.hmr", folder);
	hm_schema_add(&schema, "id", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&schema, "pixels", HM_U8, DIMS(3, SIDE, SIDE), NULL, &e);
	hm_schema_add(&schema, "text", HM_UTF8, 0, NULL, NULL, &e);
	return hm_schema_add(&schema, "token_ids", HM_I32, DIMS(-1), NULL, &e) < 0;
}

static void wipe(void)
{
	char line[96];
	snprintf(line, sizeof line, "rm -f %s/*", folder);
	assert_int_equal(system(line), 0);
}

static int teardown_all(void **state)
{
	(void)state;
	wipe();
	hm_schema_clear(&schema);
	hm_workers_free(workers);
	return rmdir(folder);
}

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	wipe();
	write_file(RECORDS, 20);
	return 0;
}

/* `ctx`: how many may still be missing. */
static bool there(void *ctx, const unsigned char digest[16])
{
	int *missing = ctx;
	(void)digest;
	return (*missing)-- <= 0;
}

static struct hm_sidefile *start_sidefile(int missing)
{
	struct hm_sidefile *s;
	assert_int_equal(hm_sidefile_open(&s, folder, 1, (char *[]){file}, workers, &e), 0);
	assert_non_null(s);
	hm_sidefile_start(s, &schema, PIXELS, there, &missing);
	return s;
}

static void read_file(struct hm_batch *all)
{
	struct hm_reader *r;
	struct hm_rec rec;
	int rc;
	assert_int_equal(hm_reader_open(&r, file, NULL, &e), 0);
	while ((rc = hm_reader_next(r, &rec, &e)) == 1)
		assert_int_equal(hm_batch_add(all, &rec, &e), 0);
	assert_int_equal(rc, 0);
	for (int i = 0; i < all->n; i++)
		all->rec[i].schema = &schema;
	hm_reader_close(r);
}

static void take_in(struct hm_sidefile *s, const struct hm_batch *all)
{
	unsigned char digest[16];
	for (int k = 0; k < all->n; k++) {
		hm_encode_digest(all->rec[k].val[PIXELS].data, all->rec[k].val[PIXELS].count, digest);
		hm_sidefile_add(s, &all->rec[k], digest);
	}
}

/* Reads the file and keeps it. */
static void keep_file(void)
{
	struct hm_batch all = {0};
	struct hm_sidefile *s = start_sidefile(0);
	assert_false(hm_sidefile_reads(s));
	read_file(&all);
	take_in(s, &all);
	assert_int_equal(hm_sidefile_keep(s, SKIPPED, &e), 0);
	hm_sidefile_close(s);
	hm_batch_clear(&all);
}

static bool reads(int missing)
{
	struct hm_sidefile *s = start_sidefile(missing);
	bool so = hm_sidefile_reads(s);
	hm_sidefile_close(s);
	return so;
}

/* The one file of ours in the folder. */
static void kept_path(char path[128])
{
	char line[96];
	snprintf(line, sizeof line, "ls %s/*.skim", folder);
	FILE *f = popen(line, "r");
	assert_non_null(f);
	assert_non_null(fgets(path, 128, f));
	path[strcspn(path, "\n")] = 0;
	assert_int_equal(pclose(f), 0);
}

static void gives_the_records_of_the_file(void **state)
{
	(void)state;
	struct hm_batch all = {0};
	struct hm_rec rec;
	unsigned char digest[16];
	read_file(&all);
	keep_file();
	struct hm_sidefile *s = start_sidefile(0);
	assert_true(hm_sidefile_reads(s));
	for (int k = 0; k < RECORDS; k++) {
		const struct hm_val *want = all.rec[k].val;
		assert_int_equal(hm_sidefile_next(s, &rec, digest, &e), 1);
		assert_ptr_equal(rec.schema, &schema);
		for (int i = 0; i < schema.n; i++) {
			size_t count = i == PIXELS ? 0 : want[i].count;
			assert_int_equal(rec.val[i].count, count);
			if (count)
				assert_memory_equal(rec.val[i].data, want[i].data,
						    count * hm_dtype_size(schema.field[i].dtype));
		}
		if (k % 3)
			continue;
		assert_int_equal(hm_sidefile_pixels(s, (uint64_t)k, digest, &rec, &e), 0);
		assert_int_equal(rec.val[PIXELS].count, want[PIXELS].count);
		assert_memory_equal(rec.val[PIXELS].data, want[PIXELS].data, want[PIXELS].count);
	}
	assert_int_equal(hm_sidefile_next(s, &rec, digest, &e), 0);
	assert_int_equal(hm_sidefile_end(s)->skipped, SKIPPED);
	assert_int_equal(hm_sidefile_pixels(s, 1, digest, &rec, &e), HM_EDATA); /* another record's digest */
	hm_sidefile_close(s);
	hm_batch_clear(&all);
}

static void only_for_the_same_bytes(void **state)
{
	(void)state;
	keep_file();
	assert_true(reads(0));
	write_file(RECORDS, 20); /* the same again */
	assert_true(reads(0));
	write_file(RECORDS, 21);
	assert_false(reads(0));
	write_file(RECORDS - 1, 20);
	assert_false(reads(0));
	write_file(RECORDS, 20);
	FILE *f = fopen(file, "r+b");
	assert_non_null(f);
	fseek(f, -100, SEEK_END);
	int c = fgetc(f);
	fseek(f, -100, SEEK_END);
	fputc(c ^ 1, f);
	fclose(f);
	assert_false(reads(0));
}

static void not_where_much_is_missing(void **state)
{
	(void)state;
	keep_file();
	assert_true(reads(RECORDS / 16));
	assert_false(reads(RECORDS / 16 + 1));
	assert_true(reads(0));
}

static void what_is_damaged_is_made_anew(void **state)
{
	(void)state;
	struct hm_buf was = {0};
	char path[128];
	keep_file();
	kept_path(path);
	assert_int_equal(hm_file_read(path, 1 << 20, &was, &e), 0);
	for (size_t at = 0; at < was.len; at += 37) {
		FILE *f = fopen(path, "wb");
		was.data[at] ^= 0x10;
		fwrite(was.data, 1, at % 2 ? was.len : at, f); /* changed, or cut */
		fclose(f);
		was.data[at] ^= 0x10;
		assert_false(reads(0));
	}
	keep_file();
	assert_true(reads(0));
	/* sound, but of other columns */
	struct hm_schema other = {0};
	hm_schema_copy(&other, &schema, &e);
	hm_schema_remove(&other, 3);
	struct hm_sidefile *s;
	assert_int_equal(hm_sidefile_open(&s, folder, 1, (char *[]){file}, workers, &e), 0);
	hm_sidefile_start(s, &other, PIXELS, there, &(int){0});
	assert_false(hm_sidefile_reads(s));
	hm_sidefile_close(s);
	hm_schema_clear(&other);
	hm_buf_clear(&was);
}

static void a_file_that_changes_is_noticed(void **state)
{
	(void)state;
	struct hm_batch all = {0};
	struct hm_rec rec;
	unsigned char digest[16];
	/* while it is taken in */
	struct hm_sidefile *s = start_sidefile(0);
	read_file(&all);
	take_in(s, &all);
	write_file(RECORDS, 19);
	assert_int_equal(hm_sidefile_keep(s, SKIPPED, &e), 0);
	hm_sidefile_close(s);
	assert_false(reads(0));
	write_file(RECORDS, 20);
	assert_false(reads(0));
	/* while what was kept is read */
	keep_file();
	s = start_sidefile(0);
	int rc;
	for (int k = 0; (rc = hm_sidefile_next(s, &rec, digest, &e)) == 1; k++)
		if (k == 50)
			write_file(RECORDS, 19);
	assert_int_equal(rc, HM_EDATA);
	assert_non_null(strstr(e.text, "was changed while it was in use"));
	hm_sidefile_close(s);
	hm_batch_clear(&all);
}

static void nothing_where_nothing_is_gained(void **state)
{
	(void)state;
	struct hm_sidefile *s;
	write_file(RECORDS, 1000);
	keep_file();
	assert_false(reads(0));
	assert_int_equal(hm_sidefile_open(&s, folder, 2, (char *[]){file, "/dev/null"}, workers, &e), 0);
	assert_null(s);
	assert_int_equal(hm_sidefile_open(&s, folder, 2, (char *[]){file, "-"}, workers, &e), 0);
	assert_null(s);
	hm_sidefile_close(s);
	assert_false(hm_sidefile_reads(s));
	/* a file without an index, from which no pixels could be fetched */
	struct hm_buf b = {0};
	write_file(RECORDS, 20);
	assert_int_equal(hm_file_read(file, 1 << 20, &b, &e), 0);
	size_t index = test_frame(&b, "HMRI", 0), end = test_frame(&b, "HMRE", 0), size = b.len - end;
	memmove(b.data + index, b.data + end, size);
	b.len = index + size;
	memset(b.data + index + 8 + 40, 0, 8);
	test_seal(&b, index);
	assert_int_equal(hm_file_write(file, b.data, b.len, &e), 0);
	hm_buf_clear(&b);
	keep_file();
	assert_false(reads(0));
	/* what was begun and not kept is not there */
	write_file(RECORDS, 20);
	s = start_sidefile(0);
	hm_sidefile_close(s);
	assert_false(reads(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(gives_the_records_of_the_file, setup),
		cmocka_unit_test_setup(only_for_the_same_bytes, setup),
		cmocka_unit_test_setup(not_where_much_is_missing, setup),
		cmocka_unit_test_setup(what_is_damaged_is_made_anew, setup),
		cmocka_unit_test_setup(a_file_that_changes_is_noticed, setup),
		cmocka_unit_test_setup(nothing_where_nothing_is_gained, setup),
	};
	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
