/* Reads the predictions of one system: records (with a model, or with a column `prob`) or a CSV of any
 * program. The first bytes tell which.
 *
 *   hm_system_open(&s, &options, n, paths, workers, e)
 *   while ((rc = hm_system_prepare(&s, e)) == 1) ...       only a shuffled side reads the input here, once
 *   while ((rc = hm_system_next(&s, &p, e)) == 1) ...      rc 0: all records are read
 *   hm_system_finish(&s, e)  completes the records written; hm_system_close(&s) in any case */
#ifndef HM_SYSTEM_H
#define HM_SYSTEM_H

#include "prep/csv.h"
#include "score/answers.h"

struct hm_system {
	bool csv;
	struct hm_csv table;
	const char *by;		   /* the CSV's column by which records are grouped, or NULL */
	int column;		   /* its number */
	struct hm_answers answers; /* of records, when not csv */
};

/* Several files of records are joined by id. A CSV is alone, without o->model and o->out: else HM_EUSAGE.
 * HM_EDATA: the file is something else or cannot be read. Caller closes, also after a failure. */
int hm_system_open(struct hm_system *s, const struct hm_answers_options *o, int n, char *const *paths,
		   struct hm_workers *w, struct hm_err *e);
/* As hm_answers_prepare. */
int hm_system_prepare(struct hm_system *s, struct hm_err *e);
/* Adds the next record to p and sets p->classes: 1, 0 at the end, HM_EDATA. */
int hm_system_next(struct hm_system *s, struct hm_predictions *p, struct hm_err *e);
/* After the end: gives p the words that the input has for its classes. 0 or HM_EDATA. */
int hm_system_call(const struct hm_system *s, struct hm_predictions *p, struct hm_err *e);
/* How many records there will be; 0: unknown. For progress only. */
uint64_t hm_system_expect(const struct hm_system *s);
/* After the end: records that the input's producers left out. */
uint64_t hm_system_skipped(const struct hm_system *s);
int hm_system_finish(struct hm_system *s, struct hm_err *e);
void hm_system_close(struct hm_system *s);

#endif
