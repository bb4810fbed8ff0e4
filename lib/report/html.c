/* The report as one HTML file that loads nothing: tables, SVG charts, the contact sheet as a data URI. See
 * pages.h. */
#include "report/chart.h"
#include "report/htmlparts.h"
#include "stat/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void hm_html_put(struct hm_html *p, const char *s)
{
	hm_buf_add(p->b, s, strlen(s), p->e);
}

void hm_html_text(struct hm_html *p, const char *s)
{
	hm_markup_text(p->b, s, p->e);
}

static void put_cell(struct hm_html *p, double v, int digits, const char *class)
{
	char s[HM_PAGE_NUMBER];
	hm_buf_printf(p->b, p->e, "<td%s>%s</td>", class, hm_page_value(v, digits, s));
}

void hm_html_p(struct hm_html *p, double v)
{
	char s[HM_PAGE_NUMBER];
	hm_html_put(p, "<td>");
	hm_html_text(p, hm_page_p(v, s));
	hm_html_put(p, "</td>");
}

void hm_html_estimate(struct hm_html *p, double v, struct hm_interval ci, const char *class)
{
	char s[2][HM_PAGE_NUMBER];
	hm_buf_printf(p->b, p->e, "<td%s><b>%s</b> <small>%s</small></td>", class, hm_page_value(v, 3, s[0]),
		      hm_page_interval(ci, false, s[1]));
}

/* "--a 1 --b 2": each option stays on one line with its value. */
static void put_options(struct hm_html *p, const char *s)
{
	hm_html_put(p, "<br><code>");
	while (*s) {
		const char *next = strstr(s + 1, " --");
		size_t len = next ? (size_t)(next - s) : strlen(s);
		char one[256];
		len = len < sizeof one ? len : sizeof one - 1;
		memcpy(one, s, len);
		one[len] = 0;
		hm_html_put(p, "<span>");
		hm_html_text(p, one);
		hm_html_put(p, "</span> ");
		s += len + (s[len] == ' ');
	}
	hm_html_put(p, "</code>");
}

static const char post[] = " class=\"post\"";

static void put_published(struct hm_html *p, const struct hm_published *v)
{
	for (int i = 0; i < HM_PUBLISHED; i++) {
		if (!p->r->published[i])
			continue;
		if (i == HM_PUBLISHED_AUROC && !isnan(v->auroc_ci.lo))
			hm_html_estimate(p, v->value[i], v->auroc_ci, post);
		else
			put_cell(p, v->value[i], hm_published_columns[i].digits, post);
	}
}

