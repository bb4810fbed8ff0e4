/* The HTML page's plots of AUROC and accuracy with intervals. See htmlparts.h. */
#include "report/chart.h"
#include "report/htmlparts.h"

#include <math.h>

/* Pixels. A row's name stands above its interval, so that a plot fits on a phone. */
enum { WIDTH = 380, LEFT = 8, RIGHT = 8, LINE = 36, TOP = 8, FOOT = 24 };

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

struct scale {
	double lo, hi, step;
};

static double find_x(const struct scale *s, double v)
{
	return LEFT + (v - s->lo) / (s->hi - s->lo) * (WIDTH - LEFT - RIGHT);
}

static struct scale find_scale(const struct hm_html *p, int metric, struct hm_interval guess)
{
	struct scale s = {fmin(1, guess.lo), fmax(0, guess.hi), 0};
	for (int i = 0; i < p->r->n_rows; i++) {
		const struct estimate v = find_estimate(p, i, metric);
		const double seen[] = {v.published, v.here_ci.lo,      v.here_ci.hi,
				       v.here,	    v.published_ci.lo, v.published_ci.hi};
		for (size_t k = 0; k < sizeof seen / sizeof *seen; k++) {
			s.lo = fmin(s.lo, seen[k]);
			s.hi = fmax(s.hi, seen[k]);
		}
	}
	s.step = hm_chart_step(s.hi - s.lo > 0 ? s.hi - s.lo : 1, 5);
	s.lo = floor(s.lo / s.step) * s.step;
	s.hi = ceil(s.hi / s.step) * s.step;
	return s;
}

static void put_axis(struct hm_html *p, const struct scale *s, struct hm_interval guess, int bottom)
{
	char tick[HM_PAGE_NUMBER];
	for (int i = 0; i < p->r->n_rows && !isnan(guess.lo); i++) {
		const int y = TOP + LINE * i + 17;
		hm_html_print(p,
			      "<path class=\"band\" d=\"M%.1f %dH%.1fV%dH%.1fz\"/>"
			      "<path class=\"chance\" d=\"M%.1f %dv14M%.1f %dv14\"/>\n",
			      find_x(s, guess.lo), y, find_x(s, guess.hi), y + 14, find_x(s, guess.lo),
			      find_x(s, guess.lo), y, find_x(s, guess.hi), y);
	}
	for (double v = s->lo; v <= s->hi + s->step / 2; v += s->step) {
		const double x = find_x(s, v);
		const char *anchor = x < LEFT + 12 ? "start" : x > WIDTH - RIGHT - 12 ? "end" : "middle";
		hm_html_print(
			p,
			"<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"tick\" x=\"%.1f\" y=\"%d\" "
			"text-anchor=\"%s\">%s</text>\n",
			x, TOP, bottom, x, bottom + 16, anchor,
			hm_page_value(v, s->step < .01 ? 3 : 2, tick));
	}
}

/* A published value with an interval stands below ours, one without on the same line. */
static void put_marks(struct hm_html *p, const struct scale *s, const struct estimate *v, double y)
{
	const double below = isnan(v->published_ci.lo) ? y : y + 7;
	if (v->here_ci.lo < v->here_ci.hi)
		hm_html_print(p, "<path class=\"ours\" d=\"M%.1f %.1fH%.1f\"/>", find_x(s, v->here_ci.lo), y,
			      find_x(s, v->here_ci.hi));
	if (!isnan(v->here))
		hm_html_print(p, "<circle class=\"dot\" r=\"4\" cx=\"%.1f\" cy=\"%.1f\"/>",
			      find_x(s, v->here), y);
	if (!isnan(v->published_ci.lo))
		hm_html_print(p, "<path class=\"mark\" d=\"M%.1f %.1fH%.1f\"/>",
			      find_x(s, v->published_ci.lo), below, find_x(s, v->published_ci.hi));
	if (!isnan(v->published))
		hm_html_print(p, "<path class=\"mark\" d=\"M%.1f %.1fl5 5l-5 5l-5-5z\"/>",
			      find_x(s, v->published), below - 5);
}

static void put_row(struct hm_html *p, const struct scale *s, int row, int metric)
{
	const struct estimate v = find_estimate(p, row, metric);
	const double y = TOP + LINE * row;
	const bool without = metric == HM_PUBLISHED_AUROC && v.here_ci.lo == v.here_ci.hi;
	char value[HM_PAGE_NUMBER], why[HM_PAGE_NUMBER];
	hm_html_print(p, "<text class=\"label\" x=\"%d\" y=\"%.1f\">", LEFT, y + 13);
	if (p->r->n_rows > 1)
		hm_html_print(p, "%d ", row + 1);
	hm_html_short(p, p->r->row[row].name, without ? 26 : 42); /* the value stands behind it */
	hm_html_print(p, "</text><text class=\"label\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
		      WIDTH - RIGHT, y + 13);
	if (without)
		hm_html_print(p, "%s ", hm_page_auroc_interval(&p->f->row[row], why));
	hm_html_print(p, "%s</text>", hm_page_value(v.here, 3, value));
	put_marks(p, s, &v, y + 24);
	hm_html_put(p, "\n");
}

static void put_plot(struct hm_html *p, int metric)
{
	const bool auroc = metric == HM_PUBLISHED_AUROC;
	const struct hm_interval guess = auroc ? p->f->guess_auroc : p->f->guess;
	const struct scale s = find_scale(p, metric, guess);
	const int bottom = TOP + LINE * p->r->n_rows + 4, h = bottom + FOOT;
	hm_html_print(
		p,
		"<div><h3>%s</h3>\n<svg class=\"plot\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
		"role=\"img\"><title>%s of each row with its interval</title>\n"
		"<desc>The same numbers stand in the table of rows.</desc>\n",
		auroc ? "AUROC" : "Accuracy", WIDTH, h, WIDTH, h, auroc ? "AUROC" : "Accuracy");
	put_axis(p, &s, guess, bottom);
	for (int i = 0; i < p->r->n_rows; i++)
		put_row(p, &s, i, metric);
	hm_html_put(p, "</svg></div>\n");
}

void hm_html_intervals(struct hm_html *p)
{
	const bool published = p->r->published[HM_PUBLISHED_ACCURACY] ||
			       (p->f->auroc && p->r->published[HM_PUBLISHED_AUROC]);
	hm_html_print(p,
		      "<section>\n<h2>Intervals</h2>\n<p><small>Dots and bars: scores here, with 95 %% "
		      "intervals. %s"
		      "Band: where a guesser&#8217;s score falls in 95 %% of draws.</small></p>\n"
		      "<div class=\"panels\">\n",
		      !published   ? ""
		      : p->r->made ? "<span class=\"pub\">Diamonds: published, of other data.</span> "
				   : "<span class=\"pub\">Diamonds: published.</span> ");
	if (p->f->auroc)
		put_plot(p, HM_PUBLISHED_AUROC);
	put_plot(p, HM_PUBLISHED_ACCURACY);
	hm_html_put(p, "</div>\n</section>\n");
}
