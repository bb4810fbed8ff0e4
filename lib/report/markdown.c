/* The report to read as text: its headline and its rows. See pages.h. */
#include "report/markdownparts.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c & 0x80);
}

/* Whether the character at `at` of the text s would be markup, or make a link of what stands around it. */
static bool is_markup(const char *s, const char *at)
{
	if (strchr("\\`[]|*~$", *at))
		return true;
	if (*at == '_') /* not within a word */
		return at == s || !is_word(at[-1]) || !is_word(at[1]);
	return (*at == ':' && at[1] == '/' && at[2] == '/') ||
	       (*at == '.' && at - s >= 3 && !strncasecmp(at - 3, "www", 3));
}

void hm_markdown_text(struct hm_buf *b, const char *s, struct hm_err *e)
{
	char one[HM_PAGE_CHAR];
	for (const char *at = s; *at;) {
		const char c = *at;
		const bool markup = is_markup(s, at);
		const char *shown = hm_page_char(&at, one);
		if (c == '<' || c == '&')
			hm_buf_printf(b, e, c == '<' ? "&lt;" : "&amp;");
		else if (c == '\n' || c == '\t')
			hm_buf_printf(b, e, " ");
		else
			hm_buf_printf(b, e, "%s%s", markup ? "\\" : "", shown);
	}
}

void hm_markdown_paragraph(struct hm_buf *b, const char *s, struct hm_err *e)
{
	s += strspn(s, " \t\n");
	const size_t digits = strspn(s, "0123456789");
	if (digits && digits < 10 && (s[digits] == '.' || s[digits] == ')')) {
		hm_buf_add(b, s, digits, e);
		hm_buf_printf(b, e, "\\");
		s += digits;
	} else if (*s && strchr("#>-+=:", *s) && !is_markup(s, s)) {
		hm_buf_printf(b, e, "\\");
	}
	hm_markdown_text(b, s, e);
}

/* The cells of the numbers that some row has. */
static void put_published(const struct hm_published *p, const struct hm_runs *r, struct hm_buf *b,
			  struct hm_err *e)
{
	char v[2][HM_PAGE_NUMBER];
	for (int i = 0; i < HM_PUBLISHED; i++) {
		if (!r->published[i])
			continue;
		hm_buf_printf(b, e, " %s", hm_page_value(p->value[i], hm_published_columns[i].digits, v[0]));
		if (i == HM_PUBLISHED_AUROC && !isnan(p->auroc_ci.lo))
			hm_buf_printf(b, e, " %s", hm_page_interval(p->auroc_ci, false, v[1]));
		hm_buf_printf(b, e, " |");
	}
}

static void put_row(const struct hm_findings *f, int i, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_row *w = &f->runs->row[i];
	const struct hm_summary *s = &f->row[i];
	char v[2][HM_PAGE_NUMBER];
	hm_buf_printf(b, e, "| ");
	hm_markdown_text(b, w->name, e);
	hm_buf_printf(b, e, "%s |", w->selected ? " (epoch chosen on these examples)" : "");
	put_published(&w->published, f->runs, b, e);
	hm_buf_printf(b, e, " %s %s |", hm_page_value(s->accuracy, 3, v[0]),
		      hm_page_interval(s->accuracy_ci, false, v[1]));
	if (f->auroc)
		hm_buf_printf(b, e, " %s %s |", hm_page_value(s->auroc, 3, v[0]),
			      hm_page_auroc_interval(s, v[1]));
	if (f->loss)
		hm_buf_printf(b, e, " %s |", hm_page_value(s->loss, 4, v[0]));
	if (f->seconds)
		hm_buf_printf(b, e, " %s |", hm_page_measure(s->seconds, v[0]));
	if (f->seeds && w->n > 1)
		hm_buf_printf(b, e, " %d: sd %.3f, %.3f to %.3f, %s |", w->n, s->deviation, s->least, s->most,
			      hm_page_interval(s->over_seeds, false, v[0]));
	else if (f->seeds)
		hm_buf_printf(b, e, " 1 |");
	hm_buf_printf(b, e, "\n");
}

