/* lib/base's count of processors, and of memory: limits of made-up control groups of both versions, nested,
 * in containers, and files that say nothing or too much. */
#include "base/cpus.h"
#include "base/file.h"
#include "base/memlimit.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char root[64];

/* Runs a command on the folder that stands for /; its names are this test's own. */
static void clear_root(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf -- %s", root);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof root, "/tmp/test_cpus.XXXXXX");
	assert_non_null(mkdtemp(root));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	clear_root();
	return 0;
}

/* Writes root/path, and makes the folders above it. */
static void put_file(const char *path, const char *text)
{
	char name[8192];
	struct hm_err e = {0};
	int n = snprintf(name, sizeof name, "%s%s", root, path);
	for (char *p = name + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(!mkdir(name, 0777) || errno == EEXIST);
		*p = '/';
	}
	assert_true(n < (int)sizeof name);
	assert_int_equal(hm_file_write(name, text, strlen(text), &e), 0);
}

#define V2_MOUNT "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT                                                                                             \
	"30 23 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"                                         \
	"31 30 0:28 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"                                \
	"32 30 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpuset,cpu\n"

static void v2_says_it_in_one_file(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int want;
	} c[] = {{"max 100000\n", 0},
		 {"max\n", 0},
		 {"200000 100000\n", 2},
		 {"150000 100000\n", 2},
		 {"100001 100000\n", 2},
		 {"1000 100000\n", 1},
		 {"100000 100000", 1},
		 {"6400000 100000\n", 64},
		 {"200000 0\n", 0},
		 {"0 100000\n", 0},
		 {"", 0},
		 {"\n", 0},
		 {"200000\n", 0},
		 {"-1 100000\n", 0},
		 {"200000 -1\n", 0},
		 {"200000 100000 1\n", 0},
		 {"200000x 100000\n", 0},
		 {"2e5 1e5\n", 0},
		 {"0x30d40 100000\n", 0},
		 {"999999999999999 1\n", 0},
		 {"9999999999999999 1\n", 0},
		 {"99999999999999999999999 100000\n", 0},
		 {"max max\n", 0},
		 {"200000 99999999999999999999\n", 0}};
	put_file("/proc/self/cgroup", "0::/a\n");
	put_file("/proc/self/mountinfo", V2_MOUNT);
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		put_file("/sys/fs/cgroup/a/cpu.max", c[i].text);
		assert_int_equal(hm_cpus_quota(root), c[i].want);
	}
	char *much = malloc(100001);
	assert_non_null(much);
	memset(much, '1', 100000);
	memcpy(much, "200000 100000 ", 14);
	much[100000] = '\0';
	put_file("/sys/fs/cgroup/a/cpu.max", much);
	assert_int_equal(hm_cpus_quota(root), 0);
	free(much);
}

static void v1_says_it_in_two(void **state)
{
	(void)state;
	static const struct {
		const char *quota, *period;
		int want;
	} c[] = {{"-1\n", "100000\n", 0},
		 {"300000\n", "100000\n", 3},
		 {"250000\n", "100000\n", 3},
		 {"50000\n", "100000\n", 1},
		 {"300000\n", "0\n", 0},
		 {"0\n", "100000\n", 0},
		 {"300000\n", "\n", 0},
		 {"", "100000\n", 0},
		 {"300000 1\n", "100000\n", 0},
		 {"300000\n", "x\n", 0},
		 {"99999999999999999999\n", "1\n", 0}};
	put_file("/proc/self/cgroup", "3:cpuacct:/wrong\n2:cpuset,cpu:/job\n0::/\n");
	put_file("/proc/self/mountinfo", V1_MOUNT);
	put_file("/sys/fs/cgroup/cpuacct/wrong/cpu.cfs_quota_us", "100000\n");
	put_file("/sys/fs/cgroup/cpuacct/wrong/cpu.cfs_period_us", "100000\n");
	put_file("/sys/fs/cgroup/cpu/wrong/cpu.cfs_quota_us", "100000\n");
	put_file("/sys/fs/cgroup/cpu/wrong/cpu.cfs_period_us", "100000\n");
	assert_int_equal(hm_cpus_quota(root), 0);
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		put_file("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", c[i].quota);
		put_file("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", c[i].period);
		assert_int_equal(hm_cpus_quota(root), c[i].want);
	}
}

