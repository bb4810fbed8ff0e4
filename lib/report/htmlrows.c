/* The HTML page's headline, and its table of rows. See htmlparts.h. */
#include "report/htmlparts.h"
#include "stat/scores.h"

#include <math.h>
#include <stdio.h>

enum { TILE = 2 * HM_PAGE_NUMBER };

static void put_tile(struct hm_html *p, const char *name, const char *value, const char *also)
{
	hm_html_print(p, "<div><dt>%s</dt><dd>", name);
	hm_html_text(p, value);
	if (*also)
		hm_html_print(p, " <small>%s</small>", also);
	hm_html_put(p, "</dd></div>\n");
}

/* The best row, its scores, how many rows a guesser might have made, and of how many examples all this is. */
void hm_html_headline(struct hm_html *p)
{
	const struct hm_findings *f = p->f;
	const int rows = p->r->n_rows;
	const struct hm_summary *m = &f->row[f->best];
	const struct hm_interval guess = f->auroc ? f->guess_auroc : f->guess;
	const size_t n = p->r->matched.n;
	char s[HM_PAGE_NUMBER], t[HM_PAGE_NUMBER], value[TILE], also[TILE + HM_PAGE_BEST], best[HM_PAGE_BEST];
	const bool selected = p->r->row[f->best].selected;
	hm_html_put(p, "<dl class=\"headline\">\n");
	snprintf(value, sizeof value, rows > 1 ? "Best of %d rows" : "The row", rows);
	snprintf(also, sizeof also, "%s%s%s", rows > 1 ? hm_page_best(f, best) : "",
		 rows > 1 && selected ? "; " : "",
		 selected ? "its epoch was chosen on the same examples" : "");
	put_tile(p, value, p->r->row[f->best].name, also);
	if (f->auroc)
		put_tile(p, "AUROC, 95 %", hm_page_value(m->auroc, 3, s), hm_page_auroc_interval(m, t));
	put_tile(p, "Accuracy, 95 %", hm_page_value(m->accuracy, 3, s),
		 hm_page_interval(m->accuracy_ci, false, t));
	snprintf(value, sizeof value, "%d of %d", f->guessing, rows);
	snprintf(also, sizeof also, "%s %s to %s", f->auroc ? "AUROC" : "accuracy",
		 hm_page_value(guess.lo, 3, s), hm_page_value(guess.hi, 3, t));
	put_tile(p, "Within guessing", rows > 1 ? value : f->guessing ? "yes" : "no", also);
	snprintf(also, sizeof also, "%.1f %% of the commonest class",
		 100 * (double)hm_sample_majority(p->r->row[0].trial[0].sample) / (double)n);
	put_tile(p, "Examples", hm_page_examples(p->r, s), also);
	hm_html_put(p, "</dl>\n");
}

/* ---- the table ---- */

static const char pub[] = " class=\"pub\"";

static void put_published(struct hm_html *p, const struct hm_published *v)
{
	char s[HM_PAGE_NUMBER];
	for (int i = 0; i < HM_PUBLISHED; i++) {
		if (!p->r->published[i])
			continue;
		if (i == HM_PUBLISHED_AUROC)
			hm_html_estimate(p, v->value[i], hm_page_interval(v->auroc_ci, false, s), pub);
		else
			hm_html_cell(p, v->value[i], hm_published_columns[i].digits, pub);
	}
}

static void put_header(struct hm_html *p)
{
	const struct hm_findings *f = p->f;
	int columns = 0;
	for (int i = 0; i < HM_PUBLISHED; i++)
		columns += p->r->published[i];
	hm_html_table(p, "Scores of each row, with 95 % intervals");
	const char *rows = columns ? " rowspan=\"2\"" : "";
	hm_html_print(p, "<th scope=\"col\" class=\"left\"%s>row</th>", rows);
	if (columns)
		hm_html_print(p, "<th scope=\"colgroup\" colspan=\"%d\">here</th>",
			      1 + f->auroc + f->loss + f->seconds);
	if (columns && f->seeds)
		hm_html_put(p, "<th scope=\"col\" class=\"left\" rowspan=\"2\">over seeds</th>");
	if (columns)
		hm_html_print(p, "<th scope=\"colgroup\" colspan=\"%d\"%s>published</th></tr>\n<tr>", columns,
			      pub);
	hm_html_column(p, "accuracy", "");
	if (f->auroc)
		hm_html_column(p, "AUROC", "");
	if (f->loss)
		hm_html_column(p, "loss", "");
	if (f->seconds)
		hm_html_column(p, "seconds", "");
	if (!columns && f->seeds)
		hm_html_column(p, "over seeds", "left");
	for (int i = 0; i < HM_PUBLISHED; i++)
		if (p->r->published[i])
			hm_html_column(p, hm_published_columns[i].heading, "pub");
	hm_html_put(p, "</tr></thead><tbody>\n");
}

