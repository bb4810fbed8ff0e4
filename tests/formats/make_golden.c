/* Makes the golden vectors of the format: make_golden FOLDER. Run once a version; what is committed is kept
 * for ever and never made again (formats/README.md). Bad ones go to FOLDER/failed. */
#include "base/file.h"
#include "base/rng.h"
#include "rec/format.h"
#include "../support/streams.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hm_err e;
static const char *folder;

static void stop_unless(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "make_golden: %s\n", e.text);
	exit(1);
}

static void save_golden(const char *name, const struct hm_buf *b)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s.hmr", folder, name);
	stop_unless(!hm_file_write(path, b->data, b->len, &e));
}

static struct hm_writer *begin_golden(const char *name, struct hm_schema *s, const cJSON *meta,
				      const cJSON *pg, size_t block)
{
	struct hm_writer *w;
	struct hm_writer_options o = {.block_size = block};
	char path[512];
	snprintf(path, sizeof path, "%s/%s.hmr", folder, name);
	stop_unless(!e.code && !hm_writer_open(&w, path, s, meta, pg, &o, NULL, &e));
	hm_schema_clear(s);
	return w;
}

static void dtypes(void)
{
	static const unsigned char truth[5] = {0, 1, 1, 0, 1}, u8[5] = {0, 1, 127, 128, 255};
	static const int8_t i8[5] = {0, 1, 127, -128, -1};
	static const int16_t i16[5] = {0, 1, 32767, -32768, -2};
	static const uint16_t u16[5] = {0, 1, 32767, 32768, 65535};
	static const int32_t i32[5] = {0, 1, INT32_MAX, INT32_MIN, -3};
	static const uint32_t u32[5] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
	static const int64_t i64[5] = {0, 1, INT64_MAX, INT64_MIN, -4};
	static const uint64_t u64[5] = {0, 1, INT64_MAX, (uint64_t)1 << 63, UINT64_MAX};
	static const uint16_t f16[5] = {0, 0x3c00, 0x7bff, 0xfc00, 0x7e00},
			      bf16[5] = {0x8000, 0x3f80, 1, 0xff80, 0x7fc0};
	static const float f32[5] = {-0.0f, 1.0f, 1e-45f, -INFINITY, NAN};
	static const double f64[5] = {-0.0, 0.1, 5e-324, INFINITY, NAN};
	static const char *const text[5] = {"", "a", "quoted \"\\ and\ttab\n",
					    "gr\xc3\xbc\xc3\x9f"
					    "e \xe6\xbc\xa2\xe5\xad\x97",
					    "\xf0\x9f\x90\x88"};
	const void *const column[] = {truth, u8, i8, i16, u16, i32, u32, i64, u64, f16, bf16, f32, f64};
	struct hm_schema s = {0};
	for (int t = 0; t < HM_DTYPES; t++)
		hm_schema_add(&s, hm_dtype_name((enum hm_dtype)t), (enum hm_dtype)t, 0, NULL, NULL, &e);
	struct hm_writer *w = begin_golden("dtypes", &s, NULL, NULL, 0);
	for (size_t i = 0; i < 5; i++) {
		struct hm_val v[HM_DTYPES];
		for (int t = 0; t < HM_UTF8; t++)
			v[t] = (struct hm_val){(const char *)column[t] + i * hm_dtype_size((enum hm_dtype)t),
					       1};
		v[HM_UTF8] = (struct hm_val){text[i], strlen(text[i])};
		stop_unless(!hm_writer_put(w, v, &e));
	}
	stop_unless(!hm_writer_finish(w, 0, &e));
}

/* Text is as long as its offsets say: U+0000 and other controls are characters like any other. */
static void controls(void)
{
	static const struct hm_val text[] = {
		{"", 1}, {"a\0b", 3},  {"\0\0\0", 3},
		{"", 0}, {"\0end", 4}, {"\x01\x1b[31m\x7f\xc2\x9b\xe2\x80\xae\xe2\x80\xa8", 15}};
	struct hm_schema s = {0};
	hm_schema_add(&s, "text", HM_UTF8, 0, NULL, NULL, &e);
	struct hm_writer *w = begin_golden("controls", &s, NULL, NULL, 0);
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		stop_unless(!hm_writer_put(w, &text[i], &e));
	stop_unless(!hm_writer_finish(w, 0, &e));
}

