/* The order of an epoch's examples: a fresh permutation each epoch, a function of (seed, epoch) alone. */
#ifndef HM_ORDER_H
#define HM_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* order[0..n) for epoch = 1, 2, ...; 0 .. n-1 as they come when `shuffle` is false. */
void hm_order_epoch(uint32_t *order, uint32_t n, uint64_t seed, int64_t epoch, bool shuffle);

#endif
