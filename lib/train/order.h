/* The order of an epoch's examples: a new permutation per epoch, which depends on (seed, epoch) only. */
#ifndef HM_ORDER_H
#define HM_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* order[0..n) := the permutation of epoch 1, 2, ...; without `shuffle`, 0 .. n-1 in order. */
void hm_order_epoch(uint32_t *order, uint32_t n, uint64_t seed, int64_t epoch, bool shuffle);

#endif
