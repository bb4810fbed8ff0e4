/* The side file of a file of records, written by anybody: sound with any columns and values (fuzzstream.h),
 * or after a byte 0 any bytes. The cache takes it or makes a new one; the records that it gives have the
 * file's columns, and pixels of their digest or a refusal that names the file. */
#include "fuzzstream.h"
#include "feed/sidefile.h"

#include <dirent.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS = 3, PIXELS = 1 };

static struct hm_schema schema; /* id, pixels, text */
static char source[96], kept[96];

static bool there(void *ctx, const unsigned char digest[16])
{
	(void)ctx;
	return digest[0] != 255;
}

/* The file, and the name that its side file has. */
static void make_source(void)
{
	static const char ids[] = "012", texts[] = "abc";
	static const uint8_t pixels[RECORDS][12] = {{1}, {2, 3}, {4}};
	struct hm_err e = {0};
	struct hm_writer *w;
	hm_schema_add(&schema, "id", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&schema, "pixels", HM_U8, 3, (int64_t[]){3, 2, 2}, NULL, &e);
	hm_schema_add(&schema, "text", HM_UTF8, 0, NULL, NULL, &e);
	snprintf(source, sizeof source, "%s/in.hmr", fuzz_folder);
	must(!hm_writer_open(&w, source, &schema, NULL, NULL, &(struct hm_writer_options){0}, NULL, &e));
	for (int i = 0; i < RECORDS; i++)
		must(!hm_writer_put(w, (struct hm_val[]){{&ids[i], 1}, {pixels[i], 12}, {&texts[i], 1}}, &e));
	must(!hm_writer_finish(w, 0, &e));
}

static struct hm_sidefile *open_side(void)
{
	static struct hm_workers *workers;
	struct hm_err e = {0};
	struct hm_sidefile *s = NULL;
	workers = workers ? workers : hm_workers_new(1, &e);
	must(!hm_sidefile_open(&s, fuzz_folder, 1, (char *[]){source}, workers, &e) && s);
	hm_sidefile_start(s, &schema, PIXELS, there, NULL);
	return s;
}

/* Reads the file and makes the side file; finds its name. */
static void make_kept(void)
{
	static const unsigned char digest[16] = {1};
	struct hm_err e = {0};
	struct hm_reader *r;
	struct hm_rec rec;
	struct hm_sidefile *s = open_side();
	must(!hm_sidefile_reads(s) && !hm_reader_open(&r, source, NULL, &e));
	while (hm_reader_next(r, &rec, &e) == 1) {
		rec.schema = &schema;
		hm_sidefile_add(s, &rec, digest);
	}
	hm_reader_close(r);
	must(!hm_sidefile_keep(s, 0, &e));
	hm_sidefile_close(s);
	DIR *d = opendir(fuzz_folder);
	for (const struct dirent *one; (one = readdir(d));)
		if (strstr(one->d_name, ".skim"))
			snprintf(kept, sizeof kept, "%.80s", one->d_name);
	closedir(d);
	must(*kept);
}

static void read_side(struct hm_sidefile *s)
{
	struct hm_rec rec;
	struct hm_err e = {0};
	unsigned char digest[16];
	int rc;
	for (uint64_t k = 0; (rc = hm_sidefile_next(s, &rec, digest, &e)) == 1; k++) {
		struct hm_err why = {0};
		must(rec.schema == &schema && !rec.val[PIXELS].count && rec.val[0].count <= 255);
		if (hm_sidefile_pixels(s, k, digest, &rec, &why))
			must_say(&why, source);
		else
			must(rec.val[PIXELS].count == 12);
	}
	must(!rc); /* it was read whole before */
	must(hm_sidefile_end(s)->records <= 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	if (make_fuzz_folder()) {
		make_source();
		make_kept();
	}
	if (size && !*data)
		must(!hm_buf_add(&b, data + 1, size - 1, &e));
	else
		build_stream(&b, data, size);
	put_file(kept, b.len ? b.data : (const unsigned char *)"", b.len);
	hm_buf_clear(&b);
	struct hm_sidefile *s = open_side();
	if (hm_sidefile_reads(s))
		read_side(s);
	hm_sidefile_close(s);
	return 0;
}
