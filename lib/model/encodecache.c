/* Keys and look-ups of the features that are kept. See encodecache.h. */
#include "model/encodecache.h"
#include "base/xxh3.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Raise it with every change of lib/ or of a dependency's version that changes a feature in any bit:
 * tests/pipes/golden.bats shows such a change. */
enum { VERSION = 5 };

static void init_side(struct hm_encode_keys *k, const struct hm_encode_config *c, enum hm_side side,
		      const char *on, const size_t numbers[HM_GIVES])
{
	const struct hm_encode_side *s = &c->side[side];
	char identity[128], size[64] = "";
	if (!s->encoder)
		return;
	if (side == HM_IMAGE)
		snprintf(size, sizeof size, "|%dx%d|%d", c->height, c->width, s->batch);
	snprintf(k->setting, sizeof k->setting, "%d|%s|%s%s%s", VERSION, s->encoder->digest, on, size,
		 hm_tower_identify(s->encoder->tower, identity, sizeof identity));
	for (int g = 0; g < HM_GIVES; g++)
		if (s->want[g]) {
			k->output[g] = s->encoder->kind->output(s->encoder->tower, (enum hm_give)g);
			k->numbers[g] = numbers[g];
		}
}

void hm_encode_cache_init(struct hm_encode_cache *x, const struct hm_encode_config *c,
			  const struct hm_device *d, const size_t numbers[HM_SIDES][HM_GIVES])
{
	char built[128], on[160];
	hm_device_describe(d, built, sizeof built);
	snprintf(on, sizeof on, "%s|%s|%s|%" PRIx64, d->name, hm_precision_name(d->precision), built,
		 hm_device_processor(d));
	*x = (struct hm_encode_cache){.features = c->cache};
	for (int k = 0; k < HM_SIDES; k++)
		init_side(&x->side[k], c, (enum hm_side)k, on, numbers[k]);
}

void hm_encode_digest(const void *p, size_t n, unsigned char out[16])
{
	XXH128_canonical_t c;
	XXH128_canonicalFromHash(&c, XXH3_128bits(p, n));
	memcpy(out, c.digest, 16);
}

static void make_key(const struct hm_encode_keys *k, const char *output, const unsigned char content[16],
		     unsigned char key[16])
{
	char all[640];
	int n = snprintf(all, sizeof all - 16, "%s|%s|", k->setting, output);
	memcpy(all + n, content, 16);
	hm_encode_digest(all, (size_t)n + 16, key);
}

bool hm_encode_cache_find(struct hm_encode_cache *x, enum hm_side side, struct hm_encode_item *item)
{
	const struct hm_encode_keys *k = &x->side[side];
	unsigned char key[16], *digest = item->digest[side];
	bool hit = true;
	if (side == HM_TEXT)
		hm_encode_digest(item->ids, (size_t)item->len * sizeof *item->ids, digest);
	for (int g = 0; g < HM_GIVES && hit; g++)
		if (k->output[g]) {
			make_key(k, k->output[g], digest, key);
			hit = hm_featcache_get(x->features, key, item->out[side][g], k->numbers[g]);
		}
	*(hit ? &x->hits : &x->misses) += 1;
	return hit;
}

bool hm_encode_cache_holds(const struct hm_encode_cache *x, enum hm_side side, const unsigned char digest[16])
{
	const struct hm_encode_keys *k = &x->side[side];
	unsigned char key[16];
	bool holds = true;
	for (int g = 0; g < HM_GIVES && holds; g++)
		if (k->output[g]) {
			make_key(k, k->output[g], digest, key);
			holds = hm_featcache_holds(x->features, key);
		}
	return holds;
}

void hm_encode_cache_keep(struct hm_encode_cache *x, enum hm_side side, const struct hm_encode_item *item)
{
	const struct hm_encode_keys *k = &x->side[side];
	unsigned char key[16];
	for (int g = 0; g < HM_GIVES; g++)
		if (k->output[g]) {
			make_key(k, k->output[g], item->digest[side], key);
			hm_featcache_put(x->features, key, item->out[side][g], k->numbers[g]);
		}
}
