/* Look-ups that the two kinds of preprocess.h share; only lib/prep/preprocess*.c include this. A member that
 * is null is not there. */
#ifndef HM_PREPROCESSPARTS_H
#define HM_PREPROCESSPARTS_H

#include "prep/preprocess.h"

/* As hm_err_set with HM_EDATA; the sentence begins with the file's path. */
int hm_preprocess_fault(const struct hm_preprocess *p, struct hm_err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

const cJSON *hm_preprocess_member(const cJSON *o, const char *key);
/* 1 when the member is there, 0 when it is not, HM_EDATA when it is no boolean. *out is set for 1. */
int hm_preprocess_bool(const struct hm_preprocess *p, const char *key, bool *out, struct hm_err *e);
/* *out := v, the value of `key`, or one in it: an integer from 1 to `most`. 0 or HM_EDATA. */
int hm_preprocess_int(const struct hm_preprocess *p, const cJSON *v, const char *key, int most, int *out,
		      struct hm_err *e);

int hm_preprocess_square_hf(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e);
int hm_preprocess_square_clip(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e);

#endif
