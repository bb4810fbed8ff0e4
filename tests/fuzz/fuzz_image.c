/* The table of picture formats: whatever the file, it is decoded or refused with a reason that is valid
 * UTF-8, and its kind is found within its bytes. What is decoded is the same when it comes again, after a
 * picture of another size; with damaged files read as well, whole ones are what they were. */
#include "base/filekind.h"
#include "json/json.h"
#include "prep/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 2x1 pixels: a picture between two decodes, which leaves other bytes in the decoder's storage. */
static const unsigned char other[] = {
	0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
	0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0xd1, 0x49, 0x20, 0x56, 0x00,
	0x00, 0x00, 0x0b, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xdf, 0x00, 0x00, 0x02, 0x81, 0x01,
	0x80, 0x59, 0xe9, 0x2f, 0xfc, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* A copy of the pixels; NULL: refused. The caller frees it. */
static uint8_t *decode(struct hm_image_decoder *d, const uint8_t *p, size_t n, bool damaged,
		       struct hm_image *im)
{
	const struct hm_image_options o = {.limits = {.pixels = 1 << 20, .side = 2000}, .damaged = damaged};
	struct hm_err e = {0};
	*im = (struct hm_image){0};
	int rc = hm_image_decode(d, p, n, &o, im, &e);
	must(rc ? rc == HM_EDATA && *e.text : im->rgb && im->w > 0 && im->h > 0);
	must(hm_utf8_check(e.text, strlen(e.text)) == strlen(e.text));
	must(rc || damaged || !im->damage);
	if (rc)
		return NULL;
	size_t bytes = (size_t)im->w * (size_t)im->h * 3;
	uint8_t *copy = malloc(bytes);
	must(copy != NULL);
	return memcpy(copy, im->rgb, bytes);
}

static bool equal(const uint8_t *a, const struct hm_image *ia, const uint8_t *b, const struct hm_image *ib)
{
	return a && b && ia->w == ib->w && ia->h == ib->h && !memcmp(a, b, (size_t)ia->w * (size_t)ia->h * 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_image_decoder *d = hm_image_decoder_new(NULL);
	struct hm_image im[4], between;
	uint8_t *rgb[4];
	must(d != NULL);
	for (int i = 0; i < 4; i++) { /* each way twice */
		rgb[i] = decode(d, data, size, i % 2, &im[i]);
		free(decode(d, other, sizeof other, true, &between));
	}
	must(rgb[0] ? equal(rgb[0], &im[0], rgb[2], &im[2]) : !rgb[2]);
	must(rgb[1] ? equal(rgb[1], &im[1], rgb[3], &im[3]) : !rgb[3]);
	must(!rgb[0] || (equal(rgb[0], &im[0], rgb[1], &im[1]) && !im[1].damage));
	must(!rgb[0] || hm_filekind_find(data, size));
	for (int i = 0; i < 4; i++)
		free(rgb[i]);
	hm_image_decoder_free(d);
	return 0;
}
