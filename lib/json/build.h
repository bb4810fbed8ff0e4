/* Building a JSON tree, one call per member, without looking at each result: the error `e` remembers. Once it
 *is set, every call here does nothing, so the first failure ends the building, and one look at the end
 *suffices:
 *
 *	cJSON *o = hm_json_object(e), *list = hm_json_add_array(o, "values", e);
 *	hm_json_add_str(o, "column", name, e);
 *	for (int i = 0; i < n; i++)
 *		hm_json_add_num(list, NULL, value[i], e);
 *	return hm_json_whole(o, e);
 *
 * A tree that lacks a member never looks like a success. `e` must not be NULL. */
#ifndef HM_JSON_BUILD_H
#define HM_JSON_BUILD_H

#include "json/json.h"

/* A new tree: an empty object, an empty array. Caller frees with cJSON_Delete, which takes NULL. */
cJSON *hm_json_object(struct hm_err *e);
cJSON *hm_json_array(struct hm_err *e);

/* Each adds a member named `key` (copied) to the object `in`, or an element to the array `in`, with a key of
 * NULL. A key that is there already is not looked for: the caller adds each once. */
void hm_json_add_str(cJSON *in, const char *key, const char *s, struct hm_err *e);
void hm_json_add_num(cJSON *in, const char *key, double v, struct hm_err *e);
void hm_json_add_bool(cJSON *in, const char *key, bool v, struct hm_err *e);
void hm_json_add_null(cJSON *in, const char *key, struct hm_err *e);
/* An empty object, an empty array; returns it, to be filled. Borrowed from `in`. */
cJSON *hm_json_add_object(cJSON *in, const char *key, struct hm_err *e);
cJSON *hm_json_add_array(cJSON *in, const char *key, struct hm_err *e);
/* An array of the numbers v[0..n). */
void hm_json_add_nums(cJSON *in, const char *key, const double *v, int n, struct hm_err *e);
/* A deep copy of `v`. */
void hm_json_add_copy(cJSON *in, const char *key, const cJSON *v, struct hm_err *e);
/* The tree `v` itself: owned by `in` from now on, freed at once when the call fails. NULL is "out of memory".
 */
void hm_json_add_tree(cJSON *in, const char *key, cJSON *v, struct hm_err *e);

/* The canonical text of `v`, as a string. */
void hm_json_add_text(cJSON *in, const char *key, const cJSON *v, struct hm_err *e);

/* A deep copy, as a tree of its own. */
cJSON *hm_json_copy(const cJSON *v, struct hm_err *e);

/* The end of a builder: `tree`, or NULL with `tree` freed when anything failed on the way. */
cJSON *hm_json_whole(cJSON *tree, struct hm_err *e);
/* The same end for a tree that becomes a line of text: appends it, canonical but for what hm_json_tame does
 * to it, and "\n"; frees it in any case. 0, or the code of `e`. */
int hm_json_line(cJSON *tree, struct hm_buf *out, struct hm_err *e);

#endif
