/* ROC curves as a gnuplot script. See present.h. */
#include "report/gnuplot.h"
#include "report/present.h"

#include <stdlib.h>

static int add_curve(struct hm_buf *b, const struct hm_sample *s, int i, struct hm_err *e)
{
	double *x = hm_alloc(s->n + 1, sizeof *x, e), *y = x ? hm_alloc(s->n + 1, sizeof *y, e) : NULL;
	size_t n = y ? hm_roc_curve(&s->rank, x, y) : 0;
	hm_buf_printf(b, e, "$curve%d << END\n", i);
	for (size_t k = 0; k < n; k++)
		hm_buf_printf(b, e, "%.6g %.6g\n", x[k], y[k]);
	hm_buf_printf(b, e, "END\n");
	free(x);
	free(y);
	return e->code;
}

static int write_script(struct hm_buf *b, const char *path, const struct hm_sample *s,
			const char *const *name, int k, const char *const *classes, struct hm_err *e)
{
	for (int i = 0; i < k; i++)
		if (add_curve(b, &s[i], i, e))
			return HM_EDATA;
	hm_gnuplot_begin(b, path, 800, 800, e);
	hm_buf_printf(b, e, "set title 'ROC%s", classes ? " of " : "");
	hm_gnuplot_text(b, classes ? classes[1] : "", e);
	hm_buf_printf(b, e, ", %zu records'\n", s->n);
	hm_buf_printf(b, e,
		      "set xlabel 'false positive rate'\nset ylabel 'true "
		      "positive rate'\n"
		      "set size square\nset xrange [0:1]\nset yrange [0:1]\nset xtics 0.2 format "
		      "'%%.1f'\nset ytics 0.2 format '%%.1f'\n" HM_GNUPLOT_GRID "set "
		      "key bottom right\n"
		      "plot x with lines lc rgb '#999999' dt 2 title 'chance'");
	for (int i = 0; i < k; i++) {
		hm_buf_printf(b, e, ", $curve%d with lines %s lw 2 title '", i, hm_gnuplot_line(i));
		hm_gnuplot_text(b, name[i], e);
		hm_buf_printf(b, e, "  AUROC %.4f'", hm_auroc(&s[i].rank, NULL));
	}
	return hm_buf_printf(b, e, "\n");
}

int hm_roc_plot(const char *path, const struct hm_sample *s, const char *const *name, int k,
		const char *const *classes, struct hm_err *e)
{
	struct hm_buf text = {0};
	int rc = write_script(&text, path, s, name, k, classes, e);
	if (!rc)
		rc = hm_gnuplot_run(path, &text, e);
	hm_buf_clear(&text);
	return rc;
}
