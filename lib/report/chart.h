/* Small line charts as SVG text inside an HTML page. Colours come from classes of the page's style sheet, so
 * they follow a dark theme. Data coordinates are mapped to a plot area with axes and ticks at round numbers.
 */
#ifndef HM_CHART_H
#define HM_CHART_H

#include "report/runs.h"

struct hm_chart {
	struct hm_buf *out;
	double x0, x1, y0, y1;		 /* data ranges */
	double left, top, width, height; /* of the plot area, in pixels */
	double above;			 /* the greatest value that was cut; y1 when none was */
	struct hm_err *e; /* remembers the first failure (memory); the caller looks at the end */
};

/* Opens an <svg> of w x h pixels with a title, which is plain text for screen readers, and draws the axes of
 * these ranges with their names. x[1] > x[0], y[1] > y[0]. */
void hm_chart_open(struct hm_chart *c, struct hm_buf *out, int w, int h, const char *title, const double x[2],
		   const double y[2], const char *x_name, const char *y_name, struct hm_err *e);
/* Draws a line of this class through the points, without those that lie within half a pixel of the one
 * before. It is cut at the ranges; each place where it goes on above is marked. */
void hm_chart_line(struct hm_chart *c, const struct hm_curve *points, const char *class);
/* The pixels of a point in the ranges. */
double hm_chart_x(const struct hm_chart *c, double x);
double hm_chart_y(const struct hm_chart *c, double y);
/* Closes it; where something was cut above, a note says how far it goes. */
void hm_chart_close(struct hm_chart *c);

/* A round step that puts about `count` ticks into a range. */
double hm_chart_step(double range, int count);
/* Appends plain text; the five characters that XML reserves become entities, and what hm_page_char masks is
 * masked. */
void hm_markup_text(struct hm_buf *out, const char *s, struct hm_err *e);

#endif
