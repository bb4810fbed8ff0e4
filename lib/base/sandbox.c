/* The places of the sandbox, by Landlock: see sandbox.h. The numbers are the kernel's; they
 * are written down here because the headers of many systems are older than their kernels. */
#include "base/sandbox.h"
#include "base/callfilter.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset /* the same on every processor */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define WRITE_FILE (UINT64_C(1) << 1)
#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIR (UINT64_C(1) << 3)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_DIR (UINT64_C(1) << 7)
#define MAKE_REG (UINT64_C(1) << 8)
#define TRUNCATE (UINT64_C(1) << 14)
#define FS_FIRST ((UINT64_C(1) << 13) - 1) /* version 1 */
#define FS_REFER (UINT64_C(1) << 13)	   /* version 2 */
#define NET_TCP UINT64_C(3)		   /* bind, connect: version 4 */
#define SCOPES UINT64_C(3)		   /* abstract sockets, signals: version 6 */

struct ruleset {
	uint64_t fs, net, scoped;
};

struct rule {
	uint64_t rights;
	int32_t parent;
} __attribute__((packed));

/* The rights that a version of Landlock knows; what is not handled is not restricted. */
static uint64_t handled(long version)
{
	return FS_FIRST | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? TRUNCATE : 0);
}

/* 0 or less: none. */
static long landlock_version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_RULESET_VERSION);
}

int hm_sandbox_kinds(void)
{
	return (hm_callfilter_there() ? HM_SANDBOX_CALLS : 0) |
	       (landlock_version() > 0 ? HM_SANDBOX_PLACES : 0);
}

void hm_sandbox_begin(struct hm_sandbox *s, bool code)
{
	long version = landlock_version();
	struct ruleset r = {.fs = handled(version), .net = NET_TCP, .scoped = SCOPES};
	size_t size = version >= 6   ? sizeof r
		      : version >= 4 ? offsetof(struct ruleset, scoped)
				     : offsetof(struct ruleset, net);
	*s = (struct hm_sandbox){.code = code, .rules = -1};
	if (version > 0)
		s->rules = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
}

void hm_sandbox_allow_open(struct hm_sandbox *s, int fd, enum hm_sandbox_place place)
{
	const uint64_t read = READ_FILE | READ_DIR,
		       make = READ_DIR | WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE,
		       rights[] = {[HM_PLACE_READ] = read,
				   [HM_PLACE_WRITE] = WRITE_FILE,
				   [HM_PLACE_MAKE] = make,
				   [HM_PLACE_SPILL] = make | READ_FILE,
				   [HM_PLACE_KEEP] = make | READ_FILE | MAKE_DIR};
	struct stat st;
	s->makes |= place != HM_PLACE_READ;
	s->keeps |= place == HM_PLACE_KEEP;
	if (s->rules < 0 || fd < 0)
		return;
	struct rule r = {rights[place] & handled(landlock_version()), fd};
	if (!fstat(fd, &st) && !S_ISDIR(st.st_mode))
		r.rights &= READ_FILE | WRITE_FILE | TRUNCATE;
	/* Pipes and sockets are not below any folder and take no rule; they may be opened again anyway. */
	syscall(SYS_landlock_add_rule, s->rules, RULE_PATH_BENEATH, &r, 0);
}

void hm_sandbox_allow(struct hm_sandbox *s, const char *path, enum hm_sandbox_place place)
{
	int fd = s->rules < 0 ? -1 : hm_fd_open(path, O_PATH | O_CLOEXEC, 0);
	hm_sandbox_allow_open(s, fd, place);
	if (fd >= 0)
		close(fd);
}

int hm_sandbox_enter(struct hm_sandbox *s)
{
	int in_force = 0;
	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		if (s->rules >= 0 && !syscall(SYS_landlock_restrict_self, s->rules, 0))
			in_force |= HM_SANDBOX_PLACES;
		if (hm_callfilter_enter(s))
			in_force |= HM_SANDBOX_CALLS;
	}
	if (s->rules >= 0)
		close(s->rules);
	s->rules = -1;
	return in_force;
}
