/* The inner loops of the resize; for resize.c alone. */
#ifndef HM_RESIZEPASS_H
#define HM_RESIZEPASS_H

#include "prep/resize.h"

/* Two neighbouring weights K of 22 fraction bits, as K = hi·2^15 + lo: 16-bit factors, as SIMD multiplies
 * them. An odd number of weights is filled up with a zero. */
struct hm_pair {
	int16_t lo[2], hi[2];
};
/* One output takes n samples from sample `from` on, with the weights from pair[`pair`] on. */
struct hm_span {
	int from, n, pair;
};
struct hm_weights {
	int n; /* outputs */
	const struct hm_span *span;
	const struct hm_pair *pair;
};

/* n rows of `stride` bytes, one after the other: out[3·i + c] for all outputs i of each. Reads up to 8 bytes
 * behind the last row, writes up to 1. */
void hm_pass_across(const struct hm_weights *k, const uint8_t *row, size_t stride, int n, uint8_t *out);
/* One output row i of n bytes; rows: its first sample row, the next one n bytes further. Reads and writes up
 * to 7 bytes behind a row. */
void hm_pass_down(const struct hm_weights *k, int i, const uint8_t *rows, size_t n, uint8_t *out);

#endif