static void put_header(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const char *published = " published";
	hm_buf_printf(b, e, "| row |");
	for (int i = 0; i < HM_PUBLISHED; i++)
		if (f->runs->published[i]) {
			hm_buf_printf(b, e, "%s %s |", published, hm_published_columns[i].heading);
			published = "";
		}
	hm_buf_printf(b, e, " accuracy [95 %%] |%s%s%s%s\n|---|---|", f->auroc ? " AUROC [95 %] |" : "",
		      f->loss ? " loss |" : "", f->seconds ? " seconds |" : "", f->seeds ? " seeds |" : "");
	for (int i = 0; i < HM_PUBLISHED; i++)
		hm_buf_printf(b, e, "%s", f->runs->published[i] ? "---|" : "");
	for (int i = 0; i < f->auroc + f->loss + f->seconds + f->seeds; i++)
		hm_buf_printf(b, e, "---|");
	hm_buf_printf(b, e, "\n");
}

static void put_notes(const struct hm_runs *r, struct hm_buf *b, struct hm_err *e)
{
	for (int i = 0; i < r->n_rows; i++) {
		if (!*r->row[i].note)
			continue;
		hm_buf_printf(b, e, "\n- ");
		hm_markdown_text(b, r->row[i].name, e);
		hm_buf_printf(b, e, ": ");
		hm_markdown_text(b, r->row[i].note, e);
	}
}

/* The best row, how many rows a guesser might have made, and of how many examples all this is. */
static void put_headline(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_summary *m = &f->row[f->best];
	const struct hm_interval guess = f->auroc ? f->guess_auroc : f->guess;
	const int rows = f->runs->n_rows;
	char v[3][HM_PAGE_NUMBER], best[HM_PAGE_BEST];
	if (rows > 1)
		hm_buf_printf(b, e, "\nBest of %d rows: **", rows);
	else
		hm_buf_printf(b, e, "\n**");
	hm_markdown_text(b, f->runs->row[f->best].name, e);
	hm_buf_printf(b, e, "**, ");
	if (f->auroc)
		hm_buf_printf(b, e, "AUROC %s %s, ", hm_page_value(m->auroc, 3, v[0]),
			      hm_page_auroc_interval(m, v[1]));
	hm_buf_printf(b, e, "accuracy %s %s, on %s examples. ", hm_page_value(m->accuracy, 3, v[0]),
		      hm_page_interval(m->accuracy_ci, false, v[1]), hm_page_examples(f->runs, v[2]));
	if (rows > 1)
		hm_buf_printf(b, e, "It is %s. %d of %d rows lie within guessing", hm_page_best(f, best),
			      f->guessing, rows);
	else
		hm_buf_printf(b, e, "It lies %s guessing", f->guessing ? "within" : "outside of");
	hm_buf_printf(b, e, ": %s %s to %s in 95 %% of draws.\n", f->auroc ? "an AUROC of" : "an accuracy of",
		      hm_page_value(guess.lo, 3, v[0]), hm_page_value(guess.hi, 3, v[1]));
}

/* A paragraph of its own, where some examples do not count or labels may be predictions. */
static void put_caveats(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	struct hm_buf text = {0};
	if (!hm_page_caveats(f->runs, &text, e) && *text.data) {
		hm_buf_printf(b, e, "\n");
		hm_markdown_text(b, (const char *)text.data, e);
		hm_buf_printf(b, e, "\n");
	}
	hm_buf_clear(&text);
}

int hm_page_markdown(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e)
{
	const struct hm_runs *r = f->runs;
	struct hm_buf title = {0};
	hm_buf_printf(b, e, "# ");
	if (!hm_page_title(f, &title, e))
		hm_markdown_text(b, (const char *)title.data, e);
	hm_buf_clear(&title);
	hm_buf_printf(b, e, "\n");
	put_headline(f, b, e);
	put_caveats(f, b, e);
	for (int i = 0; i < r->n_about; i++) {
		hm_buf_printf(b, e, "\n");
		hm_markdown_paragraph(b, r->about[i], e);
		hm_buf_printf(b, e, "\n");
	}
	hm_buf_printf(b, e, "\n");
	put_header(f, b, e);
	for (int i = 0; i < r->n_rows; i++)
		put_row(f, i, b, e);
	put_notes(r, b, e);
	hm_markdown_differences(f, b, e);
	hm_markdown_claims(f, b, e);
	hm_markdown_literature(f, b, e);
	hm_markdown_stages(f, b, e);
	hm_markdown_commands(f, b, e);
	return e->code;
}
