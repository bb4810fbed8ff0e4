/* The findings of an audit for programs: JSON, and the confounders as CSV. See auditpages.h. */
#include "json/build.h"
#include "report/auditpages.h"

#include <math.h>
#include <string.h>

static void add_item(cJSON *pair, const struct hm_audit *a, size_t i, struct hm_err *e)
{
	const struct hm_audit_item *item = hm_audit_item(a, i);
	cJSON *o = hm_json_add_object(pair, NULL, e);
	hm_json_add_str(o, "id", item->id, e);
	hm_json_add_str(o, "split", hm_audit_split_at(a, item->split)->name, e);
}

static void add_split(cJSON *splits, const struct hm_audit *a, const struct hm_audit_split *s,
		      struct hm_err *e)
{
	cJSON *o = hm_json_add_object(splits, NULL, e), *labels = hm_json_add_object(o, "labels", e);
	hm_json_add_str(o, "name", s->name, e);
	hm_json_add_num(o, "records", (double)s->records, e);
	hm_json_add_num(o, "unlabelled", (double)s->unlabelled, e);
	for (int k = 0; k < a->labels.n; k++)
		hm_json_add_num(labels, a->labels.name[k], (double)s->label[k], e);
}

static void add_check(cJSON *checks, const struct hm_audit *a, const struct hm_audit_view *v,
		      enum hm_audit_check c, struct hm_err *e)
{
	const struct hm_audit_result *r = &a->result[c];
	cJSON *o = hm_json_add_object(checks, hm_audit_name(c), e),
	      *all = hm_json_add_array(o, "examples", e);
	hm_json_add_str(o, "verdict", hm_audit_verdict(a, v, c), e);
	if (r->why)
		hm_json_add_str(o, "why", r->why, e);
	if (c != HM_AUDIT_LABEL_SHIFT)
		hm_json_add_num(o, c < HM_AUDIT_FINDINGS ? "n" : "pairs", (double)r->groups, e);
	else if (isnan(r->p))
		hm_json_add_null(o, "p", e);
	else
		hm_json_add_num(o, "p", r->p, e);
	hm_json_add_num(o, "records", (double)r->records, e);
	for (size_t i = 0; i < r->n_examples; i++) {
		cJSON *pair = hm_json_add_array(all, NULL, e);
		add_item(pair, a, r->example[i][0], e);
		add_item(pair, a, r->example[i][1], e);
	}
}

/* The column's name, or null. */
static void add_column(cJSON *by, const char *key, const char *column, struct hm_err *e)
{
	if (column)
		hm_json_add_str(by, key, column, e);
	else
		hm_json_add_null(by, key, e);
}

int hm_audit_json(const struct hm_audit *a, const struct hm_audit_view *v, struct hm_buf *out,
		  struct hm_err *e)
{
	cJSON *o = hm_json_object(e), *splits = hm_json_add_array(o, "splits", e);
	cJSON *by = hm_json_add_object(o, "compared_by", e), *checks = hm_json_add_object(o, "checks", e);
	for (int i = 0; i < a->n_splits; i++)
		add_split(splits, a, hm_audit_split_at(a, i), e);
	add_column(by, "images", v->image, e);
	add_column(by, "captions", v->caption, e);
	for (int c = 0; c < HM_AUDIT_CHECKS; c++)
		add_check(checks, a, v, (enum hm_audit_check)c, e);
	hm_json_add_num(o, "findings", hm_audit_findings(a, v), e);
	return hm_json_line(o, out, e);
}

/* Writes a pair, unless the file has it already or both ids are equal (the splits share ids then: a finding).
 */
static int write_pair(struct hm_strmap *seen, const char *a, const char *b, const char *kind,
		      hm_field_writer *put, struct hm_buf *out, struct hm_err *e)
{
	size_t at = out->len;
	put(out, a, e);
	hm_buf_printf(out, e, ",");
	put(out, b, e);
	hm_buf_printf(out, e, ",%s\n", kind);
	int fresh = e->code ? e->code : hm_strmap_add(seen, out->data + at, out->len - at, &(uint64_t){0}, e);
	if (!fresh || !strcmp(a, b))
		out->len = at;
	return fresh < 0 ? fresh : 0;
}

int hm_audit_pairs(const struct hm_audit *a, hm_field_writer *put, struct hm_buf *out, struct hm_err *e)
{
	static const char *const kind[] = {"same-caption", "same-image"};
	struct hm_strmap seen = {0};
	int rc = hm_buf_printf(out, e, "a,b,kind\n");
	for (int k = 0; k < 2; k++) {
		const size_t *pair = (const size_t *)a->confounder[k].data;
		for (size_t i = 0; !rc && i < a->confounder[k].len / sizeof *pair; i += 2) {
			const char *x = hm_audit_item(a, pair[i])->id, *y = hm_audit_item(a, pair[i + 1])->id;
			bool turned = strcmp(x, y) > 0;
			rc = write_pair(&seen, turned ? y : x, turned ? x : y, kind[k], put, out, e);
		}
	}
	hm_strmap_clear(&seen);
	return rc;
}
