/* What families of towers share where they make a tower out of hints. */
#ifndef HM_FAMILYPARTS_H
#define HM_FAMILYPARTS_H

#include "nn/tower.h"

/* `preset` of a family that comes from files alone. */
const char *hm_tower_no_preset(int i);
/* 0, or HM_EDATA if config.json counted another number of layers than the tensors have. */
int hm_tower_check_layers(const struct hm_tower_kind *k, const struct hm_tower_hints *hints, int layers,
			  struct hm_err *e);
/* The number of the output `wanted` in the list `names`, which NULL ends; NULL: 0. HM_EUSAGE: no output has
 * this name; family: the family's, for the sentence. */
int hm_output_choose(int *out, const char *wanted, const char *const *names, const char *family,
		     struct hm_err *e);

#endif
