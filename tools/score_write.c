/* What hm-score writes: files, then the report. See score.h. */
#include "score.h"
#include "base/fd.h"
#include "base/file.h"
#include "report/present.h"
#include "score/errorsheet.h"

#include <string.h>
#include <unistd.h>

static bool is_dash(const char *path)
{
	return path && !strcmp(path, "-");
}

/* A file that was asked for; path NULL: it was not. */
static int write_text(const char *path, const struct hm_buf *text, struct hm_err *e)
{
	return path ? hm_file_write(path, text->data, text->len, e) : 0;
}

/* Makes all texts before the first file is written. */
static int make_texts(struct hm_score *r, struct hm_err *e)
{
	const struct hm_scored *s = &r->scored;
	int rc = hm_scored_text(s, (size_t)r->o.errors, &r->report, e);
	if (!rc && r->o.json)
		rc = hm_scored_json(s, &r->json, e);
	if (!rc && r->o.submission)
		rc = hm_scored_submission(s, &r->submission, e);
	if (!rc && r->o.submission && s->matched.failed)
		hm_cli_warn(&r->cli, "%s: %zu records have no answer and are not in it", r->o.submission,
			    s->matched.failed);
	if (!rc && r->o.latex)
		rc = hm_scored_latex(s, &r->latex, e);
	return !rc && r->o.csv ? hm_predictions_csv(r->said, r->o.spreadsheet ? hm_buf_cell : hm_buf_field,
						    &r->csv, e)
			       : rc;
}

/* Writes the files, then the report: it is not shown when a file could not be written. */
int hm_score_write(struct hm_score *r, struct hm_err *e)
{
	const struct hm_cli *c = &r->cli;
	const struct hm_scored *s = &r->scored;
	int rc = make_texts(r, e);
	if (!rc && r->o.roc)
		rc = hm_scored_roc(s, r->o.roc, e);
	if (!rc && r->o.calibration)
		rc = hm_scored_calibration(s, r->o.calibration, e);
	if (!rc && r->o.sheet)
		rc = hm_errorsheet_write(r->o.sheet, (size_t)r->o.errors, c->n_operands, c->operands,
					 c->workers, r->said, &s->matched, s->sample, e);
	rc = rc ? rc : write_text(r->o.csv, &r->csv, e);
	rc = rc ? rc : write_text(r->o.submission, &r->submission, e);
	rc = rc ? rc : write_text(r->o.latex, &r->latex, e);
	if (!rc)
		rc = hm_system_finish(&r->source, e);
	rc = rc ? rc : write_text(r->o.json, &r->json, e);
	if (rc || is_dash(r->o.json))
		return rc;
	if (!is_dash(r->o.out) && !is_dash(r->o.csv) && !is_dash(r->o.submission) && !is_dash(r->o.latex))
		return hm_file_write("-", r->report.data, r->report.len, e);
	hm_fd_write(STDERR_FILENO, r->report.data, r->report.len); /* standard output is taken */
	return 0;
}
