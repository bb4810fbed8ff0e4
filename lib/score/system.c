/* Predictions from records or from a CSV. See system.h. */
#include "score/system.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_csv(struct hm_system *s, const struct hm_answers_options *o, const char *path,
		    struct hm_err *e)
{
	s->csv = true;
	s->by = o->by;
	int rc = hm_csv_open(&s->table, path, e);
	if (!rc)
		rc = hm_answers_binary(o, s->table.classes, hm_lines_name(path), e);
	if (!rc && o->unlabelled)
		s->table.label = -1;
	if (rc || !o->by)
		return rc;
	s->column = hm_csvrows_column(&s->table.rows, o->by);
	return s->column >= 0
		       ? 0
		       : hm_err_set(e, HM_EDATA, "%s: there is %s column \"%s\" to group by",
				    hm_lines_name(path), s->column == -2 ? "more than one" : "no", o->by);
}

/* The file is neither records nor CSV: the sentence says what it is and what may help. */
static int refuse_other(const struct hm_filekind *k, const char *path, bool model, struct hm_err *e)
{
	const char *want =
		model ? "records to score are wanted" : "predictions are wanted, as records or CSV";
	char hint[128] = "";
	if (k->group == HM_FILEKIND_WEIGHTS && !model)
		snprintf(hint, sizeof hint, "; --model runs it on records");
	else if (!strcmp(k->name, "a JSON text"))
		snprintf(hint, sizeof hint, "; hm-jsonl2rec makes records of JSON lines%s",
			 model ? "" : ", --model makes predictions");
	else if (k->command)
		snprintf(hint, sizeof hint, "; %s helps", k->command);
	return hm_err_set(e, HM_EDATA, "%s: %s, where %s%s", hm_lines_name(path), k->name, want, hint);
}

int hm_system_open(struct hm_system *s, const struct hm_answers_options *o, int n, char *const *paths,
		   struct hm_workers *w, struct hm_err *e)
{
	enum hm_csv_form form;
	const struct hm_filekind *other;
	int hold, rc;
	*s = (struct hm_system){0};
	if (hm_csv_recognise(paths[0], &form, &other, &hold, e))
		return HM_EDATA;
	if (form == HM_CSV_OTHER)
		rc = refuse_other(other, paths[0], o->model, e);
	else if (form == HM_CSV_RECORDS)
		rc = hm_answers_open(&s->answers, o, n, paths, w, e);
	else if (n > 1)
		rc = hm_err_set(e, HM_EUSAGE,
				"%s: a CSV is scored alone; --compare and --average take several",
				hm_lines_name(paths[0]));
	else if (o->model || o->out)
		rc = hm_err_set(e, HM_EUSAGE, "%s: a CSV has predictions: %s", hm_lines_name(paths[0]),
				o->model ? "--model takes records"
					 : "-o, which writes records, takes records");
	else
		rc = open_csv(s, o, paths[0], e);
	if (hold >= 0)
		close(hold);
	return rc;
}

static int next_row(struct hm_system *s, struct hm_predictions *p, struct hm_err *e)
{
	struct hm_csv *c = &s->table;
	struct hm_csv_row row;
	p->classes = c->classes;
	p->unit = "line";
	p->submitted = true;
	int rc = hm_csv_next(c, &row, e);
	if (rc <= 0)
		return rc;
	rc = hm_predictions_add(p, row.id, strlen(row.id), NULL, 0, row.label, row.prob, c->rows.line, e);
	if (!rc && s->by) {
		const char *value = c->rows.field[s->column];
		rc = hm_predictions_group(p, value, strlen(value), e);
		if (rc)
			hm_err_prefix(e, "column \"%s\"", s->by);
	}
	if (rc)
		return hm_csv_row_error(c, row.id, e);
	return 1;
}

int hm_system_prepare(struct hm_system *s, struct hm_err *e)
{
	return s->csv ? 0 : hm_answers_prepare(&s->answers, e);
}

int hm_system_next(struct hm_system *s, struct hm_predictions *p, struct hm_err *e)
{
	return s->csv ? next_row(s, p, e) : hm_answers_next(&s->answers, p, e);
}

int hm_system_call(const struct hm_system *s, struct hm_predictions *p, struct hm_err *e)
{
	return s->csv ? 0 : hm_answers_call(&s->answers, p, e);
}

uint64_t hm_system_expect(const struct hm_system *s)
{
	return s->csv ? 0 : hm_join_expect(s->answers.in);
}

uint64_t hm_system_skipped(const struct hm_system *s)
{
	return s->csv ? 0 : hm_answers_skipped(&s->answers);
}

int hm_system_finish(struct hm_system *s, struct hm_err *e)
{
	return hm_answers_finish(&s->answers, e);
}

void hm_system_close(struct hm_system *s)
{
	hm_csv_close(&s->table);
	hm_answers_close(&s->answers);
	*s = (struct hm_system){0};
}
