/* Rows of any kind of PNG by libpng. It reads a stream that is built here from what the scan accepted:
 * header, palette, and the inflated data in stored blocks. So it sees no chunk that could change the pixels,
 * and has nothing to inflate. See pngparts.h. */
#include "prep/pngparts.h"

#include <libdeflate.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define STORED 65535u /* bytes of a stored block, at most (RFC 1951, 3.2.4) */

/* What must survive a longjmp is here, outside the function that calls setjmp. */
struct run {
	const struct hm_png_scan *scan;
	const uint8_t *raw; /* inflated data */
	size_t raw_len, raw_at;
	const uint8_t
		*part; /* the bytes that libpng gets next; when they are used up, next_part makes more */
	size_t part_len;
	enum { HEAD, BLOCK_HEAD, BLOCK, TAIL, OVER } made; /* which part `part` is */
	uint8_t head[8 + 25 + 12 + 768 + 10], small[8];
	uint8_t *rgb, **row;
	bool no_memory;
	struct hm_err *e;
	png_structp png;
	png_infop info;
};

static uint8_t *put32(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
	return p + 4;
}

static uint8_t *put_bytes(uint8_t *p, const void *from, size_t n)
{
	memcpy(p, from, n);
	return p + n;
}

/* Signature, IHDR, PLTE, and the beginning of one IDAT chunk with a zlib header. CRCs are zero: libpng
 * does not check them here, the scan has checked the real ones. */
static void make_head(struct run *r)
{
	const struct hm_png_scan *s = r->scan;
	size_t blocks = (r->raw_len + STORED - 1) / STORED;
	const uint8_t rest[5] = {(uint8_t)s->depth, (uint8_t)s->color, 0, 0, s->interlaced};
	uint8_t *p = put_bytes(r->head, "\x89PNG\r\n\x1a\n\0\0\0\15IHDR", 16);
	p = put32(put32(p, s->w), s->h);
	p = put32(put_bytes(p, rest, sizeof rest), 0);
	if (s->color == HM_PNG_PALETTE) {
		p = put_bytes(put32(p, (size_t)3 << s->depth), "PLTE", 4);
		p = put32(put_bytes(p, s->palette, (size_t)3 << s->depth), 0);
	}
	p = put_bytes(put32(p, 2 + 5 * blocks + r->raw_len + 4), "IDAT\x78\x01", 6);
	r->part = r->head;
	r->part_len = (size_t)(p - r->head);
}

static void next_part(struct run *r)
{
	size_t left = r->raw_len - r->raw_at, len = left < STORED ? left : STORED;
	r->part = r->small;
	if (r->made == BLOCK_HEAD) {
		r->part = r->raw + r->raw_at;
		r->part_len = len;
		r->raw_at += len;
		r->made = BLOCK;
	} else if (r->made < TAIL && left) {
		const uint8_t head[5] = {len == left, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)~len,
					 (uint8_t)(~len >> 8)};
		put_bytes(r->small, head, sizeof head);
		r->part_len = sizeof head;
		r->made = BLOCK_HEAD;
	} else {
		put32(put32(r->small, libdeflate_adler32(1, r->raw, r->raw_len)), 0);
		r->part_len = r->made < TAIL ? 8 : 0;
		r->made = r->made < TAIL ? TAIL : OVER;
	}
}

static void on_read(png_structp png, png_bytep to, size_t n)
{
	struct run *r = png_get_io_ptr(png);
	while (n) {
		if (!r->part_len)
			next_part(r);
		if (!r->part_len)
			png_error(png, "read past the end");
		size_t len = n < r->part_len ? n : r->part_len;
		to = put_bytes(to, r->part, len);
		n -= len;
		r->part += len;
		r->part_len -= len;
	}
}

static png_voidp on_malloc(png_structp png, png_alloc_size_t n)
{
	struct run *r = png_get_mem_ptr(png);
	void *p = malloc(n);
	if (!p)
		r->no_memory = true;
	return p;
}

static void on_free(png_structp png, png_voidp p)
{
	(void)png;
	free(p);
}

static void on_error(png_structp png, png_const_charp text)
{
	struct run *r = png_get_error_ptr(png);
	if (r->no_memory)
		hm_err_machine(r->e, "out of memory while libpng reads rows");
	else
		hm_err_set(r->e, HM_EDATA, "damaged image data (libpng: %s)", text);
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	png_error(png, text);
}

static void read_rows(struct run *r)
{
	png_set_read_fn(r->png, r, on_read);
	png_set_user_limits(r->png, HM_IMAGE_SIDE_MOST, HM_IMAGE_SIDE_MOST);
	png_set_chunk_cache_max(r->png, 1);
	png_set_chunk_malloc_max(r->png, 65536);
	png_set_crc_action(r->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
	png_read_info(r->png, r->info);
	png_set_strip_16(r->png);
	png_set_expand(r->png);
	png_set_strip_alpha(r->png);
	png_set_gray_to_rgb(r->png);
	png_set_interlace_handling(r->png);
	png_read_update_info(r->png, r->info);
	if (png_get_rowbytes(r->png, r->info) != (size_t)r->scan->w * 3)
		png_error(r->png, "rows are not RGB");
	png_read_image(r->png, r->row);
}

static int guarded_read(struct run *r)
{
	if (setjmp(png_jmpbuf(r->png)))
		return HM_EDATA;
	read_rows(r);
	return 0;
}

int hm_png_libpng_rows(const struct hm_png_scan *s, const uint8_t *raw, uint8_t *rgb, struct hm_err *e)
{
	struct run r = {.scan = s, .raw = raw, .raw_len = hm_png_scan_bytes(s), .rgb = rgb, .e = e};
	int rc = HM_EDATA;
	if (!(r.row = hm_alloc(s->h, sizeof *r.row, e)))
		goto done;
	for (uint32_t y = 0; y < s->h; y++)
		r.row[y] = rgb + (size_t)y * s->w * 3;
	make_head(&r);
	r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning, &r, on_malloc,
					 on_free);
	if (r.png)
		r.info = png_create_info_struct(r.png);
	rc = r.info ? guarded_read(&r) : hm_err_machine(e, "out of memory: libpng could not be started");
done:
	png_destroy_read_struct(&r.png, &r.info, NULL);
	free(r.row);
	return rc;
}
