/* Any bytes as a .npy file: refused with a sentence, or an array all of whose rows can be read, and are the
 * same whether they are read one by one or many at once. */
#include "rec/npyread.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, MOST = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_err e = {0};
	struct hm_npyarray a;
	if (hm_npyarray_parse(&a, data, size, &e)) {
		if (!e.text[0])
			abort();
		return 0;
	}
	size_t rows = a.ndim ? (size_t)a.dim[0] : 1, bytes = a.row * a.size;
	size_t n = rows < ROWS ? rows : ROWS; /* the first ones, then the last ones */
	if (bytes * n > MOST || (bytes && rows > size / bytes))
		return bytes && rows > size / bytes ? abort(), 0 : 0;
	unsigned char *all = malloc(n * bytes + 1), *one = malloc(bytes + 1);
	if (!all || !one)
		abort();
	for (int end = 0; end < 2; end++) {
		size_t first = end ? rows - n : 0;
		hm_npyarray_rows(&a, first, n, all);
		for (size_t i = 0; i < n; i++) {
			hm_npyarray_rows(&a, first + i, 1, one);
			if (memcmp(one, all + i * bytes, bytes) != 0)
				abort();
		}
	}
	free(all);
	free(one);
	hm_npyarray_close(&a);
	return 0;
}
