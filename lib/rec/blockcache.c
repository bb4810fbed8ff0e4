/* Unpacked blocks in the order of their use: see blockcache.h. */
#include "rec/blockcache.h"

#include <stdlib.h>

struct held {
	struct hm_block block;
	size_t number;
	struct held *newer, *older;
};

static size_t held_bytes(const struct held *h)
{
	return h->block.payload.cap + h->block.scratch.cap;
}

static void free_held(struct held *h)
{
	if (h)
		hm_block_clear(&h->block);
	free(h);
}

static void link_newest(struct hm_blockcache *c, struct held *h)
{
	h->newer = NULL;
	h->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = h;
	c->newest = h;
	c->at[h->number] = h;
	c->bytes += held_bytes(h);
}

static void unlink_held(struct hm_blockcache *c, struct held *h)
{
	*(h->newer ? &h->newer->older : &c->newest) = h->older;
	*(h->older ? &h->older->newer : &c->oldest) = h->newer;
	c->at[h->number] = NULL;
	c->bytes -= held_bytes(h);
}

static void drop_oldest(struct hm_blockcache *c)
{
	struct held *h = c->oldest;
	unlink_held(c, h);
	free_held(h);
}

/* The oldest ones are dropped until `more` bytes fit, or only `keep` is left. */
static void make_room(struct hm_blockcache *c, size_t more, const struct held *keep)
{
	while (c->oldest && c->oldest != keep && (more > c->limit || c->bytes > c->limit - more))
		drop_oldest(c);
}

int hm_blockcache_init(struct hm_blockcache *c, size_t n, size_t limit, struct hm_err *e)
{
	*c = (struct hm_blockcache){.at = hm_alloc(n, sizeof *c->at, e), .limit = limit};
	return c->at ? 0 : HM_EDATA;
}

void hm_blockcache_clear(struct hm_blockcache *c)
{
	while (c->oldest)
		drop_oldest(c);
	free_held(c->added);
	free(c->at);
	*c = (struct hm_blockcache){0};
}

struct hm_block *hm_blockcache_get(struct hm_blockcache *c, size_t i)
{
	struct held *h = c->at[i];
	if (!h)
		return NULL;
	unlink_held(c, h);
	link_newest(c, h);
	return &h->block;
}

struct hm_block *hm_blockcache_add(struct hm_blockcache *c, size_t bytes, struct hm_err *e)
{
	make_room(c, bytes, NULL);
	c->added = hm_alloc(1, sizeof *c->added, e);
	return c->added ? &c->added->block : NULL;
}

struct hm_block *hm_blockcache_keep(struct hm_blockcache *c, size_t i)
{
	struct held *h = c->added;
	c->added = NULL;
	h->number = i;
	link_newest(c, h);
	make_room(c, 0, h); /* buffers are a little larger than what they hold */
	return &h->block;
}

void hm_blockcache_drop(struct hm_blockcache *c)
{
	free_held(c->added);
	c->added = NULL;
}
