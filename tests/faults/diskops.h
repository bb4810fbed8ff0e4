/* What diskrecord.c writes down and diskstates.c reads: a call that changed a disk, and the bytes of its
 * names and its data behind it. */
#ifndef DISKOPS_H
#define DISKOPS_H

#include <stdint.h>

struct diskop {
	/* 'N': a new inode a (b: a folder). 'E': folder a has the name for inode b. 'R': name of folder a is
	 * other in folder b. 'U': folder a has the name no more. 'W': data at b of inode a. 'T': inode a has
	 * b bytes. 'S': inode a is synced. */
	uint64_t kind, a, b, name, other, data; /* the last three: bytes */
};

#endif
