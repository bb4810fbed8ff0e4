/* The look-ups of encode.h in a cache of features. A key is the XXH3-128 of the input's digest and of all
 * else that the numbers depend on: the encoder's digest and what its tensors do not tell, the output, the
 * precision, the device with its libraries and the kind of processor, for images also their size and the
 * number computed at once, and the version of this code. */
#ifndef HM_ENCODECACHE_H
#define HM_ENCODECACHE_H

#include "model/encode.h"

struct hm_encode_cache {
	struct hm_featcache *features; /* borrowed; NULL: no cache, and the functions must not be called */
	struct hm_encode_keys {
		char setting[512];	      /* the part of a key that all inputs and outputs share */
		const char *output[HM_GIVES]; /* its name; NULL: not wanted */
		size_t numbers[HM_GIVES];     /* floats in this output */
	} side[HM_SIDES];
	uint64_t hits, misses; /* inputs whose outputs were all found, and the others */
};

/* Fills *x for a set-up of encoders. numbers: the floats in each output. */
void hm_encode_cache_init(struct hm_encode_cache *x, const struct hm_encode_config *c,
			  const struct hm_device *d, const size_t numbers[HM_SIDES][HM_GIVES]);
/* True if all outputs of the item's side are in the cache; they are then written to item->out. item->digest
 * holds an image's digest; a caption's is computed and put there. */
bool hm_encode_cache_find(struct hm_encode_cache *x, enum hm_side side, struct hm_encode_item *item);
/* Whether the cache has them for an input of that digest. Reads no values. */
bool hm_encode_cache_holds(const struct hm_encode_cache *x, enum hm_side side,
			   const unsigned char digest[16]);
/* Adds the outputs of an input that was not found and has been computed. */
void hm_encode_cache_keep(struct hm_encode_cache *x, enum hm_side side, const struct hm_encode_item *item);

#endif
