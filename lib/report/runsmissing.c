/* The records that count for no score: some run failed on them, or nobody knows their label. The scores of
 * the others would be of those that no run found too hard. See runs.h. */
#include "report/runsparts.h"
#include "base/utf8.h"

#include <string.h>

/* Which runs failed, and on how many records each. */
static void name_failed(const struct hm_runs *r, struct hm_buf *out, struct hm_err *e)
{
	enum { NAMED = 3 };
	char name[65];
	int n = 0;
	for (int i = 0; i < r->n_rows; i++)
		for (int k = 0; k < r->row[i].n; k++) {
			const struct hm_row *w = &r->row[i];
			if (!w->trial[k].failed || n++ >= NAMED)
				continue;
			hm_utf8_mask(w->name, strlen(w->name), name, sizeof name);
			hm_buf_printf(out, e, n > 1 ? ", " : "");
			if (w->n > 1)
				hm_buf_printf(out, e, "run %d of ", k + 1);
			hm_buf_printf(out, e, "\"%s\" on %zu", name, w->trial[k].failed);
		}
	hm_buf_printf(out, e, n > NAMED ? ", ..." : "");
}

int hm_runs_uncounted(const struct hm_runs *r, struct hm_buf *out, struct hm_err *e)
{
	const struct hm_matched *m = &r->matched;
	if (m->failed) {
		hm_buf_printf(out, e, "some row failed on %zu (", m->failed);
		name_failed(r, out, e);
		hm_buf_printf(out, e, ")%s", m->unlabelled ? ", " : "");
	}
	if (m->unlabelled)
		hm_buf_printf(out, e, "%zu%s %s no label", m->unlabelled, m->failed ? " more" : "",
			      m->unlabelled > 1 ? "have" : "has");
	return hm_buf_add(out, "", 1, e);
}

int hm_runs_check(const struct hm_runs *r, bool allow, struct hm_err *e)
{
	const struct hm_matched *m = &r->matched;
	struct hm_buf why = {0};
	if ((m->n && (allow || !m->failed)) || hm_runs_uncounted(r, &why, e))
		goto done;
	if (!m->n)
		hm_err_set(e, HM_EDATA, "no example has a label and an answer from every run%s%s",
			   why.len > 1 ? ": " : "", (char *)why.data);
	else
		hm_err_set(
			e, HM_EDATA,
			"no report: %zu of %zu records %s missing: %s; --allow-missing reports on the others",
			m->failed, hm_matched_records(m), m->failed > 1 ? "are" : "is", (char *)why.data);
done:
	hm_buf_clear(&why);
	return e->code;
}
