/* Running encoders over many inputs: batches are formed from a window of inputs by rules that do not depend
 * on threads, computed by a pool of workers with one device context each, and written where the window says.
 * So the same window gives the same bytes for any number of workers.
 *
 *   hm_encode_new(&x, &config, dev, workers, e)
 *   hm_encode_start(x, &a, e);  (fill b)  hm_encode_start(x, &b, e);  hm_encode_wait(x, &a, e);  (use a,
 * refill it) ... */
#ifndef HM_ENCODE_H
#define HM_ENCODE_H

#include "base/workers.h"
#include "model/encoder.h"
#include "model/featcache.h"

/* One side of the inputs. */
struct hm_encode_side {
	struct hm_encoder *encoder; /* NULL: the side is not encoded. Its parameters are not needed after
				     * hm_encode_new, with a cache not after the networks are prepared */
	bool want[HM_GIVES];	    /* which outputs; not HM_WORDS */
	int batch; /* image: images per batch, consecutive; the last batch is padded with leftovers so that
		    * every batch has this size. text: captions per batch, of neighbouring lengths, with at
		    * most 2048 token ids (16384 on a device of its own), unless one caption alone has more */
};

struct hm_encode_config {
	struct hm_encode_side side[HM_SIDES];
	int height, width; /* of every image */
	bool release;	   /* hm_encoder_release both once the networks are prepared */
	struct hm_featcache
		*cache; /* borrowed: features that are there are not computed, others kept; or NULL */
};

/* One input. What is NULL (or length 0) is not computed. Outputs are written between start and wait. */
struct hm_encode_item {
	const uint8_t *pixels; /* [3,height,width] */
	const int32_t *ids;    /* [len], checked by hm_encoder_check_ids */
	int32_t len;
	float *out[HM_SIDES][HM_GIVES];	    /* [width], of HM_GRID [cells,width]: what the config wants */
	unsigned char digest[HM_SIDES][16]; /* image: hm_encode_digest of the pixels, for hm_encode_find;
					     * text: set by it */
};

/* Images per batch: those that the processor's caches like (8 of 224x224, 2 in bf16; 1 to 32), those that
 * fill a device of its own (128; 1 to 256), or `wanted` unless that is 0, of which more gain nothing; 1 on
 * `ref`. Captions per batch: 64, 512 on a device of its own, or `wanted` unless that is 0. A feature depends,
 * in its last bits, on this number. height, width: of the images. */
int hm_encode_batch_size(const struct hm_device *d, enum hm_side side, int height, int width, int wanted);

struct hm_encode_window {
	struct hm_encode_item *item; /* the caller's, must stay until wait */
	int n;
	struct hm_encode_batch
		*batch; /* the rest is hm_encode's; all zero at first, freed by hm_encode_window_clear */
	struct hm_encode *owner;
	int *order, batches, cap;
};

struct hm_encode;
/* Prepares the networks on `d`, and a fork of it with room for activations per worker; with a cache not
 * before something has to be computed. Borrows d and w. Memory per worker is bounded by the config and the
 * encoders. */
int hm_encode_new(struct hm_encode **x, const struct hm_encode_config *c, struct hm_device *d,
		  struct hm_workers *w, struct hm_err *e);
void hm_encode_free(struct hm_encode *x); /* after every wait; NULL is fine */

/* With a cache, for an item that is in no window yet: whether all outputs of that side are in the cache; they
 * are written then, and need not be computed. */
bool hm_encode_find(struct hm_encode *x, enum hm_side side, struct hm_encode_item *item);
/* Whether the outputs for an image of that digest are in the cache; nothing is read or counted. */
bool hm_encode_holds_image(const struct hm_encode *x, const unsigned char digest[16]);
/* out := XXH3-128 of p[0..n), canonical: what the cache knows inputs by. */
void hm_encode_digest(const void *p, size_t n, unsigned char out[16]);
/* Forms the window's batches and hands them to the workers; with one worker they are computed here. */
int hm_encode_start(struct hm_encode *x, struct hm_encode_window *w, struct hm_err *e);
/* Returns when the window is done; the first failure of any of its batches. */
int hm_encode_wait(struct hm_encode *x, struct hm_encode_window *w, struct hm_err *e);
void hm_encode_window_clear(struct hm_encode_window *w);
/* Inputs (images, captions) that were found in the cache, and those that were not. */
void hm_encode_counts(const struct hm_encode *x, uint64_t *hits, uint64_t *misses);

#endif
