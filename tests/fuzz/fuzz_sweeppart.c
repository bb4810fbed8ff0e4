/* Fuzz harness of a part of a sweep, without its digest, which a fuzzer cannot guess: any bytes are the
 * results of the share or an error. */
#include "train/sweeppart.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_sweep_item item[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
	struct hm_sweep s = {
		.n = 3, .item = item, .part = 0, .parts = 2, .digest = "00000000000000000000000000000000"};
	struct hm_sweep_call c;
	struct hm_err e = {0};
	int rc = hm_sweep_part_parse(&s, &c, (const char *)data, size, &e);
	if (rc ? !e.code || !*e.text : !c.identity || !item[0].row || !item[2].row)
		abort();
	for (int i = 0; i < 3; i++) {
		const struct hm_sweep_item *t = &item[i];
		if ((t->trained && t->error) || (*t->model && !t->trained) || (i == 1 && t->row))
			abort();
		free(t->error);
	}
	cJSON_Delete(c.identity);
	hm_arena_clear(&s.arena);
	return 0;
}
