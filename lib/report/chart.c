/* SVG charts. See chart.h. */
#include "report/chart.h"

#include <math.h>
#include <string.h>

void hm_markup_text(struct hm_buf *out, const char *s, struct hm_err *e)
{
	for (; *s; s++) {
		const char *entity = *s == '&'	  ? "&amp;"
				     : *s == '<'  ? "&lt;"
				     : *s == '>'  ? "&gt;"
				     : *s == '"'  ? "&quot;"
				     : *s == '\'' ? "&#39;"
						  : NULL;
		bool control = (unsigned char)*s < ' ' && *s != '\n' && *s != '\t';
		if (entity)
			hm_buf_add(out, entity, strlen(entity), e);
		else
			hm_buf_add(out, control ? "?" : s, 1, e);
	}
}

double hm_chart_step(double range, int count)
{
	double rough = range / count, power = pow(10, floor(log10(rough))), part = rough / power;
	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static double to_pixel_x(const struct hm_chart *c, double x)
{
	return c->left + (x - c->x0) / (c->x1 - c->x0) * c->width;
}

static double to_pixel_y(const struct hm_chart *c, double y)
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
			      c->left, to_pixel_y(c, y), c->width, c->left - 5, to_pixel_y(c, y) + 3.5,
			      fabs(y) < dy * 1e-9 ? 0 : y);
	for (double x = ceil(c->x0 / dx - 1e-9) * dx; x <= c->x1 + dx * 1e-9; x += dx)
		hm_buf_printf(
			c->out, c->e,
			"<path class=\"axis\" d=\"M%.1f %.1fv4\"/><text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"middle\">%.4g</text>\n",
			to_pixel_x(c, x), bottom, to_pixel_x(c, x), bottom + 15, fabs(x) < dx * 1e-9 ? 0 : x);
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
	*c = (struct hm_chart){out, x[0], x[1], y[0], y[1], 38, 26, w - 50., h - 60., e};
	hm_buf_printf(out, e, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\"><title>", w,
		      h, w, h);
	hm_markup_text(out, title, e);
	hm_buf_printf(out, e, "</title>\n");
	draw_axes(c, x_name, y_name);
}

void hm_chart_line(struct hm_chart *c, const struct hm_curve *points, const char *class)
{
	if (points->n == 1)
		hm_buf_printf(c->out, c->e, "<circle class=\"%s dot\" r=\"2.5\" cx=\"%.1f\" cy=\"%.1f\"/>\n",
			      class, to_pixel_x(c, points->x[0]),
			      to_pixel_y(c, fmin(fmax(points->y[0], c->y0), c->y1)));
	if (points->n < 2)
		return;
	hm_buf_printf(c->out, c->e, "<path class=\"%s\" d=\"", class);
	for (size_t i = 0; i < points->n; i++)
		hm_buf_printf(c->out, c->e, "%s%.1f %.1f", i ? "L" : "M", to_pixel_x(c, points->x[i]),
			      to_pixel_y(c, fmin(fmax(points->y[i], c->y0), c->y1)));
	hm_buf_printf(c->out, c->e, "\"/>\n");
}

void hm_chart_close(struct hm_chart *c)
{
	hm_buf_printf(c->out, c->e, "</svg>\n");
}
