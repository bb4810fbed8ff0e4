/* .safetensors: what is written is read back, and every lie in a header is refused with its reason. */
#include "base/file.h"
#include "weights/weights.h"
#include "../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char file_name[TEST_PATH];

/* A file image: header text and `data` bytes of 1, 2, 3 … behind it. Freed by the caller. */
static unsigned char *image(const char *header, size_t data, size_t *n)
{
	size_t h = strlen(header);
	unsigned char *p = malloc(8 + h + data);
	assert_non_null(p);
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)((uint64_t)h >> 8 * i);
	memcpy(p + 8, header, h);
	for (size_t i = 0; i < data; i++)
		p[8 + h + i] = (unsigned char)(i + 1);
	*n = 8 + h + data;
	return p;
}

static void refused(const char *header, size_t data, const char *why)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	size_t n;
	unsigned char *p = image(header, data, &n);
	assert_int_equal(hm_weights_parse(&w, p, n, NULL, &e), HM_EDATA);
	assert_null(w);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
	free(p);
}

static void test_reads(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_weights *w;
	size_t n;
	unsigned char *p = image("{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]},"
				 "\"__metadata__\":{\"format\":\"pt\"},"
				 "\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},"
				 "\"z\":{\"dtype\":\"I64\",\"shape\":[0,4],\"data_offsets\":[9,9]}}  ",
				 9, &n);
	assert_int_equal(hm_weights_parse(&w, p, n, NULL, &e), 0);
	assert_int_equal(w->n, 3);
	assert_string_equal(w->tensor[0].name, "a");
	assert_int_equal(w->tensor[0].ndim, 0);
	assert_int_equal(*(unsigned char *)w->tensor[0].data, 1);
	const struct hm_tensor *b = hm_weights_find(w, "b");
	assert_int_equal(b->dtype, HM_F32);
	assert_int_equal(b->dim[0], 2);
	assert_memory_equal(b->data, "\2\3\4\5\6\7\10\11", 8);
	float wide[2], same[2]; /* the data begin at an odd address */
	assert_int_equal(hm_to_f32(b->dtype, b->data, 2, wide, &e), 0);
	memcpy(same, b->data, sizeof same);
	assert_memory_equal(wide, same, sizeof same);
	assert_null(hm_weights_find(w, "c"));
	assert_string_equal(hm_weights_meta(w, "format"), "pt");
	assert_null(hm_weights_meta(w, "hm.digest"));
	hm_weights_close(w);
	free(p);
}

static void test_refuses(void **state)
{
	(void)state;
#define T(name, rest) "\"" name "\":{\"dtype\":" rest "}"
	refused("{" T("a", "\"F32\",\"shape\":[1],\"data_offsets\":[0,4]") "}", 3,
		"lie outside the 3 bytes of data: the file is cut");
	refused("{" T("a", "\"F32\",\"shape\":[1],\"data_offsets\":[0,4]") "}", 5, "1 bytes follow the last");
	refused("{" T("a", "\"F32\",\"shape\":[1],\"data_offsets\":[1,5]") "}", 5, "behind a gap");
	refused("{" T("a", "\"F32\",\"shape\":[2],\"data_offsets\":[0,4]") "}", 4,
		"span 4 bytes, F32 of 2 needs 8");
	refused("{" T("a", "\"F32\",\"shape\":[1],\"data_offsets\":[4,0]") "}", 4, "are the wrong way round");
	refused("{" T("a", "\"F32\",\"shape\":[1],\"data_offsets\":[0,4]") "," T(
			"b", "\"F32\",\"shape\":[1],\"data_offsets\":[2,6]") "}",
		6, "inside another tensor");
	refused("{" T("a", "\"F32\",\"shape\":[1],\"data_offsets\":[0,4]") "," T(
			"a", "\"F32\",\"shape\":[1],\"data_offsets\":[4,8]") "}",
		8, "stands twice");
	refused("{" T("a", "\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]") "}", 0,
		"overflows");
	refused("{" T("a", "\"F32\",\"shape\":[9007199254740992,1024],\"data_offsets\":[0,0]") "}", 0,
		"overflows");
	refused("{" T("a", "\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]") "}", 4, "shape is not a list");
	refused("{" T("a", "\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]") "}", 4, "shape is not a list");
	refused("{" T("a", "\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]") "}", 4,
		"shape is not a list");
	refused("{" T("a", "\"F32\",\"shape\":[1],\"data_offsets\":[0]") "}", 4, "not two offsets");
	refused("{" T("a", "\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]") "}", 1, "F8_E4M3");
	refused("{" T("a", "\"UTF8\",\"shape\":[1],\"data_offsets\":[0,1]") "}", 1, "UTF8");
	refused("{" T("a", "\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":1") "}", 1,
		"not an object of dtype");
	refused("{\"a\":1}", 0, "not an object of dtype");
	refused("{\"__metadata__\":{\"a\":1}," T("a", "\"U8\",\"shape\":[1],\"data_offsets\":[0,1]") "}", 1,
		"is not a string");
	refused("{\"__metadata__\":[]," T("a", "\"U8\",\"shape\":[1],\"data_offsets\":[0,1]") "}", 1,
		"not an object");
	refused("{}", 0, "no tensor");
	refused("{", 0, "invalid JSON");
	refused("{\"a\":01}", 0, "leading zero");
	refused("[]", 0, "neither");
	struct hm_err e = {0};
	struct hm_weights *w;
	assert_int_equal(hm_weights_parse(&w, (const unsigned char *)"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10,
					  NULL, &e),
			 HM_EDATA);
	assert_non_null(strstr(e.text, "is cut"));
	e = (struct hm_err){0};
	size_t n = ((size_t)5 << 20) + 8;
	unsigned char *p = calloc(n, 1);
	assert_non_null(p);
	p[2] = 0x50;
	p[8] = '{';
	assert_int_equal(hm_weights_parse(&w, p, n, NULL, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "more than 4 MiB"));
	free(p);
}

