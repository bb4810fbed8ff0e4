/* lib/draw: shapes where they belong and cut at the edges, line breaking, the contact sheet's size, captions
 * spelled by their vocabulary, PNG files that our own decoder reads back. */
#include "base/strmap.h"
#include "draw/caption.h"
#include "draw/font.h"
#include "draw/scene.h"
#include "draw/sheet.h"
#include "prep/png.h"

#include <ctype.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static hm_rgb at(const struct hm_canvas *c, int x, int y)
{
	const uint8_t *p = c->px + ((size_t)y * (size_t)c->w + (size_t)x) * 3;
	return (hm_rgb)p[0] << 16 | (hm_rgb)p[1] << 8 | p[2];
}

static size_t painted(const struct hm_canvas *c)
{
	size_t n = 0;
	for (int y = 0; y < c->h; y++)
		for (int x = 0; x < c->w; x++)
			n += at(c, x, y) != 0;
	return n;
}

static void shapes(void **state)
{
	struct hm_canvas c;
	struct hm_err e = {0};
	(void)state;
	assert_int_equal(hm_canvas_init(&c, 20, 10, &e), 0);
	hm_draw_rect(&c, 2, 3, 4, 5, 0x010203);
	assert_int_equal(painted(&c), 20);
	assert_int_equal(at(&c, 2, 3), 0x010203);
	assert_int_equal(at(&c, 5, 7), 0x010203);
	assert_int_equal(at(&c, 6, 7), 0);
	hm_draw_rect(&c, -5, -5, 100, 100, 0x0000ff); /* cut, not wrapped */
	assert_int_equal(painted(&c), 200);
	hm_draw_rect(&c, 0, 0, 20, 10, 0);
	hm_draw_ellipse(&c, 10, 5, 3, 3, 0xff0000);
	assert_true(at(&c, 10, 2) && at(&c, 13, 5) && !at(&c, 13, 2) && !at(&c, 14, 5));
	hm_draw_ellipse(&c, 0, 0, 50, 50, 0x00ff00);
	assert_int_equal(at(&c, 19, 9), 0x00ff00);
	hm_draw_rect(&c, 0, 0, 20, 10, 0);
	hm_draw_triangle(&c, (int[3]){0, 9, 0}, (int[3]){0, 9, 9}, 0x123456);
	assert_true(at(&c, 0, 5) && at(&c, 5, 5) && !at(&c, 6, 5) && at(&c, 9, 9));
	hm_draw_line(&c, -10, 0, 30, 9, 3, 1);
	assert_int_equal(hm_rgb_mix(0x000000, 0xffffff, 0.5), 0x808080);
	assert_int_equal(hm_rgb_hsv(0, 1, 1), 0xff0000);
	assert_int_equal(hm_rgb_hsv(240, 1, 1), 0x0000ff);
	hm_canvas_clear(&c);
	assert_int_equal(hm_canvas_init(&c, 0, 5, &e), HM_EDATA);
	assert_int_equal(hm_canvas_init(&c, 16385, 5, NULL), HM_EDATA);
}

static void lines_break_at_spaces(void **state)
{
	size_t skip;
	(void)state;
	assert_int_equal(hm_font_line("one two three", 13, 7, &skip), 7);
	assert_int_equal(skip, 1);
	assert_int_equal(hm_font_line("one two three", 13, 6, &skip), 3);
	assert_int_equal(skip, 1);
	assert_int_equal(hm_font_line("unbreakable", 11, 4, &skip), 4);
	assert_int_equal(skip, 0);
	assert_int_equal(hm_font_line("short", 5, 40, &skip), 5);
	assert_int_equal(hm_font_cells("a\xc3\xa9\xe6\x97\xa5", 6), 3); /* code points, not bytes */
	assert_int_equal(hm_font_line("\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5", 9, 2, &skip), 6);
}

static void glyphs_differ(void **state)
{
	struct hm_strmap seen = {0};
	struct hm_err e = {0};
	(void)state;
	for (int ch = 32; ch < 127; ch++) {
		struct hm_canvas c;
		char s = (char)ch;
		uint64_t v = 0;
		assert_int_equal(hm_canvas_init(&c, HM_FONT_W, HM_FONT_H_CELL, &e), 0);
		hm_font_draw(&c, 0, 0, 1, &s, 1, 0xffffff, 0, 0);
		assert_int_equal(hm_strmap_add(&seen, c.px, (size_t)c.w * (size_t)c.h * 3, &v, &e), 1);
		hm_canvas_clear(&c);
	}
	hm_strmap_clear(&seen);
}

