/* The seccomp filter of sandbox.h. */
#ifndef HM_CALLFILTER_H
#define HM_CALLFILTER_H

#include "base/sandbox.h"

/* Whether this kernel filters system calls, and the table knows this processor. */
bool hm_callfilter_there(void);
/* Puts all threads of the process under the filter. */
bool hm_callfilter_enter(const struct hm_sandbox *s);

#endif
