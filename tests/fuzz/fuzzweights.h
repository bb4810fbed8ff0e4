/* Files of weights out of a fuzzer's bytes: the JSON of a .safetensors header, a byte 1, the tensors' bytes.
 * Length and hm.digest are always right, so that what stands behind them is reached. */
#ifndef TEST_FUZZWEIGHTS_H
#define TEST_FUZZWEIGHTS_H

#include "base/mem.h"
#include "fuzzinput.h"
#include "weights/store.h"

static inline void build_weights(struct hm_buf *out, const uint8_t *data, size_t size)
{
	struct hm_err e = {0};
	struct fuzz_part head = next_part(&data, &size, 1);
	char digits[33];
	must(!hm_buf_add(out, NULL, 8, &e) && !hm_buf_add(out, head.p, head.n, &e));
	for (int i = 0; i < 8; i++)
		out->data[i] = (unsigned char)((uint64_t)head.n >> 8 * i);
	char *text = (char *)out->data, *place = hm_digest_place(text + 8, head.n);
	const struct iovec body = {(void *)(uintptr_t)data, size};
	if (place) {
		must(!hm_digest_file(text, out->len, place, &body, 1, digits, &e));
		memcpy(place, digits, 32);
	}
	must(!hm_buf_add(out, data, size, &e));
}

#endif
