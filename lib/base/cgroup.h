/* Limits that control groups set to this process: containers and batch systems do. */
#ifndef HM_CGROUP_H
#define HM_CGROUP_H

#include "base/mem.h"

/* The limit in one group's folder, of cgroup v2 or v1; 0: there is none, or what stands there is not
 * understood. `b` is scratch. */
typedef uint64_t hm_cgroup_reader(const char *root, const char *folder, bool v2, struct hm_buf *b);

/* The smallest limit of this process's group and of those above it, in all hierarchies of the controller
 * ("cpu", "memory"); 0: there is none. `root` stands before every path, "" on a real system:
 * root/proc/self/cgroup and root/proc/self/mountinfo say where the groups are. */
uint64_t hm_cgroup_least(const char *root, const char *controller, hm_cgroup_reader *limit_of);

/* For readers. The text of a file in the group's folder, NUL-terminated; false if there is none. */
bool hm_cgroup_text(const char *root, const char *folder, const char *file, struct hm_buf *out);
/* A decimal number of at most 15 digits, which ends with white space or the text, and that is passed over. */
bool hm_cgroup_number(const char **text, uint64_t *v);

#endif
