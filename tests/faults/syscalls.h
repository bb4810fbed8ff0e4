/* The system calls that the loops fail, and with what. One row per call. */
#ifndef FAULTS_SYSCALLS_H
#define FAULTS_SYSCALLS_H

#include <stdbool.h>

struct syscall_row {
	const char *name;
	int number;
	int fd, path; /* which argument is a descriptor, a path; -1 none */
	int io, room; /* errno of a failing device, of exhaustion; 0: this call is not failed so */
	bool interrupted, again, cut; /* may end with EINTR, with EAGAIN, after one byte */
};
extern const struct syscall_row syscall_rows[];
extern const int n_syscall_rows;

#endif
