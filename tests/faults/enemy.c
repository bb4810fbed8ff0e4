/* Inputs that claim more than they hold, or hold more than they show, for limits.bats: `enemy KIND [NUMBER
 * ...]` writes one to standard output. */
#include "rec/format.h"
#include "base/xxh3.h"
#include "json/json.h"
#include "rec/rec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>
#include <string.h>
#include <webp/encode.h>
#include <zlib.h>

static uint64_t number[8];

static void put_bytes(const void *p, size_t n)
{
	if (fwrite(p, 1, n, stdout) != n)
		exit(1);
}

static void put_big_endian(uint32_t v)
{
	const unsigned char b[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
				    (unsigned char)(v >> 8), (unsigned char)v};
	put_bytes(b, sizeof b);
}

/* ---- PNG ---- */

static void put_chunk(const char *type, const void *p, size_t n)
{
	uint32_t crc = (uint32_t)crc32(crc32(0, (const Bytef *)type, 4), p, (uInt)n);
	put_big_endian((uint32_t)n);
	put_bytes(type, 4);
	put_bytes(p, n);
	put_big_endian(crc);
}

/* Behind `front`, a zlib stream of n zeros. */
static void add_zeros(struct hm_buf *b, const char *front, size_t len, uint64_t n)
{
	static unsigned char zero[1 << 20];
	z_stream z = {0};
	deflateInit(&z, 1);
	hm_buf_add(b, front, len, NULL);
	for (int rc = Z_OK; rc == Z_OK;) {
		z.next_in = zero;
		z.avail_in = (uInt)(n < sizeof zero ? n : sizeof zero);
		n -= z.avail_in;
		do {
			hm_buf_reserve(b, 1 << 16, NULL);
			z.next_out = b->data + b->len;
			z.avail_out = 1 << 16;
			rc = deflate(&z, n ? Z_NO_FLUSH : Z_FINISH);
			b->len += (1 << 16) - z.avail_out;
		} while (rc == Z_OK && !z.avail_out);
	}
	deflateEnd(&z);
}

static void begin_png(uint64_t w, uint64_t h, uint64_t depth, uint64_t color, uint64_t interlaced)
{
	unsigned char ihdr[13] = {0};
	for (int i = 0; i < 4; i++) {
		ihdr[i] = (unsigned char)(w >> (24 - 8 * i));
		ihdr[4 + i] = (unsigned char)(h >> (24 - 8 * i));
	}
	ihdr[8] = (unsigned char)depth;
	ihdr[9] = (unsigned char)color;
	ihdr[12] = (unsigned char)interlaced;
	put_bytes("\x89PNG\r\n\x1a\n", 8);
	put_chunk("IHDR", ihdr, sizeof ihdr);
}

/* W H DEPTH COLOR INTERLACED BYTES: a PNG whose image data are so many bytes of zero. */
static void make_png(void)
{
	struct hm_buf b = {0};
	begin_png(number[0], number[1], number[2], number[3], number[4]);
	add_zeros(&b, "", 0, number[5]);
	put_chunk("IDAT", b.data, b.len);
	put_chunk("IEND", "", 0);
	hm_buf_clear(&b);
}

/* BYTES COUNT: a PNG of 4 x 4 pixels with so many compressed texts of so many bytes each. */
static void make_png_texts(void)
{
	struct hm_buf b = {0};
	begin_png(4, 4, 8, 2, 0);
	add_zeros(&b, "a\0\0", 3, number[0]);
	for (uint64_t i = 0; i < number[1]; i++)
		put_chunk("zTXt", b.data, b.len);
	b.len = 0;
	add_zeros(&b, "", 0, 4 * 13);
	put_chunk("IDAT", b.data, b.len);
	put_chunk("IEND", "", 0);
	hm_buf_clear(&b);
}

/* COUNT: a PNG of 4 x 4 pixels with so many empty chunks of image data. */
static void make_png_chunks(void)
{
	struct hm_buf b = {0};
	begin_png(4, 4, 8, 2, 0);
	for (uint64_t i = 0; i < number[0]; i++)
		put_chunk("IDAT", "", 0);
	add_zeros(&b, "", 0, 4 * 13);
	put_chunk("IDAT", b.data, b.len);
	put_chunk("IEND", "", 0);
	hm_buf_clear(&b);
}

/* ---- JPEG and WebP: a small picture whose header is overwritten ---- */

/* W H PROGRESSIVE */
static void make_jpeg(void)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;
	unsigned char *p = NULL, row[16 * 3] = {0};
	unsigned long n = 0;
	JSAMPROW rows = row;
	c.err = jpeg_std_error(&err);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &p, &n);
	c.image_width = c.image_height = 16;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	if (number[2])
		jpeg_simple_progression(&c);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < 16)
		jpeg_write_scanlines(&c, &rows, 1);
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	for (unsigned long i = 2; i + 9 < n; i++)
		if (p[i] == 0xff && (p[i + 1] == 0xc0 || p[i + 1] == 0xc2)) {
			p[i + 5] = (unsigned char)(number[1] >> 8);
			p[i + 6] = (unsigned char)number[1];
			p[i + 7] = (unsigned char)(number[0] >> 8);
			p[i + 8] = (unsigned char)number[0];
			break;
		}
	put_bytes(p, n);
	free(p);
}