static void put_rows(struct hm_html *p)
{
	int notes = 0, columns = 0;
	char s[HM_PAGE_NUMBER];
	for (int i = 0; i < HM_PUBLISHED; i++)
		columns += p->r->published[i];
	hm_html_put(p, "<div class=\"scroll\"><table><thead><tr><th class=\"left\" rowspan=\"2\">Row</th><th "
		       "colspan=\"4\">here</th>");
	hm_html_put(p, p->f->seeds ? "<th class=\"left\" rowspan=\"2\">over seeds</th>" : "");
	if (columns)
		hm_buf_printf(p->b, p->e, "<th colspan=\"%d\"%s>published</th>", columns, post);
	hm_html_put(p, "</tr><tr><th>accuracy, 95 %</th><th>AUROC, 95 %</th><th>loss</th><th>s</th>");
	for (int i = 0; i < HM_PUBLISHED; i++)
		if (p->r->published[i])
			hm_buf_printf(p->b, p->e, "<th%s>%s</th>", post, hm_published_columns[i].heading);
	hm_html_put(p, "</tr></thead><tbody>\n");
	for (int i = 0; i < p->r->n_rows; i++) {
		const struct hm_row *w = &p->r->row[i];
		const struct hm_summary *m = &p->f->row[i];
		hm_html_put(p, "<tr><td class=\"left name\">");
		hm_html_text(p, w->title);
		hm_html_put(p, " <small>");
		hm_html_text(p, w->name);
		hm_html_put(p, "</small>");
		if (*w->note)
			hm_buf_printf(p->b, p->e, "<sup>%d</sup>", ++notes);
		if (w->selected)
			hm_html_put(p, " <small>(chosen on dev)</small>");
		if (*w->options)
			put_options(p, w->options);
		hm_html_put(p, "</td>");
		hm_html_estimate(p, m->accuracy, m->accuracy_ci, "");
		hm_html_estimate(p, m->auroc, m->auroc_ci, "");
		put_cell(p, m->loss, 4, "");
		put_cell(p, m->seconds, m->seconds < 100 ? 1 : 0, "");
		if (p->f->seeds && w->n > 1)
			hm_buf_printf(p->b, p->e,
				      "<td class=\"left pair\">%d: sd %.3f<br>%.3f&#8211;%.3f<br>t %s</td>",
				      w->n, m->deviation, m->least, m->most,
				      hm_page_interval(m->over_seeds, false, s));
		else if (p->f->seeds)
			hm_html_put(p, "<td class=\"left\">1</td>");
		if (columns)
			put_published(p, &w->published);
		hm_html_put(p, "</tr>\n");
	}
	hm_html_put(p, "</tbody></table></div>\n");
	notes = 0;
	for (int i = 0; i < p->r->n_rows; i++)
		if (*p->r->row[i].note) {
			hm_buf_printf(p->b, p->e, "<p><small><sup>%d</sup> ", ++notes);
			hm_html_text(p, p->r->row[i].note);
			hm_html_put(p, "</small></p>\n");
		}
	hm_html_put(
		p,
		"<p class=\"soft\"><small>Intervals in brackets are 95 % over examples: Wilson for accuracy, "
		"DeLong for AUROC");
	if (p->r->published[HM_PUBLISHED_AUROC])
		hm_html_put(p, ", Hanley and McNeil for published AUROCs");
	if (p->f->seeds)
		hm_html_put(
			p,
			"; where a row has several seeds, Wald&#8217;s and DeLong&#8217;s of the mean over "
			"seeds. Over seeds: standard deviation, least and "
			"most accuracy, Student&#8217;s t interval of the mean");
	hm_html_put(
		p, ". Loss is the training loss of the last epoch, s the seconds of training.</small></p>\n");
}

static void put_claims(struct hm_html *p)
{
	char s[HM_PAGE_NUMBER], t[HM_PAGE_NUMBER];
	if (p->r->n_claims)
		hm_html_put(p, "<h2>Claims</h2>\n");
	for (int i = 0; i < p->r->n_claims; i++) {
		const struct hm_claim *c = &p->r->claim[i];
		hm_html_put(p, "<h3>");
		hm_html_text(p, c->text);
		hm_buf_printf(p->b, p->e, " <span class=\"verdict\">%s</span></h3>\n<p><small>",
			      hm_verdict_text(p->f->verdict[i]));
		if (c->kind == HM_CLAIM_BETTER)
			hm_html_put(
				p,
				"Supported when the first of each pair is better, each p (Holm) below .05; "
				"not supported when one is significantly worse.");
		else if (c->kind == HM_CLAIM_NOT_WORSE)
			hm_buf_printf(p->b, p->e,
				      "Supported when every interval lies above &#8722;%g; not supported "
				      "when one is significantly worse.",
				      c->margin);
		else
			hm_buf_printf(p->b, p->e,
				      "Supported when every interval lies within &#177;%g; not supported "
				      "when one differs significantly.",
				      c->margin);
		hm_html_put(p, "</small></p>\n<div class=\"scroll\"><table><thead><tr><th "
			       "class=\"left\">pair</th><th>difference</th><th>95 % interval</th>"
			       "<th>p</th><th>p, Holm</th><th class=\"left\">what they differ "
			       "in</th></tr></thead><tbody>\n");
		for (int k = 0; k < c->n; k++) {
			const struct hm_difference *d = &p->f->difference[i * HM_RUNS_PAIRS + k];
			hm_html_put(p, "<tr><td class=\"left pair\">");
			hm_html_text(p, c->pair[k].a->name);
			hm_html_put(p, " &#8722; ");
			hm_html_text(p, c->pair[k].b->name);
			hm_buf_printf(p->b, p->e, "</td><td>%s</td><td>%s</td>",
				      hm_page_difference(d->accuracy, t), hm_page_interval(d->ci, true, s));
			hm_html_p(p, d->p);
			hm_html_p(p, d->holm);
			hm_html_put(p, "<td class=\"left why\">");
			hm_html_text(p, c->pair[k].note);
			hm_html_put(p, "</td></tr>\n");
		}
		hm_html_put(p, "</tbody></table></div>\n");
	}
}

