/* JPEG and WebP, and damaged files of every format: committed files against Pillow's pixels, through the
 * table of formats, as hm-imgprep meets them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pngvec.h"
#include "prep/jpeg.h"

#include <libdeflate.h>
#include <stdlib.h>

/* The bytes are in a block of their own, so that a sanitizer sees one byte too many. */
static int decode(struct hm_image_decoder *d, const unsigned char *p, size_t n, bool damaged,
		  struct hm_image *im, struct hm_err *e)
{
	const struct hm_image_options o = {.damaged = damaged};
	unsigned char *exact = malloc(n ? n : 1);
	memcpy(exact, p, n);
	*im = (struct hm_image){0};
	*e = (struct hm_err){0};
	int rc = hm_image_decode(d, exact, n, &o, im, e);
	assert_true(rc == 0 || (rc == HM_EDATA && e->text[0] && !e->machine));
	free(exact);
	return rc;
}

static void must_be(const struct pngvec *v, int rc, const struct hm_image *im, const struct hm_err *e)
{
	if (rc)
		fail_msg("%s: %s", v->name, e->text);
	if (im->w != v->w || im->h != v->h)
		fail_msg("%s: %dx%d, not %dx%d", v->name, im->w, im->h, v->w, v->h);
	if (libdeflate_crc32(0, im->rgb, (size_t)im->w * (size_t)im->h * 3) != v->crc)
		fail_msg("%s: other pixels than Pillow's", v->name);
}

/* Whole files are the same with and without damaged ones being read. */
static void check_whole(const char *folder, const char *name, int least)
{
	struct pngvec v;
	struct hm_image im;
	struct hm_err e;
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	int n = 0;
	for (pngvec_open_of(&v, folder, name); pngvec_next(&v); n++) {
		for (int damaged = 0; damaged < 2; damaged++) {
			int rc = decode(d, v.png, v.len, damaged, &im, &e);
			must_be(&v, rc, &im, &e);
			if (im.damage)
				fail_msg("%s: %s", v.name, im.damage);
		}
	}
	assert_true(n >= least);
	hm_buf_clear(&v.file);
	hm_image_decoder_free(d);
}

static void check_damaged(const char *folder, int least)
{
	struct pngvec v;
	struct hm_image im;
	struct hm_err e;
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	int n = 0;
	for (pngvec_open_of(&v, folder, "damaged"); pngvec_next(&v); n++) {
		if (!decode(d, v.png, v.len, false, &im, &e))
			fail_msg("%s: accepted", v.name);
		if (!strstr(e.text, "(hm-imgprep --damaged read"))
			fail_msg("%s: \"%s\" does not say what helps", v.name, e.text);
		int rc = decode(d, v.png, v.len, true, &im, &e);
		must_be(&v, rc, &im, &e);
		if (!im.damage)
			fail_msg("%s: nothing is said of the damage", v.name);
	}
	assert_true(n >= least);
	hm_buf_clear(&v.file);
	hm_image_decoder_free(d);
}

static void check_refusals(const char *folder, int least)
{
	struct pngvec v;
	struct hm_image im;
	struct hm_err e;
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	int n = 0;
	for (pngvec_open_of(&v, folder, "refusals"); pngvec_next(&v); n++)
		for (int damaged = 0; damaged < 2; damaged++)
			if (!decode(d, v.png, v.len, damaged, &im, &e))
				fail_msg("%s: accepted (damaged %d)", v.name, damaged);
	assert_true(n >= least);
	hm_buf_clear(&v.file);
	hm_image_decoder_free(d);
}

static void test_jpeg(void **state)
{
	(void)state;
	check_whole("jpeg", "kinds", 56);
	check_whole("jpeg", "colours", 25);
	check_refusals("jpeg", 15);
}

static void test_webp(void **state)
{
	(void)state;
	check_whole("webp", "kinds", 30);
	check_refusals("webp", 15);
}

static void test_damaged(void **state)
{
	(void)state;
	check_damaged("jpeg", 30);
	check_damaged("png", 60);
}

/* The entry NAME of FOLDER/FILE.vec; its bytes are the caller's until v's file is cleared. */
static void find_entry(struct pngvec *v, const char *folder, const char *file, const char *name)
{
	for (pngvec_open_of(v, folder, file); pngvec_next(v) && strcmp(v->name, name);)
		;
	assert_string_equal(v->name, name);
}

static void test_reasons(void **state)
{
	static const char *const want[][4] = {
		{"jpeg", "refusals", "arithmetic", "an arithmetic-coded JPEG file"},
		{"jpeg", "refusals", "lossless", "a lossless JPEG file"},
		{"jpeg", "refusals", "hierarchical", "a hierarchical JPEG file"},
		{"jpeg", "refusals", "12-bits", "a JPEG file of 12 bits per sample, and only 8 are read"},
		{"jpeg", "refusals", "two-components", "a JPEG file of 2 components"},
		{"jpeg", "refusals", "wide", "the picture is 16385x14 pixels, the limits are"},
		{"jpeg", "refusals", "apart-cut-in-tables", "the JPEG file is cut off"},
		{"jpeg", "refusals", "two-frames", "damaged JPEG file (libjpeg: "},
		{"jpeg", "damaged", "zeros", " extraneous bytes before marker 0xd9) (hm-imgprep --"},
		{"webp", "refusals", "lossy-cut-31", "the WebP file is cut off after 31 bytes"},
		{"webp", "refusals", "outside", "damaged WebP file"},
		{"webp", "refusals", "bad-lossless", "damaged WebP"},
		{"webp", "refusals", "large", "the picture is 20000x15 pixels, the limits are"},
		{"png", "damaged", "no-iend", "the PNG file is cut off"},
		{"png", "damaged", "filter-5", "(row 3 has filter 5"},
	};
	struct hm_image im;
	struct hm_err e;
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		struct pngvec v;
		find_entry(&v, want[i][0], want[i][1], want[i][2]);
		assert_int_equal(decode(d, v.png, v.len, false, &im, &e), HM_EDATA);
		if (!strstr(e.text, want[i][3]))
			fail_msg("%s: \"%s\" does not say \"%s\"", v.name, e.text, want[i][3]);
		hm_buf_clear(&v.file);
	}
	hm_image_decoder_free(d);
}

