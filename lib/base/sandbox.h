/* A sandbox for a process that reads files which strangers made. Two parts, each of which a kernel may lack:
 *   calls   a seccomp filter: only the system calls of the table in callfilter.c, none of which starts a
 *           program, makes a process or uses the network
 *   places  Landlock: files are opened, made, named and removed only where hm_sandbox_allow said so
 * Neither can be left again. Neither asks for rights that a user lacks. */
#ifndef HM_SANDBOX_H
#define HM_SANDBOX_H

#include <stdbool.h>

enum { HM_SANDBOX_CALLS = 1, HM_SANDBOX_PLACES = 2 };

enum hm_sandbox_place {
	HM_PLACE_READ,	/* a file is read; a folder is listed, and all files below it are read */
	HM_PLACE_WRITE, /* a file that is there is written, not read: a FIFO, a device */
	HM_PLACE_MAKE,	/* below this folder files are made, written, named and removed; none is read */
	HM_PLACE_SPILL, /* as HM_PLACE_MAKE; files are read, too: temporary ones */
	HM_PLACE_KEEP,	/* as HM_PLACE_SPILL; folders are made, too */
};

struct hm_sandbox {
	bool code;	   /* memory may become executable, for libraries that make code as they run */
	bool makes, keeps; /* hm_sandbox_allow sets them */
	int rules;	   /* descriptor of Landlock's rules; -1: this kernel has none */
};

/* Which parts this kernel has (HM_SANDBOX_CALLS | HM_SANDBOX_PLACES). Changes nothing. */
int hm_sandbox_kinds(void);

/* Begins the list of places, which is empty; hm_sandbox_enter ends it. */
void hm_sandbox_begin(struct hm_sandbox *s, bool code);
/* Symbolic links are followed. A path that leads nowhere is passed over. */
void hm_sandbox_allow(struct hm_sandbox *s, const char *path, enum hm_sandbox_place place);
/* The same for what is open as `fd`, which stays the caller's. */
void hm_sandbox_allow_open(struct hm_sandbox *s, int fd, enum hm_sandbox_place place);
/* Enters: threads that exist come under the filter of calls, threads made later under both parts. Returns
 * which parts are in force. */
int hm_sandbox_enter(struct hm_sandbox *s);

#endif
