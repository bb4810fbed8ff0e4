/* The PNG decoder: committed files of every kind against Pillow's pixels by either path, damage refused with
 * a reason, filters against their definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "pngvec.h"
#include "prep/pngparts.h"

#include <libdeflate.h>
#include <stdlib.h>

static void check_file(const char *name, int least)
{
	struct pngvec v;
	struct hm_err e = {0};
	struct hm_png *d = hm_png_new(&e);
	int n = 0;
	assert_non_null(d);
	for (pngvec_open(&v, name); pngvec_next(&v); n++) {
		unsigned char *exact =
			malloc(v.len + 1); /* its own block, so that a sanitizer sees one byte too many */
		memcpy(exact, v.png, v.len);
		for (int libpng = 0; libpng < 2; libpng++) {
			struct hm_image im = {0};
			e = (struct hm_err){0};
			int rc = hm_png_decode(d, exact, v.len, &(struct hm_png_options){.libpng = libpng},
					       &im, &e);
			if (!v.w && !rc)
				fail_msg("%s: accepted", v.name);
			if (v.w && rc)
				fail_msg("%s: %s", v.name, e.text);
			if (!v.w && (rc != HM_EDATA || !e.text[0]))
				fail_msg("%s: refused without a reason", v.name);
			if (v.w && (im.w != v.w || im.h != v.h))
				fail_msg("%s: %dx%d, not %dx%d", v.name, im.w, im.h, v.w, v.h);
			if (v.w && libdeflate_crc32(0, im.rgb, (size_t)im.w * (size_t)im.h * 3) != v.crc)
				fail_msg("%s: other pixels than Pillow's (libpng %d)", v.name, libpng);
		}
		free(exact);
	}
	assert_true(n >= least);
	assert_int_equal(v.at, v.file.len);
	hm_buf_clear(&v.file);
	hm_png_free(d);
}

static void test_kinds(void **state)
{
	(void)state;
	check_file("kinds", 90);
}

static void test_oddities(void **state)
{
	(void)state;
	check_file("oddities", 35);
}

static void test_refusals(void **state)
{
	(void)state;
	check_file("refusals", 55);
}

/* The reasons that users meet most say what they should. */
static void test_reasons(void **state)
{
	(void)state;
	static const char *const want[][2] = {
		{"empty", "not a PNG file"},
		{"jpeg", "not a PNG file"},
		{"cut-52", "cut off"},
		{"side-2-31", "2147483648x1 pixels, the limits are 16384 per side (--max-side)"},
		{"pixels-64M", "and 64M in all (--max-pixels)"},
		{"bomb", "cannot hold 8000x8000 pixels"},
		{"idat-crc", "wrong CRC in PNG chunk IDAT"},
		{"rows-missing", "rows are missing"},
		{"no-palette", "no palette"}};
	struct pngvec v;
	struct hm_png *d = hm_png_new(NULL);
	size_t found = 0;
	for (pngvec_open(&v, "refusals"); pngvec_next(&v);) {
		for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
			struct hm_err e = {0};
			struct hm_image im;
			if (strcmp(v.name, want[i][0]))
				continue;
			assert_int_equal(hm_png_decode(d, v.png, v.len, &(struct hm_png_options){0}, &im, &e),
					 HM_EDATA);
			if (!strstr(e.text, want[i][1]))
				fail_msg("%s: \"%s\" does not say \"%s\"", v.name, e.text, want[i][1]);
			found++;
		}
	}
	assert_int_equal(found, sizeof want / sizeof want[0]);
	hm_buf_clear(&v.file);
	hm_png_free(d);
}

static void test_max_pixels(void **state)
{
	(void)state;
	struct pngvec v;
	struct hm_image im;
	struct hm_png *d = hm_png_new(NULL);
	for (pngvec_open(&v, "kinds"); pngvec_next(&v) && strcmp(v.name, "rgb-997x31");)
		;
	assert_string_equal(v.name, "rgb-997x31");
	assert_int_equal(hm_png_decode(d, v.png, v.len, &(struct hm_png_options){.limits.pixels = 997 * 31},
				       &im, NULL),
			 0);
	assert_int_equal(hm_png_decode(d, v.png, v.len,
				       &(struct hm_png_options){.limits.pixels = 997 * 31 - 1}, &im, NULL),
			 HM_EDATA);
	hm_buf_clear(&v.file);
	hm_png_free(d);
}

