/* Byte strings to numbers: see strmap.h. */
#include "base/strmap.h"
#include "base/xxh3.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PIECE ((size_t)4 << 10) /* bytes of keys that are asked for at once */

struct hm_strmap_slot {
	const char *key; /* NULL: free */
	size_t len;
	uint64_t hash, value;
};

static struct hm_strmap_slot *find_slot(const struct hm_strmap *m, const void *key, size_t len, uint64_t hash)
{
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct hm_strmap_slot *s = &m->slot[i];
		if (!s->key || (s->hash == hash && s->len == len && !memcmp(s->key, key, len)))
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
	struct hm_strmap bigger = {.cap = m->cap ? 2 * m->cap : 1024};
	bigger.slot = hm_alloc(bigger.cap, sizeof *bigger.slot, e);
	if (!bigger.slot)
		return HM_EDATA;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slot[i].key)
			*find_slot(&bigger, m->slot[i].key, m->slot[i].len, m->slot[i].hash) = m->slot[i];
	free(m->slot);
	m->slot = bigger.slot;
	m->cap = bigger.cap;
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
	uint64_t hash = hm_strmap_hash(m, key, len);
	struct hm_strmap_slot *s = find_slot(m, key, len, hash);
	if (s->key) {
		*value = s->value;
		return 0;
	}
	char *copy = copy_key(m, key, len, e);
	if (!copy)
		return HM_EDATA;
	*s = (struct hm_strmap_slot){copy, len, hash, *value};
	m->n++;
	return 1;
}

bool hm_strmap_find(const struct hm_strmap *m, const void *key, size_t len, uint64_t *value)
{
	if (!m->cap)
		return false;
	const struct hm_strmap_slot *s = find_slot(m, key, len, hm_strmap_hash(m, key, len));
	if (s->key)
		*value = s->value;
	return s->key;
}

void hm_strmap_clear(struct hm_strmap *m)
{
	free(m->slot);
	hm_arena_clear(&m->text);
	*m = (struct hm_strmap){0};
}
