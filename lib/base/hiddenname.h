/* The hidden names of output files that are not finished: .NAME.DIGITS.tmp, in the target's folder. For
 * outfile.c, and for who ends a process by a signal.
 *
 * A name's digits are the mark of the running system and the number of a slot, so that a later process finds
 * what a killed one left without reading the folder. Its writer holds a lock (flock) on the file: whoever
 * gets that lock has found a dead file. The mark differs for each boot of each machine, and on one running
 * system locks are seen by every process even where a shared file system has none of its own. So no file of
 * another machine is ever removed. Who finds all slots taken, or cannot lock, takes random digits, which
 * nobody removes. */
#ifndef HM_HIDDENNAME_H
#define HM_HIDDENNAME_H

#include "base/err.h"

#include <stdbool.h>

enum {
	HM_HIDDEN_NAME = 256, /* bytes of a name */
	HM_HIDDEN_MARK = 17,  /* 16 hexadecimal digits and a NUL */
	HM_HIDDEN_SLOTS = 4,
};

/* "" where the running system is not known. */
void hm_hidden_mark(char mark[HM_HIDDEN_MARK]);
/* The name for `base` in slot `i` of this mark; random from HM_HIDDEN_SLOTS on, or without a mark. 0, or -1
 * with errno if there are no random numbers. */
int hm_hidden_name(const char *base, const char *mark, int i, char name[HM_HIDDEN_NAME]);
/* Removes what killed processes left under the slots of `base` in the open folder. */
void hm_hidden_remove_dead(int folder, const char *base, const char *mark);
/* Removes the hidden files that this process has open, by /proc/self/fd. For a signal handler: it calls only
 * what may be called there, and does not look at the process's memory. */
void hm_hidden_remove_own(void);

#endif
