/* The strict JSON reader: whatever it accepts is written canonically, read again and written the same. */
#include "json/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_err e = {0};
	struct hm_buf a = {0}, b = {0};
	size_t column = 0, start, end;
	cJSON *v = hm_json_parse((const char *)data, size, 32, &column, &e), *again = NULL;
	if (!v && (!e.code || column < 1 || column > size + 1))
		abort();
	if (v) {
		for (int i = 0; hm_json_member((const char *)data, size, i, &start, &end); i++)
			if (start >= end || end > size)
				abort();
		if (hm_json_write(v, &a, &e))
			abort();
		again = hm_json_parse((const char *)a.data, a.len, 32, NULL, &e);
		if (!again || hm_json_write(again, &b, &e) || a.len != b.len || memcmp(a.data, b.data, a.len))
			abort();
	}
	cJSON_Delete(v);
	cJSON_Delete(again);
	hm_buf_clear(&a);
	hm_buf_clear(&b);
	return 0;
}