static void shapes(void)
{
	struct hm_schema s = {0};
	int32_t n[64];
	for (int i = 0; i < 64; i++)
		n[i] = 1000 * i - 7;
	hm_schema_add(&s, "matrix", HM_I16, DIMS(2, 3), NULL, &e);
	hm_schema_add(&s, "eight", HM_U8, DIMS(1, 2, 1, 2, 1, 2, 1, 1), NULL, &e);
	hm_schema_add(&s, "nothing", HM_F32, DIMS(4, 0), NULL, &e);
	hm_schema_add(&s, "ragged", HM_I32, DIMS(-1), NULL, &e);
	hm_schema_add(&s, "ragged rows", HM_U16, DIMS(-1, 2, 2), NULL, &e);
	struct hm_writer *w = begin_golden("shapes", &s, NULL, NULL, 0);
	for (size_t i = 0; i < 6; i++)
		stop_unless(!hm_writer_put(
			w,
			(struct hm_val[]){
				{n + i, 6}, {n + 2 * i, 8}, {NULL, 0}, {n, i % 4}, {n + i, i % 3 * 4}},
			&e));
	stop_unless(!hm_writer_finish(w, 0, &e));
}

/* Several blocks; those with noise are stored, the others shrink. */
static void blocks(void)
{
	struct hm_schema s = {0};
	struct hm_rng r;
	unsigned char pixels[600];
	hm_rng_init(&r, 3, HM_RNG_SYNTH, 0, 0);
	hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&s, "pixels", HM_U8, DIMS(600), NULL, &e);
	struct hm_writer *w = begin_golden("blocks", &s, NULL, NULL, 1500);
	for (int i = 0; i < 9; i++) {
		char id[16];
		for (size_t k = 0; k < sizeof pixels; k++)
			pixels[k] = (unsigned char)(i < 4 ? hm_rng_u32(&r) : (uint32_t)i);
		stop_unless(!hm_writer_put(
			w, (struct hm_val[]){{id, (size_t)snprintf(id, sizeof id, "%d", i)}, {pixels, 600}},
			&e));
	}
	stop_unless(!hm_writer_finish(w, 0, &e));
}

/* As the tools write them: attributes, meta, a history of two steps, records left out. */
static void pipeline(void)
{
	struct hm_schema s = {0};
	cJSON *meta = cJSON_CreateObject(), *options = cJSON_CreateObject(), *attr = cJSON_CreateObject(),
	      *vocab = cJSON_CreateObject();
	cJSON_AddStringToObject(meta, "note", "made up");
	cJSON_AddNumberToObject(options, "max-length", 8);
	cJSON_AddNumberToObject(options, "share", 0.1);
	cJSON_AddStringToObject(attr, "encoder", "00112233445566778899aabbccddeeff");
	cJSON_AddStringToObject(attr, "output", "pooled");
	cJSON_AddStringToObject(attr, "precision", "bf16");
	cJSON_AddStringToObject(vocab, "vocab", "ffeeddccbbaa99887766554433221100");
	cJSON *one = hm_pg_append(NULL, "hm-jsonl2rec", NULL, &e),
	      *two = hm_pg_append(one, "hm-tokenize", options, &e);
	hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&s, "label", HM_I32, 0, NULL, NULL, &e);
	hm_schema_add(&s, "token_ids", HM_I32, DIMS(-1), vocab, &e);
	hm_schema_add(&s, "image_feature", HM_BF16, DIMS(4), attr, &e);
	struct hm_writer *w = begin_golden("pipeline", &s, meta, two, 0);
	for (int32_t i = 0; i < 5; i++) {
		char id[16];
		int32_t label = i % 3 - 1, tokens[] = {101, 2000 + i, 3000 + i, 102};
		uint16_t feature[4] = {hm_f32_to_bf16((float)i), 0, 0x8000, 0x3f80};
		stop_unless(!hm_writer_put(
			w,
			(struct hm_val[]){{id, (size_t)snprintf(id, sizeof id, "%05d", 8290 + i)},
					  {&label, 1},
					  {tokens, 2 + (size_t)i % 3},
					  {feature, 4}},
			&e));
	}
	stop_unless(!hm_writer_finish(w, 3, &e));
	cJSON_Delete(meta);
	cJSON_Delete(one);
	cJSON_Delete(two);
}

