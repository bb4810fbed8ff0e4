/* The JPEG decoder: libjpeg-turbo with a source, errors and warnings of ours. See jpeg.h. */
#include "prep/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 16 /* rows asked for at a time; libjpeg gives as many as it has */

struct jpeg {
	struct hm_buf rgb;
	struct hm_buf row; /* of CMYK */
	char damage[HM_IMAGE_DAMAGE];
};

/* One file. What must survive a longjmp is here, outside the function that calls setjmp. */
struct run {
	struct jpeg *d;
	const struct hm_image_options *o;
	struct hm_err *e;
	size_t n; /* bytes of the file */
	int scans;
	bool opened; /* the tables before the first scan are read */
	bool ended;  /* the file was over, and libjpeg was given an end mark */
	bool whole;  /* the pixels are there */
	struct jpeg_decompress_struct c;
	struct jpeg_error_mgr err;
	struct jpeg_source_mgr src;
	struct jpeg_progress_mgr progress;
	jmp_buf jump;
};

int hm_jpeg_scans(uint64_t pixels)
{
	uint64_t n = HM_JPEG_SCAN_PIXELS / (pixels ? pixels : 1);
	return n < HM_JPEG_SCANS_LEAST ? HM_JPEG_SCANS_LEAST : n > HM_JPEG_SCANS ? HM_JPEG_SCANS : (int)n;
}

static struct run *run_of(j_common_ptr c)
{
	return c->client_data;
}

/* A fault that may be read over; returns if it is. */
static void note_fault(struct run *r, const char *text)
{
	if (hm_image_fault(r->o, r->d->damage, r->e, "%s", text))
		longjmp(r->jump, 1);
}

static const char *name_process(int sof)
{
	return sof == 0xc3 || sof == 0xcb ? "lossless" : "hierarchical";
}

/* libjpeg gives up. Behind the pixels that is a fault that may be read over. */
static void on_error(j_common_ptr c)
{
	struct run *r = run_of(c);
	char text[JMSG_LENGTH_MAX], why[HM_IMAGE_DAMAGE];
	const int code = c->err->msg_code, arg = c->err->msg_parm.i[0];
	if (code == JERR_OUT_OF_MEMORY)
		hm_err_machine(r->e, "out of memory while a JPEG file is decoded");
	else if (code == JERR_SOF_UNSUPPORTED)
		hm_err_set(r->e, HM_EDATA, "a %s JPEG file, which is not read", name_process(arg));
	else if (code == JERR_BAD_PRECISION)
		hm_err_set(r->e, HM_EDATA, "a JPEG file of %d bits per sample, and only 8 are read", arg);
	else {
		c->err->format_message(c, text);
		snprintf(why, sizeof why, "damaged JPEG file (libjpeg: %.100s)", text);
		if (r->whole)
			hm_image_fault(r->o, r->d->damage, r->e, "%s", why);
		else
			hm_err_set(r->e, HM_EDATA, "%s", why);
	}
	longjmp(r->jump, 1);
}

/* libjpeg's warnings (level -1) are about damaged data, but for two about markers that do not say what they
 * should; Pillow ignores all of them. */
static void on_message(j_common_ptr c, int level)
{
	char text[JMSG_LENGTH_MAX], why[HM_IMAGE_DAMAGE];
	if (level >= 0 || c->err->msg_code == JWRN_ADOBE_XFORM || c->err->msg_code == JWRN_JFIF_MAJOR)
		return;
	c->err->format_message(c, text);
	snprintf(why, sizeof why, "damaged JPEG file (libjpeg: %.100s)", text);
	note_fault(run_of(c), why);
}

