/* The sections of the Markdown page after the rows. See markdownparts.h. */
#include "report/markdownparts.h"
#include "stat/scores.h"

#include <math.h>
#include <string.h>

static void put_pair(struct hm_buf *b, const char *x, const char *y, struct hm_err *e)
{
	hm_buf_printf(b, e, "| ");
	hm_markdown_text(b, x, e);
	hm_buf_printf(b, e, " - ");
	hm_markdown_text(b, y, e);
}

void hm_markdown_differences(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	char v[2][HM_PAGE_NUMBER];
	if (!f->pairs)
		return;
	hm_buf_printf(b, e,
		      "\n## Which rows differ\n\n%d of %d pair%s of rows%s by exact McNemar%s, "
		      "Holm-corrected, p < .05.\n",
		      f->significant, f->pairs, f->pairs == 1 ? "" : "s", f->seeds ? " (first seed)" : "",
		      f->auroc ? " or DeLong" : "");
	if (f->significant)
		hm_buf_printf(b, e, "\n| pair | accuracy | p Holm |%s\n|---|---|---|%s\n",
			      f->auroc ? " AUROC | p Holm |" : "", f->auroc ? "---|---|" : "");
	for (int i = 0; i < f->pairs; i++) {
		const struct hm_pair *d = &f->pair[i];
		if (!hm_pair_significant(d))
			continue;
		put_pair(b, f->runs->row[d->a].name, f->runs->row[d->b].name, e);
		hm_buf_printf(b, e, " | %s | %s |", hm_page_difference(d->test.accuracy, v[0]),
			      hm_page_p(d->mcnemar_holm, v[1]));
		if (f->auroc)
			hm_buf_printf(b, e, " %s | %s |", hm_page_difference(d->test.auroc, v[0]),
				      hm_page_p(d->delong_holm, v[1]));
		hm_buf_printf(b, e, "\n");
	}
}

static void put_claim(const struct hm_findings *f, int i, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_claim *c = &f->runs->claim[i];
	char v[4][HM_PAGE_NUMBER];
	hm_buf_printf(b, e, "\n**");
	hm_markdown_text(b, c->text, e);
	if (!f->judged) {
		hm_buf_printf(b, e, "**\n");
		return;
	}
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
		hm_markdown_text(b, c->pair[k].note, e);
		hm_buf_printf(b, e, " |\n");
	}
}

void hm_markdown_claims(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_runs *r = f->runs;
	if (!r->n_claims)
		return;
	hm_buf_printf(b, e, "\n## Claims\n");
	if (*r->claims_about) {
		hm_buf_printf(b, e, "\n");
		hm_markdown_paragraph(b, r->claims_about, e);
		hm_buf_printf(b, e, "\n");
	}
	if (!f->judged)
		hm_buf_printf(b, e, "\n%s\n", hm_page_unjudged(f));
	for (int i = 0; i < r->n_claims; i++)
		put_claim(f, i, b, e);
}

void hm_markdown_literature(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_literature *l = &f->runs->literature;
	char v[4][HM_PAGE_NUMBER];
	if (!l->n_results)
		return;
	hm_buf_printf(
		b, e,
		"\n## The literature\n\n| result | on | AUROC [95 %%] | published in |\n|---|---|---|---|\n");
	for (int i = 0; i < l->n_results; i++) {
		const struct hm_result *r = &l->result[i];
		hm_buf_printf(b, e, "| ");
		hm_markdown_text(b, r->name, e);
		hm_buf_printf(b, e, " | ");
		hm_markdown_text(b, r->set, e);
		hm_buf_printf(b, e, " | %s %s | ",
			      hm_page_value(r->published.value[HM_PUBLISHED_AUROC], 3, v[0]),
			      hm_page_interval(r->published.auroc_ci, false, v[1]));
		hm_markdown_text(b, r->where, e);
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
		hm_markdown_text(b, d->a->set, e);
		hm_buf_printf(b, e, " | %s | %s | %s | %s | ", hm_page_difference(d->difference, v[0]),
			      hm_page_interval(d->ci, true, v[1]), hm_page_p(d->p, v[2]),
			      hm_page_p(d->holm, v[3]));
		hm_markdown_text(b, d->note, e);
		hm_buf_printf(b, e, " |\n");
	}
}

void hm_markdown_stages(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_runs *r = f->runs;
	char v[4][HM_PAGE_NUMBER];
	if (r->n_stages)
		hm_buf_printf(b, e,
			      "\n## Stages\n\n| stage | records | seconds | records/s | peak memory, MB "
			      "|\n|---|---|---|---|---|\n");
	for (int i = 0; i < r->n_stages; i++) {
		const struct hm_stage *s = &r->stage[i];
		hm_buf_printf(b, e, "| ");
		hm_markdown_text(b, s->name, e);
		hm_buf_printf(b, e, " | %s | %s | %s | %s |\n", hm_page_value(s->records, 0, v[0]),
			      hm_page_measure(s->seconds, v[1]),
			      hm_page_measure(s->records / s->seconds, v[2]),
			      hm_page_measure(s->memory / 1e6, v[3]));
	}
}

/* Lines of `s`, n bytes, as a block of code. */
static void put_indented(const char *s, size_t n, struct hm_buf *b, struct hm_err *e)
{
	char one[HM_PAGE_CHAR];
	for (const char *end = s + n; s < end;) {
		const char *line =
			s + strcspn(s, "\r\n"); /* a carriage return ends a line of Markdown, too */
		hm_buf_printf(b, e, "    ");
		while (s < line)
			hm_buf_printf(b, e, "%s", hm_page_char(&s, one));
		hm_buf_printf(b, e, "\n");
		s += (*s == '\r' && s[1] == '\n') + (*s != 0);
	}
}

static void put_heading(struct hm_buf *b, const char *name, struct hm_err *e)
{
	hm_buf_printf(b, e, "\n");
	hm_markdown_paragraph(b, name, e);
	hm_buf_printf(b, e, ":\n\n");
}

void hm_markdown_commands(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_runs *r = f->runs;
	if (hm_findings_have_origins(f))
		hm_buf_printf(b, e, "\n## Commands, and what the numbers come from\n");
	if (f->shared) {
		hm_buf_printf(b, e, "\nThe records of every row:\n\n");
		put_indented(hm_shared_history(f), f->shared, b, e);
	}
	for (int i = 0; i < r->n_rows; i++) {
		const struct hm_trial *t = r->row[i].trial;
		if (hm_row_has_origin(f, &r->row[i]))
			put_heading(b, r->row[i].name, e);
		for (int k = 0; k < r->row[i].n; k++, t++) {
			put_indented(t->command, strlen(t->command), b, e);
			put_indented(hm_trial_history(f, t), strlen(hm_trial_history(f, t)), b, e);
		}
	}
}
