/* The cache of features. See featcache.h. */
#include "model/featcache.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "base/xxh3.h"
#include "model/featfolder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, COUNT = 1 << 26, MAGIC = sizeof HM_FEATFOLDER_MAGIC - 1 };

/* A segment takes at most a quarter of the limit. It is SEGMENT_BYTES, or larger where that keeps the number
 * of segments well below the most. */
#define SEGMENT_BYTES ((uint64_t)256 << 20)
enum { LEAST_SEGMENTS = 4, USUAL_SEGMENTS = HM_FEATFOLDER_SEGMENTS / 4 };

/* Where an entry is: PENDING, or segment and offset. */
#define PENDING UINT64_MAX
#define PLACE(segment, offset) ((uint64_t)(segment) << 48 | (offset))

struct head {
	unsigned char key[16];
	uint32_t count, check;
	uint64_t digest;
};

struct segment {
	char *path;
	int fd;
	uint64_t end;	  /* the end of its last known sound entry; 0: not a segment */
	bool hit, broken; /* used by this process; damaged */
};

struct hm_featcache {
	struct hm_featfolder room;
	int dir; /* its own folder, locked while segments are chosen and removed; -1: read-only */
	uint64_t limit, each;
	struct segment segment[HM_FEATFOLDER_SEGMENTS];
	int n, own; /* own: the segment that is being appended to; -1: none */
	struct hm_strmap place;
	struct hm_buf buffer;
	struct hm_err why; /* the first failure to write; nothing is put after it */
};

static uint32_t head_check(const struct head *h)
{
	return (uint32_t)XXH3_64bits(h, offsetof(struct head, check));
}

static size_t padded_size(size_t count)
{
	return (count * sizeof(float) + 7) / 8 * 8;
}

/* The head at `at`, if it is sound. */
static bool read_head(const struct segment *s, uint64_t at, struct head *h)
{
	return hm_fd_read_at(s->fd, h, sizeof *h, at) == sizeof *h && h->check == head_check(h) &&
	       h->count <= COUNT;
}

/* ---- opening ---- */

/* Notes the sound entries from s->end on. Ignores what follows the last of them. */
static int scan_segment(struct hm_featcache *c, int segment, struct hm_err *e)
{
	struct segment *s = &c->segment[segment];
	struct head h;
	struct stat st;
	char start[MAGIC];
	if (fstat(s->fd, &st))
		return hm_err_system(e, errno, "%s: %s", s->path, strerror(errno));
	if (!s->end && hm_fd_read_at(s->fd, start, MAGIC, 0) == MAGIC &&
	    !memcmp(start, HM_FEATFOLDER_MAGIC, MAGIC))
		s->end = MAGIC;
	while (s->end && read_head(s, s->end, &h) &&
	       s->end + sizeof h + padded_size(h.count) <= (uint64_t)st.st_size) {
		if (hm_strmap_add(&c->place, h.key, sizeof h.key, &(uint64_t){PLACE(segment, s->end)}, e) < 0)
			return HM_EDATA;
		s->end += sizeof h + padded_size(h.count);
	}
	return 0;
}

static void drop_segment(struct segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	*s = (struct segment){.fd = -1};
}

/* Opens a segment. A file that cannot be opened or does not begin like a segment is ignored: it is not hm's,
 * or was removed meanwhile. Only segments in hm's own folder are opened for appending. */
static int add_segment(void *to, const char *path, bool own, struct hm_err *e)
{
	const int flags = O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
	struct hm_featcache *c = to;
	struct segment *s = &c->segment[c->n];
	struct stat st;
	if (c->n == HM_FEATFOLDER_SEGMENTS)
		return 0;
	*s = (struct segment){.fd = own && c->dir >= 0 ? hm_fd_open(path, O_RDWR | O_APPEND | flags, 0) : -1};
	if (s->fd < 0)
		s->fd = hm_fd_open(path, O_RDONLY | flags, 0);
	if (s->fd < 0)
		return 0;
	int rc = 0;
	if (!fstat(s->fd, &st) && S_ISREG(st.st_mode))
		rc = (s->path = hm_strndup(path, strlen(path), e)) ? scan_segment(c, c->n, e) : HM_EDATA;
	if (!rc && s->end)
		c->n++;
	else
		drop_segment(s);
	return rc;
}

