/* The files of a cache of features: the segments of featcache.h (.feat) and what is kept of files of records
 * (.skim, feed/sidefile.h). Which the folder holds, and the removal of those used longest ago (by mtime). A file
 * that somebody holds locked is being appended to and stays. */
#ifndef HM_FEATROOM_H
#define HM_FEATROOM_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { HM_FEATROOM_SEGMENTS = 512 }; /* the most there may be */

/* Calls fn(to, path, e) for each segment file that the folder holds now, until it fails. */
int hm_featroom_each(const char *folder, int (*fn)(void *to, const char *path, struct hm_err *e), void *to,
		     struct hm_err *e);
/* Removes a segment, unless it is locked; whether it did. */
bool hm_featroom_remove(const char *path);
/* Removes files until no more than `limit` bytes are used, segments that are locked counted as `each` bytes
 * or what they hold, and until there is one segment less than the most. HM_EDATA when that cannot be reached.
 * The caller has the folder locked. */
int hm_featroom_make(const char *folder, uint64_t limit, uint64_t each, struct hm_err *e);

#endif
