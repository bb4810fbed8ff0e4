/* The parts of modelfile.c's reading that find out which fusion a file is and read its last layer. */
#ifndef HM_MODELHEAD_H
#define HM_MODELHEAD_H

#include "model/modelfile.h"

/* *set := the fusions whose models may have all of the file's names: bit i is number i of the list. 0, or
 * HM_EDATA: a tensor that is part of no model, or tensors of two fusions. */
int hm_modelhead_names(const struct hm_modelfile *m, unsigned *set, struct hm_err *e);
/* m->fusion and m->head's sizes := those of the fusion of the set that is called `said`, else of the first
 * whose shapes fit. 0, or HM_EDATA: no shapes fit, or two fusions' do and `said` is "". */
int hm_modelhead_choose(struct hm_modelfile *m, unsigned set, const char *said, struct hm_err *e);
/* m->weight, bias, classes, inputs := the last layer. 0 or HM_EDATA. */
int hm_modelhead_read(struct hm_modelfile *m, struct hm_err *e);

#endif
