/* A JPEG writer that can write what Pillow's cannot, by libjpeg: any sampling factors, any scans, restart
 * markers, every colour space, with and without the markers that tell it, arithmetic coding. Compiled by
 * jpegkit.py. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <jpeglib.h>
#include <stdlib.h>

struct jpegmake {
	int w, h, parts; /* components of the samples, interleaved */
	int from, to;	 /* J_COLOR_SPACE of the samples and of the file */
	int quality, restart;
	int across[4], down[4]; /* sampling factors, 0: those of the colour space */
	int id[4];		/* component ids, -1: those of the colour space */
	int progressive, arithmetic, optimize;
	int jfif, adobe; /* markers: 0 no, 1 yes, -1 as the colour space has it */
	const int *scan; /* scans of our own: per scan parts, the four parts, Ss, Se, Ah, Al */
	int scans;
};

static int own_scans(struct jpeg_compress_struct *c, const struct jpegmake *m, jpeg_scan_info *to)
{
	for (int i = 0; i < m->scans; i++) {
		const int *s = m->scan + 9 * i;
		to[i] = (jpeg_scan_info){s[0], {s[1], s[2], s[3], s[4]}, s[5], s[6], s[7], s[8]};
	}
	c->scan_info = to;
	c->num_scans = m->scans;
	return 0;
}

/* *out[0..*len): malloc'ed. A wrong call ends the process, with libjpeg's words. */
void jpegmake(const struct jpegmake *m, const uint8_t *samples, unsigned char **out, unsigned long *len)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;
	jpeg_scan_info script[64];
	c.err = jpeg_std_error(&err);
	jpeg_create_compress(&c);
	*out = NULL;
	jpeg_mem_dest(&c, out, len);
	c.image_width = (JDIMENSION)m->w;
	c.image_height = (JDIMENSION)m->h;
	c.input_components = m->parts;
	c.in_color_space = (J_COLOR_SPACE)m->from;
	jpeg_set_defaults(&c);
	jpeg_set_colorspace(&c, (J_COLOR_SPACE)m->to);
	jpeg_set_quality(&c, m->quality, TRUE);
	for (int i = 0; i < c.num_components; i++) {
		if (m->across[i]) {
			c.comp_info[i].h_samp_factor = m->across[i];
			c.comp_info[i].v_samp_factor = m->down[i];
		}
		if (m->id[i] >= 0)
			c.comp_info[i].component_id = m->id[i];
	}
	c.restart_interval = (unsigned)m->restart;
	c.optimize_coding = m->optimize;
	if (m->progressive)
		jpeg_simple_progression(&c);
	if (m->scans)
		own_scans(&c, m, script);
	c.arith_code = m->arithmetic;
	if (m->jfif >= 0)
		c.write_JFIF_header = m->jfif;
	if (m->adobe >= 0)
		c.write_Adobe_marker = m->adobe;
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < c.image_height) {
		JSAMPROW row = (JSAMPROW)samples + (size_t)c.next_scanline * (size_t)m->w * (size_t)m->parts;
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
}
