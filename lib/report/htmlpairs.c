/* The HTML page's differences between rows: two matrices, and the list of all pairs. See htmlparts.h. */
#include "report/htmlparts.h"
#include "stat/scores.h"

#include <stdio.h>

/* The difference a - b of two rows, the p of its test, corrected for all pairs; d is of these two. */
static double find_difference(const struct hm_pair *d, bool auroc, double *holm)
{
	*holm = auroc ? d->delong_holm : d->mcnemar_holm;
	return auroc ? d->test.auroc : d->test.accuracy;
}

/* The place of the pair a < b among all of n rows. */
static int find_pair(int n, int a, int b)
{
	return a * (2 * n - a - 1) / 2 + b - a - 1;
}

static void put_entry(struct hm_html *p, int a, int b, bool auroc)
{
	char s[HM_PAGE_NUMBER];
	double holm;
	if (a == b) {
		hm_html_put(p, "<td class=\"same\"></td>");
		return;
	}
	const struct hm_pair *d = &p->f->pair[find_pair(p->r->n_rows, a < b ? a : b, a < b ? b : a)];
	double v = find_difference(d, auroc, &holm);
	v = a < b ? v : -v;
	if (holm < .05)
		hm_html_print(p, "<td class=\"%s\"><b>%s</b></td>", v > 0 ? "up" : "down",
			      hm_page_difference(v, s));
	else
		hm_html_print(p, "<td>%s</td>", hm_page_difference(v, s));
}

static void put_matrix(struct hm_html *p, bool auroc)
{
	const int n = p->r->n_rows;
	char caption[256], number[16];
	snprintf(caption, sizeof caption,
		 "%s of the row minus %s of the column%s. <b>Bold</b>: p &lt; .05 by %s, Holm-corrected for "
		 "%d pairs",
		 auroc ? "AUROC" : "Accuracy", auroc ? "AUROC" : "accuracy",
		 p->f->seeds ? ", of the first seed" : "", auroc ? "DeLong" : "exact McNemar", p->f->pairs);
	hm_html_table(p, caption);
	hm_html_column(p, "row", "left stay");
	for (int b = 0; b < n; b++) {
		snprintf(number, sizeof number, "%d", b + 1);
		hm_html_column(p, number, "");
	}
	hm_html_put(p, "</tr></thead><tbody class=\"matrix\">\n");
	for (int a = 0; a < n; a++) {
		hm_html_put(p, "<tr><th scope=\"row\" class=\"left stay\">");
		hm_html_number(p, a);
		hm_html_short(p, p->r->row[a].name, 24);
		hm_html_put(p, "</th>");
		for (int b = 0; b < n; b++)
			put_entry(p, a, b, auroc);
		hm_html_put(p, "</tr>\n");
	}
	hm_html_table_end(p);
}

static void put_list(struct hm_html *p)
{
	const bool auroc = p->f->auroc;
	char s[HM_PAGE_NUMBER];
	hm_html_table(p, "Differences of each pair, p Holm-corrected");
	hm_html_column(p, "pair", "left");
	if (auroc) {
		hm_html_column(p, "AUROC", "");
		hm_html_column(p, "95 % interval", "");
		hm_html_column(p, "p, DeLong", "");
	}
	hm_html_column(p, "accuracy", "");
	hm_html_column(p, "95 % interval", "");
	hm_html_column(p, "p, McNemar", "");
	hm_html_put(p, "</tr></thead><tbody>\n");
	for (int i = 0; i < p->f->pairs; i++) {
		const struct hm_pair *d = &p->f->pair[i];
		hm_html_pair(p, p->r->row[d->a].name, p->r->row[d->b].name, hm_pair_significant(d));
		if (auroc) {
			hm_html_print(p, "<td>%s</td>", hm_page_difference(d->test.auroc, s));
			hm_html_print(p, "<td>%s</td>", hm_page_interval(d->test.auroc_ci, true, s));
			hm_html_p(p, d->delong_holm);
		}
		hm_html_print(p, "<td>%s</td>", hm_page_difference(d->test.accuracy, s));
		hm_html_print(p, "<td>%s</td>", hm_page_interval(d->test.accuracy_ci, true, s));
		hm_html_p(p, d->mcnemar_holm);
		hm_html_put(p, "</tr>\n");
	}
	hm_html_table_end(p);
}

void hm_html_differences(struct hm_html *p)
{
	if (!p->f->pairs)
		return;
	hm_html_print(
		p,
		"<section>\n<h2>Which rows differ</h2>\n<p>%d of %d pair%s of rows%s, by exact McNemar for "
		"accuracy%s, Holm-corrected for the number of pairs, p &lt; .05.</p>\n",
		p->f->significant, p->f->pairs, p->f->pairs == 1 ? "" : "s",
		p->f->seeds ? " (the first seed of each)" : "", p->f->auroc ? " or DeLong for AUROC" : "");
	if (p->f->pairs == 1) {
		put_list(p);
	} else {
		if (p->f->auroc)
			put_matrix(p, true);
		put_matrix(p, false);
		hm_html_print(p, "<details><summary>All %d pairs, with intervals and p</summary>\n",
			      p->f->pairs);
		put_list(p);
		hm_html_put(p, "</details>\n");
	}
	hm_html_put(p, "</section>\n");
}
