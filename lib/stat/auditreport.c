/* An audit, told: a table, JSON, the list of confounders. See audit.h. */
#include "json/json.h"
#include "stat/audit.h"
#include "stat/write.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 49 }; /* of a check's title */

static const char *verdict(const struct hm_audit *a, const struct hm_audit_view *v, int c)
{
	const struct hm_audit_result *r = &a->result[c];
	if (r->why)
		return "not checked";
	if (c >= HM_AUDIT_FINDINGS)
		return "remark";
	return !r->groups ? "ok" : v->allowed[c] ? "allowed" : "finding";
}

int hm_audit_findings(const struct hm_audit *a, const struct hm_audit_view *v)
{
	int n = 0;
	for (int c = 0; c < HM_AUDIT_FINDINGS; c++)
		n += !strcmp(verdict(a, v, c), "finding");
	return n;
}

/* ---- for people ---- */

static void splits_text(const struct hm_audit *a, struct hm_buf *b, struct hm_err *e)
{
	int order[HM_KINDS_MAX], width = 5;
	hm_kinds_order(&a->labels, order);
	for (int i = 0; i < a->n_splits; i++) {
		int w = hm_write_width(hm_audit_split_at(a, i)->name);
		width = w > width ? w : width;
	}
	hm_buf_printf(b, e, "%-*s  %8s  %9s", width, "split", "records", "no label");
	for (int k = 0; k < a->labels.n; k++)
		hm_buf_printf(b, e, "%*slabel %s", 11 - (int)strlen(a->labels.name[order[k]]), "",
			      a->labels.name[order[k]]);
	hm_buf_printf(b, e, "\n");
	for (int i = 0; i < a->n_splits; i++) {
		const struct hm_audit_split *s = hm_audit_split_at(a, i);
		size_t labelled = s->records - s->unlabelled;
		hm_write_cell(b, s->name, width, e);
		hm_buf_printf(b, e, "  %8zu  %9zu", s->records, s->unlabelled);
		for (int k = 0; labelled && k < a->labels.n; k++)
			hm_buf_printf(b, e, "  %7zu %5.1f %%", s->label[order[k]],
				      100. * (double)s->label[order[k]] / (double)labelled);
		hm_buf_printf(b, e, "\n");
	}
}

static void examples_text(const struct hm_audit *a, const struct hm_audit_result *r, struct hm_buf *b,
			  struct hm_err *e)
{
	for (size_t i = 0; i < r->n_examples; i++) {
		const struct hm_audit_item *x = hm_audit_item(a, r->example[i][0]),
					   *y = hm_audit_item(a, r->example[i][1]);
		hm_buf_printf(b, e, "%13s", "");
		hm_write_cell(b, x->id, 0, e);
		hm_buf_printf(b, e, " (");
		hm_write_cell(b, hm_audit_split_at(a, x->split)->name, 0, e);
		hm_buf_printf(b, e, ")  ");
		hm_write_cell(b, y->id, 0, e);
		hm_buf_printf(b, e, " (");
		hm_write_cell(b, hm_audit_split_at(a, y->split)->name, 0, e);
		hm_buf_printf(b, e, ")\n");
	}
}

int hm_audit_text(const struct hm_audit *a, const struct hm_audit_view *v, struct hm_buf *b, struct hm_err *e)
{
	splits_text(a, b, e);
	hm_buf_printf(b, e, "\nimages compared by %s, captions by %s\n\n", v->image ? v->image : "nothing",
		      v->caption ? v->caption : "nothing");
	for (int c = 0; c < HM_AUDIT_CHECKS; c++) {
		const struct hm_audit_result *r = &a->result[c];
		const char *word = verdict(a, v, c);
		hm_buf_printf(b, e, "%-11s  %-*s  ", strcmp(word, "finding") ? word : "FINDING", WIDTH,
			      hm_audit_title(c));
		if (r->why)
			hm_buf_printf(b, e, "%s\n", r->why);
		else if (c == HM_AUDIT_LABEL_SHIFT)
			hm_buf_printf(b, e, "p = %.2g (chi-square)\n", r->p);
		else if (!r->groups)
			hm_buf_printf(b, e, "none\n");
		else
			hm_buf_printf(b, e, "%zu%s, %zu records\n", r->groups,
				      c < HM_AUDIT_FINDINGS ? ""
				      : r->groups == 1	    ? " pair"
							    : " pairs",
				      r->records);
		examples_text(a, r, b, e);
	}
	int n = hm_audit_findings(a, v);
	hm_buf_printf(b, e, "\n%s", n ? "" : "clean: nothing found that is not allowed\n");
	if (n) {
		hm_buf_printf(b, e, "%d kind%s of finding:", n, n == 1 ? "" : "s");
		for (int c = 0; c < HM_AUDIT_FINDINGS; c++)
			if (!strcmp(verdict(a, v, c), "finding"))
				hm_buf_printf(b, e, " %s", hm_audit_name(c));
		hm_buf_printf(b, e, " (--allow KIND for what is meant to be so)\n");
	}
	return e->code;
}

