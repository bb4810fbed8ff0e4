/* The PNG decoder: scan, inflate, rows. See png.h for what it accepts and pngparts.h for its parts. */
#include "prep/inflate.h"
#include "prep/pngparts.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

struct hm_png {
	struct libdeflate_decompressor *inflate;
	struct hm_inflate *photo; /* the faster way for photographs */
	struct hm_buf data;	  /* IDAT chunks joined, when there are several */
	struct hm_buf raw;	  /* inflated */
	struct hm_buf zero;	  /* a row of zeros */
	struct hm_buf rgb;
	char damage[HM_IMAGE_DAMAGE]; /* of the last picture, "": none */
};

#define MOST ((size_t)0x7f000000) /* inflated bytes; the length field of a PNG chunk has 31 bits */

struct hm_png *hm_png_new(struct hm_err *e)
{
	struct hm_png *d = hm_alloc(1, sizeof *d, e);
	if (!d)
		return NULL;
	if (!(d->inflate = libdeflate_alloc_decompressor()))
		hm_err_machine(e, "out of memory: no decompressor");
	else
		d->photo = hm_inflate_new(e);
	if (d->photo)
		return d;
	hm_png_free(d);
	return NULL;
}

void hm_png_free(struct hm_png *d)
{
	if (!d)
		return;
	libdeflate_free_decompressor(d->inflate);
	hm_inflate_free(d->photo);
	hm_buf_clear(&d->data);
	hm_buf_clear(&d->raw);
	hm_buf_clear(&d->zero);
	hm_buf_clear(&d->rgb);
	free(d);
}

/* The whole zlib stream: as it stands in the file when it is in one chunk, else joined in d->data. */
static const uint8_t *join_data(struct hm_png *d, const struct hm_png_scan *s, struct hm_err *e)
{
	const unsigned char *chunk = s->idat;
	if (s->idats == 1)
		return chunk + 8;
	if (!hm_image_room(&d->data, s->idat_bytes, e))
		return NULL;
	for (size_t i = 0; i < s->idats; i++) {
		size_t len =
			(size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
		if (len > s->idat_bytes - d->data.len) /* the file is cut in it */
			len = s->idat_bytes - d->data.len;
		memcpy(d->data.data + d->data.len, chunk + 8, len);
		d->data.len += len;
		chunk += 12 + len;
	}
	return d->data.data;
}

/* d->raw := the inflated image data, exactly as long as the picture needs. Bytes behind the zlib stream are
 * ignored, as Pillow ignores them. 1: it is damaged, and that is to be read. */
static int inflate_data(struct hm_png *d, const struct hm_png_scan *s, size_t need,
			const struct hm_image_options *o, struct hm_err *e)
{
	const uint8_t *data;
	size_t used, got = 0;
	int rc = 0;
	if (need > MOST)
		return hm_err_set(e, HM_EDATA, "%ux%u pixels of this kind are %zu bytes, the limit is %zu",
				  s->w, s->h, need, MOST);
	if (need / 1032 > s->idat_bytes &&
	    hm_image_fault(o, d->damage, e, "%zu bytes of image data cannot hold %ux%u pixels", s->idat_bytes,
			   s->w, s->h))
		return HM_EDATA;
	hm_image_claim(o, s->w, s->h,
		       need + (size_t)3 * s->w * s->h + (s->idats > 1 ? s->idat_bytes : 0) +
			       sizeof(void *) * s->h);
	if (!(data = join_data(d, s, e)) || !hm_image_room(&d->raw, need, e))
		return HM_EDATA;
	if (hm_inflate_suits(data, s->idat_bytes, need) &&
	    hm_inflate_run(d->photo, data, s->idat_bytes, d->raw.data, need))
		return 0;
	switch (libdeflate_zlib_decompress_ex(d->inflate, data, s->idat_bytes, d->raw.data, need, &used,
					      &got)) {
	case LIBDEFLATE_SUCCESS:
		if (got == need)
			return 0;
		rc = hm_image_fault(o, d->damage, e, "rows are missing: %zu of %zu bytes of image data", got,
				    need);
		break;
	case LIBDEFLATE_INSUFFICIENT_SPACE:
		rc = hm_image_fault(o, d->damage, e, "more image data than %ux%u pixels need", s->w, s->h);
		break;
	default:
		rc = hm_image_fault(o, d->damage, e, "damaged image data (zlib stream)");
	}
	return rc ? rc : 1;
}

/* The same of the rows' filters. */
static int check_filters(struct hm_png *d, const struct hm_png_scan *s, const struct hm_image_options *o,
			 struct hm_err *e)
{
	struct hm_png_walk w = {0};
	const uint8_t *row = d->raw.data;
	for (size_t n, y = 0; (n = hm_png_walk_row(s, &w)); row += n, y++)
		if (*row > 4)
			return hm_image_fault(o, d->damage, e, "damaged image data (row %zu has filter %d)",
					      y, *row)
				       ? HM_EDATA
				       : 1;
	return 0;
}

/* Inflates, and sees to it that the rows can be unfiltered: of a damaged file the missing ones are rows of
 * zeros, which is how Pillow leaves them. */
static int read_data(struct hm_png *d, const struct hm_png_scan *s, const struct hm_image_options *o,
		     struct hm_err *e)
{
	size_t need = hm_png_scan_bytes(s), got;
	int rc = inflate_data(d, s, need, o, e);
	if (!rc)
		rc = check_filters(d, s, o, e);
	if (rc != 1)
		return rc;
	if (hm_png_salvage(s, d->raw.data, &got, e))
		return HM_EDATA;
	if (got < need && s->frames)
		return hm_err_set(e, HM_EDATA, "damaged image data, and frames of an animation behind it");
	return 0;
}

int hm_png_decode(struct hm_png *d, const unsigned char *p, size_t n, const struct hm_png_options *o,
		  struct hm_image *out, struct hm_err *e)
{
	const struct hm_image_options want = {o->limits, o->damaged, o->claim};
	struct hm_png_scan s;
	*d->damage = 0;
	int rc = hm_png_scan_file(&s, p, n, &want, d->damage, e);
	if (!rc)
		rc = read_data(d, &s, &want, e);
	if (!rc && !hm_image_room(&d->rgb, (size_t)s.w * s.h * 3, e))
		rc = HM_EDATA;
	if (!rc && hm_png_fast_can(&s) && !o->libpng) {
		size_t row = (size_t)s.w * 4;
		if (!hm_image_room(&d->zero, row, e))
			return HM_EDATA;
		memset(d->zero.data, 0, row);
		rc = hm_png_fast_rows(&s, d->raw.data, d->zero.data, d->rgb.data, e);
	} else if (!rc) {
		rc = hm_png_libpng_rows(&s, d->raw.data, d->rgb.data, e);
	}
	if (!rc)
		*out = (struct hm_image){(int)s.w, (int)s.h, d->rgb.data, *d->damage ? d->damage : NULL};
	return rc;
}

/* The row of the table. */

static void *new_state(struct hm_err *e)
{
	return hm_png_new(e);
}

static void free_state(void *state)
{
	hm_png_free(state);
}

static int decode(void *state, const unsigned char *p, size_t n, const struct hm_image_options *o,
		  struct hm_image *out, struct hm_err *e)
{
	return hm_png_decode(
		state, p, n,
		&(struct hm_png_options){.limits = o->limits, .damaged = o->damaged, .claim = o->claim}, out,
		e);
}

const struct hm_image_format hm_image_png = {"PNG", hm_png_begins, new_state, free_state, decode};
