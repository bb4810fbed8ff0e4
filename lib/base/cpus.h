/* How many processors this process was given: by its affinity mask (taskset, a batch system's binding) and by
 * the quota of its control groups (containers, batch systems), not how many the machine has. */
#ifndef HM_CPUS_H
#define HM_CPUS_H

/* At least 1. A quota counts rounded up: of 1.5 processors two threads make the most. */
int hm_cpus_given(void);

/* The quota alone, in processors rounded up: the smallest of this process's control group and of those above
 * it, of cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us, cpu.cfs_period_us). 0: there is none, or what stands
 * there is not understood. `root` stands before every path, "" on a real system: root/proc/self/cgroup and
 * root/proc/self/mountinfo say where the groups are. */
int hm_cpus_quota(const char *root);

#endif
