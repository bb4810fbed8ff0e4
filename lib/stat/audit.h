/* Checks a data set: records that two splits share, duplicates within a split, labels that contradict each
 * other, splits with different shares of labels. It also lists confounders: records that differ in one
 * modality only. An audit sees ids, labels and whether two images (captions) are equal, nothing else.
 *
 *   struct hm_audit a = {0};
 *   for each split:  hm_audit_split(&a, "train.hmr", e)
 *   for each record of it:  hm_audit_add(&a, &record, e)
 *   hm_audit_run(&a, examples, e);  a.result[HM_AUDIT_...];  hm_audit_clear(&a)
 */
#ifndef HM_AUDIT_H
#define HM_AUDIT_H

#include "base/strmap.h"
#include "stat/kinds.h"

/* At most so many confounders are listed; with more the check says that there are too many. */
#define HM_AUDIT_PAIRS ((size_t)1000000)
/* Shares of labels count as different below this p-value. */
#define HM_AUDIT_SHIFT .001

/* The checks, in the order of reports. The first HM_AUDIT_FINDINGS find what is wrong; those after them only
 * remark on confounders within a split. */
enum hm_audit_check {
	HM_AUDIT_ID_TWICE,	 /* an id more than once in a split */
	HM_AUDIT_ID_SHARED,	 /* an id in more than one split */
	HM_AUDIT_PAIR_TWICE,	 /* image and caption more than once in a split */
	HM_AUDIT_PAIR_SHARED,	 /* image and caption in more than one split */
	HM_AUDIT_IMAGE_SHARED,	 /* an image in more than one split */
	HM_AUDIT_CAPTION_SHARED, /* a caption in more than one split */
	HM_AUDIT_NEAR_SHARED, /* records that are nearly the same, in two splits: what hm_audit_near says */
	HM_AUDIT_LABEL_CONFLICT, /* the same image and caption, different labels */
	HM_AUDIT_LABEL_SHIFT,	 /* the splits have different shares of labels */
	HM_AUDIT_FINDINGS,
	HM_AUDIT_SAME_CAPTION = HM_AUDIT_FINDINGS, /* the same caption, another image, another label */
	HM_AUDIT_SAME_IMAGE,			   /* the same image, another caption, another label */
	HM_AUDIT_CHECKS
};
/* The name of a check ("id-twice"), and its title for people. Static storage. */
const char *hm_audit_name(enum hm_audit_check c);
const char *hm_audit_title(enum hm_audit_check c);

struct hm_audit_split {
	char *name;
	size_t records, unlabelled;
	size_t label[HM_KINDS_MAX]; /* records with each of the audit's `labels` */
};

struct hm_audit_item {
	const char *id;	    /* NUL-terminated */
	int split, label;   /* label: index into the audit's `labels`, -1: the record has none */
	uint64_t number[4]; /* of its id, image, caption, and image with caption: equal ones have equal
			     * numbers. HM_AUDIT_NONE: there is nothing to compare */
};
#define HM_AUDIT_NONE UINT64_MAX

struct hm_audit_result {
	const char *why; /* why there was no check; NULL: there was one */
	size_t groups,
		records; /* how many ids, images, ... are concerned, and records with them; of
			  * records nearly the same and of confounders the pairs, and the records in them */
	double p;	 /* HM_AUDIT_LABEL_SHIFT: Pearson's chi-square test of homogeneity; else NaN */
	size_t n_examples;
	size_t (*example)[2]; /* [n_examples] two items of a group */
};

/* All zero is an empty audit. */
struct hm_audit {
	int n_splits;
	size_t n;		   /* records */
	struct hm_buf split, item; /* struct hm_audit_split[n_splits], struct hm_audit_item[n] */
	struct hm_kinds labels;	   /* the different labels, as decimals */
	struct hm_strmap same[4];  /* id, image, caption, image with caption -> its number */
	struct hm_audit_result result[HM_AUDIT_CHECKS];
	uint64_t empty;		 /* the number of the empty caption, plus 1; 0: no caption is empty */
	const size_t (*near)[2]; /* what hm_audit_near was given; NULL: nothing */
	size_t n_near;
	struct hm_buf confounder[2]; /* size_t[][2]: items, by caption and by image */
	struct hm_arena text;
};

/* Begins the next split. 0 or HM_EDATA. */
int hm_audit_split(struct hm_audit *a, const char *name, struct hm_err *e);
/* A record. `image` is any bytes that are equal when the images are, so is `caption`; NULL: nothing to
 * compare. Captions of 0 bytes count as equal only where the images are equal. */
struct hm_audit_record {
	const char *id;
	size_t id_len;
	int32_t label; /* -1: none */
	const void *image, *caption;
	size_t image_len, caption_len;
};
/* Adds a record to the split that was begun last. The id is copied, image and caption are digested
 * (XXH3-128). 0 or HM_EDATA (memory, too many labels). */
int hm_audit_add(struct hm_audit *a, const struct hm_audit_record *r, struct hm_err *e);
/* Before hm_audit_run: n pairs of records in different splits that are nearly the same by some measure, the
 * most similar first; n may be 0. The pairs stay the caller's. */
void hm_audit_near(struct hm_audit *a, const size_t (*pair)[2], size_t n);
/* Runs all checks. Fills result[], with at most `examples` examples per check. 0 or HM_EDATA (memory). */
int hm_audit_run(struct hm_audit *a, size_t examples, struct hm_err *e);
void hm_audit_clear(struct hm_audit *a);

const struct hm_audit_item *hm_audit_item(const struct hm_audit *a, size_t i);
const struct hm_audit_split *hm_audit_split_at(const struct hm_audit *a, int i);

/* The upper tail of the chi-square distribution with df >= 1 degrees of freedom: scipy.stats.chi2.sf(x, df).
 */
double hm_chi2_tail(double x, int df);

#endif
