/* Squares: committed pictures by every fit, filter, short side and offset against Pillow's results; the
 * plan's arithmetic; what is said of the column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json/build.h"
#include "pngvec.h"
#include "prep/square.h"

#include <libdeflate.h>
#include <stdlib.h>

static int find_word(const char *word, const char *a, const char *b, const char *c)
{
	return !strcmp(word, a) ? 0 : !strcmp(word, b) ? 1 : c && !strcmp(word, c) ? 2 : -1;
}

/* A line "NAME FIT FILTER SHORT OFFSET SIZE CRC32"; false at the end. */
static bool read_line(const char *line, char name[64], struct hm_square *s, uint32_t *crc)
{
	char fit[16], filter[16], offset[16];
	if (sscanf(line, "%63s %15s %15s %d %15s %d %u", name, fit, filter, &s->shorter, offset, &s->size,
		   crc) != 7)
		return false;
	int f = find_word(fit, "squash", "crop", "pad"), g = find_word(filter, "bilinear", "bicubic", NULL),
	    o = find_word(offset, "even", "floor", NULL);
	assert_true(f >= 0 && g >= 0 && o >= 0);
	s->fit = (enum hm_fit)f;
	s->filter = (enum hm_filter)g;
	s->offset = (enum hm_offset)o;
	return true;
}

/* CRC32 of the planes' bytes, interleaved. */
static uint32_t sum_planes(const uint8_t *planes, int size)
{
	size_t n = (size_t)size * (size_t)size;
	uint8_t *rgb = malloc(3 * n);
	assert_non_null(rgb);
	for (size_t i = 0; i < 3 * n; i++)
		rgb[i] = planes[i % 3 * n + i / 3];
	uint32_t crc = libdeflate_crc32(0, rgb, 3 * n);
	free(rgb);
	return crc;
}

static int check_picture(const char *lines, const char *name, const struct hm_image *im, struct hm_resizer *z)
{
	struct hm_square s;
	char source[64];
	uint32_t crc;
	int n = 0;
	for (; read_line(lines, source, &s, &crc); lines = strchr(lines, '\n') + 1) {
		struct hm_image out;
		if (strcmp(source, name))
			continue;
		struct hm_resize p = hm_square_plan(&s, im->w, im->h);
		uint8_t *planes = malloc(3 * (size_t)s.size * (size_t)s.size);
		assert_non_null(planes);
		assert_int_equal(hm_resize_run(z, im, &p, &out, NULL), 0);
		hm_image_planes(&out, &p, planes);
		if (sum_planes(planes, s.size) != crc)
			fail_msg("%s: other pixels than Pillow's: %.*s", name, (int)strcspn(lines, "\n"),
				 lines);
		free(planes);
		n++;
	}
	return n;
}

static void test_against_pillow(void **state)
{
	(void)state;
	assert_int_equal(pngvec_resizes("squares", "squares\n", 15, check_picture), 15 * 3 * 16);
}

/* What is left over of a crop: 257 -> 16, 259 -> 18 (floor: 17), 261 -> 18, 263 -> 20 (19). */
static void test_offsets(void **state)
{
	(void)state;
	static const int want[][3] = {{256, 16, 16}, {257, 16, 16}, {258, 17, 17}, {259, 18, 17},
				      {260, 18, 18}, {261, 18, 18}, {262, 19, 19}, {263, 20, 19}};
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		for (int offset = 0; offset < 2; offset++) {
			struct hm_square s = {
				.size = 224, .fit = HM_FIT_CROP, .shorter = 256, .offset = offset};
			struct hm_resize p = hm_square_plan(&s, want[i][0], 256);
			assert_int_equal(p.w, want[i][0]);
			assert_int_equal(p.h, 256);
			assert_int_equal(p.x, want[i][1 + offset]);
			assert_int_equal(p.y, 16);
		}
}

