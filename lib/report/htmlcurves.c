/* The HTML page's cards: a row's losses by step, and the ROC curves of its seeds. See htmlparts.h. */
#include "report/htmlroc.h"

#include <math.h>
#include <string.h>

static void widen_ranges(const struct hm_curve *c, double *x, double *y)
{
	for (size_t i = 0; i < c->n; i++) {
		*x = fmax(*x, c->x[i]);
		*y = fmax(*y, c->y[i]);
	}
}

static bool has_curve(const struct hm_row *w)
{
	for (int t = 0; t < w->n; t++)
		if (w->trial[t].train.n || w->trial[t].val.n)
			return true;
	return false;
}

/* The title of a chart of a row, for who cannot see it: "WHAT of NAME, AUROC 0.612". */
static void make_title(struct hm_html *p, int row, const char *what, struct hm_buf *out)
{
	char s[HM_PAGE_NUMBER];
	hm_buf_printf(out, p->e, "%s of ", what);
	hm_buf_add(out, p->r->row[row].name, strlen(p->r->row[row].name), p->e);
	if (p->f->auroc)
		hm_buf_printf(out, p->e, ", AUROC %s", hm_page_value(p->f->row[row].auroc, 3, s));
	hm_buf_add(out, "", 1, p->e);
}

static void put_losses(struct hm_html *p, int row, double most)
{
	const struct hm_row *w = &p->r->row[row];
	struct hm_chart c;
	struct hm_buf title = {0};
	double x[2] = {0, 1}, y[2] = {0, most}, ignore = 0;
	for (int t = 0; t < w->n; t++) {
		widen_ranges(&w->trial[t].train, &x[1], &ignore);
		widen_ranges(&w->trial[t].val, &x[1], &ignore);
	}
	make_title(p, row, "Loss by step", &title);
	if (!p->e->code) {
		hm_chart_open(&c, p->b, 290, 170, (const char *)title.data, x, y, "step", "loss", p->e);
		for (int t = w->n - 1; t >= 0; t--) {
			hm_chart_line(&c, &w->trial[t].train, t ? "other" : "ours");
			hm_chart_line(&c, &w->trial[t].val, "val");
		}
		hm_chart_close(&c);
	}
	hm_buf_clear(&title);
}

static void put_roc(struct hm_html *p, int row)
{
	const struct hm_row *w = &p->r->row[row];
	const double unit[2] = {0, 1};
	struct hm_chart c;
	struct hm_buf title = {0};
	make_title(p, row, "ROC curves of the seeds", &title);
	if (!p->e->code) {
		hm_chart_open(&c, p->b, 290, 260, (const char *)title.data, unit, unit, "false positive rate",
			      "true positive rate", p->e);
		hm_html_chance(&c);
		for (int t = w->n - 1; t >= 0; t--)
			hm_html_roc_line(p, &w->trial[t], &c, t ? "other" : "ours");
		hm_chart_close(&c);
	}
	hm_buf_clear(&title);
}

static void put_card(struct hm_html *p, int row, double most)
{
	char s[HM_PAGE_NUMBER];
	const struct hm_row *w = &p->r->row[row];
	const bool roc = p->f->seeds && !isnan(p->f->row[row].auroc);
	if (!has_curve(w) && !roc)
		return;
	hm_html_put(p, "<div class=\"card\"><h3>");
	hm_html_text(p, w->name);
	if (p->f->auroc)
		hm_html_print(p, " <small>AUROC %s</small>", hm_page_value(p->f->row[row].auroc, 3, s));
	hm_html_put(p, "</h3>\n");
	if (has_curve(w))
		put_losses(p, row, most);
	if (roc)
		put_roc(p, row);
	hm_html_put(p, "</div>\n");
}

/* Losses share a scale, up to twice that of guessing; what lies above is cut, with a mark. */
void hm_html_curves(struct hm_html *p)
{
	double loss = 0;
	bool watched = false;
	for (int i = 0; i < p->r->n_rows; i++)
		for (int t = 0; t < p->r->row[i].n; t++) {
			double x = 0;
			widen_ranges(&p->r->row[i].trial[t].train, &x, &loss);
			widen_ranges(&p->r->row[i].trial[t].val, &x, &loss);
			watched |= p->r->row[i].trial[t].val.n > 0;
		}
	loss = fmin(loss > 0 ? loss : 1, 2 * log(p->r->matched.classes));
	if (!p->f->curves && !(p->f->seeds && p->f->auroc))
		return;
	hm_html_print(p, "<section>\n<h2>%s</h2>\n<p><small>", p->f->curves ? "Training" : "Seeds");
	if (p->f->curves)
		hm_html_print(p, "Training loss by step, on one scale.%s ",
			      watched ? " <span class=\"pub\">Dashed: loss on the examples that were "
					"watched.</span>"
				      : "");
	if (p->f->seeds)
		hm_html_print(p, "A line per seed, thick: the first.%s",
			      p->f->auroc ? " Below: the seeds&#8217; ROC curves." : "");
	hm_html_put(p, "</small></p>\n<div class=\"cards\">\n");
	for (int i = 0; i < p->r->n_rows; i++)
		put_card(p, i, loss);
	hm_html_put(p, "</div>\n</section>\n");
}
