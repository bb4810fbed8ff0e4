/* Processors given to this process: see cpus.h. */
#include "base/cpus.h"
#include "base/cgroup.h"

#include <limits.h>
#include <sched.h>

/* Processors that `quota` microseconds in each `period` are worth, rounded up; 0: no limit. */
static uint64_t count_processors(uint64_t quota, uint64_t period)
{
	uint64_t n = quota && period ? (quota - 1) / period + 1 : 0;
	return n <= INT_MAX ? n : 0;
}

/* v2: cpu.max, "QUOTA PERIOD", or "max PERIOD". v1: the same in two files; a quota of -1 means no limit. */
static uint64_t read_quota(const char *root, const char *folder, bool v2, struct hm_buf *b)
{
	static const char *const name[2] = {"cpu.cfs_quota_us", "cpu.cfs_period_us"};
	uint64_t v[2];
	for (int i = 0; i < 2 && !v2; i++) {
		if (!hm_cgroup_text(root, folder, name[i], b))
			return 0;
		const char *p = (const char *)b->data;
		if (!hm_cgroup_number(&p, &v[i]) || *p)
			return 0;
	}
	if (v2) {
		if (!hm_cgroup_text(root, folder, "cpu.max", b))
			return 0;
		const char *p = (const char *)b->data;
		if (!hm_cgroup_number(&p, &v[0]) || !hm_cgroup_number(&p, &v[1]) || *p)
			return 0;
	}
	return count_processors(v[0], v[1]);
}

int hm_cpus_quota(const char *root)
{
	return (int)hm_cgroup_least(root, "cpu", read_quota);
}

/* Processors in the affinity mask; 0 if it cannot be read. The mask's size depends on the kernel. */
static int count_affinity(void)
{
	for (int most = CPU_SETSIZE; most <= 1 << 20; most *= 2) {
		size_t size = CPU_ALLOC_SIZE(most);
		cpu_set_t *set = CPU_ALLOC(most);
		int n = set && !sched_getaffinity(0, size, set) ? CPU_COUNT_S(size, set) : 0;
		CPU_FREE(set);
		if (n)
			return n;
	}
	return 0;
}

int hm_cpus_given(void)
{
	int n = count_affinity(), quota = hm_cpus_quota("");
	n = !n || (quota && quota < n) ? quota : n;
	return n ? n : 1;
}
