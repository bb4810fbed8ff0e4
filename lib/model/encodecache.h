/* What encode.h looks up in a cache of features, and under which keys: the XXH3-128 of what the input holds,
 * joined with all else that the numbers depend on: the encoder's digest, which output, precision, device,
 * what the device's arithmetic is built from and which processor chooses its ways, for an image its size and
 * the images computed at once, and the version of this code. */
#ifndef HM_ENCODECACHE_H
#define HM_ENCODECACHE_H

#include "model/encode.h"

struct hm_encode_cache {
	struct hm_featcache *features; /* NULL: no cache, nothing may be asked */
	char image[512], text[512];    /* all of a key that is not the input, but for the output's name */
	size_t pooled, grid, width;    /* numbers in each output, 0: not wanted */
	uint64_t hits, misses;	       /* inputs whose outputs were all there, and the others */
};

/* Fills *x for an encoder set-up; `features` is borrowed. `pooled`, `grid`, `width`: numbers in an output. */
void hm_encode_cache_init(struct hm_encode_cache *x, const struct hm_encode_config *c,
			  const struct hm_device *d, size_t pooled, size_t grid, size_t width);
/* Whether all outputs for the item's image (caption) were there; they are written then. The image's digest is
 * in item->image_digest; the caption's goes to item->text_digest. */
bool hm_encode_cache_image(struct hm_encode_cache *x, struct hm_encode_item *item);
bool hm_encode_cache_text(struct hm_encode_cache *x, struct hm_encode_item *item);
/* Whether they are there for an image of that digest, without reading them. */
bool hm_encode_cache_holds(const struct hm_encode_cache *x, const unsigned char digest[16]);
/* Keeps the outputs of what was not there and is computed now. */
void hm_encode_cache_keep_image(struct hm_encode_cache *x, const struct hm_encode_item *item);
void hm_encode_cache_keep_text(struct hm_encode_cache *x, const struct hm_encode_item *item);

#endif
