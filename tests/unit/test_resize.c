/* The resize: committed pictures against Pillow's and torchvision's results, the plan's arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pngvec.h"
#include "prep/resize.h"

#include <libdeflate.h>
#include <stdlib.h>

/* Each line "NAME FIT SIZE CRC32" of that name. */
static int check_lines(const char *lines, const char *name, const struct hm_image *im, struct hm_resizer *z)
{
	char source[64], fit[16];
	int size, n = 0;
	uint32_t crc;
	for (; sscanf(lines, "%63s %15s %d %u", source, fit, &size, &crc) == 4;
	     lines = strchr(lines, '\n') + 1) {
		struct hm_image out;
		struct hm_err e = {0};
		if (strcmp(source, name))
			continue;
		struct hm_resize p =
			hm_resize_fit(strcmp(fit, "crop") ? HM_FIT_SQUASH : HM_FIT_CROP, im->w, im->h, size);
		if (hm_resize_run(z, im, &p, &out, &e))
			fail_msg("%s: %s", name, e.text);
		assert_int_equal(out.w, size);
		assert_int_equal(out.h, size);
		if (libdeflate_crc32(0, out.rgb, (size_t)size * (size_t)size * 3) != crc)
			fail_msg("%s %s %d: other pixels than Pillow's", name, fit, size);
		out = *im;
		if (hm_resize_run(z, &out, &p, &out, &e) ||
		    libdeflate_crc32(0, out.rgb, (size_t)size * (size_t)size * 3) != crc)
			fail_msg("%s %s %d: other pixels where the result takes the picture's place", name,
				 fit, size);
		n++;
	}
	return n;
}

static void test_against_pillow(void **state)
{
	(void)state;
	struct pngvec v;
	struct hm_resizer z = {0};
	struct hm_png *d = hm_png_new(NULL);
	int n = 0, pictures = 0;
	pngvec_open(&v, "resizes");
	hm_buf_add(&v.file, "", 1, NULL);
	while (pngvec_next(&v))
		;
	const char *lines = (char *)v.file.data + v.at;
	assert_memory_equal(lines, "resize\n", 7);
	v.at = 0;
	for (; pngvec_next(&v); pictures++) {
		struct hm_image im;
		assert_int_equal(hm_png_decode(d, v.png, v.len, &(struct hm_png_options){0}, &im, NULL), 0);
		n += check_lines(lines + 7, v.name, &im, &z);
	}
	assert_int_equal(pictures, 11);
	assert_int_equal(n, 110);
	hm_resizer_clear(&z);
	hm_buf_clear(&v.file);
	hm_png_free(d);
}

/* torchvision's numbers for crop to 224: 257 -> 16, 259 -> 18, 261 -> 18, 263 -> 20. */
static void test_plan(void **state)
{
	(void)state;
	static const int want[][2] = {{256, 16}, {257, 16}, {258, 17}, {259, 18},
				      {260, 18}, {261, 18}, {262, 19}, {263, 20}};
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		struct hm_resize p = hm_resize_fit(HM_FIT_CROP, want[i][0], 256, 224);
		assert_int_equal(p.w, want[i][0]);
		assert_int_equal(p.h, 256);
		assert_int_equal(p.x, want[i][1]);
		assert_int_equal(p.y, 16);
	}
	struct hm_resize p = hm_resize_fit(HM_FIT_CROP, 413, 550, 224);
	assert_int_equal(p.w, 256);
	assert_int_equal(p.h, 340); /* 256·550/413 = 340.9 */
	p = hm_resize_fit(HM_FIT_SQUASH, 413, 550, 224);
	assert_int_equal(p.w, 224);
	assert_int_equal(p.h, 224);
}

/* The longest sides there are need no more memory than their window, and many weights do not overflow. */
static void test_extremes(void **state)
{
	(void)state;
	uint8_t *white = malloc(3 * HM_IMAGE_SIDE_MOST + HM_IMAGE_SLACK);
	struct hm_resizer z = {0};
	memset(white, 255, 3 * HM_IMAGE_SIDE_MOST + HM_IMAGE_SLACK);
	for (int tall = 0; tall < 2; tall++)
		for (int fit = 0; fit < 2; fit++)
			for (int size = 1; size <= 4096; size += 4095) {
				struct hm_image out, in = {tall ? 1 : HM_IMAGE_SIDE_MOST,
							   tall ? HM_IMAGE_SIDE_MOST : 1, white};
				struct hm_resize p = hm_resize_fit(fit, in.w, in.h, size);
				assert_int_equal(hm_resize_run(&z, &in, &p, &out, NULL), 0);
				for (int i = 0; i < size * size * 3; i++)
					assert_int_equal(out.rgb[i], 255);
				assert_true(z.between.cap + z.out.cap < (size_t)160 << 20);
			}
	hm_resizer_clear(&z);
	free(white);
}

static void test_planes(void **state)
{
	(void)state;
	uint8_t rgb[6 + HM_IMAGE_SLACK] = {1, 2, 3, 4, 5, 6}, out[6];
	static const uint8_t want[6] = {1, 4, 2, 5, 3, 6};
	hm_image_planes(&(struct hm_image){2, 1, rgb}, out);
	assert_memory_equal(out, want, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_pillow),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_planes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
