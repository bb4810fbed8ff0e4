/* Files: whole-file reading with a cap, and output that is the old file or the new one, whole. */
#ifndef HM_FILE_H
#define HM_FILE_H

#include "base/mem.h"

/* Appends everything that `path` holds (a file, a FIFO, /dev/stdin) to `out`. HM_EDATA when it cannot be read
 * or holds more than `cap` bytes; the sentence begins with the path. */
int hm_file_read(const char *path, size_t cap, struct hm_buf *out, struct hm_err *e);

/* 1: there is something at `path`; 0: there is not; HM_EDATA: it cannot be found out. */
int hm_file_there(const char *path, struct hm_err *e);
/* 1: `path` is a folder; 0: it is another file or nothing; HM_EDATA: it cannot be found out. */
int hm_file_is_folder(const char *path, struct hm_err *e);

/* A read-only mapping of a regular file; an empty file maps to len 0. Caller unmaps with hm_map_close. */
struct hm_map {
	const unsigned char *data;
	size_t len;
};
int hm_map_open(struct hm_map *m, const char *path, struct hm_err *e);
/* The same of the open file `fd`, which stays open and the caller's. */
int hm_map_fd(struct hm_map *m, int fd, const char *path, struct hm_err *e);
void hm_map_close(struct hm_map *m);
/* Takes what was read out of the process's memory; it is read from the file again where it is needed. */
void hm_map_release(const struct hm_map *m);

/* Opens the folder that `path` is in or will be in, and gives its name there: symbolic links are followed to
 * the end of the chain, which need not exist. Returns the descriptor, which the caller closes as it frees
 * *name; HM_EDATA if the folder cannot be opened, or for another user's link in a folder where everybody may
 * write and none may remove (/tmp), as the kernel's protected_symlinks refuses them. */
int hm_file_folder(const char *path, char **name, struct hm_err *e);

/* Output. A regular or new file is written without a name (O_TMPFILE). On commit it is fsynced and takes the
 * target's name in one step; then the folder is fsynced. Where the file system has no unnamed files, the file
 * has a hidden name in the same folder until then (hiddenname.h). Symbolic links are followed, as
 * hm_file_folder does. The mode is that of the old file, which must be writable as for cp, else what the
 * umask leaves. A target that exists and is not a regular file (/dev/null, a FIFO, /dev/fd/N) is opened and
 * written directly. "-" is standard output.
 *
 * The folder is opened with the file and stays open: hm_out_write, _commit and _abort open nothing, and a
 * folder that is put in its place meanwhile gets no file.
 *
 * A process that is killed leaves a hidden file in two cases only: on a file system without unnamed files,
 * and between the last two system calls (link, rename) when an old file is replaced. The next hm_out_open of
 * the same target removes it. Signals that end a process wait for these two calls in the thread that makes
 * them, and lib/cli removes the hidden files of a process that a signal ends. */
struct hm_out;
/* NULL with `e` set when it cannot be opened. `path` is copied. */
struct hm_out *hm_out_open(const char *path, struct hm_err *e);
/* Writes all n bytes or fails; after a failure every later call fails. */
int hm_out_write(struct hm_out *o, const void *p, size_t n, struct hm_err *e);
/* True when what is written cannot be taken back (a pipe, a device): the producer must then mark failure in
 * the stream itself. */
bool hm_out_is_stream(const struct hm_out *o);
int hm_out_fd(const struct hm_out *o);
/* Gives the file its name and frees `o`, also on failure. After success file and name outlive a loss of
 * power.
 */
int hm_out_commit(struct hm_out *o, struct hm_err *e);
/* The same for one of many files in a folder: its name outlives a loss of power only after hm_file_sync_name
 * of any of them. Until then there may be the old file under the name, whole, or none. */
int hm_out_commit_unsynced(struct hm_out *o, struct hm_err *e);
/* Leaves what was there before as it was, removes what was written and frees `o`; NULL is fine. */
void hm_out_abort(struct hm_out *o);

/* Where temporary data goes: the value of $TMPDIR, borrowed, else /var/tmp. */
const char *hm_file_temporary_folder(void);

/* Opens a new file without a name for reading and writing; nothing is left of it once it is closed. It is
 * stored on the file system of `folder` (NULL: hm_file_temporary_folder). Returns the descriptor, or
 * HM_EDATA. */
int hm_file_temporary(const char *folder, struct hm_err *e);

/* Opens, writes and commits in one call. */
int hm_file_write(const char *path, const void *p, size_t n, struct hm_err *e);

/* Makes the name of a new file or folder outlive a loss of power: syncs the folder that it is in. 0, or
 * HM_EDATA. */
int hm_file_sync_name(const char *path, struct hm_err *e);

/* Makes the folder, whose parent is there, unless it is there already, and syncs its name. HM_EDATA, naming
 * it, if it cannot be made or written into: a tool that writes there in the end finds it before the work. */
int hm_folder_make(const char *path, struct hm_err *e);

#endif
