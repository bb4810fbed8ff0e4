/* Bytes that threads may hold together: see budget.h. */
#include "base/budget.h"

void hm_budget_init(struct hm_budget *b, size_t total)
{
	*b = (struct hm_budget){.total = total};
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
}

void hm_budget_clear(struct hm_budget *b)
{
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
}

void hm_budget_take(struct hm_budget *b, size_t bytes)
{
	pthread_mutex_lock(&b->lock);
	uint64_t mine = b->asked++;
	while (b->served != mine || (b->held && (b->held > b->total || bytes > b->total - b->held)))
		pthread_cond_wait(&b->changed, &b->lock);
	b->served++;
	b->held += bytes;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

void hm_budget_give(struct hm_budget *b, size_t bytes)
{
	if (!bytes)
		return;
	pthread_mutex_lock(&b->lock);
	b->held -= bytes;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}