static void test_scans_allowed(void **state)
{
	(void)state;
	assert_int_equal(hm_jpeg_scans(1), HM_JPEG_SCANS);
	assert_int_equal(hm_jpeg_scans(1 << 21), HM_JPEG_SCANS);
	assert_int_equal(hm_jpeg_scans(1 << 22), 512);
	assert_int_equal(hm_jpeg_scans(HM_IMAGE_PIXELS), 32);
	assert_int_equal(hm_jpeg_scans(HM_IMAGE_PIXELS_MOST), HM_JPEG_SCANS_LEAST);
}

/* A file whose last scan stands in it again and again, which libjpeg would decode without a word. */
static void test_scan_bomb(void **state)
{
	struct pngvec v;
	struct hm_image im;
	struct hm_err e;
	struct hm_buf bomb = {0};
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	(void)state;
	find_entry(&v, "jpeg", "kinds", "apart");
	size_t last = v.len - 2, end = v.len - 2;
	while (v.png[last] != 0xff || v.png[last + 1] != 0xda)
		last--;
	assert_int_equal(hm_buf_add(&bomb, v.png, last, &e), 0);
	for (int scans = 3; scans <= HM_JPEG_SCANS + 1; scans++) {
		bool tried = scans == 3 || scans >= HM_JPEG_SCANS;
		assert_int_equal(hm_buf_add(&bomb, v.png + last, end - last, &e), 0);
		if (!tried)
			continue;
		assert_int_equal(hm_buf_add(&bomb, v.png + end, 2, &e), 0);
		for (int damaged = 0; damaged < 2; damaged++)
			assert_int_equal(decode(d, bomb.data, bomb.len, damaged, &im, &e),
					 scans <= HM_JPEG_SCANS ? 0 : HM_EDATA);
		bomb.len -= 2;
	}
	assert_string_equal(e.text, "a JPEG file of more than 1000 scans, the most for 19x14 pixels");
	hm_buf_clear(&bomb);
	hm_buf_clear(&v.file);
	hm_image_decoder_free(d);
}

/* A progressive file without its last scan: each libjpeg-turbo smooths it in its own way. */
static void test_unfinished(void **state)
{
	struct pngvec v;
	struct hm_image im;
	struct hm_err e;
	struct hm_buf cut = {0};
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	(void)state;
	find_entry(&v, "jpeg", "kinds", "finished");
	size_t last = v.len - 2;
	while (v.png[last] != 0xff || v.png[last + 1] != 0xc4)
		last--;
	hm_buf_add(&cut, v.png, last, NULL);
	hm_buf_add(&cut, "\xff\xd9", 2, NULL);
	assert_int_equal(decode(d, cut.data, cut.len, false, &im, &e), HM_EDATA);
	assert_string_equal(e.text,
			    "scans are missing in the progressive JPEG file (hm-imgprep --damaged read "
			    "reads what there is)");
	assert_int_equal(decode(d, cut.data, cut.len, true, &im, &e), 0);
	assert_string_equal(im.damage, "scans are missing in the progressive JPEG file");
	hm_buf_clear(&cut);
	hm_buf_clear(&v.file);
	hm_image_decoder_free(d);
}

/* Tables of a file before do not serve one that lacks its own. */
static void test_nothing_is_left_of_the_file_before(void **state)
{
	struct pngvec v, lacks;
	struct hm_image im;
	struct hm_err e;
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	(void)state;
	find_entry(&lacks, "jpeg", "refusals", "no-quantization");
	for (pngvec_open_of(&v, "jpeg", "kinds"); pngvec_next(&v);) {
		assert_int_equal(decode(d, v.png, v.len, false, &im, &e), 0);
		assert_int_equal(decode(d, lacks.png, lacks.len, true, &im, &e), HM_EDATA);
	}
	hm_buf_clear(&v.file);
	hm_buf_clear(&lacks.file);
	hm_image_decoder_free(d);
}

static void test_beginnings(void **state)
{
	(void)state;
	assert_true(hm_image_begins((const unsigned char *)"\x89PNG\r\n\x1a\n", 8));
	assert_true(hm_image_begins((const unsigned char *)"\xff\xd8\xff\xe0", 4));
	assert_true(hm_image_begins((const unsigned char *)"RIFF\0\0\0\0WEBPVP8 ", 16));
	assert_false(hm_image_begins((const unsigned char *)"RIFF\0\0\0\0WAVEfmt ", 16));
	assert_false(hm_image_begins((const unsigned char *)"\xff\xfe", 2));
	assert_false(hm_image_begins((const unsigned char *)"\xff", 1));
	assert_false(hm_image_begins((const unsigned char *)"", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jpeg),
		cmocka_unit_test(test_webp),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_scans_allowed),
		cmocka_unit_test(test_scan_bomb),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_nothing_is_left_of_the_file_before),
		cmocka_unit_test(test_beginnings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