/* The file is over, and libjpeg wants more. Where cut files are to be read, Pillow adds an end mark, once. */
static boolean on_fill(j_decompress_ptr c)
{
	static const JOCTET end[2] = {0xff, JPEG_EOI};
	struct run *r = c->client_data;
	char why[HM_IMAGE_DAMAGE];
	snprintf(why, sizeof why, "the JPEG file is cut off after %zu bytes", r->n);
	if (r->opened)
		note_fault(r, why);
	if (!r->opened || (r->ended && !r->whole))
		hm_err_set(r->e, HM_EDATA, "the JPEG file is cut off inside its tables, after %zu bytes",
			   r->n);
	if (!r->opened || r->ended)
		longjmp(r->jump, 1);
	r->ended = true;
	r->src.next_input_byte = end;
	r->src.bytes_in_buffer = sizeof end;
	return TRUE;
}

static void on_skip(j_decompress_ptr c, long n)
{
	struct run *r = c->client_data;
	while (n > 0 && (size_t)n > r->src.bytes_in_buffer) {
		n -= (long)r->src.bytes_in_buffer;
		on_fill(c);
	}
	if (n > 0) {
		r->src.next_input_byte += n;
		r->src.bytes_in_buffer -= (size_t)n;
	}
}

static void on_source(j_decompress_ptr c)
{
	(void)c;
}

static void on_progress(j_common_ptr c)
{
	struct run *r = run_of(c);
	if (r->c.input_scan_number <= r->scans)
		return;
	hm_err_set(r->e, HM_EDATA, "a JPEG file of more than %d scans, the most for %ux%u pixels", r->scans,
		   r->c.image_width, r->c.image_height);
	longjmp(r->jump, 1);
}

static void open_file(struct run *r, const unsigned char *p, size_t n)
{
	r->c.err = jpeg_std_error(&r->err);
	r->err.error_exit = on_error;
	r->err.emit_message = on_message;
	r->c.client_data = r;
	jpeg_create_decompress(&r->c);
	r->src = (struct jpeg_source_mgr){.next_input_byte = p,
					  .bytes_in_buffer = n,
					  .init_source = on_source,
					  .fill_input_buffer = on_fill,
					  .skip_input_data = on_skip,
					  .resync_to_restart = jpeg_resync_to_restart,
					  .term_source = on_source};
	r->progress.progress_monitor = on_progress;
	r->c.src = &r->src;
	r->c.progress = &r->progress;
}

static int check_header(struct run *r)
{
	if (hm_image_check(&r->o->limits, r->c.image_width, r->c.image_height, r->e))
		return HM_EDATA;
	r->scans = hm_jpeg_scans((uint64_t)r->c.image_width * r->c.image_height);
	if (r->c.arith_code)
		return hm_err_set(
			r->e, HM_EDATA,
			"an arithmetic-coded JPEG file, which is not read (jpegtran FILE converts it)");
	if (r->c.num_components != 1 && r->c.num_components != 3 && r->c.num_components != 4)
		return hm_err_set(r->e, HM_EDATA,
				  "a JPEG file of %d components, and only 1, 3 and 4 are read",
				  r->c.num_components);
	r->c.out_color_space = r->c.num_components == 4 ? JCS_CMYK : JCS_RGB;
	return 0;
}

/* x·y/255, rounded. */
static inline unsigned mul255(unsigned x, unsigned y)
{
	unsigned t = x * y + 128;
	return ((t >> 8) + t) >> 8;
}

/* CMYK as Adobe stores it: 255 is no ink. Pillow: each channel is what its ink leaves of what black leaves.
 */
static void mix_inks(const JSAMPLE *in, size_t w, uint8_t *out)
{
	for (size_t x = 0; x < w; x++, in += 4, out += 3)
		for (int i = 0; i < 3; i++)
			out[i] = (uint8_t)(in[3] - mul255(255u - in[i], in[3]));
}

/* Whether scans are missing that give the coefficients by which libjpeg smooths blocks: each version of it
 * smooths in its own way what is known in part. (The first in zigzag order; `coef_bits`: 0 is known.) */
#define SMOOTHED 10
static bool is_incomplete(const struct jpeg_decompress_struct *c)
{
	for (int i = 0; c->coef_bits && i < c->num_components; i++)
		for (int k = 0; k < SMOOTHED; k++)
			if (c->coef_bits[i][k])
				return true;
	return false;
}

