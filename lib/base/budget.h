/* Bytes that threads may hold together. Each takes what it will need before it allocates, and gives it back.
 * Who asks waits until it fits, in the order of asking. Who is alone never waits, so that a need larger than
 * the budget is met, too; a thread that holds some must not ask for more of the same budget. */
#ifndef HM_BUDGET_H
#define HM_BUDGET_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct hm_budget {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t total, held;
	uint64_t asked, served; /* requests so far */
};
void hm_budget_init(struct hm_budget *b, size_t total);
void hm_budget_clear(struct hm_budget *b); /* nobody holds or waits */
void hm_budget_take(struct hm_budget *b, size_t bytes);
/* Gives back what was taken; 0 is fine. */
void hm_budget_give(struct hm_budget *b, size_t bytes);

#endif
