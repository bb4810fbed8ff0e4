/* The HTML page's pictures: accuracies with intervals, losses, ROC curves. See htmlparts.h. */
#include "report/chart.h"
#include "report/htmlparts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Accuracies with intervals, a line per row; published values are diamonds. */
void hm_html_forest(struct hm_html *p)
{
	const double left = 210, width = 420, line = 24;
	char tick[HM_PAGE_NUMBER];
	double lo = .5 - p->f->guess, hi = .5 + p->f->guess;
	int h = 46 + (int)line * p->r->n_rows;
	for (int i = 0; i < p->r->n_rows; i++) {
		const double v = p->r->row[i].published.accuracy;
		lo = fmin(lo, isnan(v) ? lo : v);
		hi = fmax(hi, isnan(v) ? hi : v);
		lo = fmin(lo, p->f->row[i].accuracy_ci.lo);
		hi = fmax(hi, p->f->row[i].accuracy_ci.hi);
	}
	double step = hm_chart_step(hi - lo, 8);
	lo = floor(lo / step) * step;
	hi = ceil(hi / step) * step;
#define X(v) (left + ((v)-lo) / (hi - lo) * width)
	hm_html_put(p, "<h2>Accuracy</h2>\n<p><small>Dots and bars: here, with 95 % intervals. ");
	hm_html_put(p, p->r->published ? "<span class=\"post\">Diamonds: published.</span> " : "");
	hm_html_put(p, "Dotted: where a guesser&#8217;s accuracy falls in 95 % of draws.</small></p>\n<div "
		       "class=\"scroll\">");
	hm_buf_printf(p->b, p->e,
		      "<svg class=\"wide\" viewBox=\"0 0 660 %d\" width=\"660\" height=\"%d\" "
		      "role=\"img\"><title>Accuracy "
		      "of each row with its interval</title>\n",
		      h, h);
	for (double v = lo; v <= hi + step / 2; v += step)
		hm_buf_printf(p->b, p->e,
			      "<path class=\"grid\" d=\"M%.1f 8V%d\"/><text class=\"tick\" x=\"%.1f\" "
			      "y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			      X(v), h - 28, X(v), h - 12, hm_page_value(v, 2, tick));
	for (int side = -1; side < 2; side += 2)
		hm_buf_printf(p->b, p->e, "<path class=\"chance\" d=\"M%.1f 8V%d\"/>\n",
			      X(.5 + side * p->f->guess), h - 28);
	for (int i = 0; i < p->r->n_rows; i++) {
		const struct hm_summary *m = &p->f->row[i];
		double y = 22 + line * i, v = p->r->row[i].published.accuracy;
		hm_buf_printf(p->b, p->e, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">", left - 10,
			      y + 4);
		hm_html_text(p, p->r->row[i].name);
		hm_buf_printf(p->b, p->e,
			      "</text><path class=\"ours\" d=\"M%.1f %.1fH%.1f\"/><circle class=\"dot\" "
			      "r=\"4\" cx=\"%.1f\" cy=\"%.1f\"/>",
			      X(m->accuracy_ci.lo), y, X(m->accuracy_ci.hi), X(m->accuracy), y);
		if (!isnan(v))
			hm_buf_printf(p->b, p->e, "<path class=\"mark\" d=\"M%.1f %.1fl5 5l-5 5l-5-5z\"/>",
				      X(v), y - 5);
		hm_html_put(p, "\n");
	}
#undef X
	hm_html_put(p, "</svg></div>\n");
}

static void widen_ranges(const struct hm_curve *c, double *x, double *y)
{
	for (size_t i = 0; i < c->n; i++) {
		*x = fmax(*x, c->x[i]);
		*y = fmax(*y, c->y[i]);
	}
}

static int draw_roc(struct hm_html *p, const struct hm_row *w, struct hm_chart *c)
{
	size_t n = p->r->matched.n;
	double *x = hm_alloc(n + 1, sizeof *x, p->e), *y = x ? hm_alloc(n + 1, sizeof *y, p->e) : NULL;
	double chance[] = {0, 1};
	hm_chart_line(c, &(struct hm_curve){2, chance, chance}, "chance");
	for (int t = w->n - 1; y && t >= 0; t--) {
		struct hm_curve curve = {hm_roc_curve(&w->trial[t].sample->rank, x, y), x, y};
		hm_chart_line(c, &curve, t ? "other" : "ours");
	}
	free(x);
	free(y);
	return p->e->code;
}

/* A card per row: losses by step, ROC curve. Losses share a scale up to twice that of guessing; what lies
 * above is cut. */
void hm_html_curves(struct hm_html *p)
{
	double loss = 0;
	for (int i = 0; i < p->r->n_rows; i++)
		for (int t = 0; t < p->r->row[i].n; t++) {
			double x = 0;
			widen_ranges(&p->r->row[i].trial[t].train, &x, &loss);
			widen_ranges(&p->r->row[i].trial[t].val, &x, &loss);
		}
	loss = fmin(loss > 0 ? loss : 1, 2 * log(2));
	hm_html_put(p,
		    "<h2>Curves</h2>\n<p><small>Above the training loss by step (on dev dashed, where it was "
		    "watched; cut above twice a guesser&#8217;s), "
		    "below the ROC curve on dev.");
	hm_html_put(p, p->f->seeds ? " Thick: the first seed." : "");
	hm_html_put(p, "</small></p>\n<div class=\"cards\">\n");
	for (int i = 0; i < p->r->n_rows; i++) {
		const struct hm_row *w = &p->r->row[i];
		struct hm_chart c;
		double x[2] = {0, 1}, y[2] = {0, loss}, unit[2] = {0, 1}, ignore = 0;
		for (int t = 0; t < w->n; t++)
			widen_ranges(&w->trial[t].train, &x[1], &ignore);
		for (int t = 0; t < w->n; t++)
			widen_ranges(&w->trial[t].val, &x[1], &ignore);
		hm_html_put(p, "<div class=\"card\"><h3>");
		hm_html_text(p, w->name);
		hm_html_put(p, "</h3>\n");
		hm_chart_open(&c, p->b, 290, 170, "Training loss by step", x, y, "step", "loss", p->e);
		for (int t = w->n - 1; t >= 0; t--) {
			hm_chart_line(&c, &w->trial[t].train, t ? "other" : "ours");
			hm_chart_line(&c, &w->trial[t].val, "val");
		}
		hm_chart_close(&c);
		if (!isnan(p->f->row[i].auroc)) {
			hm_chart_open(&c, p->b, 290, 260, "ROC curve", unit, unit, "false positive rate",
				      "true positive rate", p->e);
			draw_roc(p, w, &c);
			hm_chart_close(&c);
		}
		hm_html_put(p, "</div>\n");
	}
	hm_html_put(p, "</div>\n");
}