static int make_room(struct run *r)
{
	size_t w = r->c.output_width, h = r->c.output_height;
	if (!hm_image_room(&r->d->rgb, w * h * 3, r->e) ||
	    (r->c.num_components == 4 && !hm_image_room(&r->d->row, w * 4, r->e)))
		return HM_EDATA;
	return 0;
}

/* Bytes that libjpeg needs: a few rows, and of a file in several scans all coefficients. */
static size_t coefficient_bytes(struct jpeg_decompress_struct *c)
{
	size_t n = (size_t)c->image_width * 64;
	for (int i = 0; jpeg_has_multiple_scans(c) && i < c->num_components; i++)
		n += sizeof(JBLOCK) * ((size_t)c->comp_info[i].width_in_blocks + 4) *
		     ((size_t)c->comp_info[i].height_in_blocks + 4);
	return n;
}

static void read_rows(struct run *r)
{
	size_t w = r->c.output_width;
	while (r->c.output_scanline < r->c.output_height) {
		uint8_t *out = r->d->rgb.data + r->c.output_scanline * w * 3;
		JSAMPROW row[ROWS] = {r->d->row.data};
		if (r->c.num_components == 4) {
			jpeg_read_scanlines(&r->c, row, 1);
			mix_inks(row[0], w, out);
			continue;
		}
		JDIMENSION left = r->c.output_height - r->c.output_scanline, n = left < ROWS ? left : ROWS;
		for (JDIMENSION i = 0; i < n; i++)
			row[i] = out + i * w * 3;
		jpeg_read_scanlines(&r->c, row, n);
	}
}

/* 0, or HM_EDATA with the reason, if no picture came of it. */
static int guarded_decode(struct run *r, const unsigned char *p, size_t n)
{
	if (setjmp(r->jump))
		return r->whole && !r->e->code ? 0 : HM_EDATA;
	open_file(r, p, n);
	jpeg_read_header(&r->c, TRUE);
	if (check_header(r))
		return HM_EDATA;
	r->opened = true;
	hm_image_claim(r->o, r->c.image_width, r->c.image_height,
		       (size_t)3 * r->c.image_width * r->c.image_height + coefficient_bytes(&r->c));
	jpeg_start_decompress(&r->c);
	if (is_incomplete(&r->c))
		note_fault(r, "scans are missing in the progressive JPEG file");
	if (make_room(r))
		return HM_EDATA;
	read_rows(r);
	r->whole = true;
	jpeg_finish_decompress(&r->c); /* to the end mark, so that what is wrong before it is seen */
	return 0;
}

static int decode(void *state, const unsigned char *p, size_t n, const struct hm_image_options *o,
		  struct hm_image *out, struct hm_err *e)
{
	struct jpeg *d = state;
	struct hm_err own = {0};
	struct run r = {.d = d, .o = o, .e = &own, .n = n};
	*d->damage = 0;
	int rc = guarded_decode(&r, p, n);
	if (!rc)
		*out = (struct hm_image){(int)r.c.output_width, (int)r.c.output_height, d->rgb.data,
					 *d->damage ? d->damage : NULL};
	jpeg_destroy_decompress(&r.c);
	hm_err_pass(e, &own);
	return rc;
}

static bool matches(const unsigned char *p, size_t n)
{
	return n >= 2 && !memcmp(p, "\xff\xd8\xff", n < 3 ? n : 3);
}

static void *new_state(struct hm_err *e)
{
	return hm_alloc(1, sizeof(struct jpeg), e);
}

static void free_state(void *state)
{
	struct jpeg *d = state;
	if (!d)
		return;
	hm_buf_clear(&d->rgb);
	hm_buf_clear(&d->row);
	free(d);
}

const struct hm_image_format hm_image_jpeg = {"JPEG", matches, new_state, free_state, decode};
