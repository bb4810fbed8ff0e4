/* Image files below a root folder, opened so that a path in a record cannot lead elsewhere, name a device, or
 * block. */
#ifndef HM_IMAGEFILE_H
#define HM_IMAGEFILE_H

#include "base/budget.h"
#include "base/mem.h"

#define HM_IMAGEFILE_MAX ((size_t)256 << 20)  /* bytes of a file, at most */
#define HM_IMAGEFILE_SMALL ((size_t)16 << 20) /* of one that is not counted: each thread may have one */

struct hm_imageroot {
	int fd; /* the folder */
	bool follow_symlinks;
};
/* HM_EDATA when `dir` is not a folder that can be opened; the sentence begins with it. */
int hm_imageroot_open(struct hm_imageroot *r, const char *dir, bool follow_symlinks, struct hm_err *e);
void hm_imageroot_close(struct hm_imageroot *r);

/* Opens the file at path[0..len) below the root as hm_imagefile_read does and closes it again: 0, or
 * HM_EDATA. */
int hm_imagefile_check(const struct hm_imageroot *r, const char *path, size_t len, struct hm_err *e);
/* out := the whole file at path[0..len) below the root. A file that is not small waits until the threads have
 * room for it: *held, which the caller gives back, is what was taken of `budget`, also after a failure.
 * HM_EDATA with the reason alone for an absolute path,
 * one with a ".." in it, a symbolic link that leads out of the root (unless follow_symlinks; before
 * Linux 5.6, which has no openat2, any link), anything but a regular file, more than HM_IMAGEFILE_MAX bytes.
 * A file that is there and cannot be read is the machine's fault (e->machine). May be called from several
 * threads. */
int hm_imagefile_read(const struct hm_imageroot *r, const char *path, size_t len, struct hm_budget *budget,
		      size_t *held, struct hm_buf *out, struct hm_err *e);

#endif
