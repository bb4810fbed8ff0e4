/* The contact sheet of the most confident wrong answers, with the pictures of the input. */
#ifndef HM_ERRORSHEET_H
#define HM_ERRORSHEET_H

#include "base/workers.h"
#include "stat/predictions.h"

/* Draws the first `most` wrong answers (at most 400) of the predictions `p` into the PNG file `path`. For
 * this the n inputs are read a second time and joined; they have a column `pixels` U8 [3,H,W]. `m` is made
 * from `p` alone, `s` from `m`. 0 or HM_EDATA. */
int hm_errorsheet_write(const char *path, size_t most, int n, char *const *inputs, struct hm_workers *w,
			const struct hm_predictions *p, const struct hm_matched *m, const struct hm_sample *s,
			struct hm_err *e);

#endif
