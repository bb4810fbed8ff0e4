/* The files of a cache of features: the segments of featcache.h (.feat) and what is kept of files of records
 * (.skim, feed/sidefile.h). They are in a folder of their own below the one that the user names, which a
 * CACHEDIR.TAG marks as a cache; versions of hm before that put them into the user's folder itself. A file is
 * hm's if its name and its first bytes are: nothing else is ever opened for writing or removed.
 *
 * Files that were used longest ago (by mtime) are removed first. One that somebody holds locked is being
 * appended to and stays. */
#ifndef HM_FEATROOM_H
#define HM_FEATROOM_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	HM_FEATROOM_SEGMENTS = 512, /* the most there may be, in both folders */
	HM_FEATROOM_TAG = 256,	    /* bytes that are set aside for the mark */
};

#define HM_FEATROOM_MAGIC "HMFEAT1\n" /* how a segment begins, without the NUL */

struct hm_featroom {
	char *user;    /* the folder that the user names: older segments are read and removed there */
	char *own;     /* the folder below it, for all that is written; NULL where it cannot be made */
	bool readonly; /* nothing can be written or removed */
};

/* Makes both folders (one level) and the mark where they are missing. A folder that may be read and not
 * written, also by its file system, is `readonly`. HM_EDATA when it cannot be read. Clear also after a
 * failure. */
int hm_featroom_open(struct hm_featroom *r, const char *folder, struct hm_err *e);
void hm_featroom_clear(struct hm_featroom *r);

/* Calls fn(to, path, own, e) for each file that has a segment's name, those of the own folder first, until it
 * fails. The caller looks at the first bytes. */
int hm_featroom_each(const struct hm_featroom *r,
		     int (*fn)(void *to, const char *path, bool own, struct hm_err *e), void *to,
		     struct hm_err *e);
/* Removes a segment, unless it is locked or no longer one of hm's; whether it did. */
bool hm_featroom_remove(const char *path);
/* Removes files until no more than `limit` bytes are used, segments that are locked counted as `each` bytes
 * or what they hold, and until there is one segment less than the most. HM_EDATA when that cannot be reached.
 * The caller has the own folder locked. */
int hm_featroom_make(const struct hm_featroom *r, uint64_t limit, uint64_t each, struct hm_err *e);

#endif
