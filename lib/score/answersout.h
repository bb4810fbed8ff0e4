/* The output of records, for answers.c only. */
#ifndef HM_ANSWERSOUT_H
#define HM_ANSWERSOUT_H

#include "score/answers.h"

/* Fills a->schema and a->from, opens a->writer on a->o.out. 0 or HM_EDATA. */
int hm_answers_open_output(struct hm_answers *a, struct hm_workers *w, struct hm_err *e);
/* Writes record i of a->batch. 0 or HM_EDATA. */
int hm_answers_put(struct hm_answers *a, int i, struct hm_err *e);

#endif
