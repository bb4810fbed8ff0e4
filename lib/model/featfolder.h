/* The folder of a cache of features and its files: the segments of featcache.h (.feat) and the side files of
 * feed/sidefile.h (.skim). It is a folder of hm's own below the one that the user names, marked as a cache by
 * CACHEDIR.TAG. Older versions of hm put the files into the user's folder itself. A file is hm's if both its
 * name and its first bytes say so; no other file is ever opened for writing or removed.
 *
 * The files that were used longest ago (by mtime) are removed first. A time more than a day ahead is that of
 * a wrong clock and counts as the oldest. A locked file is being appended to and is not removed. */
#ifndef HM_FEATFOLDER_H
#define HM_FEATFOLDER_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	HM_FEATFOLDER_SEGMENTS = 512, /* the most segments in both folders together */
	HM_FEATFOLDER_TAG = 256,      /* bytes reserved for CACHEDIR.TAG */
};

#define HM_FEATFOLDER_MAGIC "HMFEAT1\n" /* the first bytes of a segment, without the NUL */

struct hm_featfolder {
	char *user;    /* the folder that the user names: older segments are read and removed there */
	char *own;     /* the folder below it, where everything is written; NULL if it cannot be made */
	bool readonly; /* nothing can be written or removed */
};

/* Makes both folders (one level) and CACHEDIR.TAG if they are missing. A folder that can be read but not
 * written, by its permissions or its file system, is `readonly`. 0, or HM_EDATA if it cannot be read. Caller
 * clears, also after a failure. */
int hm_featfolder_open(struct hm_featfolder *r, const char *folder, struct hm_err *e);
void hm_featfolder_clear(struct hm_featfolder *r);

/* Calls fn(to, path, own, e) for each file that has a segment's name, those in the own folder first, until fn
 * fails. fn checks the first bytes. 0, or the failure. */
int hm_featfolder_each(const struct hm_featfolder *r,
		       int (*fn)(void *to, const char *path, bool own, struct hm_err *e), void *to,
		       struct hm_err *e);
/* Removes a segment, unless it is locked or not hm's any more. True if it was removed. */
bool hm_featfolder_remove(const char *path);
/* Removes files until at most `limit` bytes are used and there is room for one more segment. A locked segment
 * counts as `each` bytes, or as its size if that is more. 0, or HM_EDATA if that cannot be reached. The
 * caller holds the lock of the own folder. */
int hm_featfolder_make(const struct hm_featfolder *r, uint64_t limit, uint64_t each, struct hm_err *e);

#endif