/* ---- for programs ---- */

static cJSON *item_json(const struct hm_audit *a, size_t i)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "id", hm_audit_item(a, i)->id);
	cJSON_AddStringToObject(o, "split", hm_audit_split_at(a, hm_audit_item(a, i)->split)->name);
	return o;
}

static cJSON *split_json(const struct hm_audit *a, const struct hm_audit_split *s)
{
	cJSON *o = cJSON_CreateObject(), *labels = cJSON_AddObjectToObject(o, "labels");
	cJSON_AddStringToObject(o, "name", s->name);
	cJSON_AddNumberToObject(o, "records", (double)s->records);
	cJSON_AddNumberToObject(o, "unlabelled", (double)s->unlabelled);
	for (int k = 0; k < a->labels.n; k++)
		cJSON_AddNumberToObject(labels, a->labels.name[k], (double)s->label[k]);
	return o;
}

static cJSON *check_json(const struct hm_audit *a, const struct hm_audit_view *v, int c)
{
	const struct hm_audit_result *r = &a->result[c];
	cJSON *o = cJSON_CreateObject(), *all = cJSON_AddArrayToObject(o, "examples");
	cJSON_AddStringToObject(o, "verdict", verdict(a, v, c));
	if (r->why)
		cJSON_AddStringToObject(o, "why", r->why);
	if (c == HM_AUDIT_LABEL_SHIFT)
		hm_write_number(o, "p", r->p);
	else
		cJSON_AddNumberToObject(o, c < HM_AUDIT_FINDINGS ? "n" : "pairs", (double)r->groups);
	cJSON_AddNumberToObject(o, "records", (double)r->records);
	for (size_t i = 0; i < r->n_examples; i++) {
		cJSON *pair = cJSON_CreateArray();
		cJSON_AddItemToArray(pair, item_json(a, r->example[i][0]));
		cJSON_AddItemToArray(pair, item_json(a, r->example[i][1]));
		cJSON_AddItemToArray(all, pair);
	}
	return o;
}

int hm_audit_json(const struct hm_audit *a, const struct hm_audit_view *v, struct hm_buf *out,
		  struct hm_err *e)
{
	cJSON *o = cJSON_CreateObject(), *splits = cJSON_AddArrayToObject(o, "splits"),
	      *by = cJSON_AddObjectToObject(o, "compared_by"), *checks = cJSON_AddObjectToObject(o, "checks");
	for (int i = 0; i < a->n_splits; i++)
		cJSON_AddItemToArray(splits, split_json(a, hm_audit_split_at(a, i)));
	cJSON_AddItemToObject(by, "images", v->image ? cJSON_CreateString(v->image) : cJSON_CreateNull());
	cJSON_AddItemToObject(by, "captions",
			      v->caption ? cJSON_CreateString(v->caption) : cJSON_CreateNull());
	for (int c = 0; c < HM_AUDIT_CHECKS; c++)
		cJSON_AddItemToObject(checks, hm_audit_name(c), check_json(a, v, c));
	cJSON_AddNumberToObject(o, "findings", hm_audit_findings(a, v));
	int rc = hm_json_write(o, out, e);
	cJSON_Delete(o);
	return rc ? rc : hm_buf_add(out, "\n", 1, e);
}

/* A line, unless it is there already or is of one id: the splits share ids then, which is a finding. */
static int pair_line(struct hm_strmap *seen, const char *a, const char *b, const char *kind,
		     struct hm_buf *out, struct hm_err *e)
{
	size_t at = out->len;
	hm_buf_quote(out, a, e);
	hm_buf_printf(out, e, ",");
	hm_buf_quote(out, b, e);
	hm_buf_printf(out, e, ",%s\n", kind);
	int fresh = e->code ? e->code : hm_strmap_add(seen, out->data + at, out->len - at, &(uint64_t){0}, e);
	if (!fresh || !strcmp(a, b))
		out->len = at;
	return fresh < 0 ? fresh : 0;
}

int hm_audit_pairs(const struct hm_audit *a, struct hm_buf *out, struct hm_err *e)
{
	static const char *const kind[] = {"same-caption", "same-image"};
	struct hm_strmap seen = {0};
	int rc = hm_buf_printf(out, e, "a,b,kind\n");
	for (int k = 0; k < 2; k++) {
		const size_t *pair = (const size_t *)a->confounder[k].data;
		for (size_t i = 0; !rc && i < a->confounder[k].len / sizeof *pair; i += 2) {
			const char *x = hm_audit_item(a, pair[i])->id, *y = hm_audit_item(a, pair[i + 1])->id;
			bool turned = strcmp(x, y) > 0;
			rc = pair_line(&seen, turned ? y : x, turned ? x : y, kind[k], out, e);
		}
	}
	hm_strmap_clear(&seen);
	return rc;
}
