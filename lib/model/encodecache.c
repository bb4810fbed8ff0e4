/* Keys and look-ups of the features that are kept. See encodecache.h. */
#include "model/encodecache.h"
#include "base/xxh3.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* To be raised with every change of lib/ or of a dependency's version that changes a feature in any bit. */
enum { VERSION = 2 };

void hm_encode_cache_init(struct hm_encode_cache *x, const struct hm_encode_config *c,
			  const struct hm_device *d, size_t pooled, size_t grid, size_t width)
{
	char built[128], on[160];
	hm_device_describe(d, built, sizeof built);
	snprintf(on, sizeof on, "%s|%s|%s|%" PRIx64, d->name, hm_precision_name(d->precision), built,
		 hm_device_processor(d));
	*x = (struct hm_encode_cache){.features = c->cache,
				      .pooled = c->pooled ? pooled : 0,
				      .grid = c->grid ? grid : 0,
				      .width = width};
	if (c->image)
		snprintf(x->image, sizeof x->image, "%d|%s|%s|%dx%d|%d", VERSION, c->image->digest, on,
			 c->height, c->width, c->image_batch);
	if (c->text)
		snprintf(x->text, sizeof x->text, "%d|%s|%s|%d heads|eps %.17g", VERSION, c->text->digest, on,
			 c->text->heads, c->text->eps);
}

void hm_encode_digest(const void *p, size_t n, unsigned char out[16])
{
	XXH128_canonical_t c;
	XXH128_canonicalFromHash(&c, XXH3_128bits(p, n));
	memcpy(out, c.digest, 16);
}

static void key_of(const char *setting, const char *output, const unsigned char content[16],
		   unsigned char key[16])
{
	char all[640];
	int n = snprintf(all, sizeof all - 16, "%s|%s|", setting, output);
	memcpy(all + n, content, 16);
	hm_encode_digest(all, (size_t)n + 16, key);
}

/* out[n] from under its key; true also when nothing is wanted. */
static bool find(struct hm_encode_cache *x, const char *setting, const char *output,
		 const unsigned char content[16], float *out, size_t n)
{
	unsigned char key[16];
	if (!n)
		return true;
	key_of(setting, output, content, key);
	return hm_featcache_get(x->features, key, out, n);
}

static void keep(struct hm_encode_cache *x, const char *setting, const char *output,
		 const unsigned char content[16], const float *out, size_t n)
{
	unsigned char key[16];
	if (!n)
		return;
	key_of(setting, output, content, key);
	hm_featcache_put(x->features, key, out, n);
}

static bool count(struct hm_encode_cache *x, bool hit)
{
	*(hit ? &x->hits : &x->misses) += 1;
	return hit;
}

bool hm_encode_cache_image(struct hm_encode_cache *x, struct hm_encode_item *item)
{
	return count(x, find(x, x->image, "pooled", item->image_digest, item->pooled, x->pooled) &&
				find(x, x->image, "grid", item->image_digest, item->grid, x->grid));
}

/* Whether an output that is wanted is there. */
static bool holds(const struct hm_encode_cache *x, const char *output, const unsigned char content[16],
		  size_t n)
{
	unsigned char key[16];
	if (!n)
		return true;
	key_of(x->image, output, content, key);
	return hm_featcache_holds(x->features, key);
}

bool hm_encode_cache_holds(const struct hm_encode_cache *x, const unsigned char digest[16])
{
	return holds(x, "pooled", digest, x->pooled) && holds(x, "grid", digest, x->grid);
}

bool hm_encode_cache_text(struct hm_encode_cache *x, struct hm_encode_item *item)
{
	hm_encode_digest(item->ids, (size_t)item->len * sizeof *item->ids, item->text_digest);
	return count(x, find(x, x->text, "pooler", item->text_digest, item->text, x->width));
}

void hm_encode_cache_keep_image(struct hm_encode_cache *x, const struct hm_encode_item *item)
{
	keep(x, x->image, "pooled", item->image_digest, item->pooled, x->pooled);
	keep(x, x->image, "grid", item->image_digest, item->grid, x->grid);
}

void hm_encode_cache_keep_text(struct hm_encode_cache *x, const struct hm_encode_item *item)
{
	keep(x, x->text, "pooler", item->text_digest, item->text, x->width);
}
