/* The inner loops of the resize; only resize.c and resizepass.c include this. */
#ifndef HM_RESIZEPASS_H
#define HM_RESIZEPASS_H

#include "prep/resize.h"

/* Two neighbouring weights K of 22 fraction bits, split as K = hi·2^15 + lo because SIMD multiplies factors
 * of 16 bits. If the number of weights is odd, a zero is added. */
struct hm_pair {
	int16_t lo[2], hi[2];
};
/* One output: samples from..from+n-1, with the weights that begin at pair[`pair`]. */
struct hm_span {
	int from, n, pair;
};
struct hm_weights {
	int n; /* outputs */
	const struct hm_span *span;
	const struct hm_pair *pair;
};

/* Scales n rows across; they lie `stride` bytes apart. Writes out[3·i + c] for all outputs i of a row, row
 * after row. Reads up to 8 bytes behind the last row and writes up to 1 behind `out`. */
void hm_pass_across(const struct hm_weights *k, const uint8_t *row, size_t stride, int n, uint8_t *out);
/* Scales down: computes output row i, n bytes. `rows` is its first row of samples, the next ones follow n
 * bytes apart. Reads and writes up to 31 bytes behind a row. */
void hm_pass_down(const struct hm_weights *k, int i, const uint8_t *rows, size_t n, uint8_t *out);

#endif
