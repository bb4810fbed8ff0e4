/* What two runs must have in common: a flat object of texts, numbers and booleans. A checkpoint keeps one,
 * and so does each part of a sweep. */
#ifndef HM_IDENTITY_H
#define HM_IDENTITY_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* The first key in which two identities differ, and its values in words. The key is borrowed. */
struct hm_identity_difference {
	const char *key;
	char was[96], is[96];
};

/* Compares type and value to the last digit, both ways. grows: a key whose number may be larger in `is`;
 * NULL: none. True with *d if they differ. */
bool hm_identity_differs(const cJSON *was, const cJSON *is, const char *grows,
			 struct hm_identity_difference *d);

#endif
