/* What truth.c and truthread.c share. Nobody else includes it. */
#ifndef HM_TRUTHREAD_H
#define HM_TRUTHREAD_H

#include "score/truth.h"

/* Puts "FILE: line N (id X): " (or "record N") before the sentence that `e` holds; returns its code. The id
 * may be NULL. */
int hm_truth_error(const struct hm_truth *t, uint64_t place, const char *id, struct hm_err *e);

#endif
