/* The true labels of records, from a file of their own: records, a CSV (RFC 4180) or JSON lines, which its
 * first bytes tell. Records are known by their ids. A label is a number or a word; which class a word is
 * follows from the predictions' words for their classes, else from the file's own. */
#ifndef HM_TRUTH_H
#define HM_TRUTH_H

#include "prep/labels.h"
#include "rec/rec.h"
#include "stat/predictions.h"

/* All zero is empty. */
struct hm_truth {
	const char *name; /* of the file, for messages; borrowed */
	bool submitted;	  /* the file has probabilities too: its labels may be predictions */
	bool lines;	  /* places are lines, from 1; else records, from 0 */
	size_t n;
	struct hm_buf entry; /* struct hm_truth_entry[n] */
	struct hm_strmap ids;
	int words; /* different labels */
	const char *word[HM_LABELS_MOST];
	size_t first[HM_LABELS_MOST]; /* the entry that has it first */
	struct hm_strmap at;	      /* word -> its number */
	bool numbers; /* a label that is a number is that of a class and no word: in records without names,
			 and in a CSV of predictions */
	struct hm_labels own; /* the words of the classes, of records that have them */
	struct hm_arena text;
};
struct hm_truth_entry {
	const char *id;
	uint64_t place;
	int word; /* -1: no label */
};

/* Reads the file; "-" is standard input. `w` may be NULL. 0, or HM_EDATA with a sentence that names file,
 * place and id: no id, an id that occurs twice, a label that is neither a word nor a number, more than
 * HM_LABELS_MOST different ones. Caller frees with hm_truth_clear, also after a failure. */
int hm_truth_read(struct hm_truth *t, const char *path, struct hm_workers *w, struct hm_err *e);
/* Replaces the labels of p, whose classes are known, by those of the file, and gives p the file's words for
 * its classes when it has none. Without `allow` both must have the same ids. With it a record that the file
 * lacks has no label, and *missing is how many records with a label p lacks. HM_EDATA: the ids differ, a word
 * is no class, a number is outside the classes. */
int hm_truth_apply(const struct hm_truth *t, struct hm_predictions *p, bool allow, size_t *missing,
		   struct hm_err *e);
void hm_truth_clear(struct hm_truth *t);

/* *names := what hm_column_names says of the column `label`; NULL also without such a column. Caller frees
 * with cJSON_Delete. 0 or HM_EDATA. */
int hm_truth_names(const struct hm_schema *s, cJSON **names, struct hm_err *e);
/* l := the words of such an array, NULL: none. They are borrowed from it. */
void hm_truth_words(const cJSON *names, struct hm_labels *l);

#endif
