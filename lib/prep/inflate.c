/* ISA-L's inflate of a whole stream. See inflate.h. */
#include "prep/inflate.h"
#include "base/mem.h"

#include <isa-l/igzip_lib.h>
#include <limits.h>
#include <stdlib.h>

struct hm_inflate {
	struct inflate_state state;
};

struct hm_inflate *hm_inflate_new(struct hm_err *e)
{
	return hm_alloc(1, sizeof(struct hm_inflate), e);
}

void hm_inflate_free(struct hm_inflate *z)
{
	free(z);
}

bool hm_inflate_suits(const uint8_t *in, size_t n, size_t need)
{
	/* FLEVEL 0 is the fastest of zlib's levels: short matches, few literals in a row. */
	return n >= 2 && in[1] >> 6 != 0 && need / 4 < n;
}

bool hm_inflate_run(struct hm_inflate *z, const uint8_t *in, size_t n, uint8_t *out, size_t need)
{
	/* RFC 1950: a check of the header, deflate, a window of 32 KiB at most, no dictionary */
	bool header = n >= 2 && (in[0] << 8 | in[1]) % 31 == 0 && (in[0] & 15) == 8 && in[0] >> 4 < 8 &&
		      !(in[1] & 32);
	if (!header || n > UINT32_MAX || need > UINT32_MAX)
		return false;
	struct inflate_state *s = &z->state;
	isal_inflate_init(s);
	s->crc_flag = ISAL_ZLIB;
	s->next_in = (uint8_t *)(uintptr_t)in; /* only read */
	s->avail_in = (uint32_t)n;
	s->next_out = out;
	s->avail_out = (uint32_t)need;
	return isal_inflate_stateless(s) == ISAL_DECOMP_OK && !s->avail_out &&
	       s->block_state == ISAL_BLOCK_FINISH;
}
