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
	bool seeds;			  /* some row has several trials */
	size_t shared;			  /* bytes of history, whole lines, with which every trial begins */
	/* Half the width of the range in which a guesser's accuracy, AUROC falls 19 times of 20. */
	double guess, guess_auroc;
};
/* Computes what the pages share. `r` is borrowed. 0 or HM_EDATA (memory). Caller clears, also after a
 * failure. */
int hm_findings_compute(struct hm_findings *f, const struct hm_runs *r, struct hm_err *e);
void hm_findings_clear(struct hm_findings *f);
bool hm_pair_significant(const struct hm_pair *p);
/* Whether a trial of the row has a command or a history beyond what all rows share. */
bool hm_row_has_origin(const struct hm_findings *f, const struct hm_row *w);

/* The pages; each returns 0 or HM_EDATA (memory). The HTML is one file that loads nothing. */
int hm_page_html(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e);
int hm_page_markdown(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e);
/* A line per trial of each row. */
int hm_page_csv(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e);

/* What a reader must know about the differences of published results. ASCII without markup. */
extern const char hm_page_literature_note[];

/* Numbers on the HTML and Markdown pages: "0.558", an en dash for NaN; "[0.514, 0.601]", "" for NaN; "0.049",
 * "< 0.0001". What rounds to zero has no minus. Return out. */
#define HM_PAGE_NUMBER 48 /* as HM_CELL_NUMBER */
char *hm_page_value(double v, int digits, char out[HM_PAGE_NUMBER]);
char *hm_page_difference(double v, char out[HM_PAGE_NUMBER]); /* "+0.014" */
char *hm_page_interval(struct hm_interval ci, bool sign, char out[HM_PAGE_NUMBER]);
char *hm_page_p(double p, char out[HM_PAGE_NUMBER]);

#endif
