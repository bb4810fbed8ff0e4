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

/* The walk: what it may accept, and what it has seen so far. */
struct walk {
	const struct hm_image_options *o;
	char *damage;
	bool header, palette;
};

#define FAULT(...) hm_image_fault(w->o, w->damage, e, __VA_ARGS__)

static int read_header(struct hm_png_scan *s, struct walk *w, const unsigned char *d, size_t len,
		       struct hm_err *e)
{
	if (w->header)
		return hm_err_set(e, HM_EDATA, "the PNG file has two headers");
	w->header = true;
	if (len < 13 || (len > 13 && FAULT("the PNG header is %zu bytes long, not 13", len)))
		return hm_err_set(e, HM_EDATA, "the PNG header is %zu bytes long, not 13", len);
	s->w = be32(d);
	s->h = be32(d + 4);
	s->depth = d[8];
	s->color = d[9];
	s->interlaced = d[12] != 0;
	if (hm_image_check(&w->o->limits, s->w, s->h, e))
		return HM_EDATA;
	if (!depth_fits(s->depth, s->color))
		return hm_err_set(e, HM_EDATA, "PNG has no colour type %d of %d bits", s->color, s->depth);
	if (d[11])
		return hm_err_set(e, HM_EDATA, "unknown PNG filter method %d", d[11]);
	return d[10] || d[12] > 1 ? FAULT("unknown PNG compression or interlace method %d %d", d[10], d[12])
				  : 0;
}

static int read_palette(struct hm_png_scan *s, struct walk *w, const unsigned char *d, size_t len,
			struct hm_err *e)
{
	bool again = w->palette;
	if (s->color != HM_PNG_PALETTE)
		return 0;
	w->palette = true;
	if (again && FAULT("the PNG file has two palettes"))
		return HM_EDATA;
	if (len < 3 || len > sizeof s->palette)
		return hm_err_set(e, HM_EDATA, "the PNG palette is %zu bytes long", len);
	if (len % 3 && FAULT("the PNG palette is %zu bytes long", len))
		return HM_EDATA;
	memset(s->palette, 0, sizeof s->palette);
	memcpy(s->palette, d, len - len % 3);
	return 0;
}

/* A chunk before the image data, whole. */
static int take_chunk(struct hm_png_scan *s, struct walk *w, const unsigned char *chunk, size_t len,
		      struct hm_err *e)
{
	switch (be32(chunk + 4)) {
	case IHDR:
		return read_header(s, w, chunk + 8, len, e);
	case PLTE:
		return w->header ? read_palette(s, w, chunk + 8, len, e) : 0;
	case IEND:
		return hm_err_set(e, HM_EDATA, "the PNG file has no image data");
	default:
		return chunk[4] & 0x20 ? 0
				       : FAULT("unknown critical PNG chunk %.4s", (const char *)chunk + 4);
	}
}

/* A chunk behind it: the contents do not matter. 1 for IEND. */
static int pass_chunk(const struct walk *w, const unsigned char *chunk, struct hm_err *e)
{
	switch (be32(chunk + 4)) {
	case IHDR:
		return FAULT("the PNG file has two headers");
	case IDAT:
		return FAULT("the PNG image data is in two places");
	case PLTE:
		return 0;
	case IEND:
		return 1;
	default:
		return chunk[4] & 0x20 ? 0
				       : FAULT("unknown critical PNG chunk %.4s", (const char *)chunk + 4);
	}
}

static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

bool hm_png_begins(const unsigned char *p, size_t n)
{
	return n && !memcmp(p, signature, n < sizeof signature ? n : sizeof signature);
}

/* The chunk at `at`, whose length is *len. Where it is cut, or its CRC is wrong, and that does not matter to
 * the pixels, it is a fault; *len is then what the file has of it. */
static int check_chunk(const struct walk *w, const unsigned char *p, size_t n, size_t at, size_t *len,
		       struct hm_err *e)
{
	const char *name = (const char *)p + at + 4;
	bool data = be32(p + at + 4) == IDAT;
	*len = be32(p + at);
	if (!is_name(p + at + 4))
		return hm_err_set(e, HM_EDATA, "no PNG chunk at byte %zu", at);
	if (n - at < 12 || *len > n - at - 12) {
		size_t have = n - at - 8;
		*len = *len < have ? *len : have;
		return data ? FAULT("the PNG file is cut off in chunk %.4s at byte %zu", name, at)
			    : hm_err_set(e, HM_EDATA, "the PNG file is cut off in chunk %.4s at byte %zu",
					 name, at);
	}
	if (libdeflate_crc32(0, p + at + 4, *len + 4) == be32(p + at + 8 + *len))
		return 0;
	return data || name[0] & 0x20
		       ? FAULT("wrong CRC in PNG chunk %.4s at byte %zu", name, at)
		       : hm_err_set(e, HM_EDATA, "wrong CRC in PNG chunk %.4s at byte %zu", name, at);
}