static void put_differences(struct hm_html *p)
{
	char s[HM_PAGE_NUMBER];
	hm_buf_printf(p->b, p->e,
		      "<h2>Which rows differ</h2>\n<p>%d of %d pairs of rows%s, by exact McNemar for "
		      "accuracy or DeLong for AUROC, "
		      "Holm-corrected for the number of pairs, p &lt; .05.</p>\n",
		      p->f->significant, p->f->pairs, p->f->seeds ? " (the first seed of each)" : "");
	if (!p->f->significant)
		return;
	hm_html_put(
		p,
		"<div class=\"scroll\"><table><thead><tr><th class=\"left\">pair</th><th>accuracy</th><th>p, "
		"Holm</th><th>AUROC</th><th>p, Holm</th></tr></thead><tbody>\n");
	for (int i = 0; i < p->f->pairs; i++) {
		const struct hm_pair *d = &p->f->pair[i];
		if (!hm_pair_significant(d))
			continue;
		hm_html_put(p, "<tr><td class=\"left pair\">");
		hm_html_text(p, p->r->row[d->a].name);
		hm_html_put(p, " &#8722; ");
		hm_html_text(p, p->r->row[d->b].name);
		hm_buf_printf(p->b, p->e, "</td><td>%s</td>", hm_page_difference(d->test.accuracy, s));
		hm_html_p(p, d->mcnemar_holm);
		hm_buf_printf(p->b, p->e, "<td>%s</td>", hm_page_difference(d->test.auroc, s));
		hm_html_p(p, d->delong_holm);
		hm_html_put(p, "</tr>\n");
	}
	hm_html_put(p, "</tbody></table></div>\n");
}

static void put_stages(struct hm_html *p)
{
	char s[3][HM_PAGE_NUMBER];
	if (!p->r->n_stages)
		return;
	hm_html_put(p, "<h2>Stages</h2>\n<div class=\"scroll\"><table><thead><tr><th "
		       "class=\"left\">stage</th><th>records</th><th>s</th><th>records/s</th>"
		       "<th>peak memory, MB</th></tr></thead><tbody>\n");
	for (int i = 0; i < p->r->n_stages; i++) {
		const struct hm_stage *g = &p->r->stage[i];
		hm_html_put(p, "<tr><td class=\"left\">");
		hm_html_text(p, g->name);
		hm_buf_printf(p->b, p->e, "</td><td>%s</td><td>%.2f</td><td>%s</td><td>%s</td></tr>\n",
			      hm_page_value(g->records, 0, s[0]), g->seconds,
			      hm_page_value(g->records / g->seconds, 0, s[1]),
			      hm_page_value(g->memory / 1e6, 0, s[2]));
	}
	hm_html_put(p, "</tbody></table></div>\n");
}

/* Appends the first n bytes of a text. */
static void put_prefix(struct hm_html *p, const char *s, size_t n)
{
	char *copy = hm_strndup(s, n, p->e);
	if (copy)
		hm_html_text(p, copy);
	free(copy);
}

static void put_commands(struct hm_html *p)
{
	const char *all = p->r->row[0].trial[0].history;
	hm_html_put(p, "<h2>Commands, and what the numbers come from</h2>\n");
	if (p->f->shared) {
		hm_html_put(p, "<p><small>The records of every row, with the tools' versions and all "
			       "options; below, after each "
			       "command, what else its predictions come from.</small></p>\n<pre>");
		put_prefix(p, all, p->f->shared);
		hm_html_put(p, "</pre>\n");
	}
	for (int i = 0; i < p->r->n_rows; i++) {
		const struct hm_trial *t = p->r->row[i].trial;
		if (!hm_row_has_origin(p->f, &p->r->row[i]))
			continue;
		hm_html_put(p, "<h3>");
		hm_html_text(p, p->r->row[i].name);
		hm_html_put(p, "</h3>\n<pre>");
		for (int k = 0; k < p->r->row[i].n; k++, t++) {
			hm_html_text(p, t->command);
			hm_html_text(p, t->history + p->f->shared);
		}
		hm_html_put(p, "</pre>\n");
	}
}

