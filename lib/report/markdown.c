/* The report to read as text. See pages.h. */
#include "report/pages.h"
#include "stat/scores.h"

#include <math.h>
#include <string.h>

/* Text of the table of runs, on one line: nothing in it is markup, a link or the end of a cell. */
static void put_text(struct hm_buf *b, const char *s, struct hm_err *e)
{
	for (; *s; s++) {
		if (*s == '<' || *s == '&')
			hm_buf_printf(b, e, *s == '<' ? "&lt;" : "&amp;");
		else if (strchr("\\`[]|", *s))
			hm_buf_printf(b, e, "\\%c", *s);
		else
			hm_buf_printf(b, e, "%c", (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s);
	}
}

/* The cells of the numbers that some row has. */
static void put_published(const struct hm_published *p, const struct hm_runs *r, struct hm_buf *b,
			  struct hm_err *e)
{
	char v[2][HM_PAGE_NUMBER];
	for (int i = 0; i < HM_PUBLISHED; i++) {
		if (!r->published[i])
			continue;
		hm_buf_printf(b, e, " %s", hm_page_value(p->value[i], hm_published_columns[i].digits, v[0]));
		if (i == HM_PUBLISHED_AUROC && !isnan(p->auroc_ci.lo))
			hm_buf_printf(b, e, " %s", hm_page_interval(p->auroc_ci, false, v[1]));
		hm_buf_printf(b, e, " |");
	}
}

static void put_row(const struct hm_findings *f, int i, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_row *w = &f->runs->row[i];
	const struct hm_summary *s = &f->row[i];
	char v[6][HM_PAGE_NUMBER];
	hm_buf_printf(b, e, "| ");
	put_text(b, w->name, e);
	hm_buf_printf(b, e, "%s |", w->selected ? " (best of dev)" : "");
	put_published(&f->runs->row[i].published, f->runs, b, e);
	hm_buf_printf(b, e, " %s %s | %s %s | %s | %s |", hm_page_value(s->accuracy, 3, v[0]),
		      hm_page_interval(s->accuracy_ci, false, v[1]), hm_page_value(s->auroc, 3, v[2]),
		      hm_page_interval(s->auroc_ci, false, v[3]), hm_page_value(s->loss, 4, v[4]),
		      hm_page_value(s->seconds, s->seconds < 100 ? 1 : 0, v[5]));
	if (f->seeds && w->n > 1)
		hm_buf_printf(b, e, " %d: sd %.3f, %.3f to %.3f, %s |", w->n, s->deviation, s->least, s->most,
			      hm_page_interval(s->over_seeds, false, v[0]));
	else if (f->seeds)
		hm_buf_printf(b, e, " 1 |");
	hm_buf_printf(b, e, "\n");
}

static void put_pair(struct hm_buf *b, const char *x, const char *y, struct hm_err *e)
{
	hm_buf_printf(b, e, "| ");
	put_text(b, x, e);
	hm_buf_printf(b, e, " - ");
	put_text(b, y, e);
}

static void put_claim(const struct hm_findings *f, int i, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_claim *c = &f->runs->claim[i];
	char v[4][HM_PAGE_NUMBER];
	hm_buf_printf(b, e, "\n**");
	put_text(b, c->text, e);
	hm_buf_printf(b, e, "**: %s", hm_verdict_text(f->verdict[i]));
	if (c->kind != HM_CLAIM_BETTER)
		hm_buf_printf(b, e, " (margin %g)", c->margin);
	hm_buf_printf(
		b, e,
		"\n\n| pair | difference | 95 %% interval | p | p Holm | |\n|---|---|---|---|---|---|\n");
	for (int k = 0; k < c->n; k++) {
		const struct hm_difference *d = &f->difference[i * HM_RUNS_PAIRS + k];
		put_pair(b, c->pair[k].a->name, c->pair[k].b->name, e);
		hm_buf_printf(b, e, " | %s | %s | %s | %s | ", hm_page_difference(d->accuracy, v[3]),
			      hm_page_interval(d->ci, true, v[0]), hm_page_p(d->p, v[1]),
			      hm_page_p(d->holm, v[2]));
		put_text(b, c->pair[k].note, e);
		hm_buf_printf(b, e, " |\n");
	}
}

static void put_differences(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	char v[4][HM_PAGE_NUMBER];
	hm_buf_printf(b, e,
		      "\n## Which rows differ\n\n%d of %d pairs of rows%s by exact McNemar or DeLong, "
		      "Holm-corrected, p < .05.\n",
		      f->significant, f->pairs, f->seeds ? " (first seed)" : "");
	if (f->significant)
		hm_buf_printf(b, e,
			      "\n| pair | accuracy | p Holm | AUROC | p Holm |\n|---|---|---|---|---|\n");
	for (int i = 0; i < f->pairs; i++) {
		const struct hm_pair *d = &f->pair[i];
		if (!hm_pair_significant(d))
			continue;
		put_pair(b, f->runs->row[d->a].name, f->runs->row[d->b].name, e);
		hm_buf_printf(b, e, " | %s | %s | %s | %s |\n", hm_page_difference(d->test.accuracy, v[2]),
			      hm_page_p(d->mcnemar_holm, v[0]), hm_page_difference(d->test.auroc, v[3]),
			      hm_page_p(d->delong_holm, v[1]));
	}
}

/* Lines of `s`, n bytes, as a block of code. */
static void put_indented(const char *s, size_t n, struct hm_buf *b, struct hm_err *e)
{
	for (const char *end = s + n; s < end; s++) {
		size_t line = strcspn(s, "\r\n"); /* a carriage return ends a line of Markdown, too */
		hm_buf_printf(b, e, "    %.*s\n", (int)line, s);
		s += line + (s[line] == '\r' && s[line + 1] == '\n');
	}
}

static void put_notes(const struct hm_runs *r, struct hm_buf *b, struct hm_err *e)
{
	for (int i = 0; i < r->n_rows; i++) {
		if (!*r->row[i].note)
			continue;
		hm_buf_printf(b, e, "\n- ");
		put_text(b, r->row[i].name, e);
		hm_buf_printf(b, e, ": ");
		put_text(b, r->row[i].note, e);
	}
}

static void put_stages(const struct hm_runs *r, struct hm_buf *b, struct hm_err *e)
{
	char v[3][HM_PAGE_NUMBER];
	if (r->n_stages)
		hm_buf_printf(b, e,
			      "\n## Stages\n\n| stage | records | s | records/s | peak memory, MB "
			      "|\n|---|---|---|---|---|\n");
	for (int i = 0; i < r->n_stages; i++) {
		const struct hm_stage *s = &r->stage[i];
		hm_buf_printf(b, e, "| ");
		put_text(b, s->name, e);
		hm_buf_printf(b, e, " | %s | %.2f | %s | %s |\n", hm_page_value(s->records, 0, v[0]),
			      s->seconds, hm_page_value(s->records / s->seconds, 0, v[1]),
			      hm_page_value(s->memory / 1e6, 0, v[2]));
	}
}

static void put_heading(struct hm_buf *b, const char *name, struct hm_err *e)
{
	hm_buf_printf(b, e, "\n");
	put_text(b, name, e);
	hm_buf_printf(b, e, ":\n\n");
}

static void put_commands(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_runs *r = f->runs;
	hm_buf_printf(b, e, "\n## Commands, and what the numbers come from\n");
	if (f->shared) {
		hm_buf_printf(b, e, "\nThe records of every row:\n\n");
		put_indented(r->row[0].trial[0].history, f->shared, b, e);
	}
	for (int i = 0; i < r->n_rows; i++) {
		const struct hm_trial *t = r->row[i].trial;
		if (hm_row_has_origin(f, &r->row[i]))
			put_heading(b, r->row[i].name, e);
		for (int k = 0; k < r->row[i].n; k++, t++) {
			put_indented(t->command, strlen(t->command), b, e);
			put_indented(t->history + f->shared, strlen(t->history + f->shared), b, e);
		}
	}
}

static void put_header(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const char *published = " published";
	hm_buf_printf(b, e, "| row |");
	for (int i = 0; i < HM_PUBLISHED; i++)
		if (f->runs->published[i]) {
			hm_buf_printf(b, e, "%s %s |", published, hm_published_columns[i].heading);
			published = "";
		}
	hm_buf_printf(b, e, " accuracy [95 %%] | AUROC [95 %%] | loss | s |%s\n|---|",
		      f->seeds ? " seeds |" : "");
	for (int i = 0; i < HM_PUBLISHED; i++)
		hm_buf_printf(b, e, "%s", f->runs->published[i] ? "---|" : "");
	hm_buf_printf(b, e, "---|---|---|---|%s\n", f->seeds ? "---|" : "");
}

static void put_literature(const struct hm_literature *l, struct hm_buf *b, struct hm_err *e)
{
	char v[4][HM_PAGE_NUMBER];
	if (!l->n_results)
		return;
	hm_buf_printf(
		b, e,
		"\n## The literature\n\n| result | on | AUROC [95 %%] | published in |\n|---|---|---|---|\n");
	for (int i = 0; i < l->n_results; i++) {
		const struct hm_result *r = &l->result[i];
		hm_buf_printf(b, e, "| ");
		put_text(b, r->name, e);
		hm_buf_printf(b, e, " | ");
		put_text(b, r->set, e);
		hm_buf_printf(b, e, " | %s %s | ",
			      hm_page_value(r->published.value[HM_PUBLISHED_AUROC], 3, v[0]),
			      hm_page_interval(r->published.auroc_ci, false, v[1]));
		put_text(b, r->where, e);
		hm_buf_printf(b, e, " |\n");
	}
	if (!l->n_pairs)
		return;
	hm_buf_printf(
		b, e,
		"\nWhich published differences are larger than noise: %d of %d, by p (Holm) < .05. %s\n\n"
		"| pair | on | difference | 95 %% interval | p | p Holm | |\n|---|---|---|---|---|---|---|\n",
		l->apart, l->n_pairs, hm_page_literature_note);
	for (int i = 0; i < l->n_pairs; i++) {
		const struct hm_result_pair *d = &l->pair[i];
		put_pair(b, d->a->name, d->b->name, e);
		hm_buf_printf(b, e, " | ");
		put_text(b, d->a->set, e);
		hm_buf_printf(b, e, " | %s | %s | %s | %s | ", hm_page_difference(d->difference, v[0]),
			      hm_page_interval(d->ci, true, v[1]), hm_page_p(d->p, v[2]),
			      hm_page_p(d->holm, v[3]));
		put_text(b, d->note, e);
		hm_buf_printf(b, e, " |\n");
	}
}

int hm_page_markdown(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_runs *r = f->runs;
	hm_buf_printf(b, e, "# ");
	put_text(b, r->title, e);
	hm_buf_printf(b, e, "\n");
	for (int i = 0; i < r->n_about; i++) {
		hm_buf_printf(b, e, "\n");
		put_text(b, r->about[i], e);
		hm_buf_printf(b, e, "\n");
	}
	hm_buf_printf(b, e,
		      "\nScored on %zu examples. A guesser's accuracy falls within 0.500 +- %.3f in 95 %% of "
		      "draws.\n\n",
		      r->matched.n, f->guess);
	put_header(f, b, e);
	for (int i = 0; i < r->n_rows; i++)
		put_row(f, i, b, e);
	put_notes(r, b, e);
	hm_buf_printf(b, e, "\n");
	put_literature(&r->literature, b, e);
	hm_buf_printf(b, e, "%s", r->n_claims ? "\n## Claims\n" : "");
	for (int i = 0; i < r->n_claims; i++)
		put_claim(f, i, b, e);
	put_differences(f, b, e);
	put_stages(r, b, e);
	put_commands(f, b, e);
	return e->code;
}
