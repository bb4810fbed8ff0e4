/* The report of an experiment as three pages: HTML to look at, Markdown to read in a terminal or to paste,
 * CSV for programs. They are appended to buffers; the same input gives the same bytes. */
#ifndef HM_PAGES_H
#define HM_PAGES_H

#include "report/verdict.h"

/* What the pages share, computed once. */
struct hm_findings {
	const struct hm_runs *runs;
	struct hm_summary *row;		  /* [rows] */
	struct hm_difference *difference; /* [claims][HM_RUNS_PAIRS] */
	enum hm_verdict *verdict;	  /* [claims] */
	struct hm_pair *pair;		  /* [pairs] all pairs of rows, by their first trials */
	int pairs, significant;		  /* significant: by McNemar's or DeLong's test, Holm-corrected */
	/* What some row has: several trials, an AUROC, a training loss, seconds, a curve of losses. */
	bool seeds, auroc, loss, seconds, curves;
	bool judged; /* claims have verdicts: data and encoders are neither made nor random */
	/* The row with the greatest AUROC, or accuracy where there is none, the earliest of equals; and how
	 * many rows lie, by the same number, where a guesser's falls 19 times of 20. */
	int best, guessing;
	size_t shared; /* bytes of history, whole lines, with which every trial that has one begins */
	/* Where a guesser's accuracy, AUROC falls 19 times of 20. A guesser draws one of the classes, each
	 * alike. guess_auroc: NaN without AUROC. */
	struct hm_interval guess, guess_auroc;
	bool spreadsheet; /* for the caller to set: texts of the CSV are written by hm_buf_cell */
};
/* Computes what the pages share. `r` is borrowed. 0 or HM_EDATA (memory). Caller clears, also after a
 * failure. */
int hm_findings_compute(struct hm_findings *f, const struct hm_runs *r, struct hm_err *e);
void hm_findings_clear(struct hm_findings *f);
bool hm_pair_significant(const struct hm_pair *p);
/* What the tests of pairs say of the best row among several, by the metric that it is the best by: "not shown
 * to differ from 3 of 12 others", "shown to differ from every other". Returns out. */
#define HM_PAGE_BEST 64
char *hm_page_best(const struct hm_findings *f, char out[HM_PAGE_BEST]);
/* The history that all share, of which the first f->shared bytes count; the rest of a trial's. */
const char *hm_shared_history(const struct hm_findings *f);
const char *hm_trial_history(const struct hm_findings *f, const struct hm_trial *t);
/* Whether a trial of the row has a command or a history beyond what all share; whether any row has, or
 * something is shared. */
bool hm_row_has_origin(const struct hm_findings *f, const struct hm_row *w);
bool hm_findings_have_origins(const struct hm_findings *f);

/* Of a row whether its number, as in `guessing`, lies within guessing. */
bool hm_row_guesses(const struct hm_findings *f, int row);

/* The pages; each returns 0 or HM_EDATA (memory). The HTML is one file that loads nothing. */
int hm_page_html(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e);
int hm_page_markdown(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e);
/* A line per trial of each row. Columns that no row has anything for are left out. */
int hm_page_csv(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e);

/* Sentences of the HTML and Markdown pages, ASCII without markup: what a reader must know about the
 * differences of published results; why claims are not judged, "" when they are. */
extern const char hm_page_literature_note[];
const char *hm_page_unjudged(const struct hm_findings *f);

/* Numbers on the HTML and Markdown pages: "0.558", an en dash for NaN; "[0.514, 0.601]", "" for NaN; "0.049",
 * "< 0.0001". What rounds to zero has no minus. Return out. */
#define HM_PAGE_NUMBER 48 /* as HM_CELL_NUMBER */
char *hm_page_value(double v, int digits, char out[HM_PAGE_NUMBER]);
char *hm_page_difference(double v, char out[HM_PAGE_NUMBER]); /* "+0.014" */
char *hm_page_interval(struct hm_interval ci, bool sign, char out[HM_PAGE_NUMBER]);
char *hm_page_p(double p, char out[HM_PAGE_NUMBER]);
/* A time, a rate, an amount that was measured, to three digits: "1234", "12.3", "0.0412"; an en dash for what
 * is negative or not finite. */
char *hm_page_measure(double v, char out[HM_PAGE_NUMBER]);
/* The interval of a row's AUROC; in place of one without width what made it so: "constant answer". */
char *hm_page_auroc_interval(const struct hm_summary *m, char out[HM_PAGE_NUMBER]);
/* How many examples count: "200"; where some do not, "180 of 200". Returns out. */
char *hm_page_examples(const struct hm_runs *r, char out[HM_PAGE_NUMBER]);
/* The sentences that say how many examples do not count and why, and whether labels may be predictions; plain
 * text with names of rows, "" when there is nothing to say. */
int hm_page_caveats(const struct hm_runs *r, struct hm_buf *out, struct hm_err *e);
/* The heading of a page, plain text: the table's title, or how many rows and examples there are. */
int hm_page_title(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e);

/* The next character of *s, which is not at its end, as valid UTF-8: what hm_utf8_mask makes of it, but a
 * newline and a tab as they are. Moves *s on; returns out. */
#define HM_PAGE_CHAR 8
const char *hm_page_char(const char **s, char out[HM_PAGE_CHAR]);

#endif
