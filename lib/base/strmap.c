/* Byte strings to numbers: see strmap.h. The table that is searched holds 8 bytes for a key, so that it stays
 * in the cache when there are a hundred thousand. */
#include "base/strmap.h"
#include "base/xxh3.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PIECE ((size_t)4 << 10) /* bytes of keys that are asked for at once */

struct hm_strmap_slot {
	uint32_t mark;	/* the lower half of the key's hash */
	uint32_t entry; /* its number, from 1; 0: free */
};

struct hm_strmap_entry {
	const char *key;
	size_t len;
	uint64_t value;
};

static struct hm_strmap_entry *entry_at(const struct hm_strmap *m, uint32_t number)
{
	return (struct hm_strmap_entry *)(void *)m->entries.data + number - 1;
}

/* The key's slot, or the free one where it belongs. */
static struct hm_strmap_slot *find_slot(const struct hm_strmap *m, const void *key, size_t len, uint32_t mark)
{
	for (size_t i = mark & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct hm_strmap_slot *s = &m->slot[i];
		if (!s->entry)
			return s;
		const struct hm_strmap_entry *e = s->mark == mark ? entry_at(m, s->entry) : NULL;
		if (e && e->len == len && !memcmp(e->key, key, len))
			return s;
	}
}

uint64_t hm_strmap_hash(const struct hm_strmap *m, const void *key, size_t len)
{
	return XXH3_64bits_withSeed(key, len, m->seed);
}

static int grow_table(struct hm_strmap *m, struct hm_err *e)
{
	if (!m->cap && getrandom(&m->seed, sizeof m->seed, 0) != sizeof m->seed)
		return hm_err_machine(e, "cannot get a random number: %s", strerror(errno));
	size_t cap = m->cap ? 2 * m->cap : 1024;
	if (cap > HM_STRMAP_MOST)
		return hm_err_machine(e, "out of memory: more than %zu different strings", m->n);
	struct hm_strmap_slot *slot = hm_alloc(cap, sizeof *slot, e);
	if (!slot)
		return HM_EDATA;
	for (size_t i = 0; i < m->cap; i++) {
		if (!m->slot[i].entry)
			continue;
		size_t to = m->slot[i].mark & (cap - 1);
		while (slot[to].entry)
			to = (to + 1) & (cap - 1);
		slot[to] = m->slot[i];
	}
	free(m->slot);
	m->slot = slot;
	m->cap = cap;
	return 0;
}

/* A copy of a key. Most are short, and the arena would give each of them a line of the cache. */
static char *copy_key(struct hm_strmap *m, const void *key, size_t len, struct hm_err *e)
{
	if (!m->room || m->left < len) {
		m->left = len < PIECE ? PIECE : len;
		m->room = hm_arena_get(&m->text, m->left, e);
		if (!m->room)
			return NULL;
	}
	char *copy = m->room;
	if (len)
		memcpy(copy, key, len);
	m->room += len;
	m->left -= len;
	return copy;
}

int hm_strmap_add(struct hm_strmap *m, const void *key, size_t len, uint64_t *value, struct hm_err *e)
{
	if (2 * (m->n + 1) > m->cap && grow_table(m, e))
		return HM_EDATA;
	uint32_t mark = (uint32_t)hm_strmap_hash(m, key, len);
	struct hm_strmap_slot *s = find_slot(m, key, len, mark);
	if (s->entry) {
		*value = entry_at(m, s->entry)->value;
		return 0;
	}
	struct hm_strmap_entry entry = {copy_key(m, key, len, e), len, *value};
	if (!entry.key || hm_buf_add(&m->entries, &entry, sizeof entry, e))
		return HM_EDATA;
	*s = (struct hm_strmap_slot){mark, (uint32_t)++m->n};
	return 1;
}

bool hm_strmap_find(const struct hm_strmap *m, const void *key, size_t len, uint64_t *value)
{
	if (!m->cap)
		return false;
	const struct hm_strmap_slot *s = find_slot(m, key, len, (uint32_t)hm_strmap_hash(m, key, len));
	if (s->entry)
		*value = entry_at(m, s->entry)->value;
	return s->entry;
}

void hm_strmap_clear(struct hm_strmap *m)
{
	free(m->slot);
	hm_buf_clear(&m->entries);
	hm_arena_clear(&m->text);
	*m = (struct hm_strmap){0};
}
