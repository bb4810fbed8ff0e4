/* Memory that runs out: `countdown` says how many allocations of lib/base and cJSON still succeed. One file
 * of a program includes this. */
#ifndef TEST_SCARCE_H
#define TEST_SCARCE_H

#include <cjson/cJSON.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static long countdown = -1; /* below 0: all succeed */

static inline bool denied(void)
{
	return countdown >= 0 && countdown-- == 0;
}

/* What lib/base allocates with, in place of libc's. */
int posix_memalign(void **p, size_t align, size_t size)
{
	if (denied())
		return ENOMEM;
	*p = aligned_alloc(align, (size + align - 1) / align * align);
	return *p ? 0 : ENOMEM;
}

static inline void *allocate_json(size_t n)
{
	return denied() ? NULL : malloc(n);
}

/* cJSON's allocations are counted too, or no longer. */
static inline void count_json(bool counted)
{
	cJSON_InitHooks(counted ? &(cJSON_Hooks){allocate_json, free} : NULL);
}

/* For one call in which the k-th allocation, from 0, fails. */
static inline void begin_scarcity(long k)
{
	countdown = k;
}

/* Did every allocation succeed? */
static inline bool end_scarcity(void)
{
	bool all = countdown >= 0;
	countdown = -1;
	return all;
}

#endif
