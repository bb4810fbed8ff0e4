/* Streams of records out of a fuzzer's bytes, whose hashes, sizes and layout are always right: what stands
 * behind the container's checks is reached at once. The input is HEAD's JSON, a byte 1, then the values of
 * the records: of a fixed column its bytes, of a ragged one a byte that says how many rows, and these. */
#ifndef TEST_FUZZSTREAM_H
#define TEST_FUZZSTREAM_H

#include "base/mem.h"
#include "fuzzinput.h"

/* Appends the stream. Returns the number of its records; -1: HEAD is not one, and stands alone. */
int build_stream(struct hm_buf *out, const uint8_t *data, size_t size);

static inline struct fuzz_file open_stream(const uint8_t *data, size_t size)
{
	struct hm_buf b = {0};
	build_stream(&b, data, size);
	struct fuzz_file f = open_input(b.data, b.len);
	hm_buf_clear(&b);
	return f;
}

#endif
