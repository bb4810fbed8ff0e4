/* Learning rate schedules: transformers' get_constant_, get_linear_ and get_cosine_schedule_with_warmup. */
#ifndef HM_SCHEDULE_H
#define HM_SCHEDULE_H

#include <stdint.h>

enum hm_schedule { HM_CONSTANT, HM_LINEAR, HM_COSINE };

/* The factor on the learning rate in step k = 0 .. total-1 with `warmup` steps W of warm-up: k/W while k < W;
 * then constant 1, linear (N-k)/(N-W), cosine (1 + cos(pi (k-W)/(N-W)))/2, N = total. Never below 0. */
double hm_schedule_factor(enum hm_schedule s, int64_t k, int64_t total, int64_t warmup);

#endif
