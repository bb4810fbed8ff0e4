/* A part of a sweep: the results of one share, in a file of its own in the sweep's folder. Parts of one sweep
 * are written by runs that know nothing of each other, on any machines; see sweepmerge.h for what joins them.
 *
 * The file is JSON lines. The first line is an object: `format`, `part` and `parts`, `sweep` (digest of the
 * file of configurations), `configurations` (how many it has), `by` (the column that ranks), `keep` (models
 * to keep of the whole sweep; 0: all), `lines` (digest of the lines' options), and `call`, whatever else must
 * be the same in all parts. Then one object per configuration of the share, in the sweep's order: `name`,
 * `row` (its line of the table), `error` (null: it was trained), `model` (digest of the model file; null:
 * none was kept), and `train_loss`, `val_loss`, `accuracy`, `auroc` and `n` without rounding, null where
 * undefined. The last line has the digest of all before it. */
#ifndef HM_SWEEPPART_H
#define HM_SWEEPPART_H

#include "train/sweep.h"

#define HM_SWEEP_PART_NAME 64
/* out := "leaderboard.0of3.jsonl"; returns out. */
const char *hm_sweep_part_name(uint64_t part, uint64_t parts, char out[HM_SWEEP_PART_NAME]);

/* What all parts of a sweep have in common. */
struct hm_sweep_call {
	cJSON *identity; /* train/identity.h: options, data, program */
	enum hm_sweep_by by;
	size_t keep;	    /* 0: all */
	char lines[HM_HEX]; /* digest of all lines' options, with those of the call */
};

/* Writes the part of this share, whose models are written. 0 or HM_EDATA. */
int hm_sweep_part_write(const struct hm_sweep *s, const struct hm_sweep_call *c, const char *folder,
			struct hm_err *e);

/* Reads the part s->part of s->parts into its items of `s`, which is the sweep of the same file. *c := what
 * it says of the call; caller frees identity, also after a failure. 0, or HM_EDATA with a sentence that
 * begins with the path: it cannot be read, is damaged, or is not this part of this sweep. */
int hm_sweep_part_read(struct hm_sweep *s, struct hm_sweep_call *c, const char *folder, struct hm_err *e);
/* Parses what a part has before the line of its digest; the same as above for text[0..len). The sentence does
 * not name a file. */
int hm_sweep_part_parse(struct hm_sweep *s, struct hm_sweep_call *c, const char *text, size_t len,
			struct hm_err *e);

#endif
