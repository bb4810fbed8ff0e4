/* Files: whole-file reading with a cap, and output that is the old file or the new one, whole. */
#ifndef HM_FILE_H
#define HM_FILE_H

#include "base/mem.h"

/* Appends the whole of `path` (any readable thing: file, FIFO, /dev/stdin) to `out`. HM_EDATA when it cannot
 * be read or holds more than `cap` bytes; the sentence begins with the path. */
int hm_file_read(const char *path, size_t cap, struct hm_buf *out, struct hm_err *e);

/* A read-only mapping of a regular file; an empty file maps to len 0. Caller unmaps with hm_map_close. */
struct hm_map {
	const unsigned char *data;
	size_t len;
};
int hm_map_open(struct hm_map *m, const char *path, struct hm_err *e);
void hm_map_close(struct hm_map *m);

/* Where a chain of symbolic links ends, whether or not that exists yet; a path that is no link as it is. NULL
 * with `e`. Caller frees. */
char *hm_file_follow(const char *path, struct hm_err *e);

/* Output. A regular or new file is written without a name (where the file system has no such files, under a
 * hidden random one beside it). On commit it is fsynced, takes the target's name in one step, and the folder
 * is fsynced. A symbolic link is followed. The mode is the old file's, else 0666 & ~umask. What exists and is
 * no regular file (/dev/null, a FIFO, /dev/fd/N) is opened and written as it is. "-" is standard output.
 *
 * kill -9 leaves nothing behind but in two cases: on a file system without files that have no name, and
 * between the two last system calls (link, rename) where an old file is replaced. Then the hidden file stays.
 */
struct hm_out;
/* NULL with `e` set when it cannot be opened. `path` is copied. */
struct hm_out *hm_out_open(const char *path, struct hm_err *e);
/* Writes all n bytes or fails; after a failure every later call fails. */
int hm_out_write(struct hm_out *o, const void *p, size_t n, struct hm_err *e);
/* True when what is written cannot be taken back (a pipe, a device): the producer must then mark failure in
 * the stream itself. */
bool hm_out_is_stream(const struct hm_out *o);
int hm_out_fd(const struct hm_out *o);
/* Gives the file its name and frees `o`, also on failure. */
int hm_out_commit(struct hm_out *o, struct hm_err *e);
/* Leaves what was there before as it was, removes what was written and frees `o`; NULL is fine. */
void hm_out_abort(struct hm_out *o);

/* A new file for reading and writing that has no name in any folder, so that nothing is left of it whatever
 * happens; it takes room where `folder` is (NULL: $TMPDIR, else /var/tmp). The descriptor, or HM_EDATA. */
int hm_file_temporary(const char *folder, struct hm_err *e);

/* The whole of it in one call: open, write, commit. */
int hm_file_write(const char *path, const void *p, size_t n, struct hm_err *e);

#endif
