/* What the parts of the HTML page share: html.c, htmlplots.c, and nobody else. */
#ifndef HM_HTMLPARTS_H
#define HM_HTMLPARTS_H

#include "report/pages.h"

/* style.css, NUL-terminated; the Makefile makes it of the file. */
extern const char hm_style_css[];

struct hm_html {
	const struct hm_findings *f;
	const struct hm_runs *r; /* f's */
	struct hm_buf *b;
	struct hm_err *e; /* failures (memory) stick here */
};

/* Markup as it is; plain text, escaped. */
void hm_html_put(struct hm_html *p, const char *s);
void hm_html_text(struct hm_html *p, const char *s);
/* Accuracies with their intervals, one line a row, and what was published as diamonds. */
void hm_html_forest(struct hm_html *p);
/* A card a row: losses by step, ROC. */
void hm_html_curves(struct hm_html *p);

#endif
