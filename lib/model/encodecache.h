/* What encode.h looks up in a cache of features, and under which keys: the XXH3-128 of what the input holds,
 * joined with all else that the numbers depend on: the encoder's digest and what its tensors do not tell,
 * which output, precision, device, the libraries of the device's arithmetic and the processor that it chooses
 * by, for an image its size and the images computed at once, and the version of this code. */
#ifndef HM_ENCODECACHE_H
#define HM_ENCODECACHE_H

#include "model/encode.h"

struct hm_encode_cache {
	struct hm_featcache *features; /* NULL: no cache, nothing may be asked */
	struct hm_encode_keys {
		char setting[512]; /* all of a key that is not the input, but for the output's name */
		const char *output[HM_GIVES]; /* its name; NULL: not wanted */
		size_t numbers[HM_GIVES];     /* in it */
	} side[HM_SIDES];
	uint64_t hits, misses; /* inputs whose outputs were all there, and the others */
};

/* Fills *x for an encoder set-up; `features` is borrowed. numbers: in each output. */
void hm_encode_cache_init(struct hm_encode_cache *x, const struct hm_encode_config *c,
			  const struct hm_device *d, const size_t numbers[HM_SIDES][HM_GIVES]);
/* Whether all outputs of the item's side were there; they are written then. An image's digest is in
 * item->digest; a caption's goes there. */
bool hm_encode_cache_find(struct hm_encode_cache *x, enum hm_side side, struct hm_encode_item *item);
/* Whether they are there for an input of that digest, without reading them. */
bool hm_encode_cache_holds(const struct hm_encode_cache *x, enum hm_side side,
			   const unsigned char digest[16]);
/* Keeps the outputs of what was not there and is computed now. */
void hm_encode_cache_keep(struct hm_encode_cache *x, enum hm_side side, const struct hm_encode_item *item);

#endif
