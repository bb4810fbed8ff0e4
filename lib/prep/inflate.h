/* Inflates the zlib streams of photographs by ISA-L, which takes two thirds of libdeflate's time for them.
 * Flat pictures, and files that were packed in a hurry, are faster by libdeflate. Who calls this asks
 * libdeflate about every stream that is not inflated here: its verdict is the one that counts. */
#ifndef HM_INFLATE_H
#define HM_INFLATE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* The tables of a block. One per thread. */
struct hm_inflate;
struct hm_inflate *hm_inflate_new(struct hm_err *e);
void hm_inflate_free(struct hm_inflate *z); /* NULL is fine */

/* Whether a stream of n bytes that gives `need` is likely one of those for which this is the faster way, by
 * its header and by how much it was shrunk. */
bool hm_inflate_suits(const uint8_t *in, size_t n, size_t need);

/* out[0..need) := what the stream that begins in[0..n) holds. True if it is right: exactly `need` bytes, and
 * their Adler-32. Bytes behind the stream are ignored. False says only that it was not inflated. */
bool hm_inflate_run(struct hm_inflate *z, const uint8_t *in, size_t n, uint8_t *out, size_t need);

#endif
