/* The HTML page's ROC curves: the best rows in one chart, and the seeds of a row. See htmlparts.h. */
#include "report/htmlroc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Curves of one chart, at most COLOURS * DASHES: each pair of a colour and a pattern of dashes is there once,
 * for who sees no colours or prints them; and its row's number stands on each curve. */
enum { CURVES = 16, COLOURS = 5, DASHES = 4 };

static void make_class(int i, char out[16])
{
	snprintf(out, 16, "c%d d%d", i % COLOURS, i % DASHES);
}

static int read_curve(struct hm_html *p, const struct hm_trial *t, struct hm_curve *c)
{
	size_t n = p->r->matched.n;
	c->x = hm_alloc(n + 1, sizeof *c->x, p->e);
	c->y = c->x ? hm_alloc(n + 1, sizeof *c->y, p->e) : NULL;
	c->n = c->y ? hm_roc_curve(&t->sample->rank, c->x, c->y) : 0;
	return p->e->code;
}

static void clear_curve(struct hm_curve *c)
{
	free(c->x);
	free(c->y);
}

void hm_html_chance(struct hm_chart *c)
{
	double ends[] = {0, 1};
	hm_chart_line(c, &(struct hm_curve){2, ends, ends}, "chance");
}

void hm_html_roc_line(struct hm_html *p, const struct hm_trial *t, struct hm_chart *chart, const char *class)
{
	struct hm_curve c = {0};
	if (!read_curve(p, t, &c))
		hm_chart_line(chart, &c, class);
	clear_curve(&c);
}

/* The point of a curve where x + y is `sum`: all curves cross that diagonal, and numbers on different ones do
 * not meet. */
static void find_point(const struct hm_curve *c, double sum, double *x, double *y)
{
	size_t i = 1;
	while (i + 1 < c->n && c->x[i] + c->y[i] < sum)
		i++;
	const double before = c->x[i - 1] + c->y[i - 1], after = c->x[i] + c->y[i],
		     part = after > before ? (sum - before) / (after - before) : 0;
	*x = c->x[i - 1] + part * (c->x[i] - c->x[i - 1]);
	*y = c->y[i - 1] + part * (c->y[i] - c->y[i - 1]);
}

/* The rows with the greatest AUROCs, best first; returns how many. */
static int rank_rows(const struct hm_findings *f, int best[CURVES])
{
	int n = 0;
	for (int i = 0; i < f->runs->n_rows; i++) {
		int at = n;
		if (isnan(f->row[i].auroc))
			continue;
		while (at && f->row[i].auroc > f->row[best[at - 1]].auroc)
			at--;
		n += n < CURVES;
		for (int k = n - 1; k > at; k--)
			best[k] = best[k - 1];
		if (at < n)
			best[at] = i;
	}
	return n;
}

static void put_curve(struct hm_html *p, struct hm_chart *chart, int row, int i, int n)
{
	struct hm_curve c = {0};
	char class[16];
	double x, y;
	make_class(i, class);
	if (!read_curve(p, &p->r->row[row].trial[0], &c)) {
		hm_chart_line(chart, &c, class);
		find_point(&c, .4 + 1.2 * (i + .5) / n, &x, &y);
		if (p->r->n_rows > 1)
			hm_html_print(
				p,
				"<text class=\"no\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%d</text>\n",
				hm_chart_x(chart, x), hm_chart_y(chart, y) + 4, row + 1);
	}
	clear_curve(&c);
}

static void put_legend(struct hm_html *p, const int *best, int n)
{
	char s[HM_PAGE_NUMBER], class[16];
	hm_html_put(p, "<ol class=\"legend\">\n");
	for (int i = 0; i < n; i++) {
		make_class(i, class);
		hm_html_print(
			p,
			"<li><svg width=\"34\" height=\"12\" aria-hidden=\"true\"><path class=\"%s\" d=\"M1 "
			"6h32\"/></svg> ",
			class);
		hm_html_number(p, best[i]);
		hm_html_text(p, p->r->row[best[i]].name);
		hm_html_print(p, " <b>%s</b></li>\n", hm_page_value(p->f->row[best[i]].auroc, 3, s));
	}
	hm_html_put(p, "</ol>\n");
}

void hm_html_roc(struct hm_html *p)
{
	const double unit[2] = {0, 1};
	int best[CURVES], n = rank_rows(p->f, best);
	struct hm_chart c;
	if (!n)
		return;
	hm_html_put(p, "<section>\n<h2>ROC curves</h2>\n<p><small>");
	if (n < p->r->n_rows)
		hm_html_print(p, "The %d rows with the greatest AUROC, of %d. ", n, p->r->n_rows);
	hm_html_print(p, "By AUROC%s. Dotted: guessing.</small></p>\n<div class=\"roc\">\n",
		      p->f->seeds ? ", the mean over the seeds; the curve is of the first seed" : "");
	hm_chart_open(&c, p->b, 400, 410, "ROC curves of the rows, ranked by AUROC", unit, unit,
		      "false positive rate", "true positive rate", p->e);
	hm_html_chance(&c);
	for (int i = n - 1; i >= 0; i--)
		put_curve(p, &c, best[i], i, n);
	hm_chart_close(&c);
	put_legend(p, best, n);
	hm_html_put(p, "</div>\n</section>\n");
}