static uint64_t segment_bytes(uint64_t limit)
{
	uint64_t usual = limit / USUAL_SEGMENTS, most = limit / LEAST_SEGMENTS;
	if (usual < SEGMENT_BYTES)
		usual = SEGMENT_BYTES;
	return usual < most ? usual : most;
}

struct hm_featcache *hm_featcache_open(const char *folder, uint64_t limit, struct hm_err *e)
{
	struct hm_featcache *c = hm_alloc(1, sizeof *c, e);
	if (!c)
		return NULL;
	c->own = c->dir = -1;
	c->limit = limit;
	c->each = segment_bytes(limit > HM_FEATFOLDER_TAG ? limit - HM_FEATFOLDER_TAG : 0);
	int rc = hm_featfolder_open(&c->room, folder, e);
	if (!rc && !c->room.readonly &&
	    (c->dir = hm_fd_open(c->room.own, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)) < 0)
		rc = hm_err_system(e, errno, "%s: %s", c->room.own, strerror(errno));
	if (!rc)
		rc = hm_featfolder_each(&c->room, add_segment, c, e);
	if (rc) {
		hm_featcache_close(c, &(struct hm_err){0});
		c = NULL;
	}
	return c;
}

bool hm_featcache_readonly(const struct hm_featcache *c)
{
	return c->room.readonly;
}

const char *hm_featcache_folder(const struct hm_featcache *c)
{
	return c->room.own ? c->room.own : c->room.user;
}

/* ---- reading ---- */

bool hm_featcache_holds(const struct hm_featcache *c, const unsigned char key[16])
{
	uint64_t place;
	return hm_strmap_find(&c->place, key, 16, &place) && place != PENDING &&
	       !c->segment[place >> 48].broken;
}

bool hm_featcache_get(struct hm_featcache *c, const unsigned char key[16], float *out, size_t count)
{
	struct head h;
	uint64_t place, mask = ((uint64_t)1 << 48) - 1;
	if (!hm_strmap_find(&c->place, key, 16, &place) || place == PENDING)
		return false;
	struct segment *s = &c->segment[place >> 48];
	size_t bytes = count * sizeof *out;
	if (s->broken)
		return false;
	if (read_head(s, place & mask, &h) && h.count == count && !memcmp(h.key, key, sizeof h.key) &&
	    hm_fd_read_at(s->fd, out, bytes, (place & mask) + sizeof h) == (ssize_t)bytes &&
	    XXH3_64bits_withSeed(out, bytes, h.check) == h.digest)
		return s->hit = true;
	s->broken = true;
	hm_featfolder_remove(s->path);
	return false;
}

/* ---- writing ---- */

/* Locks segment i if it is not locked, is sound and has room. Cuts off a torn end. */
static bool take_segment(struct hm_featcache *c, int i, uint64_t bytes, struct hm_err *e)
{
	struct segment *s = &c->segment[i];
	struct stat st;
	if (s->broken || !s->end || (fcntl(s->fd, F_GETFL) & O_ACCMODE) != O_RDWR ||
	    hm_fd_lock(s->fd, LOCK_EX | LOCK_NB))
		return false;
	if (!fstat(s->fd, &st) && st.st_nlink && !scan_segment(c, i, e) && s->end + bytes <= c->each &&
	    !hm_fd_cut(s->fd, s->end))
		return true;
	hm_fd_lock(s->fd, LOCK_UN);
	return false;
}

