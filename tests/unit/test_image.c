/* The table of picture formats: files are decoded by their first bytes; what is not read is named, with what
 * may be done about it; limits name the options that raise them. And lib/base/filekind, which knows the
 * names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/filekind.h"
#include "pngvec.h"
#include "prep/image.h"

#include <stdio.h>
#include <stdlib.h>

/* decode's reason for p[0..n), "" when it decodes. The bytes are in a block of their own, so that a sanitizer
 * sees one byte too many. */
static const char *reason(struct hm_image_decoder *d, const void *p, size_t n, struct hm_err *e)
{
	const struct hm_image_options o = {0};
	struct hm_image im;
	unsigned char *exact = malloc(n ? n : 1);
	if (n)
		memcpy(exact, p, n);
	*e = (struct hm_err){0};
	int rc = hm_image_decode(d, exact, n, &o, &im, e);
	assert_true(rc == 0 || (rc == HM_EDATA && e->text[0]));
	free(exact);
	return e->text;
}

static void test_png_is_chosen_by_its_bytes(void **state)
{
	(void)state;
	struct pngvec v;
	struct hm_err e;
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	pngvec_open(&v, "kinds");
	for (int i = 0; i < 5 && pngvec_next(&v); i++)
		assert_string_equal(reason(d, v.png, v.len, &e), "");
	for (size_t n = 1; n < 40; n++)
		assert_non_null(strstr(reason(d, v.png, n, &e), "the PNG file is cut off"));
	hm_buf_clear(&v.file);
	hm_image_decoder_free(d);
	hm_image_decoder_free(NULL);
}

#define BYTES(s) s, sizeof s - 1
static const struct {
	const char *bytes;
	size_t n;
	const char *want;
} foreign[] = {
	{BYTES(""), "an empty file"},
	{BYTES("\xff\xd8\xff\xe0\0\x10JFIF\0"), "the JPEG file is cut off inside its tables, after 11 bytes"},
	{BYTES("RIFF\x1a\0\0\0WEBPVP8L"), "the WebP file is cut off after 16 bytes"},
	{BYTES("RIFF\x1a\0\0\0AVI LIST"), "an AVI film, not a picture"},
	{BYTES("GIF89a\1\0\1\0"),
	 "a GIF file, and only PNG, JPEG and WebP are read (magick FILE png:NEW converts it)"},
	{BYTES("GIF87a\1\0\1\0"), "a GIF file, and"},
	{BYTES("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"), "a BMP file, and"},
	{BYTES("BMW is a maker of cars and of bikes"), "a text file (\"BMW is a maker"},
	{BYTES("II*\0\x08\0\0\0"), "a TIFF file, and"},
	{BYTES("MM\0*\0\0\0\x08"), "a TIFF file, and"},
	{BYTES("\0\0\0\x1c"
	       "ftypavif\0\0\0\0mif1"),
	 "an AVIF file, and"},
	{BYTES("\0\0\0\x1c"
	       "ftypmif1\0\0\0\0miafavif"),
	 "an AVIF file, and"},
	{BYTES("\0\0\0\x1c"
	       "ftypheic\0\0\0\0mif1"),
	 "a HEIC file, and"},
	{BYTES("\0\0\0\x18"
	       "ftypmif1\0\0\0\0heic"),
	 "a HEIC file, and"},
	{BYTES("\0\0\0\x14"
	       "ftypmif1\0\0\0\0abcdavif"),
	 "a HEIF file, and"},
	{BYTES("\0\0\0\x18"
	       "ftypisom\0\0\2\0mp41"),
	 "an MP4 film, not a picture (ffmpeg -i FILE"},
	{BYTES("\0\0\0\fJXL \r\n\x87\n"), "a JPEG XL file, and"},
	{BYTES("\0\0\1\0\1\0\x10\x10"), "an icon file"},
	{BYTES("\0\0\2\0\0\0\0\0\0\0"), "a TGA file"},
	{BYTES("P6\n2 2\n255\n"), "a Netpbm file, and"},
	{BYTES("PS: see you"), "a text file"},
	{BYTES("%PDF-1.4\n"), "a PDF file, and only PNG, JPEG and WebP are read (pdftoppm"},
	{BYTES("<svg xmlns='http://www.w3.org/2000/svg'>"), "an SVG file, and"},
	{BYTES("<?xml version='1.0'?>\n<!-- a -->\n<svg>"), "an SVG file, and"},
	{BYTES("<!DOCTYPE html><html><body>404</body></html>"),
	 "an HTML page (\"<!DOCTYPE html><html><body>404</body></h\"), not a picture"},
	{BYTES("\n\n  <HTML>\n<svg></svg>"), "an HTML page, not a picture"},
	{BYTES("\xef\xbb\xbf<!-- x --><html><svg>"), "an HTML page"},
	{BYTES("<center><h1>502 Bad Gateway</h1></center>"), "an HTML page"},
	{BYTES("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"), "an XML file (\"<?xml"},
	{BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
	 "a Git LFS pointer (git lfs pull fetches it)"},
	{BYTES("/annex/objects/SHA256E-s1--00.png\n"), "a git-annex pointer (git annex get fetches it)"},
	{BYTES("{\"error\": \"not found\"}"), "a JSON text"},
	{BYTES("404: Not Found"), "a text file (\"404: Not Found\"), not a picture"},
	{BYTES("caf\xe9"), "a text file (\"caf\"), not a picture"},
	{BYTES("   \n"), "a text file"},
	{BYTES("HTTP/1.1 200 OK\r\n"), "an HTTP answer with its headers"},
	{BYTES("iVBORw0KGgoAAAANSUhEUg"), "a picture in base64, not a picture (base64 -d unpacks it)"},
	{BYTES("data:image/png;base64,iVBO"), "a data URI"},
	{BYTES("\xff\xfe"
	       "a\0"),
	 "UTF-16 text, not a picture"},
	{BYTES("a\0b\0c\0d\0e\0f\0g\0h\0"), "UTF-16 text"},
	{BYTES("\0a\0b\0c\0d\0e\0f\0g\0h"), "UTF-16 text"},
	{BYTES("\x1f\x8b\x08\0"), "a gzip file, not a picture (gzip -dc unpacks it)"},
	{BYTES("\x28\xb5\x2f\xfd\0\0"), "a zstd file"},
	{BYTES("\x5b\x2a\x4d\x18\x93\0\0\0HMRH"), "a stream of records (.hmr), not a picture"},
	{BYTES("PK\3\4\x14\0"), "a zip archive"},
	{BYTES("PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\10\0\0\0x/data/0"),
	 "a PyTorch checkpoint"},
	{BYTES("PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0x/data/0"), "a zip archive"},
	{BYTES("\x89PNG\n\x1a\n\0\0\0"), "a PNG file with changed bytes"},
	{BYTES("\xef\xbf\xbdPNG\r\n"), "a PNG file with changed bytes"},
	{BYTES("\0\5\x16\7\0\2\0\0Mac OS X"), "a resource file of macOS"},
	{BYTES("\0\0\0\0\0\0\0\0\0"), "a file of NUL bytes only"},
	{BYTES("\x93NUMPY\1\0"), "a NumPy array, not a picture"},
	{BYTES("\x01\x02\xfe\x04\x05"), "not a picture of a known kind (its first bytes are 01 02 fe 04 05)"},
	{BYTES("\x01"), "not a picture of a known kind (its first bytes are 01)"},
};

