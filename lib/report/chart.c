/* SVG charts. See chart.h. */
#include "report/chart.h"
#include "report/pages.h"

#include <math.h>
#include <string.h>

void hm_markup_text(struct hm_buf *out, const char *s, struct hm_err *e)
{
	char one[HM_PAGE_CHAR];
	while (*s) {
		const char *entity = *s == '&'	  ? "&amp;"
				     : *s == '<'  ? "&lt;"
				     : *s == '>'  ? "&gt;"
				     : *s == '"'  ? "&quot;"
				     : *s == '\'' ? "&#39;"
						  : NULL;
		const char *shown = hm_page_char(&s, one);
		shown = entity ? entity : shown;
		hm_buf_add(out, shown, strlen(shown), e);
	}
}

double hm_chart_step(double range, int count)
{
	double rough = range / count, power = pow(10, floor(log10(rough))), part = rough / power;
	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

double hm_chart_x(const struct hm_chart *c, double x)
{
	return c->left + (x - c->x0) / (c->x1 - c->x0) * c->width;
}

double hm_chart_y(const struct hm_chart *c, double y)
{
	return c->top + (c->y1 - y) / (c->y1 - c->y0) * c->height;
}

static void draw_axes(struct hm_chart *c, const char *x_name, const char *y_name)
{
	double dx = hm_chart_step(c->x1 - c->x0, 4), dy = hm_chart_step(c->y1 - c->y0, 4),
	       bottom = c->top + c->height;
	for (double y = ceil(c->y0 / dy - 1e-9) * dy; y <= c->y1 + dy * 1e-9; y += dy)
		hm_buf_printf(c->out, c->e,
			      "<path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/><text class=\"tick\" x=\"%.1f\" "
			      "y=\"%.1f\" "
			      "text-anchor=\"end\">%.4g</text>\n",
			      c->left, hm_chart_y(c, y), c->width, c->left - 5, hm_chart_y(c, y) + 3.5,
			      fabs(y) < dy * 1e-9 ? 0 : y);
	for (double x = ceil(c->x0 / dx - 1e-9) * dx; x <= c->x1 + dx * 1e-9; x += dx)
		hm_buf_printf(
			c->out, c->e,
			"<path class=\"axis\" d=\"M%.1f %.1fv4\"/><text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"middle\">%.4g</text>\n",
			hm_chart_x(c, x), bottom, hm_chart_x(c, x), bottom + 15, fabs(x) < dx * 1e-9 ? 0 : x);
	hm_buf_printf(c->out, c->e, "<path class=\"axis\" d=\"M%.1f %.1fh%.1f\"/>\n", c->left, bottom,
		      c->width);
	hm_buf_printf(c->out, c->e, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
		      c->left + c->width, bottom + 28);
	hm_markup_text(c->out, x_name, c->e);
	hm_buf_printf(c->out, c->e, "</text><text class=\"name\" x=\"%.1f\" y=\"%.1f\">", c->left - 30,
		      c->top - 13);
	hm_markup_text(c->out, y_name, c->e);
	hm_buf_printf(c->out, c->e, "</text>\n");
}

void hm_chart_open(struct hm_chart *c, struct hm_buf *out, int w, int h, const char *title, const double x[2],
		   const double y[2], const char *x_name, const char *y_name, struct hm_err *e)
{
	*c = (struct hm_chart){out, x[0], x[1], y[0], y[1], 38, 26, w - 50., h - 60., y[1], e};
	hm_buf_printf(out, e, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\"><title>", w,
		      h, w, h);
	hm_markup_text(out, title, e);
	hm_buf_printf(out, e, "</title>\n");
	draw_axes(c, x_name, y_name);
}

/* A mark on the upper edge above the highest point of each stretch that is cut there. */
static void mark_cuts(struct hm_chart *c, const struct hm_curve *points)
{
	for (size_t i = 0, top; i < points->n; i++) {
		if (!(points->y[i] > c->y1))
			continue;
		for (top = i; i < points->n && points->y[i] > c->y1; i++)
			top = points->y[i] > points->y[top] ? i : top;
		c->above = fmax(c->above, points->y[top]);
		hm_buf_printf(c->out, c->e, "<path class=\"cut\" d=\"M%.1f %.1fl-4 7h8z\"/>\n",
			      hm_chart_x(c, points->x[top]), c->top - 8);
	}
}

static double cut_y(const struct hm_chart *c, double y)
{
	return hm_chart_y(c, fmin(fmax(y, c->y0), c->y1));
}

void hm_chart_line(struct hm_chart *c, const struct hm_curve *points, const char *class)
{
	double x = NAN, y = NAN;
	mark_cuts(c, points);
	if (points->n == 1)
		hm_buf_printf(c->out, c->e, "<circle class=\"%s dot\" r=\"2.5\" cx=\"%.1f\" cy=\"%.1f\"/>\n",
			      class, hm_chart_x(c, points->x[0]), cut_y(c, points->y[0]));
	if (points->n < 2)
		return;
	hm_buf_printf(c->out, c->e, "<path class=\"%s\" d=\"", class);
	for (size_t i = 0; i < points->n; i++) {
		const double to_x = hm_chart_x(c, points->x[i]), to_y = cut_y(c, points->y[i]);
		if (i + 1 < points->n && fabs(to_x - x) < .5 && fabs(to_y - y) < .5)
			continue;
		hm_buf_printf(c->out, c->e, "%s%.1f %.1f", i ? "L" : "M", x = to_x, y = to_y);
	}
	hm_buf_printf(c->out, c->e, "\"/>\n");
}

void hm_chart_close(struct hm_chart *c)
{
	if (c->above > c->y1)
		hm_buf_printf(
			c->out, c->e,
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">&#9650; cut: goes "
			"up to %.3g</text>\n",
			c->left + c->width, c->top - 13, c->above);
	hm_buf_printf(c->out, c->e, "</svg>\n");
}
