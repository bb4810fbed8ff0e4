/* How much memory this process was given: by the machine, and by its control groups. */
#ifndef HM_MEMLIMIT_H
#define HM_MEMLIMIT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes: those of the machine, or the limit of the control groups where it is smaller. At least 1. */
size_t hm_memory_given(void);

/* The limit alone: the smallest of this process's control group and of those above it, of cgroup v2
 * (memory.max) and v1 (memory.limit_in_bytes). 0: there is none. `root` as of hm_cpus_quota. */
uint64_t hm_memory_limit(const char *root);

#endif
