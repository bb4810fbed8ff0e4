/* A cache of features on disk, found by the hash of what they are computed from. It is a folder of segment
 * files, which any number of processes read and write at once. The reader trusts nothing in it: an entry that
 * is cut, damaged or missing is a miss, never a wrong feature, and any file may be deleted at any time.
 *
 *   segment := "HMFEAT1\n" { entry }*                 8-byte aligned, little-endian
 *   entry   := key[16] count[u32] check[u32] digest[u64] f32[count] padding to 8
 *   check   = low half of XXH3-64 of key and count; digest = XXH3-64 of the values, seeded with `check`
 *
 * A process appends to one segment at a time and holds a lock (flock) on it. If the last entry was cut, the
 * next process that appends cuts it off. When space runs out whole segments are deleted, least recently used
 * first. */
#ifndef HM_FEATCACHE_H
#define HM_FEATCACHE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hm_featcache;

/* Opens the cache in a folder of its own below `folder`, and makes both where they are missing (one level).
 * It takes at most `limit` bytes. A segment takes at most a quarter of them, so if more than three processes
 * write at once, some may find no room. A folder that cannot be written is opened for reading. NULL with `e`
 * set if it cannot be read. */
struct hm_featcache *hm_featcache_open(const char *folder, uint64_t limit, struct hm_err *e);
/* True when the folder cannot be written: hm_featcache_put then does nothing. */
bool hm_featcache_readonly(const struct hm_featcache *c);
/* The folder that the cache's files are in, for other files that belong to the cache. Borrowed. */
const char *hm_featcache_folder(const struct hm_featcache *c);
/* True if there is an entry under the key. Its values are not checked yet. */
bool hm_featcache_holds(const struct hm_featcache *c, const unsigned char key[16]);
/* Copies the values under the key to out[count]. False if there is no entry, or if it has another count or a
 * wrong digest. The latter two are damage: the segment is deleted. */
bool hm_featcache_get(struct hm_featcache *c, const unsigned char key[16], float *out, size_t count);
/* Adds an entry, unless the key has one already or there is no room. hm_featcache_close reports the first
 * failure; after it nothing more is added. */
void hm_featcache_put(struct hm_featcache *c, const unsigned char key[16], const float *values, size_t count);
/* Writes what is buffered, deletes what exceeds the limit, and frees `c` (NULL is fine). Other processes see
 * an entry at some time between put and close. 0, or HM_EDATA if some entries could not be written (disk
 * full, …); then they are computed again next time. */
int hm_featcache_close(struct hm_featcache *c, struct hm_err *e);

#endif
