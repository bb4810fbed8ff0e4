/* One system's predictions, out of what the user names: records (with a model, or with `prob`) or a CSV of
 * any other program, told apart by their first bytes.
 *
 *   hm_system_open(&s, &options, n, paths, workers, e)
 *   while ((rc = hm_system_prepare(&s, e)) == 1) ...       shuffled sides of a model: reads all once
 *   while ((rc = hm_system_next(&s, &p, e)) == 1) ...      rc 0: all read
 *   hm_system_finish(&s, e)  makes written records real; hm_system_close(&s) in any case */
#ifndef HM_SYSTEM_H
#define HM_SYSTEM_H

#include "prep/csv.h"
#include "score/answers.h"

struct hm_system {
	bool csv;
	struct hm_csv table;
	const char *by; /* the column that groups, of the CSV's number `column`; NULL: none */
	int column;
	struct hm_answers answers; /* of records */
};

/* Several paths of records are joined by id; a CSV is alone, without o->model and o->out (HM_EUSAGE). Else 0
 * or HM_EDATA. Caller closes, also after a failure. */
int hm_system_open(struct hm_system *s, const struct hm_answers_options *o, int n, char *const *paths,
		   struct hm_workers *w, struct hm_err *e);
/* As hm_answers_prepare. */
int hm_system_prepare(struct hm_system *s, struct hm_err *e);
/* Takes the next record into p (whose classes it sets): 1, 0 at the end, HM_EDATA. */
int hm_system_next(struct hm_system *s, struct hm_predictions *p, struct hm_err *e);
/* How many there will be, 0: unknown. For progress only. */
uint64_t hm_system_expect(const struct hm_system *s);
/* After the end: records that the input's producers left out. */
uint64_t hm_system_skipped(const struct hm_system *s);
int hm_system_finish(struct hm_system *s, struct hm_err *e);
void hm_system_close(struct hm_system *s);

#endif