static void the_smallest_above_counts(void **state)
{
	(void)state;
	put_file("/proc/self/cgroup", "1:name=systemd:/x\n0::/slurm/job_7/step_0\n");
	put_file("/proc/self/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n" V2_MOUNT);
	put_file("/sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000\n");
	put_file("/sys/fs/cgroup/slurm/job_7/cpu.max", "400000 100000\n");
	put_file("/sys/fs/cgroup/slurm/cpu.max", "1600000 100000\n");
	put_file("/sys/fs/cgroup/slurm/job_8/cpu.max", "100000 100000\n");
	assert_int_equal(hm_cpus_quota(root), 4);
	put_file("/sys/fs/cgroup/slurm/cpu.max", "300000 100000\n");
	assert_int_equal(hm_cpus_quota(root), 3);
	put_file("/sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "200000 100000\n");
	assert_int_equal(hm_cpus_quota(root), 2);
	put_file("/sys/fs/cgroup/cpu.max", "100000 100000\n"); /* a container's own, mounted as the top */
	assert_int_equal(hm_cpus_quota(root), 1);
	put_file("/sys/fs/cpu.max", "1000 100000\n"); /* above the mount: nobody's */
	put_file("/sys/fs/cgroup/cpu.max", "900000 100000\n");
	assert_int_equal(hm_cpus_quota(root), 2);
}

/* A container sees a part of the tree, with or without a name space of its own. */
static void mounts_of_a_part(void **state)
{
	(void)state;
	put_file("/proc/self/cgroup", "0::/docker/abc/in\n");
	put_file("/proc/self/mountinfo", "31 23 0:28 /docker/abc /a\\040b rw - cgroup2 none rw\n");
	put_file("/a b/in/cpu.max", "300000 100000\n");
	put_file("/a b/cpu.max", "500000 100000\n");
	assert_int_equal(hm_cpus_quota(root), 3);
	static const char *const outside[] = {"0::/\n", "0::/docker/abcd\n", "0::/../x\n", "0::/docker/abc\n",
					      "0::/docker/abc/\n"};
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
		put_file("/proc/self/cgroup", outside[i]);
		assert_int_equal(hm_cpus_quota(root), 5);
	}
	/* both versions at once: the smaller limit */
	put_file("/proc/self/cgroup", "4:cpu,cpuacct:/j\n0::/\n");
	put_file("/proc/self/mountinfo", V1_MOUNT "31 23 0:28 / /two rw - cgroup2 none rw\n");
	put_file("/two/cpu.max", "600000 100000\n");
	put_file("/sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "700000\n");
	put_file("/sys/fs/cgroup/cpu/j/cpu.cfs_period_us", "100000\n");
	assert_int_equal(hm_cpus_quota(root), 6);
	put_file("/sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "200000\n");
	assert_int_equal(hm_cpus_quota(root), 2);
}

static void what_is_not_understood_is_no_limit(void **state)
{
	(void)state;
	static const char *const cgroup[] = {"",    "\n",  "0",	    "0:",      "0:\n::\n",
					     ":::", "0::", "0:cpu", "x:y:z\n", "0::relative\n"};
	static const char *const mounts[] = {"",
					     "\n",
					     " - ",
					     " - cgroup2 none rw",
					     "31 23 0:28 / /sys/fs/cgroup rw - cgroup2\n",
					     "31 23 0:28 / /sys/fs/cgroup rw cgroup2 none rw\n",
					     "31 23 0:28 / - cgroup2 none rw\n",
					     "31 23 0:28 / /nowhere rw - cgroup2 none rw\n",
					     "31 23 0:28 / \\777\\ rw - cgroup2 none rw\n",
					     "31 23 0:28 / /sys/fs/cgroup rw - cgroup none rw,cpuset\n"};
	assert_int_equal(hm_cpus_quota(root), 0); /* no file at all */
	put_file("/sys/fs/cgroup/cpu.max", "300000 100000\n");
	put_file("/proc/self/mountinfo", V2_MOUNT);
	assert_int_equal(hm_cpus_quota(root), 0);
	for (size_t i = 0; i < sizeof cgroup / sizeof *cgroup; i++) {
		put_file("/proc/self/cgroup", cgroup[i]);
		int n = hm_cpus_quota(root);
		assert_true(!n || n == 3); /* where it names a group, at most that of the mount */
	}
	put_file("/proc/self/cgroup", "0::/\n");
	assert_int_equal(hm_cpus_quota(root), 3);
	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		put_file("/proc/self/mountinfo", mounts[i]);
		assert_int_equal(hm_cpus_quota(root), 0);
	}
	/* paths longer than any, many lines, a file larger than is read */
	static char text[9 << 20];
	put_file("/proc/self/mountinfo", V2_MOUNT);
	snprintf(text, sizeof text, "0::/%06000d\n", 7);
	put_file("/proc/self/cgroup", text);
	assert_int_equal(hm_cpus_quota(root), 0);
	snprintf(text, sizeof text, "0::/%04060d\n", 7);
	put_file("/proc/self/cgroup", text);
	assert_int_equal(hm_cpus_quota(root), 0);
	put_file("/proc/self/cgroup", "0::/\n");
	snprintf(text, sizeof text, "31 23 0:28 / /%06000d rw - cgroup2 none rw\n" V2_MOUNT, 7);
	put_file("/proc/self/mountinfo", text);
	assert_int_equal(hm_cpus_quota(root), 3);
	memset(text, '\n', sizeof text);
	memcpy(text, V2_MOUNT, sizeof V2_MOUNT - 1);
	text[sizeof text - 1] = '\0';
	put_file("/proc/self/mountinfo", text);
	assert_int_equal(hm_cpus_quota(root), 0);
}

static void memory_has_limits_too(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t want;
	} c[] = {{"max\n", 0},
		 {"536870912\n", 536870912},
		 {"9223372036854771712\n", 0},
		 {"", 0},
		 {"1 2\n", 0},
		 {"0\n", 0},
		 {"-1\n", 0}};
	assert_int_equal(hm_memory_limit(root), 0); /* no file at all */
	put_file("/proc/self/cgroup", "0::/a/b\n");
	put_file("/proc/self/mountinfo", V2_MOUNT);
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		put_file("/sys/fs/cgroup/a/b/memory.max", c[i].text);
		assert_int_equal(hm_memory_limit(root), c[i].want);
	}
	put_file("/sys/fs/cgroup/a/b/memory.max", "2000000000\n");
	put_file("/sys/fs/cgroup/a/memory.max", "1000000000\n");
	put_file("/sys/fs/cgroup/a/b/cpu.max", "1 1\n");
	assert_int_equal(hm_memory_limit(root), 1000000000);
	put_file("/proc/self/cgroup", "9:memory:/job\n2:cpu:/a\n0::/\n");
	put_file("/proc/self/mountinfo", "40 33 0:35 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
	put_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	assert_int_equal(hm_memory_limit(root), 0);
	put_file("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "300000000\n");
	put_file("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1\n");
	assert_int_equal(hm_memory_limit(root), 300000000);
	size_t given = hm_memory_given();
	assert_true(given >= 1 << 20 &&
		    given <= (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE));
}

static void the_affinity_mask_counts(void **state)
{
	(void)state;
	cpu_set_t all, one;
	assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
	int given = hm_cpus_given(), first = 0;
	assert_true(given >= 1 && given <= CPU_COUNT(&all));
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	assert_int_equal(hm_cpus_given(), 1);
	assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(v2_says_it_in_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(v1_says_it_in_two, setup, teardown),
		cmocka_unit_test_setup_teardown(the_smallest_above_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(mounts_of_a_part, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_understood_is_no_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_has_limits_too, setup, teardown),
		cmocka_unit_test(the_affinity_mask_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
