/* Ablation: what a side of a model (image, text) says is replaced before the fusion, by zeros or by what it
 * says of another record. How much worse the answers become is what the side gives. */
#ifndef HM_ABLATE_H
#define HM_ABLATE_H

#include "feed/blobs.h"

enum hm_ablation {
	HM_ABLATE_NONE,
	HM_ABLATE_ZERO,	   /* zeros; for the words of early fusion [CLS] [SEP] alone */
	HM_ABLATE_SHUFFLE, /* another record's */
};
/* "zero", "shuffle"; NULL for none. Static storage. */
const char *hm_ablation_name(enum hm_ablation a);
/* "image=zero", "text=shuffle", ...: sets side[0] or side[1]. 0, or HM_EUSAGE for any other word. */
int hm_ablation_parse(enum hm_ablation side[2], const char *word, struct hm_err *e);

/* The values of a side for all records, to be handed out in another order. All zero is an empty one. */
struct hm_donors {
	struct hm_blobs values; /* in memory up to 256 MiB, then in a temporary file */
	uint32_t *from;		/* [n] whose value record i gets */
	size_t next;		/* the record that is served next */
};
/* Takes the next record's value. 0 or HM_EDATA. */
int hm_donors_add(struct hm_donors *d, const void *value, size_t bytes, struct hm_err *e);
/* After the last one: who gets whose, a random cycle through all records (Sattolo, Inf. Proc. Letters 1986),
 * a function of (seed, side, n): nobody gets his own. 0, or HM_EDATA; also for a single record. */
int hm_donors_shuffle(struct hm_donors *d, uint64_t seed, int side, struct hm_err *e);
/* Bytes of the value for the next record; hm_donors_take puts it there and goes on. HM_EDATA when there are
 * no more records: the input has changed between two readings. */
int hm_donors_size(const struct hm_donors *d, size_t *bytes, struct hm_err *e);
int hm_donors_take(struct hm_donors *d, void *to, struct hm_err *e);
void hm_donors_clear(struct hm_donors *d);

#endif