/* Chunks up to the image data; *at := where that begins. */
static int scan_head(struct hm_png_scan *s, struct walk *w, const unsigned char *p, size_t n, size_t *at,
		     struct hm_err *e)
{
	size_t len;
	for (;; *at += 12 + len) {
		if (n - *at < 8)
			return hm_err_set(e, HM_EDATA, "the PNG file is cut off after %zu bytes", n);
		if (be32(p + *at + 4) == IDAT)
			break;
		if (!w->header && be32(p + *at + 4) != IHDR &&
		    FAULT("the PNG file does not begin with its header"))
			return HM_EDATA;
		if (check_chunk(w, p, n, *at, &len, e) || take_chunk(s, w, p + *at, len, e))
			return HM_EDATA;
	}
	if (!w->header)
		return hm_err_set(e, HM_EDATA, "the PNG file does not begin with its header");
	if (s->color == HM_PNG_PALETTE && !w->palette)
		return hm_err_set(e, HM_EDATA, "the PNG file has no palette before its image data");
	s->idat = p + *at;
	return 0;
}

/* The chunks of image data, one behind the other. */
static int scan_data(struct hm_png_scan *s, const struct walk *w, const unsigned char *p, size_t n,
		     size_t *at, struct hm_err *e)
{
	size_t len;
	for (; n - *at >= 8 && be32(p + *at + 4) == IDAT; *at += 12 + len) {
		if (check_chunk(w, p, n, *at, &len, e))
			return HM_EDATA;
		s->idats++;
		s->idat_bytes += len;
		if (n - *at - 8 < len + 4) { /* it is cut, in its data or its CRC */
			*at = n;
			return 0;
		}
	}
	s->frames = n - *at >= 8 && (!memcmp(p + *at + 4, "fdAT", 4) || !memcmp(p + *at + 4, "DDAT", 4));
	return 0;
}

/* What follows up to IEND. With damaged files asked for, the first fault ends it: nothing of it matters. */
static int scan_tail(const struct walk *w, const unsigned char *p, size_t n, size_t at, struct hm_err *e)
{
	int rc = 0;
	for (size_t len = 0; !rc; at += 12 + len) {
		if (n - at < 12)
			return FAULT("the PNG file is cut off after %zu bytes", n);
		const char *name = (const char *)p + at + 4;
		len = be32(p + at);
		if (!is_name(p + at + 4))
			return FAULT("no PNG chunk at byte %zu", at);
		if (len > n - at - 12)
			return FAULT("the PNG file is cut off in chunk %.4s at byte %zu", name, at);
		if (libdeflate_crc32(0, p + at + 4, len + 4) != be32(p + at + 8 + len))
			return FAULT("wrong CRC in PNG chunk %.4s at byte %zu", name, at);
		rc = pass_chunk(w, p + at, e);
	}
	return rc == 1 ? 0 : rc;
}

int hm_png_scan_file(struct hm_png_scan *s, const unsigned char *p, size_t n,
		     const struct hm_image_options *o, char damage[HM_IMAGE_DAMAGE], struct hm_err *e)
{
	struct walk walk = {.o = o, .damage = damage};
	size_t at = sizeof signature;
	*s = (struct hm_png_scan){0};
	if (!hm_png_begins(p, n))
		return hm_err_set(e, HM_EDATA, "not a PNG file");
	if (n < sizeof signature)
		return hm_err_set(e, HM_EDATA, "the PNG file is cut off after %zu byte%s", n,
				  n == 1 ? "" : "s");
	int rc = scan_head(s, &walk, p, n, &at, e);
	if (!rc)
		rc = scan_data(s, &walk, p, n, &at, e);
	return rc ? rc : scan_tail(&walk, p, n, at, e);
}

static int samples(int color)
{
	return color == HM_PNG_RGB ? 3 : color == HM_PNG_RGBA ? 4 : color == HM_PNG_GREY_ALPHA ? 2 : 1;
}

/* Bytes of a row of pass `i`, its filter byte too, and how many rows the pass has; of a picture that is not
 * interlaced there is one pass. */
static size_t pass_row(const struct hm_png_scan *s, int i, size_t *rows)
{
	/* Adam7: first column and row of each pass, then its steps. */
	static const uint8_t pass[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
					   {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
	size_t w = s->w, h = s->h;
	if (s->interlaced) {
		size_t x0 = pass[i][0], y0 = pass[i][1], dx = pass[i][2], dy = pass[i][3];
		w = (w + dx - 1 - x0) / dx;
		h = (h + dy - 1 - y0) / dy;
	}
	*rows = w ? h : 0;
	return 1 + (w * (size_t)(s->depth * samples(s->color)) + 7) / 8;
}

size_t hm_png_walk_row(const struct hm_png_scan *s, struct hm_png_walk *w)
{
	while (!w->left && w->pass < (s->interlaced ? 7 : 1))
		w->bytes = pass_row(s, w->pass++, &w->left);
	return w->left ? w->left--, w->bytes : 0;
}

size_t hm_png_scan_bytes(const struct hm_png_scan *s)
{
	size_t sum = 0, rows;
	for (int i = 0; i < (s->interlaced ? 7 : 1); i++) {
		size_t row = pass_row(s, i, &rows);
		sum += rows * row;
	}
	return sum;
}
