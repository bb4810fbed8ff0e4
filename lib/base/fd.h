/* System calls on file descriptors, with one rule for what interrupts them: after a signal (EINTR) the call
 * is made again, and a descriptor in non-blocking mode (EAGAIN), as a parent process may have left a standard
 * stream, is waited for. All return -1 with errno set when they fail otherwise. */
#ifndef HM_FD_H
#define HM_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As open(2); `mode` counts only with O_CREAT or O_TMPFILE. */
int hm_fd_open(const char *path, int flags, mode_t mode);
int hm_fd_open_at(int folder, const char *path, int flags, mode_t mode); /* as openat(2) */
/* As read(2): up to n bytes, 0 at the end. */
ssize_t hm_fd_read(int fd, void *p, size_t n);
/* The n bytes at `at`, as pread(2); fewer only when the file ends before. Returns how many. */
ssize_t hm_fd_read_at(int fd, void *p, size_t n, uint64_t at);
/* Writes all n bytes. 0 or -1; how many were written before a failure is not known. */
int hm_fd_write(int fd, const void *p, size_t n);
/* The same at byte `at` of a file, as pwrite(2). */
int hm_fd_write_at(int fd, const void *p, size_t n, uint64_t at);
int hm_fd_sync(int fd); /* as fsync(2) */
/* The same for a folder. Some file systems do not sync folders, and one that was opened without leave to read
 * cannot be synced: that is no failure. */
int hm_fd_sync_folder(int fd);
/* As close(2). It is not made again after a signal, for the descriptor is closed then. */
int hm_fd_close(int fd);
/* As flock(2), which waits unless `how` holds LOCK_NB. */
int hm_fd_lock(int fd, int how);

/* For other calls on `fd`: whether the one that just failed is to be made again. In non-blocking mode it
 * waits for `events` of poll(2) first. */
bool hm_fd_again(int fd, short events);

#endif