static void a_png_reads_back(void **state)
{
	struct hm_canvas c;
	struct hm_err e = {0};
	struct hm_rng r;
	struct hm_png *d = hm_png_new(&e);
	(void)state;
	assert_non_null(d);
	hm_rng_init(&r, 3, HM_RNG_SYNTH, 0, 0);
	assert_int_equal(hm_canvas_init(&c, 301, 207, &e), 0);
	hm_scene_draw(&c, 2, &r);
	assert_int_equal(hm_scene_letter(&c, "so tired of how the mayor mocks the ducks with a smile", &e),
			 0);
	for (int small = 0; small < 2; small++) {
		struct hm_buf png = {0};
		struct hm_image img;
		assert_int_equal(hm_canvas_png(&c, small, &png, &e), 0);
		assert_int_equal(hm_png_decode(d, png.data, png.len, &(struct hm_png_options){0}, &img, &e),
				 0);
		assert_int_equal(img.w, 301);
		assert_int_equal(img.h, 207);
		assert_memory_equal(img.rgb, c.px, 301 * 207 * 3);
		hm_buf_clear(&png);
	}
	hm_png_free(d);
	hm_canvas_clear(&c);
}

static void the_sheet_grows_by_rows(void **state)
{
	static const uint8_t planes[3 * 4] = {0};
	struct hm_sheet s;
	struct hm_err e = {0};
	struct hm_buf one = {0}, seven = {0};
	(void)state;
	assert_int_equal(hm_sheet_init(&s, 7, &e), 0);
	hm_sheet_add(&s, planes, 2, 2, "label 1", "a caption", 9, 0);
	assert_int_equal(hm_sheet_png(&s, &one, &e), 0);
	for (int i = 0; i < 9; i++) /* two too many: not drawn */
		hm_sheet_add(&s, planes, 4, 1, "label 0", "", 0, 0xff0000);
	assert_int_equal(s.used, 7);
	assert_int_equal(hm_sheet_png(&s, &seven, &e), 0);
	uint32_t h1 = (uint32_t)one.data[22] << 8 | one.data[23],
		 h7 = (uint32_t)seven.data[22] << 8 | seven.data[23];
	assert_true(h7 > 1.8 * h1 && h7 < 2 * h1);
	hm_buf_clear(&one);
	hm_buf_clear(&seven);
	hm_sheet_clear(&s);
}

static void a_picture_without_pixels_is_not_read(void **state)
{
	static const int side[][2] = {{0, 0}, {0, 5}, {5, 0}, {INT_MAX, 0}, {0, INT_MAX}};
	struct hm_sheet s;
	struct hm_err e = {0};
	(void)state;
	assert_int_equal(hm_sheet_init(&s, 5, &e), 0);
	for (int i = 0; i < 5; i++)
		hm_sheet_add(&s, NULL, side[i][0], side[i][1], "", "", 0, 0xff0000);
	assert_int_equal(s.used, 5);
	for (int y = 0; y < s.canvas.h; y++)
		for (int x = 0; x < s.canvas.w; x++)
			assert_int_equal(at(&s.canvas, x, y), 0xffffff);
	hm_sheet_clear(&s);
}

static void captions_are_in_the_vocabulary(void **state)
{
	struct hm_buf vocab = {0}, caption = {0};
	struct hm_strmap words = {0};
	struct hm_err e = {0};
	uint64_t v = 0;
	(void)state;
	assert_int_equal(hm_caption_vocab(&vocab, &e), 0);
	assert_int_equal(hm_buf_add(&vocab, "", 1, &e), 0);
	for (char *p = (char *)vocab.data, *end; *p; p = end + 1) {
		end = strchr(p, '\n');
		assert_int_equal(hm_strmap_add(&words, p, (size_t)(end - p), &v, &e), 1); /* no token twice */
	}
	for (uint32_t i = 0; i < 400; i++) {
		struct hm_rng r;
		hm_rng_init(&r, 9, HM_RNG_SYNTH, i, 0);
		caption.len = 0;
		assert_int_equal(hm_caption_make(&caption, (int)(i % 4), &r, &e), 0);
		for (char *p = (char *)caption.data; *p;) {
			size_t n = islower((unsigned char)*p) ? strspn(p, "abcdefghijklmnopqrstuvwxyz") : 1;
			assert_true(*p == ' ' || hm_strmap_find(&words, p, n, &v));
			p += n;
		}
	}
	hm_strmap_clear(&words);
	hm_buf_clear(&vocab);
	hm_buf_clear(&caption);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),
		cmocka_unit_test(lines_break_at_spaces),
		cmocka_unit_test(glyphs_differ),
		cmocka_unit_test(a_png_reads_back),
		cmocka_unit_test(the_sheet_grows_by_rows),
		cmocka_unit_test(a_picture_without_pixels_is_not_read),
		cmocka_unit_test(captions_are_in_the_vocabulary),
	};
	return cmocka_run_group_tests_name("draw", tests, NULL, NULL);
}