static void test_plans(void **state)
{
	(void)state;
	struct hm_square s = {.size = 224, .fit = HM_FIT_CROP, .shorter = 256};
	struct hm_resize p = hm_square_plan(&s, 413, 550);
	assert_int_equal(p.w, 256);
	assert_int_equal(p.h, 340); /* 256·550/413 = 340.9 */
	s.fit = HM_FIT_SQUASH;
	p = hm_square_plan(&s, 413, 550);
	assert_int_equal(p.w, 224);
	assert_int_equal(p.h, 224);
	s.fit = HM_FIT_PAD;
	p = hm_square_plan(&s, 448, 5); /* 2.5 becomes 2 */
	assert_true(p.w == 224 && p.h == 2 && p.top == 111 && p.left == 0 && p.side == 224);
	p = hm_square_plan(&s, 1, HM_IMAGE_SIDE_MOST);
	assert_true(p.w == 1 && p.h == 224 && p.left == 111);
	s = (struct hm_square){.size = 1, .fit = HM_FIT_CROP, .shorter = HM_SQUARE_SHORT_MOST};
	p = hm_square_plan(&s, 1, HM_IMAGE_SIDE_MOST);
	assert_int_equal(p.h, 2147221504);
	assert_int_equal(hm_square_short(224, HM_FILTER_BILINEAR), 256);
	assert_int_equal(hm_square_short(336, HM_FILTER_BICUBIC), 336);
}

/* The longest sides there are need no more memory than their window, and many weights do not overflow. */
static void test_extremes(void **state)
{
	(void)state;
	uint8_t *white = malloc(3 * HM_IMAGE_SIDE_MOST + HM_IMAGE_SLACK);
	struct hm_resizer z = {0};
	memset(white, 255, 3 * HM_IMAGE_SIDE_MOST + HM_IMAGE_SLACK);
	for (int i = 0; i < 12; i++)
		for (int size = 1; size <= 4096; size += 4095) {
			bool tall = i / 6;
			struct hm_square s = {
				.size = size, .shorter = 4681, .fit = i % 3, .filter = i / 3 % 2};
			struct hm_image out,
				in = {tall ? 1 : HM_IMAGE_SIDE_MOST, tall ? HM_IMAGE_SIDE_MOST : 1, white};
			struct hm_resize p = hm_square_plan(&s, in.w, in.h);
			assert_int_equal(hm_resize_run(&z, &in, &p, &out, NULL), 0);
			for (int k = 0; k < out.w * out.h * 3; k++)
				if (out.rgb[k] != 255)
					fail_msg("%d: %d", k, out.rgb[k]);
			assert_true(z.between.cap + z.out.cap < (size_t)160 << 20);
		}
	hm_resizer_clear(&z);
	free(white);
}

/* Black around a padded picture, whatever the planes held. */
static void test_planes(void **state)
{
	(void)state;
	uint8_t rgb[6 + HM_IMAGE_SLACK] = {1, 2, 3, 4, 5, 6}, out[27];
	static const uint8_t want[27] = {0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 2,
					 5, 0, 0, 0, 0, 0, 0, 0, 3, 6, 0, 0, 0};
	memset(out, 99, sizeof out);
	hm_image_planes(&(struct hm_image){2, 1, rgb}, &(struct hm_resize){.left = 1, .top = 1, .side = 3},
			out);
	assert_memory_equal(out, want, 27);
}

static const char *described(struct hm_square s, char out[128])
{
	struct hm_err e = {0};
	struct hm_buf b = {0};
	cJSON *o = hm_json_object(&e);
	hm_square_describe(&s, o, &e);
	assert_int_equal(hm_json_write(o, &b, &e), 0);
	snprintf(out, 128, "%.*s", (int)b.len, (const char *)b.data);
	cJSON_Delete(o);
	hm_buf_clear(&b);
	return out;
}

