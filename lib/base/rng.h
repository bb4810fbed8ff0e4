/* Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): random numbers as a
 * pure function of (seed, purpose, epoch, step, element), so that every device, thread count and restart
 * draws the same ones. */
#ifndef HM_RNG_H
#define HM_RNG_H

#include <stddef.h>
#include <stdint.h>

enum hm_rng_purpose {
	HM_RNG_INIT = 1,
	HM_RNG_SHUFFLE,
	HM_RNG_DROPOUT,
	HM_RNG_BOOTSTRAP,
	HM_RNG_BASELINE,
	HM_RNG_SYNTH,
	HM_RNG_ABLATE
};

/* One block of four 32-bit words: counter ctr[4], key[2] -> out[4]. */
void hm_philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]);

/* The stream of random numbers for (seed, purpose, a, b). Element i depends on neither the other elements nor
 * the order in which they are drawn. In the caller's storage; a copy is a second stream that gives the same
 * numbers. */
struct hm_rng {
	uint32_t key[2];  /* seed, low and high word */
	uint32_t ctr[4];  /* element block, purpose, a, b */
	uint32_t word[4]; /* the current block */
	int left;	  /* words of it not yet drawn */
};
/* purpose: enum hm_rng_purpose; a, b: epoch and step, tensor number, or 0. */
void hm_rng_init(struct hm_rng *r, uint64_t seed, uint32_t purpose, uint32_t a, uint32_t b);
/* Makes element block n, of four 32-bit words, the next to be drawn. */
void hm_rng_seek(struct hm_rng *r, uint32_t n);
uint32_t hm_rng_u32(struct hm_rng *r);
/* Uniform in [0, n), unbiased (rejection); n > 0. */
uint32_t hm_rng_below(struct hm_rng *r, uint32_t n);
/* x[0..count) := what so many calls of hm_rng_below give. */
void hm_rng_fill_below(struct hm_rng *r, uint32_t n, uint32_t *x, size_t count);
/* Uniform in [0,1): 53 bits. */
double hm_rng_uniform(struct hm_rng *r);
/* Standard normal, by Box-Muller: two uniform numbers per call. */
double hm_rng_normal(struct hm_rng *r);
/* p[0..n) := a uniformly random permutation of 0..n-1 (Fisher-Yates). */
void hm_rng_permute(struct hm_rng *r, uint32_t *p, uint32_t n);

#endif