static void test_foreign_files_are_named(void **state)
{
	(void)state;
	struct hm_err e;
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		const char *got = reason(d, foreign[i].bytes, foreign[i].n, &e);
		if (strncmp(got, foreign[i].want, strlen(foreign[i].want)))
			fail_msg("%zu: wanted '%s', got '%s'", i, foreign[i].want, got);
		for (size_t n = 0; n < foreign[i].n; n++) /* cut anywhere, it is some other reason */
			assert_true(*reason(d, foreign[i].bytes, n, &e));
	}
	hm_image_decoder_free(d);
}

/* Only the first HM_FILEKIND_BYTES count. */
static void test_a_kind_is_found_past_the_bytes_that_are_looked_at(void **state)
{
	(void)state;
	size_t n = 3 * HM_FILEKIND_BYTES;
	unsigned char *p = calloc(1, n);
	p[n - 1] = 1;
	assert_string_equal(hm_filekind_find(p, n)->name, hm_filekind_find(p, HM_FILEKIND_BYTES)->name);
	memset(p, ' ', n);
	p[n - 1] = 1;
	assert_string_equal(hm_filekind_find(p, n)->name, "a text file");
	free(p);
}

static void test_limits(void **state)
{
	static const struct {
		struct hm_image_limits limits;
		uint32_t w, h;
		const char *why; /* NULL: within */
	} t[] = {
		{{0}, 16384, 4096, NULL},
		{{0},
		 16384,
		 4097,
		 "16384x4097 pixels, the limits are 16384 per side (--max-side) and 64M in all "
		 "(--max-pixels)"},
		{{0}, 16385, 1, "the limits are 16384 per side"},
		{{0}, 1, 16385, "the limits are 16384 per side"},
		{{0}, 0, 1, "the picture is 0x1 pixels"},
		{{.pixels = 1000}, 40, 25, NULL},
		{{.pixels = 1000}, 40, 26, "and 1000 in all (--max-pixels)"},
		{{.side = 20000}, 20000, 1, NULL},
		{{.side = 20000}, 1, 20001, "20000 per side (--max-side) and 64M in all"},
		{{.side = 1u << 31}, 1u << 31, 1u << 31, "the picture is 2147483648x2147483648 pixels"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct hm_err e = {0};
		int rc = hm_image_check(&t[i].limits, t[i].w, t[i].h, &e);
		if (rc != (t[i].why ? HM_EDATA : 0) || (t[i].why && !strstr(e.text, t[i].why)))
			fail_msg("%zu: %d '%s'", i, rc, e.text);
	}
}

static void test_size_text(void **state)
{
	char out[HM_SIZE_TEXT];
	(void)state;
	assert_string_equal(hm_size_text(0, out), "0");
	assert_string_equal(hm_size_text(1000, out), "1000");
	assert_string_equal(hm_size_text(1024, out), "1K");
	assert_string_equal(hm_size_text(67108864, out), "64M");
	assert_string_equal(hm_size_text((uint64_t)10 << 30, out), "10G");
	assert_string_equal(hm_size_text((uint64_t)1 << 40, out), "1024G");
	assert_string_equal(hm_size_text(UINT64_MAX, out), "18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_png_is_chosen_by_its_bytes),
		cmocka_unit_test(test_foreign_files_are_named),
		cmocka_unit_test(test_a_kind_is_found_past_the_bytes_that_are_looked_at),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_size_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
