/* Features kept on disk by what they are made from: a folder of segment files that any number of processes
 * read and write at once. Nothing in it is believed: an entry that is torn, damaged or gone is a miss, never
 * a wrong feature, and any file may be removed at any time.
 *
 *   segment := "HMFEAT1\n" { entry }*                 8-byte aligned, little-endian
 *   entry   := key[16] count[u32] check[u32] digest[u64] f32[count] padding to 8
 *   check   = low half of XXH3-64 of key and count; digest = XXH3-64 of the values, seeded with `check`
 *
 * A process appends to one segment at a time, which it holds locked (flock); a torn end is cut off by the
 * next one that does. Space is bounded by removing whole segments, those used longest ago first. */
#ifndef HM_FEATCACHE_H
#define HM_FEATCACHE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hm_featcache;

/* Opens the cache below `folder`, which is made when it is not there (one level), for at most `limit` bytes:
 * a quarter of them is the most of a segment, so that more than three writers at once may find no room. A
 * folder that cannot be written is read alone. NULL with `e` set when it cannot be read. */
struct hm_featcache *hm_featcache_open(const char *folder, uint64_t limit, struct hm_err *e);
/* Nothing is kept in it: what is put is forgotten. */
bool hm_featcache_readonly(const struct hm_featcache *c);
/* Where its files are, for others that are kept beside them. */
const char *hm_featcache_folder(const struct hm_featcache *c);
/* Whether there are values under the key, unless they turn out to be damaged. */
bool hm_featcache_holds(const struct hm_featcache *c, const unsigned char key[16]);
/* out[count] := the values under the key. False: there are none, or not so many or not whole, which is
 * damage: the segment is removed. */
bool hm_featcache_get(struct hm_featcache *c, const unsigned char key[16], float *out, size_t count);
/* Keeps values under a key, unless they are kept already or there is no room. A failure is close's to tell;
 * after it nothing more is kept. */
void hm_featcache_put(struct hm_featcache *c, const unsigned char key[16], const float *values, size_t count);
/* Writes out what is buffered, keeps the bound, frees `c`; NULL is fine. Others see what was put some time
 * between put and close. 0, or HM_EDATA: what was put could not all be kept (disk full, ...), which harms
 * nothing but the next run's time. */
int hm_featcache_close(struct hm_featcache *c, struct hm_err *e);

#endif
