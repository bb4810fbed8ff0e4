/* The bilinear resize: committed pictures against Pillow's and torchvision's results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pngvec.h"
#include "prep/square.h"

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
		const struct hm_square s = {.size = size,
					    .fit = strcmp(fit, "crop") ? HM_FIT_SQUASH : HM_FIT_CROP,
					    .shorter = hm_square_short(size, HM_FILTER_BILINEAR)};
		struct hm_resize p = hm_square_plan(&s, im->w, im->h);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_pillow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
