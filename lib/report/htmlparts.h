/* What the HTML page's files (html*.c) share. Nobody else includes it. */
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

/* ---- htmltext.c ---- */
/* Appends markup as it is; formatted markup; plain text, escaped; its first `most` characters and an ellipsis
 * where it has more. */
void hm_html_put(struct hm_html *p, const char *s);
void hm_html_print(struct hm_html *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hm_html_text(struct hm_html *p, const char *s);
void hm_html_short(struct hm_html *p, const char *s, int most);
/* The number by which charts and matrices name a row, from 0; nothing when there is one row. */
void hm_html_number(struct hm_html *p, int row);
/* Appends a command, or a line that a tool left of itself: text in which a line may break before an option or
 * a file, and nowhere inside an option, its value or what is quoted. Nothing is added to what is copied. */
void hm_html_command(struct hm_html *p, const char *s);
/* Opens a table that scrolls by itself, with its caption, up to the beginning of the head; closes its body
 * and it. The caption is markup. */
void hm_html_table(struct hm_html *p, const char *caption);
void hm_html_table_end(struct hm_html *p);
/* A heading of a column; of class "left" or "". */
void hm_html_column(struct hm_html *p, const char *name, const char *class);
/* Appends a cell: a number, p, an estimate with its interval ("" for none). */
void hm_html_cell(struct hm_html *p, double v, int digits, const char *class);
void hm_html_p(struct hm_html *p, double v);
void hm_html_estimate(struct hm_html *p, double v, const char *interval, const char *class);
/* The beginning of a row about two rows, or results: its heading "A - B". */
void hm_html_pair(struct hm_html *p, const char *a, const char *b, bool bold);

/* ---- the sections, each with its heading, each silent about what there is nothing of ---- */
void hm_html_headline(struct hm_html *p);
void hm_html_rows(struct hm_html *p);
/* Accuracy and AUROC with intervals, a line per row; published values are diamonds. */
void hm_html_intervals(struct hm_html *p);
void hm_html_literature(struct hm_html *p);
void hm_html_claims(struct hm_html *p);
void hm_html_differences(struct hm_html *p);
/* The ROC curves of the best rows in one chart. */
void hm_html_roc(struct hm_html *p);
/* A card per row: losses by step, with several seeds their ROC curves. */
void hm_html_curves(struct hm_html *p);
void hm_html_stages(struct hm_html *p);
void hm_html_commands(struct hm_html *p);

#endif
