/* The WebP decoder: libwebpdemux finds canvas and first frame, libwebp decodes it. See webp.h. */
#include "prep/webp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

enum { HELD = 8 }; /* bytes for each pixel: 3 of the picture, libwebp has up to 5 (lossless: 4) */

/* The first frame, decoded into its place on the canvas. The canvas has no colour of its own: what the file
 * names as background is for a viewer to choose, and Pillow does not. */
static int decode_frame(const WebPIterator *f, uint32_t w, uint32_t h, uint8_t *rgb, struct hm_err *e)
{
	WebPDecoderConfig c;
	size_t row = (size_t)w * 3, first = (size_t)f->y_offset * row + (size_t)f->x_offset * 3;
	if (!WebPInitDecoderConfig(&c))
		return hm_err_machine(e, "libwebp is another version than its header");
	if ((uint32_t)f->width != w || (uint32_t)f->height != h)
		memset(rgb, 0, row * h);
	c.output.colorspace = MODE_RGB;
	c.output.is_external_memory = 1;
	c.output.u.RGBA.rgba = rgb + first;
	c.output.u.RGBA.stride = (int)row;
	c.output.u.RGBA.size = row * h - first;
	errno = 0;
	VP8StatusCode rc = WebPDecode(f->fragment.bytes, f->fragment.size, &c);
	/* some of its decoders say that the data is damaged when they get no memory; malloc sets errno */
	if (rc == VP8_STATUS_OUT_OF_MEMORY || (rc != VP8_STATUS_OK && errno == ENOMEM))
		return hm_err_machine(e, "out of memory while a WebP file is decoded");
	return rc == VP8_STATUS_OK ? 0 : hm_err_set(e, HM_EDATA, "damaged WebP image data");
}

static int decode_canvas(const WebPDemuxer *m, struct hm_buf *to, const struct hm_image_options *o,
			 struct hm_image *out, struct hm_err *e)
{
	uint32_t w = WebPDemuxGetI(m, WEBP_FF_CANVAS_WIDTH), h = WebPDemuxGetI(m, WEBP_FF_CANVAS_HEIGHT);
	WebPIterator first;
	if (hm_image_check(&o->limits, w, h, e))
		return HM_EDATA;
	if (!WebPDemuxGetFrame(m, 1, &first))
		return hm_err_set(e, HM_EDATA, "the WebP file has no picture");
	hm_image_claim(o, w, h, (size_t)w * h * HELD);
	uint8_t *rgb = hm_image_room(to, (size_t)w * h * 3, e);
	int rc = rgb ? decode_frame(&first, w, h, rgb, e) : HM_EDATA;
	WebPDemuxReleaseIterator(&first);
	if (!rc)
		*out = (struct hm_image){(int)w, (int)h, rgb, NULL};
	return rc;
}

static int decode(void *state, const unsigned char *p, size_t n, const struct hm_image_options *o,
		  struct hm_image *out, struct hm_err *e)
{
	WebPDemuxState found;
	errno = 0;
	WebPDemuxer *m = WebPDemuxPartial(&(WebPData){p, n}, &found);
	int rc = 0;
	if (!m && errno == ENOMEM)
		rc = hm_err_machine(e, "out of memory while a WebP file is decoded");
	else if (found == WEBP_DEMUX_PARSING_HEADER || found == WEBP_DEMUX_PARSED_HEADER)
		rc = hm_err_set(e, HM_EDATA, "the WebP file is cut off after %zu bytes", n);
	else if (!m || found != WEBP_DEMUX_DONE)
		rc = hm_err_set(e, HM_EDATA, "damaged WebP file");
	else
		rc = decode_canvas(m, state, o, out, e);
	WebPDemuxDelete(m);
	return rc;
}

static bool matches(const unsigned char *p, size_t n)
{
	return n >= 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBP", 4);
}

static void *new_state(struct hm_err *e)
{
	return hm_alloc(1, sizeof(struct hm_buf), e);
}

static void free_state(void *state)
{
	if (state)
		hm_buf_clear(state);
	free(state);
}

const struct hm_image_format hm_image_webp = {"WebP", matches, new_state, free_state, decode};
