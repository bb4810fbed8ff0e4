/* The file of --pairs: which records are confounders of which. */
#ifndef HM_PAIRSFILE_H
#define HM_PAIRSFILE_H

#include "stat/confounders.h"

/* Reads a CSV with the columns a and b (ids) and kind, in any order; other columns are ignored. `c` is empty
 * and gets the file's name. 0, or HM_EDATA with a sentence that names file and line. */
int hm_confounders_read(struct hm_confounders *c, const char *path, struct hm_err *e);

#endif
