/* The chunks of a PNG file (W3C Portable Network Graphics, 3rd edition): order, lengths, CRCs, header and
 * palette. Contents of ancillary chunks are not read. See pngparts.h. */
#include "prep/pngparts.h"

#include <libdeflate.h>
#include <string.h>

#define IHDR 0x49484452u
#define PLTE 0x504c5445u
#define IDAT 0x49444154u
#define IEND 0x49454e44u

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_name(const unsigned char *p)
{
	for (int i = 0; i < 4; i++)
		if (!((p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z')))
			return false;
	return true;
}

static bool depth_fits(int depth, int color)
{
	switch (color) {
	case HM_PNG_GREY:
		return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
	case HM_PNG_PALETTE:
		return depth == 1 || depth == 2 || depth == 4 || depth == 8;
	case HM_PNG_RGB:
	case HM_PNG_GREY_ALPHA:
	case HM_PNG_RGBA:
		return depth == 8 || depth == 16;
	default:
		return false;
	}
}

static int read_header(struct hm_png_scan *s, const unsigned char *d, size_t len,
		       const struct hm_image_limits *limits, struct hm_err *e)
{
	if (len != 13)
		return hm_err_set(e, HM_EDATA, "the PNG header is %zu bytes long, not 13", len);
	s->w = be32(d);
	s->h = be32(d + 4);
	s->depth = d[8];
	s->color = d[9];
	s->interlaced = d[12] == 1;
	if (hm_image_check(limits, s->w, s->h, e))
		return HM_EDATA;
	if (!depth_fits(s->depth, s->color))
		return hm_err_set(e, HM_EDATA, "PNG has no colour type %d of %d bits", s->color, s->depth);
	if (d[10] || d[11] || d[12] > 1)
		return hm_err_set(e, HM_EDATA, "unknown PNG compression, filter or interlace method %d %d %d",
				  d[10], d[11], d[12]);
	return 0;
}

static int read_palette(struct hm_png_scan *s, const unsigned char *d, size_t len, bool again,
			struct hm_err *e)
{
	if (s->color != HM_PNG_PALETTE)
		return 0;
	if (again)
		return hm_err_set(e, HM_EDATA, "the PNG file has two palettes");
	if (!len || len % 3 || len > sizeof s->palette)
		return hm_err_set(e, HM_EDATA, "the PNG palette is %zu bytes long", len);
	memcpy(s->palette, d, len);
	return 0;
}

/* What the walk has seen so far. */
struct walk {
	bool header, palette, data_over;
};

/* One chunk, whole and with the right CRC; 1 for IEND. */
static int take_chunk(struct hm_png_scan *s, struct walk *w, const unsigned char *chunk, size_t len,
		      const struct hm_image_limits *limits, struct hm_err *e)
{
	uint32_t name = be32(chunk + 4);
	const unsigned char *d = chunk + 8;
	int rc = 0;
	if ((name == IHDR) == w->header)
		return hm_err_set(e, HM_EDATA,
				  w->header ? "the PNG file has two headers"
					    : "the PNG file does not begin with its header");
	if (name != IDAT && s->idats)
		w->data_over = true;
	switch (name) {
	case IHDR:
		w->header = true;
		return read_header(s, d, len, limits, e);
	case PLTE:
		rc = read_palette(s, d, len, w->palette, e);
		w->palette = true;
		return rc;
	case IDAT:
		if (s->color == HM_PNG_PALETTE && !w->palette)
			return hm_err_set(e, HM_EDATA, "the PNG file has no palette before its image data");
		if (w->data_over)
			return hm_err_set(e, HM_EDATA, "the PNG image data is in two places");
		if (!s->idats++)
			s->idat = chunk;
		s->idat_bytes += len;
		return 0;
	case IEND:
		return s->idats ? 1 : hm_err_set(e, HM_EDATA, "the PNG file has no image data");
	default:
		if (!(chunk[4] & 0x20))
			return hm_err_set(e, HM_EDATA, "unknown critical PNG chunk %.4s",
					  (const char *)chunk + 4);
		return 0;
	}
}

static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

bool hm_png_begins(const unsigned char *p, size_t n)
{
	return n && !memcmp(p, signature, n < sizeof signature ? n : sizeof signature);
}

int hm_png_scan_file(struct hm_png_scan *s, const unsigned char *p, size_t n,
		     const struct hm_image_limits *limits, struct hm_err *e)
{
	struct walk walk = {0};
	*s = (struct hm_png_scan){0};
	if (!hm_png_begins(p, n))
		return hm_err_set(e, HM_EDATA, "not a PNG file");
	if (n < sizeof signature)
		return hm_err_set(e, HM_EDATA, "the PNG file is cut off after %zu byte%s", n,
				  n == 1 ? "" : "s");
	for (size_t at = sizeof signature;;) {
		if (n - at < 12)
			return hm_err_set(e, HM_EDATA, "the PNG file is cut off after %zu bytes", n);
		size_t len = be32(p + at);
		if (!is_name(p + at + 4))
			return hm_err_set(e, HM_EDATA, "no PNG chunk at byte %zu", at);
		if (len > n - at - 12)
			return hm_err_set(e, HM_EDATA, "the PNG file is cut off in chunk %.4s at byte %zu",
					  (const char *)p + at + 4, at);
		if (libdeflate_crc32(0, p + at + 4, len + 4) != be32(p + at + 8 + len))
			return hm_err_set(e, HM_EDATA, "wrong CRC in PNG chunk %.4s at byte %zu",
					  (const char *)p + at + 4, at);
		int rc = take_chunk(s, &walk, p + at, len, limits, e);
		if (rc)
			return rc == 1 ? 0 : rc;
		at += 12 + len;
	}
}

static int samples(int color)
{
	return color == HM_PNG_RGB ? 3 : color == HM_PNG_RGBA ? 4 : color == HM_PNG_GREY_ALPHA ? 2 : 1;
}

static size_t rows_bytes(const struct hm_png_scan *s, size_t w, size_t h)
{
	return w && h ? h * (1 + (w * (size_t)(s->depth * samples(s->color)) + 7) / 8) : 0;
}

size_t hm_png_scan_bytes(const struct hm_png_scan *s)
{
	/* Adam7: first column and row of each pass, then its steps. */
	static const uint8_t pass[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
					   {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
	size_t sum = 0;
	if (!s->interlaced)
		return rows_bytes(s, s->w, s->h);
	for (int i = 0; i < 7; i++) {
		size_t x0 = pass[i][0], y0 = pass[i][1], dx = pass[i][2], dy = pass[i][3];
		sum += rows_bytes(s, (s->w + dx - 1 - x0) / dx, (s->h + dy - 1 - y0) / dy);
	}
	return sum;
}