/* What readers of 1.0 must take from a later 1.x, and a stream without an index. */
static void later(const struct hm_buf *good)
{
	struct hm_buf b = {0};
	hm_buf_add(&b, good->data, good->len, &e);
	hm_put16(b.data + 8 + 6, 7);
	hm_put32(b.data + 8 + 12, 0x80000001);
	test_seal(&b, 0);
	save_golden("later", &b);
	size_t index = test_frame(&b, "HMRI", 0), end = test_frame(&b, "HMRE", 0);
	memmove(b.data + index, b.data + end, b.len - end);
	b.len -= end - index;
	hm_put64(b.data + index + 8 + 40, 0);
	test_seal(&b, index);
	save_golden("noindex", &b);
	hm_buf_clear(&b);
}

/* ---- bad ones ---- */

/* A field of `bytes` bytes of the nth frame of that kind, set to `value`, the frame's own hash made right. */
static void field(const struct hm_buf *good, const char *name, const char *kind, int nth, size_t at,
		  int bytes, uint64_t value)
{
	struct hm_buf b = {0};
	size_t frame = test_frame(good, kind, nth);
	hm_buf_add(&b, good->data, good->len, &e);
	for (int i = 0; i < bytes; i++)
		b.data[frame + 8 + at + (size_t)i] = (unsigned char)(value >> 8 * i);
	test_seal(&b, frame);
	save_golden(name, &b);
	hm_buf_clear(&b);
}

static void fields(const struct hm_buf *good)
{
	field(good, "failed/head-major", "HMRH", 0, 4, 2, 2);
	field(good, "failed/head-incompatible-flag", "HMRH", 0, 8, 4, 1);
	field(good, "failed/head-reserved", "HMRH", 0, 20, 4, 1);
	field(good, "failed/block-flag", "HMRB", 1, 4, 4, 1);
	field(good, "failed/block-sequence", "HMRB", 1, 8, 8, 2);
	field(good, "failed/block-first", "HMRB", 1, 16, 8, 0);
	field(good, "failed/block-no-records", "HMRB", 1, 24, 4, 0);
	field(good, "failed/block-more-records", "HMRB", 1, 24, 4, 4);
	field(good, "failed/block-raw-size", "HMRB", 1, 28, 4, 0x7fffffff);
	field(good, "failed/block-packed-size", "HMRB", 1, 32, 4, 0x7fffffff);
	field(good, "failed/block-raw-hash", "HMRB", 1, 40, 8, 1);
	field(good, "failed/block-packed-hash", "HMRB", 1, 48, 8, 1);
	field(good, "failed/index-offset", "HMRI", 0, 16, 8, 0);
	field(good, "failed/index-count", "HMRI", 0, 32, 4, 9);
	field(good, "failed/end-status", "HMRE", 0, 4, 4, 1);
	field(good, "failed/end-records", "HMRE", 0, 8, 8, 8);
	field(good, "failed/end-blocks", "HMRE", 0, 24, 8, 9);
	field(good, "failed/end-raw-bytes", "HMRE", 0, 32, 8, 9);
	field(good, "failed/end-index-offset", "HMRE", 0, 40, 8, 9);
	field(good, "failed/end-digest", "HMRE", 0, 48, 8, 9);
}

/* Pieces of a good one, put together: from..to (0: the end) twice. */
static void pieces(const struct hm_buf *good, const char *name, size_t from, size_t to, size_t from2,
		   size_t to2)
{
	struct hm_buf b = {0};
	hm_buf_add(&b, good->data + from, to - from, &e);
	if (to2 > from2)
		hm_buf_add(&b, good->data + from2, to2 - from2, &e);
	save_golden(name, &b);
	hm_buf_clear(&b);
}