static void test_description(void **state)
{
	(void)state;
	char out[128];
	assert_string_equal(described((struct hm_square){.size = 224, .shorter = 256}, out),
			    "{\"fit\":\"squash\"}");
	assert_string_equal(described((struct hm_square){.size = 224, .fit = HM_FIT_PAD, .filter = 1}, out),
			    "{\"filter\":\"bicubic\",\"fit\":\"pad\"}");
	assert_string_equal(
		described((struct hm_square){.size = 224, .shorter = 256, .fit = HM_FIT_CROP}, out),
		"{\"fit\":\"crop\",\"offset\":\"even\",\"short\":256}");
	assert_string_equal(
		described((struct hm_square){224, 230, HM_FIT_CROP, HM_FILTER_BICUBIC, HM_OFFSET_FLOOR}, out),
		"{\"filter\":\"bicubic\",\"fit\":\"crop\",\"offset\":\"floor\",\"short\":230}");
}

/* What a square says of itself, with its size, describes the same square. */
static void test_said_squares(void **state)
{
	static const struct hm_square all[] = {
		{224, 0, HM_FIT_SQUASH, HM_FILTER_BILINEAR, HM_OFFSET_EVEN},
		{336, 0, HM_FIT_SQUASH, HM_FILTER_BICUBIC, HM_OFFSET_EVEN},
		{224, 230, HM_FIT_CROP, HM_FILTER_BICUBIC, HM_OFFSET_FLOOR},
		{64, 73, HM_FIT_CROP, HM_FILTER_BILINEAR, HM_OFFSET_EVEN},
		{1, 0, HM_FIT_PAD, HM_FILTER_BICUBIC, HM_OFFSET_EVEN},
	};
	struct hm_err e = {0};
	struct hm_square s;
	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char size[32];
		cJSON *o = hm_json_object(&e);
		snprintf(size, sizeof size, "%dx%d", all[i].size, all[i].size);
		hm_square_describe(&all[i], o, &e);
		hm_json_add_str(o, "size", size, &e);
		assert_int_equal(hm_square_of(&s, o, &e), 0);
		assert_memory_equal(&s, &all[i], sizeof s);
		cJSON_Delete(o);
	}
	/* a crop of a file that did not say all */
	cJSON *o = cJSON_Parse("{\"size\":\"224x224\",\"fit\":\"crop\"}");
	assert_int_equal(hm_square_of(&s, o, &e), 0);
	assert_int_equal(s.shorter, 256);
	cJSON_Delete(o);
	static const char *const bad[][2] = {
		{"{}", "it does not say \"size\""},
		{"{\"size\":\"224x224\"}", "it does not say \"fit\""},
		{"{\"size\":\"224x200\",\"fit\":\"pad\"}", "pictures of 224x200"},
		{"{\"size\":\"0x0\",\"fit\":\"pad\"}", "pictures of 0x0"},
		{"{\"size\":\"99999x99999\",\"fit\":\"pad\"}", "pictures of 99999x99999"},
		{"{\"size\":224,\"fit\":\"pad\"}", "it does not say \"size\""},
		{"{\"size\":\"8x8\",\"fit\":\"stretch\"}", "\"fit\" is not a word"},
		{"{\"size\":\"8x8\",\"fit\":\"pad\",\"filter\":1}", "\"filter\" is not a word"},
		{"{\"size\":\"8x8\",\"fit\":\"crop\",\"short\":7}", "\"short\" is not from 8"},
		{"{\"size\":\"8x8\",\"fit\":\"crop\",\"short\":1e9}", "\"short\" is not from 8"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hm_err why = {0};
		o = cJSON_Parse(bad[i][0]);
		assert_non_null(o);
		assert_int_equal(hm_square_of(&s, o, &why), HM_EDATA);
		if (!strstr(why.text, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], why.text);
		cJSON_Delete(o);
	}
	struct hm_err why = {0};
	assert_int_equal(hm_square_of(&s, NULL, &why), HM_EDATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_pillow), cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_plans),	       cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_planes),	       cmocka_unit_test(test_description),
		cmocka_unit_test(test_said_squares),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
