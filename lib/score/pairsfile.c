/* Reads pairs of confounders from a CSV. See pairsfile.h. */
#include "score/pairsfile.h"
#include "prep/csvrows.h"

int hm_confounders_read(struct hm_confounders *c, const char *path, struct hm_err *e)
{
	static const char *const name[3] = {"a", "b", "kind"};
	struct hm_csvrows in;
	int at[3], rc = hm_csvrows_open(&in, path, ',', e);
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
