/* Counts the records that there should be. See expected.h. */
#include "score/expected.h"
#include "prep/lines.h"

#include <stdlib.h>
#include <string.h>

static int count_lines(const char *path, size_t *n, struct hm_err *e)
{
	struct hm_lines l;
	const char *line;
	size_t len;
	int rc = hm_lines_open(&l, path, e);
	for (*n = 0; !rc && (rc = hm_lines_next(&l, &line, &len, e)) == 1; rc = 0)
		*n += !hm_line_blank(line, len);
	hm_lines_close(&l);
	return rc;
}

int hm_expected_count(size_t *expected, const char *spec, const struct hm_matched *m, size_t skipped,
		      bool allow, struct hm_err *e)
{
	size_t have = m->n + m->unlabelled, there = hm_matched_records(m), all = there + skipped;
	if (spec && strspn(spec, "0123456789") == strlen(spec))
		all = (size_t)strtoull(spec, NULL, 10);
	else if (spec && count_lines(spec, &all, e))
		return HM_EDATA;
	if (all < there)
		return hm_err_set(e, HM_EDATA, "%zu records are there where %zu are expected", there, all);
	*expected = all - m->unlabelled;
	if (all == have || allow)
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "no scores: %zu of %zu records are missing (%zu failed, %zu left out before); "
			  "--allow-missing scores the others",
			  all - have, all, m->failed, skipped);
}
