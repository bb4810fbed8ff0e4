/* Memory given to this process: see memlimit.h. */
#include "base/memlimit.h"
#include "base/cgroup.h"

#include <unistd.h>

/* "max" and v1's number for it, which is larger than any machine, are no limit. */
static uint64_t read_bytes(const char *root, const char *folder, bool v2, struct hm_buf *b)
{
	uint64_t bytes;
	if (!hm_cgroup_text(root, folder, v2 ? "memory.max" : "memory.limit_in_bytes", b))
		return 0;
	const char *p = (const char *)b->data;
	return hm_cgroup_number(&p, &bytes) && !*p ? bytes : 0;
}

uint64_t hm_memory_limit(const char *root)
{
	return hm_cgroup_least(root, "memory", read_bytes);
}

size_t hm_memory_given(void)
{
	size_t machine = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
	uint64_t limit = hm_memory_limit("");
	return limit && limit < machine ? (size_t)limit : machine;
}
