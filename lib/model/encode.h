/* Runs encoders over many inputs. A window of inputs is cut into batches by rules that do not depend on the
 * number of threads. Workers with one device context each compute the batches and write the outputs to the
 * addresses in the window. So the same window gives the same bytes for any number of workers.
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
	struct hm_encoder *encoder; /* NULL: the side is not encoded. Its parameters are needed until
				     * hm_encode_new returns; with a cache, until the networks are prepared */
	bool want[HM_GIVES];	    /* which outputs; not HM_WORDS */
	int batch; /* image: images per batch, consecutive; the last batch is padded with leftovers so that
		    * every batch has this size. text: captions per batch, of neighbouring lengths, with at
		    * most 2048 token ids (16384 on a device of its own), unless one caption alone has more */
};

struct hm_encode_config {
	struct hm_encode_side side[HM_SIDES];
	int height, width; /* of every image */
	bool release;	   /* hm_encoder_release both encoders once the networks are prepared */
	bool live;	   /* a window of fewer images than a batch is computed as it is, not padded: an
			      answer at once costs no more than its own images */
	struct hm_featcache *cache; /* borrowed: features are taken from it and added to it; NULL: no cache */
};

/* One input. A side whose input is NULL (or of length 0) is not computed. Outputs are written between start
 * and wait. */
struct hm_encode_item {
	const uint8_t *pixels; /* [3,height,width] */
	const int32_t *ids;    /* [len], checked by hm_encoder_check_ids */
	int32_t len;
	float *out[HM_SIDES][HM_GIVES];	    /* [width], for HM_GRID [cells,width]; as the config wants */
	unsigned char digest[HM_SIDES][16]; /* image: hm_encode_digest of the pixels, given to hm_encode_find;
					     * text: set by hm_encode_find */
};

/* How many inputs are computed at once. `wanted` overrides the usual number; 0: the usual one. Images of
 * height x width pixels: on a processor what its caches hold best (8 of 224x224; 2 in bf16, but of a
 * transformer on tiles) and at most 32;
 * on a GPU 128 of 224x224 and at most 256; on `ref` always 1. Captions: 64, on a GPU 512. A feature depends
 * on this number in its last bits. */
int hm_encode_batch_size(const struct hm_device *d, const struct hm_encoder *x, int height, int width,
			 int wanted);

struct hm_encode_window {
	struct hm_encode_item *item; /* [n], the caller's; must stay until wait */
	int n;
	/* Called by start and wait, in their thread, whenever a batch is done: how many of the window's
	 * inputs are. NULL: nothing is. */
	void (*tick)(void *ctx, int done, int all);
	void *ctx;
	/* The rest belongs to hm_encode: zero at first, freed by hm_encode_window_clear. */
	struct hm_encode_batch *batch;
	struct hm_encode *owner;
	int *order, batches, cap, done;
};

struct hm_encode;
/* Prepares the networks on `d`, and for each worker a fork of it with room for activations. With a cache this
 * waits until something must be computed. Borrows d and w. Memory per worker depends on the config and the
 * encoders only. 0 or HM_EDATA; *x is then NULL. */
int hm_encode_new(struct hm_encode **x, const struct hm_encode_config *c, struct hm_device *d,
		  struct hm_workers *w, struct hm_err *e);
void hm_encode_free(struct hm_encode *x); /* after every wait; NULL is fine */

/* Needs a cache, and an item that is not in a window yet. True if all outputs of that side are in the cache:
 * they are then written to item->out and need not be computed. */
bool hm_encode_find(struct hm_encode *x, enum hm_side side, struct hm_encode_item *item);
/* Whether the cache holds the outputs for an image of that digest. Reads no values and counts nothing. */
bool hm_encode_holds_image(const struct hm_encode *x, const unsigned char digest[16]);
/* out := XXH3-128 of p[0..n), canonical: the digest that names an input in the cache. */
void hm_encode_digest(const void *p, size_t n, unsigned char out[16]);
/* Forms the window's batches and hands them to the workers; a single worker computes them here. 0 or
 * HM_EDATA. */
int hm_encode_start(struct hm_encode *x, struct hm_encode_window *w, struct hm_err *e);
/* Waits until the window is done. 0, or the first failure among its batches. */
int hm_encode_wait(struct hm_encode *x, struct hm_encode_window *w, struct hm_err *e);
void hm_encode_window_clear(struct hm_encode_window *w);
/* How many inputs (images, captions) were found in the cache, and how many were not. */
void hm_encode_counts(const struct hm_encode *x, uint64_t *hits, uint64_t *misses);

#endif
