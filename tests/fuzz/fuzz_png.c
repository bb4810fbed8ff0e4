/* The PNG decoder and the resize: the input as a file, as a file with its CRCs mended, and as rows of a
 * picture that a header and a zlib stream are put around. Both paths must accept the same and give the same
 * pixels. */
#include "prep/pngparts.h"
#include "prep/square.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void put32(uint8_t *p, size_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void scale(const struct hm_image *im, int size)
{
	struct hm_resizer z = {0};
	for (int i = 0; i < 6; i++) {
		struct hm_image out;
		struct hm_square s = {
			.size = size, .shorter = size + 3 * (size % 5), .fit = i % 3, .filter = i / 3};
		struct hm_resize p = hm_square_plan(&s, im->w, im->h);
		must(!hm_resize_run(&z, im, &p, &out, NULL) && out.w == p.cw && out.h == p.ch);
		uint8_t *planes = malloc(3 * (size_t)size * (size_t)size);
		must(planes != NULL);
		hm_image_planes(&out, &p, planes);
		free(planes);
	}
	hm_resizer_clear(&z);
}

static void compare(const uint8_t *p, size_t n)
{
	struct hm_png *fast = hm_png_new(NULL), *slow = hm_png_new(NULL);
	struct hm_image a = {0}, b = {0};
	struct hm_err why = {0};
	must(fast && slow);
	int rc = hm_png_decode(fast, p, n, &(struct hm_png_options){.limits.pixels = 1 << 20}, &a, &why);
	must(rc == hm_png_decode(slow, p, n,
				 &(struct hm_png_options){.limits.pixels = 1 << 20, .libpng = true}, &b,
				 NULL));
	must(rc == 0 || (rc == HM_EDATA && why.text[0]));
	if (!rc) {
		must(a.w == b.w && a.h == b.h && !memcmp(a.rgb, b.rgb, 3 * (size_t)a.w * (size_t)a.h));
		scale(&a, 1 + (int)(n % 40));
	}
	hm_png_free(fast);
	hm_png_free(slow);
}

static void mend(uint8_t *p, size_t n)
{
	for (size_t at = 8; n >= 12 && at <= n - 12;) {
		size_t len =
			(size_t)p[at] << 24 | (size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 | p[at + 3];
		if (len > n - at - 12)
			return;
		put32(p + at + 8 + len, libdeflate_crc32(0, p + at + 4, len + 4));
		at += 12 + len;
	}
}

static uint8_t *add_chunk(uint8_t *p, const char *name, const uint8_t *data, size_t n)
{
	put32(p, n);
	memcpy(p + 4, name, 4);
	if (n)
		memcpy(p + 8, data, n);
	put32(p + 8 + n, libdeflate_crc32(0, p + 4, n + 4));
	return p + 12 + n;
}

/* data: kind, interlace, width, height, then the rows, filled up with zeros. */
static void as_rows(const uint8_t *data, size_t size)
{
	static const uint8_t kinds[15][2] = {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {16, 0}, {8, 2}, {16, 2}, {1, 3},
					     {2, 3}, {4, 3}, {8, 3}, {8, 4}, {16, 4}, {8, 6}, {16, 6}};
	if (size < 4)
		return;
	const uint8_t *kind = kinds[data[0] % 15];
	struct hm_png_scan s = {.w = 1 + data[2] % 70u,
				.h = 1 + data[3] % 40u,
				.depth = kind[0],
				.color = kind[1],
				.interlaced = data[1] & 1};
	size_t need = hm_png_scan_bytes(&s), have = size - 4 < need ? size - 4 : need;
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(1);
	must(c != NULL);
	size_t most = libdeflate_zlib_compress_bound(c, need);
	uint8_t *raw = calloc(1, need), *z = malloc(most), *file = malloc(most + 1024), head[13] = {0};
	must(raw && z && file);
	memcpy(raw, data + 4, have);
	for (size_t y = 0; y < s.h && !s.interlaced; y++)
		raw[y * (need / s.h)] %= 6; /* mostly filters that there are */
	put32(head, s.w);
	put32(head + 4, s.h);
	head[8] = (uint8_t)s.depth;
	head[9] = (uint8_t)s.color;
	head[12] = s.interlaced;
	memcpy(file, "\x89PNG\r\n\x1a\n", 8);
	uint8_t *p = add_chunk(file + 8, "IHDR", head, sizeof head);
	p = add_chunk(p, "PLTE", (const uint8_t *)"abcdefghijklmnopqrstuvwxyz", 24);
	p = add_chunk(p, "IDAT", z, libdeflate_zlib_compress(c, raw, need, z, most));
	p = add_chunk(p, "IEND", NULL, 0);
	compare(file, (size_t)(p - file));
	libdeflate_free_compressor(c);
	free(raw);
	free(z);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	compare(data, size);
	as_rows(data, size);
	uint8_t *copy = malloc(size + 1);
	must(copy != NULL);
	if (size)
		memcpy(copy, data, size);
	mend(copy, size);
	compare(copy, size);
	free(copy);
	return 0;
}
