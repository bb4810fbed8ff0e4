/* Reliability diagrams as a gnuplot script. See present.h. */
#include "report/gnuplot.h"
#include "report/present.h"

/* Two data blocks per system: $binsI holds the bins with records, $countI all bins. In the lower picture the
 * boxes of several systems stand next to one another. */
static void add_data(struct hm_buf *b, const struct hm_sample *s, int i, int k, struct hm_err *e)
{
	struct hm_bin bin[HM_BINS];
	double wide = .9 / HM_BINS / k;
	hm_calibration_compute(s, bin);
	hm_buf_printf(b, e, "$bins%d << END\n", i);
	for (int n = 0; n < HM_BINS; n++)
		if (bin[n].n)
			hm_buf_printf(b, e, "%.6g %.6g %.6g %.6g\n", bin[n].p, bin[n].share, bin[n].ci.lo,
				      bin[n].ci.hi);
	hm_buf_printf(b, e, "END\n$count%d << END\n", i);
	for (int n = 0; n < HM_BINS; n++)
		hm_buf_printf(b, e, "%.6g %zu %.6g\n", (n + .5) / HM_BINS + (i - (k - 1) / 2.) * wide,
			      bin[n].n, wide);
	hm_buf_printf(b, e, "END\n");
}

/* Writes "share of class 1" as the title of an axis. */
static void name_axis(struct hm_buf *b, char axis, const char *what, const char *const *classes,
		      struct hm_err *e)
{
	hm_buf_printf(b, e, "set %clabel '%s of ", axis, what);
	hm_gnuplot_text(b, classes ? classes[1] : "class 1", e);
	hm_buf_printf(b, e, "'\n");
}

static void draw_shares(struct hm_buf *b, const struct hm_sample *s, const char *const *name, int k,
			const char *const *classes, struct hm_err *e)
{
	name_axis(b, 'y', "share", classes, e);
	double value[HM_METRICS];
	hm_buf_printf(b, e,
		      "set title 'calibration, %zu records' offset 0,-0.4\n"
		      "set yrange [0:1]\nset ytics 0.2 format '%%.1f'\nset format x ''\n"
		      "set tmargin at screen 0.94\nset bmargin at screen 0.34\n"
		      "set key %s reverse Left samplen 2\n"
		      "plot x with lines lc rgb '#808080' dt 2 title 'calibrated'",
		      s->n, k > 8 ? "at screen 0.64,0.94 left top" : "inside left top");
	for (int i = 0; i < k; i++) /* intervals behind all curves */
		hm_buf_printf(b, e, ", $bins%d using 1:2:3:4 with yerrorbars %s lw %s pt 0 notitle", i,
			      hm_gnuplot_line(i), k > 1 ? "0.6" : "1.5");
	for (int i = 0; i < k; i++) {
		hm_metrics_compute(&s[i], NULL, value);
		hm_buf_printf(b, e, ", $bins%d using 1:2 with linespoints %s lw 2 pt 7 ps %s title '", i,
			      hm_gnuplot_line(i), k > 8 ? "0.7" : "1");
		hm_gnuplot_text(b, name[i], e);
		hm_buf_printf(b, e, "  ECE %.4f'", value[HM_ECE]);
	}
	hm_buf_printf(b, e, "\n");
}

/* Counts are written above the boxes of a single system. */
static void draw_counts(struct hm_buf *b, int k, const char *const *classes, struct hm_err *e)
{
	name_axis(b, 'x', "probability", classes, e);
	hm_buf_printf(
		b, e,
		"unset title\nunset key\nset ylabel 'records'\n"
		"set yrange [0:*]\nset offsets 0,0,graph 0.18,0\nset ytics auto format '%%g'\nset format x "
		"'%%.1f'\n"
		"set tmargin at screen 0.30\nset bmargin at screen 0.10\nset style fill solid 0.6 noborder\n"
		"plot ");
	for (int i = 0; i < k; i++)
		hm_buf_printf(b, e, "%s$count%d using 1:2:3 with boxes %s", i ? ", " : "", i,
			      hm_gnuplot_line(i));
	if (k == 1)
		hm_buf_printf(b, e,
			      ", $count0 using 1:2:($2 > 0 ? sprintf('%%d', $2) : '') with labels offset "
			      "0,0.6 font ',10' "
			      "tc rgb '#404040'");
	hm_buf_printf(b, e, "\nunset multiplot\n");
}

int hm_calibration_plot(const char *path, const struct hm_sample *s, const char *const *name, int k,
			const char *const *classes, struct hm_err *e)
{
	struct hm_buf b = {0};
	for (int i = 0; i < k; i++)
		add_data(&b, &s[i], i, k, e);
	hm_gnuplot_begin(&b, path, k > 8 ? 1200 : 800, 900, e);
	hm_buf_printf(&b, e,
		      "set multiplot\n"
		      "set lmargin at screen %s\nset rmargin at screen %s\n"
		      "set xrange [0:1]\nset xtics 0.1\n" HM_GNUPLOT_GRID,
		      k > 8 ? "0.08" : "0.12", k > 8 ? "0.60" : "0.95");
	draw_shares(&b, s, name, k, classes, e);
	draw_counts(&b, k, classes, e);
	int rc = e->code ? e->code : hm_gnuplot_run(path, &b, e);
	hm_buf_clear(&b);
	return rc;
}
