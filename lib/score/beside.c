/* Pairs and expected counts. See beside.h. */
#include "score/beside.h"
#include "prep/csvrows.h"

#include <stdlib.h>
#include <string.h>

int hm_confounders_read(struct hm_confounders *c, const char *path, struct hm_err *e)
{
	static const char *const name[3] = {"a", "b", "kind"};
	struct hm_csvrows in;
	int at[3], rc = hm_csvrows_open(&in, path, e);
	c->name = hm_lines_name(path);
	for (int k = 0; !rc && k < 3; k++) {
		at[k] = hm_csvrows_column(&in, name[k]);
		if (at[k] < 0)
			rc = hm_err_set(e, HM_EDATA,
					"%s: line 1: the header has %s column \"%s\"; a,b,kind are needed",
					c->name, at[k] == -2 ? "more than one" : "no", name[k]);
	}
	while (!rc && (rc = hm_csvrows_next(&in, e)) == 1) {
		rc = hm_confounders_add(c, in.field[at[0]], in.field[at[1]], in.field[at[2]], e);
		if (rc)
			hm_err_prefix(e, "%s: line %llu", c->name, (unsigned long long)in.line);
	}
	hm_csvrows_close(&in);
	return rc;
}

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
	size_t have = m->n + m->unlabelled, all = have + m->failed + skipped;
	if (spec && strspn(spec, "0123456789") == strlen(spec))
		all = (size_t)strtoull(spec, NULL, 10);
	else if (spec && count_lines(spec, &all, e))
		return HM_EDATA;
	if (all < have)
		return hm_err_set(e, HM_EDATA, "%zu records have an answer where %zu are expected", have,
				  all);
	*expected = all - m->unlabelled;
	if (all == have || allow)
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "no scores: %zu of %zu records are missing (%zu failed, %zu left out before); "
			  "--allow-missing scores the others",
			  all - have, all, m->failed, skipped);
}