static void cuts(struct hm_buf *good)
{
	size_t b0 = test_frame(good, "HMRB", 0), b1 = test_frame(good, "HMRB", 1),
	       b2 = test_frame(good, "HMRB", 2);
	size_t index = test_frame(good, "HMRI", 0), end = test_frame(good, "HMRE", 0), n = good->len;
	pieces(good, "failed/empty", 0, 0, 0, 0);
	pieces(good, "failed/cut-in-head", 0, 40, 0, 0);
	pieces(good, "failed/cut-after-head", 0, b0, 0, 0);
	pieces(good, "failed/cut-between-blocks", 0, b1, 0, 0);
	pieces(good, "failed/cut-in-block", 0, b1 + 90, 0, 0);
	pieces(good, "failed/cut-before-index", 0, index, 0, 0);
	pieces(good, "failed/cut-before-end", 0, end, 0, 0);
	pieces(good, "failed/cut-last-byte", 0, n - 1, 0, 0);
	pieces(good, "failed/block-lost", 0, b1, b2, n);
	pieces(good, "failed/block-twice", 0, b1, b0, n);
	pieces(good, "failed/no-head", b0, n, 0, 0);
	pieces(good, "failed/two-streams", 0, n, 0, n);
	pieces(good, "failed/byte-behind", 0, n, 0, 1);
	good->data[b1 + 80] ^= 1;
	pieces(good, "failed/flip-in-block", 0, n, 0, 0);
	good->data[b1 + 80] ^= 1;
	good->data[30] ^= 1;
	pieces(good, "failed/flip-in-head", 0, n, 0, 0);
	good->data[30] ^= 1;
}

static void payload(const char *name, const char *column, uint32_t count, const unsigned char *p, uint32_t n)
{
	struct hm_buf b = {0};
	test_payload(&b, column, count, p, n);
	save_golden(name, &b);
	hm_buf_clear(&b);
}

static void payloads(void)
{
	unsigned char p[128] = {0};
	const char *bytes = "{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[3]}";
	const char *text = "{\"dtype\":\"UTF8\",\"name\":\"a\",\"shape\":[]}";
	payload("failed/payload-long", bytes, 2, p, 128);
	payload("failed/payload-short", bytes, 22, p, 64);
	payload("failed/schema-dtype", "{\"dtype\":\"C8\",\"name\":\"a\",\"shape\":[3]}", 2, p, 64);
	payload("failed/schema-shape", "{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[3,-1]}", 2, p, 64);
	payload("failed/schema-dimensions", "{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[1,1,1,1,1,1,1,1,1]}",
		1, p, 64);
	payload("failed/schema-no-name", "{\"dtype\":\"U8\",\"name\":\"\",\"shape\":[3]}", 2, p, 64);
	payload("failed/schema-name-twice",
		"{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":[0]},{\"dtype\":\"U8\",\"name\":\"a\",\"shape\":["
		"3]}",
		2, p, 64);
	payload("failed/schema-empty", "", 2, p, 0);
	p[40] = 1;
	payload("failed/padding", bytes, 2, p, 64);
	p[40] = 0;
	p[1] = p[2] = 1; /* offsets 0 1 1, shuffled */
	p[64] = 0xff;
	payload("failed/text-not-utf8", text, 2, p, 128);
	p[64] = 'a';
	p[1] = 2, p[2] = 1;
	payload("failed/offsets-fall", text, 2, p, 128);
	p[0] = p[1] = p[2] = 1;
	payload("failed/offsets-first", text, 2, p, 128);
	p[0] = 0, p[1] = p[2] = 100;
	payload("failed/offsets-beyond", text, 2, p, 128);
}

int main(int argc, char **argv)
{
	struct hm_buf good = {0};
	char path[512];
	if (argc != 2)
		return 2;
	folder = argv[1];
	dtypes();
	controls();
	shapes();
	blocks();
	pipeline();
	test_stream(&good, 0, 0, NULL);
	save_golden("empty", &good);
	good.len = 0;
	snprintf(path, sizeof path, "%s/blocks.hmr", folder);
	stop_unless(!hm_file_read(path, 1 << 20, &good, &e));
	later(&good);
	cuts(&good);
	fields(&good);
	payloads();
	hm_buf_clear(&good);
	return 0;
}