static uint8_t predict(int filter, int a, int b, int c)
{
	int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
	int paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
	return (uint8_t)(filter == 1   ? a
			 : filter == 2 ? b
			 : filter == 3 ? (a + b) / 2
			 : filter == 4 ? paeth
				       : 0);
}

/* Rows whose second pixel meets all values of a, b, c: with bpp 4 and src zero, dst is the predictor itself.
 */
static void test_predictors(void **state)
{
	(void)state;
	uint8_t src[8 + 32] = {0}, prev[8 + 32] = {0}, dst[8 + 32];
	for (int bpp = 2; bpp <= 4; bpp++)
		for (int filter = 1; filter <= 4; filter++)
			for (int a = 0; a < 256; a += bpp == 4 ? 1 : 5)
				for (int b = 0; b < 256; b += filter == 4 ? 1 : 5)
					for (int c = 0; c < 256; c++) {
						int first = predict(filter, 0, c, 0);
						for (int k = 0; k < bpp; k++) {
							src[k] = (uint8_t)(a - first);
							prev[k] = (uint8_t)c;
							prev[bpp + k] = (uint8_t)b;
						}
						hm_png_unfilter(filter, bpp, src, prev, dst, 2 * (size_t)bpp);
						uint8_t want = predict(filter, a, b, c);
						for (int k = 0; k < bpp; k++)
							if (dst[k] != a || dst[bpp + k] != want)
								fail_msg("bpp %d filter %d: %d %d %d gave %d",
									 bpp, filter, a, b, c, dst[bpp + k]);
					}
}

/* Draws HM_PNG_ROWS rows, each with its filter in front, and the row above them. */
static void draw_rows(struct hm_rng *rng, int bpp, size_t w, uint8_t *src, uint8_t *prev)
{
	size_t n = w * (size_t)bpp;
	uint32_t values = hm_rng_below(rng, 2) ? 256 : 5; /* few values: many ties */
	for (size_t i = 0; i < HM_PNG_ROWS * (n + 1); i++)
		src[i] = (uint8_t)(hm_rng_below(rng, values) - values / 2);
	for (size_t i = 0; i < n; i++)
		prev[i] = (uint8_t)hm_rng_below(rng, values);
	for (size_t k = 0; k < HM_PNG_ROWS; k++)
		src[k * (n + 1)] = (uint8_t)(hm_rng_below(rng, 2) ? 4 : hm_rng_below(rng, 5));
}

/* Rows one by one say what all at once must give, at their own place and elsewhere. */
static void test_rows_at_once(void **state)
{
	(void)state;
	enum { MOST = 40, ROOM = HM_PNG_ROWS * (4 * MOST + 1) + 32, TRIES = 20000 };
	static uint8_t src[ROOM], prev[ROOM], want[ROOM], got[ROOM];
	struct hm_rng rng;
	int taken = 0;
	hm_rng_init(&rng, 11, HM_RNG_SYNTH, 0, 0);
	for (int t = 0; t < TRIES; t++) {
		int bpp = 3 + (int)hm_rng_below(&rng, 2);
		size_t w = 1 + hm_rng_below(&rng, MOST), n = w * (size_t)bpp;
		draw_rows(&rng, bpp, w, src, prev);
		const uint8_t *above = prev;
		for (size_t k = 0; k < HM_PNG_ROWS; k++, above = want + (k - 1) * n)
			hm_png_unfilter(src[k * (n + 1)], bpp, src + k * (n + 1) + 1, above, want + k * n, n);
		memset(got, 77, sizeof got);
		if (!hm_png_unfilter_rows(bpp, src, prev, got, n, w))
			continue;
		taken++;
		assert_memory_equal(got, want, HM_PNG_ROWS * n);
		assert_int_equal(got[HM_PNG_ROWS * n], 77);
		if (bpp == 3)
			continue;
		assert_true(hm_png_unfilter_rows(bpp, src, prev, src + 1, n + 1, w));
		for (size_t k = 0; k < HM_PNG_ROWS; k++)
			assert_memory_equal(src + k * (n + 1) + 1, want + k * n, n);
	}
#ifdef __SSE2__
	assert_true(taken > TRIES / 2 || !__builtin_cpu_supports("avx2"));
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),	     cmocka_unit_test(test_oddities),
		cmocka_unit_test(test_refusals),     cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_max_pixels),   cmocka_unit_test(test_predictors),
		cmocka_unit_test(test_rows_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
