/* The HTML page's pictures: accuracies with intervals, losses, ROC curves. See htmlparts.h. */
#include "report/chart.h"
#include "report/htmlparts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the plot of a metric shows of a row: here and published. NaN is not drawn. */
struct estimate {
	double here, published;
	struct hm_interval here_ci, published_ci;
};

static struct estimate find_estimate(const struct hm_html *p, int row, int metric)
{
	const struct hm_summary *m = &p->f->row[row];
	const struct hm_published *v = &p->r->row[row].published;
	if (metric == HM_PUBLISHED_AUROC)
		return (struct estimate){m->auroc, v->value[metric], m->auroc_ci, v->auroc_ci};
	return (struct estimate){m->accuracy, v->value[metric], m->accuracy_ci, {NAN, NAN}};
}

/* Pixels of a value: from `left` on, `width` of them for the range lo to hi. */
struct scale {
	double lo, hi;
};

static double find_x(const struct scale *s, double v)
{
	const double left = 210, width = 420;
	return left + (v - s->lo) / (s->hi - s->lo) * width;
}

static struct scale find_scale(const struct hm_html *p, int metric, double guess, double *step)
{
	struct scale s = {fmin(.5, .5 - guess), fmax(.5, .5 + guess)};
	for (int i = 0; i < p->r->n_rows; i++) {
		const struct estimate v = find_estimate(p, i, metric);
		const double seen[] = {v.published, v.here_ci.lo,      v.here_ci.hi,
				       v.here,	    v.published_ci.lo, v.published_ci.hi};
		for (size_t k = 0; k < sizeof seen / sizeof *seen; k++) {
			s.lo = fmin(s.lo, seen[k]);
			s.hi = fmax(s.hi, seen[k]);
		}
	}
	*step = hm_chart_step(s.hi - s.lo, 8);
	s.lo = floor(s.lo / *step) * *step;
	s.hi = ceil(s.hi / *step) * *step;
	return s;
}

/* A published value with an interval stands below ours, one without on the same line. */
static void put_estimate_marks(struct hm_html *p, const struct scale *s, const struct estimate *v, double y)
{
	const double below = isnan(v->published_ci.lo) ? y : y + 7;
	if (!isnan(v->here_ci.lo))
		hm_buf_printf(p->b, p->e, "<path class=\"ours\" d=\"M%.1f %.1fH%.1f\"/>",
			      find_x(s, v->here_ci.lo), y, find_x(s, v->here_ci.hi));
	if (!isnan(v->here))
		hm_buf_printf(p->b, p->e, "<circle class=\"dot\" r=\"4\" cx=\"%.1f\" cy=\"%.1f\"/>",
			      find_x(s, v->here), y);
	if (!isnan(v->published_ci.lo))
		hm_buf_printf(p->b, p->e, "<path class=\"mark\" d=\"M%.1f %.1fH%.1f\"/>",
			      find_x(s, v->published_ci.lo), below, find_x(s, v->published_ci.hi));
	if (!isnan(v->published))
		hm_buf_printf(p->b, p->e, "<path class=\"mark\" d=\"M%.1f %.1fl5 5l-5 5l-5-5z\"/>",
			      find_x(s, v->published), below - 5);
}

void hm_html_forest(struct hm_html *p, int metric)
{
	const char *name = metric == HM_PUBLISHED_AUROC ? "AUROC" : "Accuracy";
	const double line = 24, guess = metric == HM_PUBLISHED_AUROC ? p->f->guess_auroc : p->f->guess;
	char tick[HM_PAGE_NUMBER];
	double step;
	const struct scale s = find_scale(p, metric, guess, &step);
	int h = 46 + (int)line * p->r->n_rows;
	hm_buf_printf(p->b, p->e,
		      "<h2>%s</h2>\n<p><small>Dots and bars: here, with 95 %% intervals. %s"
		      "Dotted: where a guesser&#8217;s %s falls in 95 %% of draws.</small></p>\n"
		      "<div class=\"scroll\">",
		      name,
		      p->r->published[metric] ? "<span class=\"post\">Diamonds: published.</span> " : "",
		      metric == HM_PUBLISHED_AUROC ? "AUROC" : "accuracy");
	hm_buf_printf(p->b, p->e,
		      "<svg class=\"wide\" viewBox=\"0 0 660 %d\" width=\"660\" height=\"%d\" "
		      "role=\"img\"><title>%s of each row with its interval</title>\n",
		      h, h, name);
	for (double v = s.lo; v <= s.hi + step / 2; v += step)
		hm_buf_printf(p->b, p->e,
			      "<path class=\"grid\" d=\"M%.1f 8V%d\"/><text class=\"tick\" x=\"%.1f\" "
			      "y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			      find_x(&s, v), h - 28, find_x(&s, v), h - 12, hm_page_value(v, 2, tick));
	for (int side = -1; side < 2 && !isnan(guess); side += 2)
		hm_buf_printf(p->b, p->e, "<path class=\"chance\" d=\"M%.1f 8V%d\"/>\n",
			      find_x(&s, .5 + side * guess), h - 28);
	for (int i = 0; i < p->r->n_rows; i++) {
		const struct estimate v = find_estimate(p, i, metric);
		const double y = 22 + line * i;
		hm_buf_printf(p->b, p->e, "<text x=\"200\" y=\"%.1f\" text-anchor=\"end\">", y + 4);
		hm_html_text(p, p->r->row[i].name);
		hm_html_put(p, "</text>");
		put_estimate_marks(p, &s, &v, y);
		hm_html_put(p, "\n");
	}
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
