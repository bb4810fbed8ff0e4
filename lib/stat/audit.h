/* What is wrong with a data set as data: records that two splits share, records that stand there twice,
 * labels that contradict one another, splits of different balance; and which records differ in one modality
 * alone. Sees ids, labels and whether images (captions) are the same, nothing else.
 *
 *   struct hm_audit a = {0};
 *   hm_audit_split(&a, "train.hmr", e);  hm_audit_add(&a, id, n, label, image, caption, e) ...  for each
 * split hm_audit_run(&a, examples, e);  a.result[HM_AUDIT_...]
 */
#ifndef HM_AUDIT_H
#define HM_AUDIT_H

#include "base/strmap.h"
#include "stat/kinds.h"

#define HM_AUDIT_PAIRS                                                                                       \
	((size_t)1000000)   /* confounders beyond these are not listed, and the check says so                \
			     */
#define HM_AUDIT_SHIFT .001 /* a label shift is one below this p-value */

/* What is looked for, in the order of reports. */
enum hm_audit_check {
	HM_AUDIT_ID_TWICE,	 /* an id more than once in a split */
	HM_AUDIT_ID_SHARED,	 /* an id in more than one split */
	HM_AUDIT_PAIR_TWICE,	 /* image and caption more than once in a split */
	HM_AUDIT_PAIR_SHARED,	 /* image and caption in more than one split */
	HM_AUDIT_IMAGE_SHARED,	 /* an image in more than one split */
	HM_AUDIT_CAPTION_SHARED, /* a caption likewise */
	HM_AUDIT_LABEL_CONFLICT, /* the same image and caption, different labels */
	HM_AUDIT_LABEL_SHIFT,	 /* labels are spread differently over the splits */
	HM_AUDIT_FINDINGS, /* those before are findings, those behind are remarks: confounders within a split,
			    */
	HM_AUDIT_SAME_CAPTION = HM_AUDIT_FINDINGS, /* the same caption, another image, another label */
	HM_AUDIT_SAME_IMAGE,			   /* the same image, another caption, another label */
	HM_AUDIT_CHECKS
};
/* "id-twice", "label-shift", ... and what it is, for people. */
const char *hm_audit_name(enum hm_audit_check c);
const char *hm_audit_title(enum hm_audit_check c);

struct hm_audit_split {
	char *name;
	size_t records, unlabelled;
	size_t label[HM_KINDS_MAX]; /* records of each of `labels` */
};

struct hm_audit_item {
	const char *id;	    /* NUL-terminated */
	int split, label;   /* label: of `labels`, -1 none */
	uint64_t number[4]; /* of id, image, caption, pair among the different ones; HM_AUDIT_NONE: there is
			       none */
};
#define HM_AUDIT_NONE UINT64_MAX

struct hm_audit_result {
	const char *why;	/* it was not checked because; NULL: it was */
	size_t groups, records; /* different ids, images, ... that are concerned, records that hold them;
				 * pairs and records of confounders */
	double p;		/* of a label shift: chi-square test of homogeneity, Pearson 1900; else NaN */
	size_t n_examples;
	size_t (*example)[2]; /* items, of as many groups as were asked for */
};

/* All zero is an empty one. */
struct hm_audit {
	int n_splits;
	size_t n;		   /* records */
	struct hm_buf split, item; /* struct hm_audit_split[n_splits], struct hm_audit_item[n] */
	struct hm_kinds labels;	   /* the labels that there are, as decimals */
	struct hm_strmap same[4];  /* what was seen of id, image, caption, pair -> its number */
	struct hm_audit_result result[HM_AUDIT_CHECKS];
	struct hm_buf confounder[2]; /* size_t[][2]: items, by caption and by image */
	struct hm_arena text;
};

/* Begins the next split. 0 or HM_EDATA. */
int hm_audit_split(struct hm_audit *a, const char *name, struct hm_err *e);
/* A record: any bytes that are the same when the image (caption) is, NULL for none to compare. */
struct hm_audit_record {
	const char *id;
	size_t id_len;
	int32_t label; /* -1: none */
	const void *image, *caption;
	size_t image_len, caption_len;
};
/* Adds a record to the split begun last; what is pointed to is copied (id) or digested (XXH3-128). 0 or
 * HM_EDATA. */
int hm_audit_add(struct hm_audit *a, const struct hm_audit_record *r, struct hm_err *e);
/* Fills result[], with at most `examples` of each. 0 or HM_EDATA (memory). */
int hm_audit_run(struct hm_audit *a, size_t examples, struct hm_err *e);
void hm_audit_clear(struct hm_audit *a);

const struct hm_audit_item *hm_audit_item(const struct hm_audit *a, size_t i);
const struct hm_audit_split *hm_audit_split_at(const struct hm_audit *a, int i);

/* The upper tail of the chi-square distribution with df >= 1 degrees of freedom: scipy.stats.chi2.sf(x, df).
 */
double hm_chi2_tail(double x, int df);

#endif
