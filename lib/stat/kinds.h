/* A small set of texts: the values of a column by which scores are grouped, the kinds of confounders, labels.
 */
#ifndef HM_KINDS_H
#define HM_KINDS_H

#include "base/strmap.h"

#define HM_KINDS_MAX 100

/* All zero is an empty set. */
struct hm_kinds {
	int n;
	const char *name[HM_KINDS_MAX]; /* NUL-terminated, in order of appearance */
	struct hm_strmap at;
	struct hm_arena text;
};
/* The index of s[0..len) in the set. A new text is copied and added; HM_EDATA when that would be one too
 * many. */
int hm_kinds_add(struct hm_kinds *m, const char *s, size_t len, struct hm_err *e);
void hm_kinds_clear(struct hm_kinds *m);

/* order[n]: the indices in the order of reports: by value when all are integers of at most 18 digits, else by
 * bytes. */
void hm_kinds_order(const struct hm_kinds *m, int order[HM_KINDS_MAX]);

#endif
