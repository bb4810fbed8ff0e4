/* Running encoders over many inputs: batches are formed from a window of them by rules that know nothing of
 * threads, computed by a pool of workers with one device context each, and land where the window says. So the
 * same window gives the same bytes for any number of workers.
 *
 *   hm_encode_new(&x, &config, dev, workers, e)
 *   hm_encode_start(x, &a, e);  (fill b)  hm_encode_start(x, &b, e);  hm_encode_wait(x, &a, e);  (use a,
 * refill it) ... */
#ifndef HM_ENCODE_H
#define HM_ENCODE_H

#include "base/workers.h"
#include "model/encoder.h"
#include "model/featcache.h"

struct hm_encode_config {
	struct hm_encoder *image, *text; /* either may be NULL; their parameters are not needed after
					  * hm_encode_new, with a cache not after the networks are prepared */
	bool release;			 /* hm_encoder_release both once the networks are prepared */
	struct hm_featcache
		*cache;	   /* borrowed: features that are there are not computed, others kept; NULL: none */
	int height, width; /* of every image */
	bool pooled, grid; /* which image outputs */
	int image_batch;   /* images a batch: consecutive ones; the last is filled up with any */
	int text_batch;	   /* captions a batch, of neighbouring lengths; and 2048 tokens (16384 on a device of
			      its    own), if one is no longer */
};

/* One input. What is NULL (or length 0) is not computed. Outputs are written by start .. wait. */
struct hm_encode_item {
	const uint8_t *pixels; /* [3,height,width] */
	const int32_t *ids;    /* [len], checked by hm_encoder_check_ids */
	int32_t len;
	float *pooled, *grid; /* [C], [gh*gw,C]; present when the config asks for them and pixels is */
	float *text;	      /* [H] */
	unsigned char image_digest[16]; /* hm_encode_digest of the pixels, for hm_encode_find_image */
	unsigned char text_digest[16];	/* hm_encode_find_text's */
};

/* Images a batch: those that the processor's caches like (8 of 224x224, 2 in bf16; 1 to 32), those that fill
 * a device of its own (128; 1 to 256), or `wanted` unless that is 0, of which more gain nothing; 1 on `ref`.
 * A feature depends, in its last bits, on this number. */
int hm_encode_image_batch(const struct hm_device *d, int height, int width, int wanted);
/* Captions a batch: 64, 512 on a device of its own, or `wanted` unless that is 0. */
int hm_encode_text_batch(const struct hm_device *d, int wanted);

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
 * before something has to be computed. Borrows d and w. Memory for a worker is bounded by the config and the
 * encoders. */
int hm_encode_new(struct hm_encode **x, const struct hm_encode_config *c, struct hm_device *d,
		  struct hm_workers *w, struct hm_err *e);
void hm_encode_free(struct hm_encode *x); /* after every wait; NULL is fine */

/* With a cache, for an item that lies in no window yet: whether all outputs for its image (of which
 * image_digest is enough), for its caption, are in the cache; they are written then, and need not be
 * computed. */
bool hm_encode_find_image(struct hm_encode *x, struct hm_encode_item *item);
bool hm_encode_find_text(struct hm_encode *x, struct hm_encode_item *item);
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