static void base64(struct hm_html *p, const unsigned char *s, size_t n)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)s[i] << 16 | (left > 1 ? (uint32_t)s[i + 1] << 8 : 0) |
			     (left > 2 ? s[i + 2] : 0);
		char four[] = {digit[v >> 18], digit[v >> 12 & 63], left > 1 ? digit[v >> 6 & 63] : '=',
			       left > 2 ? digit[v & 63] : '='};
		hm_buf_add(p->b, four, 4, p->e);
	}
}

static void put_sheet(struct hm_html *p)
{
	if (!p->r->sheet.len)
		return;
	hm_html_put(p, "<h2>Most confidently wrong</h2>\n");
	if (*p->r->sheet_of) {
		hm_html_put(p, "<p><small>By ");
		hm_html_text(p, p->r->sheet_of);
		hm_html_put(p, ", on dev.</small></p>\n");
	}
	hm_html_put(p, "<img alt=\"contact sheet of the examples answered wrongly with the most confidence\" "
		       "src=\"data:image/png;base64,");
	base64(p, p->r->sheet.data, p->r->sheet.len);
	hm_html_put(p, "\">\n");
}

/* The data set and the encoders, as far as the table says. */
static void put_data(struct hm_html *p)
{
	const struct hm_runs *r = p->r;
	char s[HM_PAGE_NUMBER];
	if (*r->data || !isnan(r->train) || !isnan(r->dev)) {
		hm_html_put(p, "Data <b>");
		hm_html_text(p, r->data);
		hm_buf_printf(p->b, p->e, "</b>: %s to train on, ", hm_page_value(r->train, 0, s));
		hm_buf_printf(p->b, p->e, "%s in dev, of which %zu are labelled and answered by every row. ",
			      hm_page_value(r->dev, 0, s), r->matched.n);
	} else {
		hm_buf_printf(p->b, p->e, "%zu examples are labelled and answered by every row. ",
			      r->matched.n);
	}
	if (*r->image || *r->text) {
		hm_html_put(p, "Encoders <b>");
		hm_html_text(p, r->image);
		hm_html_put(p, *r->image && *r->text ? "</b> and <b>" : "");
		hm_html_text(p, r->text);
		hm_html_put(p, "</b>. ");
	}
}

static void put_head(struct hm_html *p)
{
	const struct hm_runs *r = p->r;
	char s[HM_PAGE_NUMBER];
	double majority = (double)hm_sample_majority(r->row[0].trial[0].sample) / (double)r->matched.n;
	hm_html_put(
		p, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		   "content=\"width=device-width,initial-scale=1\">\n<title>");
	hm_html_text(p, r->title);
	hm_html_put(p, "</title>\n<style>\n");
	hm_html_put(p, hm_style_css);
	hm_html_put(p, "</style></head><body>\n<h1>");
	hm_html_text(p, r->title);
	hm_html_put(p, "</h1>\n");
	for (int i = 0; i < r->n_about; i++) {
		hm_html_put(p, "<p>");
		hm_html_text(p, r->about[i]);
		hm_html_put(p, "</p>\n");
	}
	hm_html_put(p, "<p class=\"soft\">");
	put_data(p);
	hm_buf_printf(p->b, p->e,
		      "Always answering the commoner label gives an accuracy of %.3f; a guesser falls within "
		      "%.3f and %.3f in 95 %% of draws",
		      majority, .5 - p->f->guess, .5 + p->f->guess);
	if (!isnan(r->baseline_accuracy)) {
		hm_html_put(p, " (");
		hm_html_text(p, r->baseline);
		hm_buf_printf(p->b, p->e, ": %s)", hm_page_value(r->baseline_accuracy, 3, s));
	}
	hm_html_put(p, ".</p>\n");
}

int hm_page_html(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e)
{
	struct hm_html p = {f, f->runs, out, e};
	put_head(&p);
	hm_html_put(&p, "<h2>Rows</h2>\n");
	put_rows(&p);
	hm_html_forest(&p, HM_PUBLISHED_ACCURACY);
	if (f->runs->published[HM_PUBLISHED_AUROC])
		hm_html_forest(&p, HM_PUBLISHED_AUROC);
	hm_html_literature(&p);
	put_claims(&p);
	put_differences(&p);
	hm_html_curves(&p);
	put_stages(&p);
	put_sheet(&p);
	put_commands(&p);
	hm_html_put(&p, "</body></html>\n");
	return e->code;
}
