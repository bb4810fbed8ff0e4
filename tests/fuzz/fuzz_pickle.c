/* Any bytes as a pickle: a value, or a sentence that names the byte. */
#include "weights/pickle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_err e = {0};
	struct hm_arena a = {0};
	struct hm_pickle_val *v;
	size_t used;
	int rc = hm_pickle_run(data, size, &a, &v, &used, NULL, &e);
	if (used > size || (rc == 0) != (v != NULL) || (rc == 0) == (e.text[0] != 0))
		abort();
	if (v)
		hm_pickle_get(v, "state_dict");
	hm_arena_clear(&a);
	return 0;
}
