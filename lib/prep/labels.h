/* The words of the classes, as --labels no,yes gives them: which class a value of a data set is. */
#ifndef HM_LABELS_H
#define HM_LABELS_H

#include "base/mem.h"

#include <cjson/cJSON.h>

#define HM_LABELS_MOST 1024

struct hm_labels {
	int n; /* 0: no words, a label is an integer from 0 */
	const char *word[HM_LABELS_MOST];
};
/* Takes "no,yes": word i names class i. Cuts `list` at its commas in place, and it must outlive l. HM_EUSAGE
 * for fewer than two words, more than HM_LABELS_MOST, an empty one, one that is not UTF-8, or two that are
 * the same word or number.
 */
int hm_labels_parse(struct hm_labels *l, char *list, struct hm_err *e);

/* The words as an array of strings. Caller frees with cJSON_Delete; NULL with `e`. */
cJSON *hm_labels_array(const struct hm_labels *l, struct hm_err *e);
/* The same of a list, which hm_labels_parse cuts. */
cJSON *hm_labels_json(char *list, struct hm_err *e);

/* The class whose word is this text, or, when both are numbers, has the same value ("1.0" is "1"). -1: none.
 */
int hm_labels_find(const struct hm_labels *l, const char *text);
/* The class whose word is "true" ("false"), in any case. -1: none. */
int hm_labels_find_bool(const struct hm_labels *l, bool value);
/* The words joined by commas, as many as fit in whole, then "..."; for messages. Returns out. */
const char *hm_labels_text(const struct hm_labels *l, char *out, size_t cap);

#endif
