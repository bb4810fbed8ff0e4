/* The rows that a damaged PNG still gives. libdeflate says only that a stream is damaged; zlib gives what
 * stands before the damage. See pngparts.h. */
#include "prep/pngparts.h"

#include <string.h>
#include <zlib.h>

#define PIECE 65536u /* bytes that Pillow reads of a chunk at a time (ImageFile.MAXBLOCK) */

struct salvage {
	const struct hm_png_scan *scan;
	z_stream z;
	struct hm_png_walk rows;
	uint8_t *row; /* the present one */
	size_t bytes;
	bool over;
};

static void next_row(struct salvage *v)
{
	v->row += v->bytes;
	v->bytes = hm_png_walk_row(v->scan, &v->rows);
	v->z.next_out = v->row;
	v->z.avail_out = (uInt)v->bytes;
	v->over = v->over || !v->bytes;
}

static void take_piece(struct salvage *v, const unsigned char *p, size_t n)
{
	v->z.next_in = (z_const Bytef *)p;
	v->z.avail_in = (uInt)n;
	while (v->z.avail_in && !v->over) {
		int rc = inflate(&v->z, Z_PARTIAL_FLUSH);
		v->over = rc < 0 || (!v->z.avail_out && v->row[0] > 4);
		if (v->over || v->z.avail_out)
			return;
		next_row(v);
		v->over = v->over || rc == Z_STREAM_END;
	}
}

int hm_png_salvage(const struct hm_png_scan *s, uint8_t *raw, size_t *got, struct hm_err *e)
{
	struct salvage v = {.scan = s, .row = raw};
	const unsigned char *chunk = s->idat;
	if (inflateInit(&v.z) != Z_OK)
		return hm_err_machine(e, "out of memory: no decompressor");
	next_row(&v);
	for (size_t left = s->idat_bytes, len, i = 0; i < s->idats && !v.over; i++) {
		len = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
		len = len < left ? len : left; /* the file may be cut in it */
		for (size_t at = 0; at < len && !v.over; at += PIECE)
			take_piece(&v, chunk + 8 + at, len - at < PIECE ? len - at : PIECE);
		left -= len;
		chunk += 12 + len;
	}
	inflateEnd(&v.z);
	*got = (size_t)(v.row - raw);
	memset(v.row, 0, hm_png_scan_bytes(s) - *got);
	return 0;
}
