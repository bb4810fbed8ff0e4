/* Values of an encoder's configuration, each checked. Messages name the key, not the file. */
#ifndef HM_CONFIGVALUE_H
#define HM_CONFIGVALUE_H

#include "nn/tower.h"

#include <cjson/cJSON.h>

/* Each sets *out to o[key] where o has that key; where it does not, or key is NULL, *out stays. 0, or
 * HM_EDATA for a value that is not one: an integer from 1 to INT_MAX; a number between 0 and 1; an activation
 * that hm has (null leaves *out as well). */
int hm_configvalue_positive(const cJSON *o, const char *key, int *out, struct hm_err *e);
int hm_configvalue_eps(const cJSON *o, const char *key, double *out, struct hm_err *e);
int hm_configvalue_act(const cJSON *o, const char *key, enum hm_act *out, struct hm_err *e);
/* 0 if o lacks the key, has null, or has the value that `want` spells: a text, a number as printf's %.17g
 * prints it, "true" or "false". Else HM_EDATA. */
int hm_configvalue_demand(const cJSON *o, const char *key, const char *want, struct hm_err *e);
/* Whether the word is in a list that ends with NULL. */
bool hm_configvalue_has_word(const char *const *list, const char *word);

#endif
