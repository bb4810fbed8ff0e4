/* Inflates the zlib streams of photographs, which are mostly literals: a look into a table gives up to three
 * of them, so that it takes two thirds of libdeflate's time. It knows only streams that are right. Who calls
 * it asks libdeflate about all others, whose verdict is the one that counts. */
#ifndef HM_INFLATE_H
#define HM_INFLATE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define HM_INFLATE_BEHIND 32 /* readable bytes behind the stream */
#define HM_INFLATE_ROOM 320  /* bytes behind the output that may be overwritten */

/* The tables of a block. One per thread. */
struct hm_inflate;
struct hm_inflate *hm_inflate_new(struct hm_err *e);
void hm_inflate_free(struct hm_inflate *z); /* NULL is fine */

/* Whether a stream of n bytes that gives `need` is likely one of those for which this is the faster way, by
 * its header and by how much it was shrunk. */
bool hm_inflate_suits(const uint8_t *in, size_t n, size_t need);

/* out[0..need) := what the stream that begins in[0..n) holds. True if it is right: every code complete, every
 * distance within the output, exactly `need` bytes, and their Adler-32. Bytes behind the stream are ignored.
 * False says only that it was not inflated. */
bool hm_inflate_run(struct hm_inflate *z, const uint8_t *in, size_t n, uint8_t *out, size_t need);

#endif
