/* Runs a fuzz harness without a fuzzer: every file named, and HM_MUTATIONS (default 200) seeded mutations of
 * each: flipped bits, changed bytes, cuts, doubled and removed spans, and those of hostile.h. Same input,
 * same mutations, always. */
#include "base/file.h"
#include "base/rng.h"
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MORE = 4096 }; /* bytes that mutations may add */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_copy(const unsigned char *p, size_t n)
{
	unsigned char *exact =
		malloc(n ? n : 1); /* its own block, so that a sanitizer sees one byte too many */
	if (!exact)
		abort();
	if (n)
		memcpy(exact, p, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static size_t mutate(struct hm_rng *r, unsigned char *p, size_t n, size_t cap)
{
	uint32_t at = hm_rng_below(r, (uint32_t)n), span = 1 + hm_rng_below(r, 16);
	switch (hm_rng_below(r, 8)) {
	case 0:
		p[at] ^= (unsigned char)(1u << hm_rng_below(r, 8));
		return n;
	case 1:
		p[at] = (unsigned char)hm_rng_u32(r);
		return n;
	case 2:
		p[at] = hm_rng_below(r, 2) ? 0xff : 0;
		return n;
	case 3:
		return at ? at : n;
	case 4: /* remove a span */
		if (at + span >= n)
			return n;
		memmove(p + at, p + at + span, n - at - span);
		return n - span;
	case 5:
	case 6:
		return hostile_change(r, p, n, cap);
	default: /* double a span */
		if (at + span > n || n + span > cap)
			return n;
		memmove(p + at + span, p + at, n - at);
		return n + span;
	}
}

int main(int argc, char **argv)
{
	const char *env = getenv("HM_MUTATIONS");
	long rounds = env ? strtol(env, NULL, 10) : 200;
	struct hm_err e = {0};
	for (int i = 1; i < argc; i++) {
		struct hm_buf b = {0}, m = {0};
		if (hm_file_read(argv[i], 64 << 20, &b, &e)) {
			fprintf(stderr, "%s\n", e.text);
			return 1;
		}
		run_copy(b.data, b.len);
		for (long k = 0; k < rounds && b.len; k++) {
			struct hm_rng r;
			hm_rng_init(&r, 1, HM_RNG_SYNTH, (uint32_t)i, (uint32_t)k);
			m.len = 0;
			if (hm_buf_reserve(&m, b.len + MORE, &e))
				return 1;
			memcpy(m.data, b.data, b.len);
			size_t n = b.len;
			for (uint32_t steps = 1 + hm_rng_below(&r, 8); steps; steps--)
				n = n ? mutate(&r, m.data, n, b.len + MORE) : 0;
			run_copy(m.data, n);
		}
		hm_buf_clear(&b);
		hm_buf_clear(&m);
	}
	return 0;
}