static void put_name(struct hm_html *p, int row, int note)
{
	const struct hm_row *w = &p->r->row[row];
	hm_html_print(p, "<tr%s><th scope=\"row\" class=\"left name\">",
		      row == p->f->best && p->r->n_rows > 1 ? " class=\"best\"" : "");
	hm_html_number(p, row);
	hm_html_text(p, w->title);
	if (w->title != w->name) {
		hm_html_put(p, " <small>");
		hm_html_text(p, w->name);
		hm_html_put(p, "</small>");
	}
	if (note)
		hm_html_print(p, "<sup><a href=\"#note%d\">%d</a></sup>", note, note);
	if (w->selected)
		hm_html_put(p, " <small>(epoch chosen on these examples)</small>");
	if (*w->options) {
		/* on a small screen the command below is enough */
		hm_html_print(p, "<br><code%s>", *w->trial[0].command ? " class=\"again\"" : "");
		hm_html_command(p, w->options);
		hm_html_put(p, "</code>");
	}
	hm_html_put(p, "</th>");
}

static void put_row(struct hm_html *p, int row)
{
	const struct hm_findings *f = p->f;
	const struct hm_summary *m = &f->row[row];
	char s[HM_PAGE_NUMBER];
	hm_html_estimate(p, m->accuracy, hm_page_interval(m->accuracy_ci, false, s), "");
	if (f->auroc)
		hm_html_estimate(p, m->auroc, hm_page_auroc_interval(m, s), "");
	if (f->loss)
		hm_html_cell(p, m->loss, 4, "");
	if (f->seconds)
		hm_html_print(p, "<td>%s</td>", hm_page_measure(m->seconds, s));
	if (f->seeds && p->r->row[row].n > 1)
		hm_html_print(p, "<td class=\"left pair\">%d: sd %.3f<br>%.3f&#8211;%.3f<br>t %s</td>",
			      p->r->row[row].n, m->deviation, m->least, m->most,
			      hm_page_interval(m->over_seeds, false, s));
	else if (f->seeds)
		hm_html_put(p, "<td class=\"left\">1</td>");
	put_published(p, &p->r->row[row].published);
	hm_html_put(p, "</tr>\n");
}

static void put_notes(struct hm_html *p)
{
	int notes = 0;
	for (int i = 0; i < p->r->n_rows; i++) {
		if (!*p->r->row[i].note)
			continue;
		hm_html_print(p, "%s<li id=\"note%d\">", notes ? "" : "<ol class=\"notes\">\n", notes + 1);
		hm_html_text(p, p->r->row[i].note);
		hm_html_put(p, "</li>\n");
		notes++;
	}
	hm_html_put(p, notes ? "</ol>\n" : "");
}

static void put_legend(struct hm_html *p)
{
	const struct hm_findings *f = p->f;
	hm_html_put(p, "<p class=\"soft\"><small>Intervals are 95 % over examples: Wilson for accuracy");
	if (f->auroc)
		hm_html_put(p, ", DeLong for AUROC");
	if (p->r->published[HM_PUBLISHED_AUROC])
		hm_html_put(p, ", Hanley and McNeil for published AUROCs");
	if (f->seeds)
		hm_html_print(p,
			      "; where a row has several seeds, Wald&#8217;s%s of the mean over seeds. Over "
			      "seeds: standard "
			      "deviation, least and most accuracy, Student&#8217;s t interval of the mean",
			      f->auroc ? " and DeLong&#8217;s" : "");
	hm_html_put(p, ".");
	if (f->loss)
		hm_html_put(p, " Loss is the training loss of the last epoch.");
	if (f->seconds)
		hm_html_put(p, " Seconds are those of training.");
	hm_html_put(p, "</small></p>\n");
}

void hm_html_rows(struct hm_html *p)
{
	int notes = 0;
	hm_html_put(p, "<section>\n<h2>Rows</h2>\n");
	put_header(p);
	for (int i = 0; i < p->r->n_rows; i++) {
		put_name(p, i, *p->r->row[i].note ? ++notes : 0);
		put_row(p, i);
	}
	hm_html_table_end(p);
	put_notes(p);
	put_legend(p);
	hm_html_put(p, "</section>\n");
}