/* W H: lossless, up to 16384 per side */
static void make_webp(void)
{
	uint8_t rgb[16 * 16 * 3] = {0}, *p = NULL;
	size_t n = WebPEncodeLosslessRGB(rgb, 16, 16, 16 * 3, &p);
	uint32_t sizes = (uint32_t)(number[0] - 1) | (uint32_t)(number[1] - 1) << 14;
	if (n < 25)
		exit(1);
	for (int i = 0; i < 4; i++)
		p[21 + i] = (uint8_t)((i == 3 ? p[24] & 0xf0 : 0) | sizes >> 8 * i);
	put_bytes(p, n);
	WebPFree(p);
}

/* ---- records ---- */

/* STEPS KEY: a stream without records and with so many steps of history */
static void make_history(void)
{
	struct hm_err e = {0};
	struct hm_schema s = {0};
	struct hm_writer *w;
	struct hm_buf pg = {0};
	hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
	for (uint64_t i = 0; i < number[0]; i++)
		hm_buf_printf(&pg, &e, "%c{\"k%" PRIu64 "\":%" PRIu64 "}", i ? ',' : '[', number[1], i);
	hm_buf_add(&pg, "]", 1, &e);
	cJSON *steps = hm_json_parse((char *)pg.data, pg.len, 4, NULL, &e);
	if (!steps || hm_writer_open(&w, "-", &s, NULL, steps, NULL, NULL, &e) || hm_writer_finish(w, 0, &e))
		exit(1);
	cJSON_Delete(steps);
	hm_buf_clear(&pg);
	hm_schema_clear(&s);
}

static void put_head(void)
{
	static const char json[] =
		"{\"meta\":{},\"pg\":[],\"schema\":[{\"dtype\":\"UTF8\",\"name\":\"id\",\"shape\":[]}]}";
	struct hm_buf frame = {0};
	hm_frame_head(&frame, json, sizeof json - 1, NULL);
	put_bytes(frame.data, frame.len);
	hm_buf_clear(&frame);
}

static void put_block(struct hm_block_info i)
{
	unsigned char frame[8 + HM_BHDR_SIZE];
	hm_frame_bhdr(frame, &i);
	put_bytes(frame, sizeof frame);
}

/* RAW PACKED RECORDS COUNT: headers of blocks that claim so much, with nothing behind them */
static void make_claims(void)
{
	put_head();
	for (uint64_t i = 0; i < number[3]; i++)
		put_block((struct hm_block_info){.seq = i,
						 .first = i,
						 .count = (uint32_t)number[2],
						 .raw = (uint32_t)number[0],
						 .packed = (uint32_t)number[1]});
}

/* RAW BYTES: a block said to have RAW bytes, whose zstd frame decompresses to BYTES */
static void make_bomb(void)
{
	static unsigned char zero[1 << 20];
	struct hm_buf b = {0};
	ZSTD_CCtx *z = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setPledgedSrcSize(z, number[1]);
	hm_buf_reserve(&b, 1 << 22, NULL);
	ZSTD_outBuffer out = {b.data, b.cap, 0};
	for (uint64_t left = number[1]; left;) {
		ZSTD_inBuffer in = {zero, left < sizeof zero ? left : sizeof zero, 0};
		left -= in.size;
		ZSTD_compressStream2(z, &out, &in, left ? ZSTD_e_continue : ZSTD_e_end);
	}
	put_head();
	put_block((struct hm_block_info){.count = 1,
					 .raw = (uint32_t)number[0],
					 .packed = (uint32_t)out.pos,
					 .packed_hash = XXH3_64bits(b.data, out.pos)});
	put_bytes(b.data, out.pos);
	ZSTD_freeCCtx(z);
	hm_buf_clear(&b);
}

/* COUNT SIZE: frames that say they are indexes of SIZE bytes */
static void make_indexes(void)
{
	put_head();
	for (uint64_t i = 0; i < number[0]; i++) {
		unsigned char frame[16] = {0};
		hm_put32(frame, HM_SKIP_MAGIC);
		hm_put32(frame + 4, (uint32_t)number[1]);
		memcpy(frame + 8, "HMRI", 4);
		put_bytes(frame, sizeof frame);
	}
}

/* ---- a torch.save file of the old kind: a pickle */

/* OPCODE COUNT: a pickle of so many times one opcode */
static void make_pickle(void)
{
	const unsigned char op = (unsigned char)number[0];
	put_bytes("\x80\2\x8a\nl\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3.\x80\2}.\x80\2]", 29);
	for (uint64_t i = 0; i < number[1]; i++)
		put_bytes(&op, 1);
	put_bytes(".", 1);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(void);
	} kind[] = {{"png", make_png},	     {"png-texts", make_png_texts}, {"png-chunks", make_png_chunks},
		    {"jpeg", make_jpeg},     {"webp", make_webp},	    {"history", make_history},
		    {"claims", make_claims}, {"bomb", make_bomb},	    {"indexes", make_indexes},
		    {"pickle", make_pickle}};
	for (int i = 2; i < argc && i < 10; i++)
		number[i - 2] = strtoull(argv[i], NULL, 0);
	for (size_t i = 0; argc > 1 && i < sizeof kind / sizeof *kind; i++)
		if (!strcmp(argv[1], kind[i].name)) {
			kind[i].make();
			return fflush(stdout) ? 1 : 0;
		}
	fprintf(stderr, "no such kind\n");
	return 2;
}
