/* Ablation. See ablate.h. */
#include "score/ablate.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

#define IN_MEMORY ((size_t)256 << 20)

const char *hm_ablation_name(enum hm_ablation a)
{
	static const char *const name[] = {NULL, "zero", "shuffle"};
	return name[a];
}

int hm_ablation_parse(enum hm_ablation side[2], const char *word, struct hm_err *e)
{
	static const char *const name[2] = {"image=", "text="};
	for (int k = 0; k < 2; k++) {
		size_t n = strlen(name[k]);
		for (int a = HM_ABLATE_ZERO; !strncmp(word, name[k], n) && a <= HM_ABLATE_SHUFFLE; a++)
			if (!strcmp(word + n, hm_ablation_name((enum hm_ablation)a))) {
				if (side[k] && side[k] != (enum hm_ablation)a)
					return hm_err_set(e, HM_EUSAGE,
							  "one way for each side, and %s has two", word);
				side[k] = (enum hm_ablation)a;
				return 0;
			}
	}
	return hm_err_set(e, HM_EUSAGE, "image=zero, image=shuffle, text=zero or text=shuffle, not '%.64s'",
			  word);
}

int hm_donors_add(struct hm_donors *d, const void *value, size_t bytes, struct hm_err *e)
{
	d->values.limit = IN_MEMORY;
	if (d->values.n == UINT32_MAX)
		return hm_err_set(e, HM_EDATA, "too many records to shuffle");
	return hm_blobs_add(&d->values, &(struct iovec){(void *)value, bytes}, 1, e);
}

int hm_donors_shuffle(struct hm_donors *d, uint64_t seed, int side, struct hm_err *e)
{
	struct hm_rng r;
	size_t n = d->values.n;
	if (n == 1)
		return hm_err_set(e, HM_EDATA, "there is one record only, and no other whose %s it could get",
				  side ? "text" : "image");
	hm_rng_init(&r, seed, HM_RNG_ABLATE, (uint32_t)side, 0);
	d->from = hm_alloc(n, sizeof *d->from, e);
	if (!d->from || hm_blobs_end(&d->values, e))
		return HM_EDATA;
	for (size_t i = 0; i < n; i++)
		d->from[i] = (uint32_t)i;
	for (size_t i = n; i-- > 1;) {
		uint32_t k = hm_rng_below(&r, (uint32_t)i), own = d->from[i];
		d->from[i] = d->from[k];
		d->from[k] = own;
	}
	return 0;
}

int hm_donors_size(const struct hm_donors *d, size_t *bytes, struct hm_err *e)
{
	if (d->next >= d->values.n)
		return hm_err_set(e, HM_EDATA, "the input has changed while it was read");
	*bytes = hm_blobs_size(&d->values, d->from[d->next]);
	return 0;
}

int hm_donors_take(struct hm_donors *d, void *to, struct hm_err *e)
{
	size_t bytes = 0;
	if (hm_donors_size(d, &bytes, e))
		return HM_EDATA;
	return hm_blobs_read(&d->values, d->from[d->next++], 0, to, bytes, e);
}

void hm_donors_clear(struct hm_donors *d)
{
	hm_blobs_clear(&d->values);
	free(d->from);
	*d = (struct hm_donors){0};
}
