/* What html.c and htmlplots.c share. Nobody else includes it. */
#ifndef HM_HTMLPARTS_H
#define HM_HTMLPARTS_H

#include "report/pages.h"

/* The text of style.css, NUL-terminated. The Makefile generates it. */
extern const char hm_style_css[];

struct hm_html {
	const struct hm_findings *f;
	const struct hm_runs *r; /* that of f */
	struct hm_buf *b;
	struct hm_err *e; /* remembers the first failure (memory) */
};

/* Appends markup as it is; appends plain text, escaped. */
void hm_html_put(struct hm_html *p, const char *s);
void hm_html_text(struct hm_html *p, const char *s);
/* Appends a cell: p, or an estimate with its interval. */
void hm_html_p(struct hm_html *p, double v);
void hm_html_estimate(struct hm_html *p, double v, struct hm_interval ci, const char *class);
/* The plot of HM_PUBLISHED_ACCURACY or HM_PUBLISHED_AUROC with intervals, a line per row; published values
 * are diamonds.
 */
void hm_html_forest(struct hm_html *p, int metric);
/* The results of the literature, and which of their differences are larger than noise. */
void hm_html_literature(struct hm_html *p);
/* A card per row: losses by step, ROC curve. */
void hm_html_curves(struct hm_html *p);

#endif
