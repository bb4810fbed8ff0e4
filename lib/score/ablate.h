/* Ablation: before the fusion, a side's values (image or text) are replaced by zeros or by those of another
 * record. How much worse the answers become shows what the side contributes. */
#ifndef HM_ABLATE_H
#define HM_ABLATE_H

#include "base/blobs.h"

enum hm_ablation {
	HM_ABLATE_NONE,
	HM_ABLATE_ZERO,	   /* zeros; for the words of early fusion only [CLS] [SEP] */
	HM_ABLATE_SHUFFLE, /* the values of another record */
};
/* "zero", "shuffle"; NULL for none. Static storage. */
const char *hm_ablation_name(enum hm_ablation a);
/* "image=zero", "text=shuffle", ...: sets side[0] or side[1]. 0, or HM_EUSAGE for any other word and for
 * a side that is set otherwise. */
int hm_ablation_parse(enum hm_ablation side[2], const char *word, struct hm_err *e);

/* A side's values of all records, to be handed out in another order. An empty one is all zero. */
struct hm_donors {
	struct hm_blobs values; /* in memory up to 256 MiB, then in a temporary file */
	uint32_t *from;		/* [n]: record i gets the value of record from[i] */
	size_t next;		/* the record that gets its value next */
};
/* Adds the next record's value. 0 or HM_EDATA. */
int hm_donors_add(struct hm_donors *d, const void *value, size_t bytes, struct hm_err *e);
/* Call after the last add. Draws a random cycle through all records (Sattolo, Inf. Proc. Letters 1986), so
 * that none gets its own value. It is a function of (seed, side, n). 0, or HM_EDATA, also for a single
 * record. */
int hm_donors_shuffle(struct hm_donors *d, uint64_t seed, int side, struct hm_err *e);
/* *bytes := the size of the next record's value. hm_donors_take copies that value to `to` and moves on. 0, or
 * HM_EDATA after the last record: the input changed between two readings. */
int hm_donors_size(const struct hm_donors *d, size_t *bytes, struct hm_err *e);
int hm_donors_take(struct hm_donors *d, void *to, struct hm_err *e);
void hm_donors_clear(struct hm_donors *d);

#endif
