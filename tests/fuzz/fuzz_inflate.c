/* ISA-L's inflate and libdeflate's. The input is a deflate stream, which gets a zlib header and the right
 * checksum. Where both accept it the bytes are the same; what has another length or no checksum, neither
 * accepts. */
#include "prep/inflate.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Both blocks are exact, so that a sanitizer sees one byte too many. */
static bool run_exactly(struct hm_inflate *z, const uint8_t *zlib, size_t n, size_t need, const uint8_t *want)
{
	uint8_t *in = malloc(n ? n : 1), *out = malloc(need ? need : 1);
	must(in && out);
	memcpy(in, zlib, n);
	bool ok = hm_inflate_run(z, in, n, out, need);
	must(!ok || (want && !memcmp(out, want, need)));
	free(in);
	free(out);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	struct hm_inflate *z = hm_inflate_new(NULL);
	uint8_t *zlib = malloc(size + 6), *want = malloc(MOST);
	size_t used, got;
	must(d && z && zlib && want);
	memcpy(zlib, "\x78\x9c", 2);
	if (size)
		memcpy(zlib + 2, data, size);
	if (libdeflate_deflate_decompress_ex(d, data, size, want, MOST, &used, &got)) {
		must(!run_exactly(z, zlib, size + 2, MOST, NULL) &&
		     !run_exactly(z, zlib, size + 2, size, NULL));
	} else {
		uint32_t sum = libdeflate_adler32(1, want, got);
		for (int i = 0; i < 4; i++)
			zlib[2 + used + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
		run_exactly(z, zlib, used + 6, got, want);
		must(!run_exactly(z, zlib, used + 5, got, NULL) &&
		     !run_exactly(z, zlib, used + 6, got + 1, NULL));
		must(!got || !run_exactly(z, zlib, used + 6, got - 1, NULL));
	}
	libdeflate_free_decompressor(d);
	hm_inflate_free(z);
	free(zlib);
	free(want);
	return 0;
}
