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
	assert_int_equal(pngvec_resizes("resizes", "resize\n", 11, check_lines), 110);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_pillow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
