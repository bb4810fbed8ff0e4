/* The canvas as a PNG file in memory, through libpng. See canvas.h. */
#include "draw/canvas.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* What libpng's callbacks see. */
struct sink {
	struct hm_buf *out;
	struct hm_err *e;
};

static void on_write(png_structp png, png_bytep p, size_t n)
{
	struct sink *s = png_get_io_ptr(png);
	if (hm_buf_add(s->out, p, n, s->e))
		png_error(png, "out of memory");
}

static void on_flush(png_structp png)
{
	(void)png;
}

static void on_error(png_structp png, png_const_charp text)
{
	struct sink *s = png_get_error_ptr(png);
	hm_err_set(s->e, HM_EDATA, "cannot write a PNG: %s", text);
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

/* A function of its own, so that no variable of the caller is in a register when libpng jumps. */
static int write_picture(png_structp png, png_infop info, const struct hm_canvas *c, bool small)
{
	if (setjmp(png_jmpbuf(png)))
		return HM_EDATA;
	png_set_compression_level(png, small ? 9 : 2);
	png_set_filter(png, 0, small ? PNG_ALL_FILTERS : PNG_FILTER_SUB);
	png_set_IHDR(png, info, (png_uint_32)c->w, (png_uint_32)c->h, 8, PNG_COLOR_TYPE_RGB,
		     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (int y = 0; y < c->h; y++)
		png_write_row(png, c->px + (size_t)y * (size_t)c->w * 3);
	png_write_end(png, info);
	return 0;
}

int hm_canvas_png(const struct hm_canvas *c, bool small, struct hm_buf *out, struct hm_err *e)
{
	struct sink sink = {out, e};
	int rc = HM_EDATA;
	png_infop info = NULL;
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &sink, on_error, on_warning);
	if (png)
		info = png_create_info_struct(png);
	if (!info) {
		hm_err_machine(e, "cannot write a PNG: out of memory");
		goto done;
	}
	png_set_write_fn(png, &sink, on_write, on_flush);
	rc = write_picture(png, info, c, small);
done:
	png_destroy_write_struct(&png, &info);
	return rc;
}