static int new_segment(struct hm_featcache *c, struct hm_err *e)
{
	struct segment *s = &c->segment[c->n];
	struct hm_buf path = {0};
	struct timespec now;
	if (c->n == HM_FEATFOLDER_SEGMENTS)
		return hm_err_set(e, HM_EDATA, "%s: more than %d segments", c->room.own,
				  HM_FEATFOLDER_SEGMENTS);
	clock_gettime(CLOCK_REALTIME, &now);
	if (hm_buf_printf(&path, e, "%s/%llx-%lx-%lx.feat", c->room.own, (unsigned long long)now.tv_sec,
			  now.tv_nsec, (long)getpid()))
		return HM_EDATA;
	*s = (struct segment){.path = (char *)path.data, .end = MAGIC};
	s->fd = hm_fd_open(s->path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
	bool made = s->fd >= 0;
	/* the first bytes at once: they mark it as hm's even if this process is killed now */
	if (!made || hm_fd_lock(s->fd, LOCK_EX | LOCK_NB) || hm_fd_write(s->fd, HM_FEATFOLDER_MAGIC, MAGIC)) {
		hm_err_system(e, errno, "%s: %s", s->path, strerror(errno));
		if (made)
			unlink(s->path);
		drop_segment(s);
		return HM_EDATA;
	}
	c->n++;
	return 0;
}

/* Finds a segment to append to and makes room for it. The folder is locked. */
static int find_segment(struct hm_featcache *c, uint64_t bytes, struct hm_err *e)
{
	int i = 0;
	while (i < c->n && !e->code && !take_segment(c, i, bytes, e))
		i++;
	if (e->code || (i == c->n && new_segment(c, e)))
		return HM_EDATA;
	c->own = i;
	if (!hm_featfolder_make(&c->room, c->limit, c->each, e))
		return 0;
	if (c->segment[i].end == MAGIC)
		unlink(c->segment[i].path);
	return HM_EDATA;
}

static void flush_buffer(struct hm_featcache *c)
{
	struct segment *s = &c->segment[c->own];
	if (!c->why.code && hm_fd_write(s->fd, c->buffer.data, c->buffer.len))
		hm_err_set(&c->why, HM_EDATA, "%s: %s", s->path, strerror(errno));
	c->buffer.len = 0;
}

/* Writes the buffer and unlocks the segment: other processes may append to it. */
static void end_segment(struct hm_featcache *c)
{
	if (c->own < 0)
		return;
	flush_buffer(c);
	hm_fd_lock(c->segment[c->own].fd, LOCK_UN);
	c->own = -1;
}

void hm_featcache_put(struct hm_featcache *c, const unsigned char key[16], const float *values, size_t count)
{
	struct head h = {.count = (uint32_t)count};
	size_t bytes = sizeof h + padded_size(count), size = count * sizeof *values;
	uint64_t place;
	bool there = hm_strmap_find(&c->place, key, 16, &place);
	if (c->dir < 0 || c->why.code || (there && (place == PENDING || !c->segment[place >> 48].broken)) ||
	    count > COUNT || MAGIC + bytes > c->each)
		return;
	memcpy(h.key, key, sizeof h.key);
	h.check = head_check(&h);
	h.digest = XXH3_64bits_withSeed(values, size, h.check);
	if (c->own >= 0 && c->segment[c->own].end + bytes > c->each)
		end_segment(c);
	if (c->own < 0) {
		hm_fd_lock(c->dir, LOCK_EX);
		find_segment(c, bytes, &c->why);
		hm_fd_lock(c->dir, LOCK_UN);
	}
	if (c->why.code || hm_buf_add(&c->buffer, &h, sizeof h, &c->why) ||
	    hm_buf_add(&c->buffer, values, size, &c->why) ||
	    hm_buf_add(&c->buffer, NULL, bytes - sizeof h - size, &c->why) ||
	    hm_strmap_add(&c->place, key, 16, &(uint64_t){PENDING}, &c->why) < 0)
		return;
	c->segment[c->own].end += bytes;
	if (c->buffer.len >= BUFFER)
		flush_buffer(c);
}

/* Removes what exceeds the limit, which may be lower than before. Other processes' segments can prevent that.
 */
static void keep_bound(struct hm_featcache *c)
{
	struct hm_err ignored = {0};
	hm_fd_lock(c->dir, LOCK_EX);
	hm_featfolder_make(&c->room, c->limit, c->each, &ignored);
	hm_fd_lock(c->dir, LOCK_UN);
}

int hm_featcache_close(struct hm_featcache *c, struct hm_err *e)
{
	if (!c)
		return 0;
	end_segment(c);
	int rc = c->why.code;
	if (rc)
		*e = c->why;
	for (int i = 0; i < c->n; i++) {
		if (c->segment[i].hit)
			futimens(c->segment[i].fd, NULL);
		drop_segment(&c->segment[i]);
	}
	if (c->dir >= 0) {
		keep_bound(c);
		close(c->dir);
	}
	hm_strmap_clear(&c->place);
	hm_buf_clear(&c->buffer);
	hm_featfolder_clear(&c->room);
	free(c);
	return rc;
}
