/* Philox4x32-10 and what is drawn from it: see rng.h. */
#include "base/rng.h"

#include <math.h>
#include <string.h>

void hm_philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4])
{
	uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3], k0 = key[0], k1 = key[1];
	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xD2511F53 * c0, p1 = (uint64_t)0xCD9E8D57 * c2;
		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += 0x9E3779B9;
		k1 += 0xBB67AE85;
	}
	out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

void hm_rng_init(struct hm_rng *r, uint64_t seed, uint32_t purpose, uint32_t a, uint32_t b)
{
	*r = (struct hm_rng){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .ctr = {0, purpose, a, b}};
}

void hm_rng_seek(struct hm_rng *r, uint32_t n)
{
	r->ctr[0] = n;
	r->left = 0;
}

uint32_t hm_rng_u32(struct hm_rng *r)
{
	if (!r->left) {
		hm_philox(r->ctr, r->key, r->word);
		r->ctr[0]++;
		r->left = 4;
	}
	return r->word[4 - r->left--];
}

uint32_t hm_rng_below(struct hm_rng *r, uint32_t n)
{
	uint32_t limit = -n % n, x; /* 2^32 mod n: draws below it would make small values likelier */
	do
		x = hm_rng_u32(r);
	while (x < limit);
	return x % n;
}

/* Remainders without division: Lemire, Kaser, Kurz, "Faster remainder by direct computation", 2019. */
void hm_rng_fill_below(struct hm_rng *r, uint32_t n, uint32_t *x, size_t count)
{
	uint32_t limit = -n % n;
	uint64_t inverse = UINT64_MAX / n + 1; /* 0 for n = 1, as its remainders are */
	for (size_t k = 0; k < count; k++) {
		uint32_t v;
		do
			v = hm_rng_u32(r);
		while (v < limit);
		x[k] = (uint32_t)((__extension__(unsigned __int128)(inverse * v) * n) >> 64);
	}
}

double hm_rng_uniform(struct hm_rng *r)
{
	uint64_t hi = hm_rng_u32(r) >> 5, lo = hm_rng_u32(r) >> 6;
	return (double)(hi << 26 | lo) * 0x1p-53;
}

double hm_rng_normal(struct hm_rng *r)
{
	double u = 1.0 - hm_rng_uniform(r), v = hm_rng_uniform(r); /* u in (0,1] */
	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void hm_rng_permute(struct hm_rng *r, uint32_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = i;
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = hm_rng_below(r, i), t = p[i - 1];
		p[i - 1] = p[j];
		p[j] = t;
	}
}