static void test_saves(void **state)
{
	(void)state;
	struct hm_err e = {0};
	float f[3] = {1, 2, 3};
	int64_t i = -9;
	uint16_t h[1] = {0x3c00};
	struct hm_tensor t[] = {
		{"z", HM_F16, 1, {1}, h}, {"m", HM_F32, 2, {1, 3}, f}, {"a", HM_I64, 0, {0}, &i}};
	cJSON *meta = cJSON_CreateObject();
	cJSON_AddStringToObject(meta, "hm.digest", "");
	cJSON_AddStringToObject(meta, "hm.model", "{}");
	cJSON_AddStringToObject(meta, "note", "the \"hm.digest\":\"0123\" in a text");
	assert_int_equal(hm_weights_save(file_name, t, 3, meta, &e), 0);
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, file_name, NULL, &e), 0);
	assert_int_equal(w->n, 3);
	assert_memory_equal(hm_weights_find(w, "m")->data, f, sizeof f);
	assert_memory_equal(hm_weights_find(w, "a")->data, &i, sizeof i);
	assert_int_equal(strlen(hm_weights_meta(w, "hm.digest")), 32);
	hm_weights_close(w);
	struct hm_buf b = {0};
	assert_int_equal(hm_file_read(file_name, 1 << 20, &b, &e), 0);
	assert_int_equal(b.len % 2, 0);
	for (size_t k = 0; k < b.len; k++) { /* every flipped bit is seen */
		b.data[k] ^= 1;
		struct hm_err why = {0};
		assert_int_equal(hm_weights_parse(&w, b.data, b.len, NULL, &why), HM_EDATA);
		b.data[k] ^= 1;
	}
	for (size_t k = 0; k < b.len; k++) { /* and every cut */
		struct hm_err why = {0};
		assert_int_equal(hm_weights_parse(&w, b.data, k, NULL, &why), HM_EDATA);
	}
	hm_buf_clear(&b);
	t[0].name = "m";
	assert_int_equal(hm_weights_save(file_name, t, 3, NULL, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "its name is there twice"));
	unlink(file_name);
	cJSON_Delete(meta);
}

static void test_digest(void **state)
{
	(void)state;
	struct hm_err e = {0};
	float f[3] = {1, 2, 3};
	struct hm_tensor t[] = {{"a", HM_F32, 1, {3}, f}, {"b", HM_F32, 1, {1}, f}}, swapped[] = {t[1], t[0]};
	char d[33], again[33];
	assert_int_equal(hm_weights_digest(t, 2, d, &e), 0);
	assert_int_equal(hm_weights_digest(swapped, 2, again, &e), 0);
	assert_string_equal(d, again);
	t[0].ndim = 2, t[0].dim[1] = 1; /* the same bytes in another shape */
	assert_int_equal(hm_weights_digest(t, 2, again, &e), 0);
	assert_string_not_equal(d, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_refuses),
					   cmocka_unit_test(test_saves), cmocka_unit_test(test_digest)};
	test_scratch(file_name);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
