/* The report as one HTML file that loads nothing: tables, SVG charts, the contact sheet as a data URI. See
 * pages.h. */
#include "report/htmlparts.h"
#include "stat/scores.h"

#include <math.h>

static void put_base64(struct hm_html *p, const unsigned char *s, size_t n)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)s[i] << 16 | (left > 1 ? (uint32_t)s[i + 1] << 8 : 0) |
			     (left > 2 ? s[i + 2] : 0);
		char four[] = {digit[v >> 18], digit[v >> 12 & 63], left > 1 ? digit[v >> 6 & 63] : '=',
			       left > 2 ? digit[v & 63] : '='};
		hm_buf_add(p->b, four, 4, p->e);
	}
}

static void put_sheet(struct hm_html *p)
{
	if (!p->r->sheet.len)
		return;
	hm_html_put(p, "<section>\n<h2>Most confidently wrong</h2>\n");
	if (*p->r->sheet_of) {
		hm_html_put(p, "<p><small>By ");
		hm_html_text(p, p->r->sheet_of);
		hm_html_put(p, ".</small></p>\n");
	}
	hm_html_put(p, "<img alt=\"contact sheet of the examples answered wrongly with the most confidence\" "
		       "src=\"data:image/png;base64,");
	put_base64(p, p->r->sheet.data, p->r->sheet.len);
	hm_html_put(p, "\">\n</section>\n");
}

static void put_bold(struct hm_html *p, const char *s)
{
	hm_html_put(p, "<b>");
	hm_html_text(p, s);
	hm_html_put(p, "</b>");
}

/* How many examples count, and why others do not. */
static void put_examples(struct hm_html *p)
{
	struct hm_buf text = {0};
	hm_html_print(p, "%zu examples have a label and an answer from every row. ", p->r->matched.n);
	if (!hm_page_caveats(p->r, &text, p->e) && *text.data) {
		hm_html_text(p, (const char *)text.data);
		hm_html_put(p, " ");
	}
	hm_buf_clear(&text);
}

/* The data set and the encoders, as far as the table says. */
static void put_data(struct hm_html *p)
{
	const struct hm_runs *r = p->r;
	char s[HM_PAGE_NUMBER];
	if (*r->data) {
		hm_html_put(p, "Data ");
		put_bold(p, r->data);
		hm_html_put(p, r->made ? ", which is made" : "");
		hm_html_put(p, isnan(r->train) && isnan(r->dev) ? ". " : ": ");
	}
	if (!isnan(r->train))
		hm_html_print(p, "%s to train on%s", hm_page_value(r->train, 0, s),
			      isnan(r->dev) ? ". " : ", ");
	if (!isnan(r->dev))
		hm_html_print(p, "%s to score on. ", hm_page_value(r->dev, 0, s));
	put_examples(p);
	if (*r->image || *r->text) {
		hm_html_put(p, *r->image && *r->text ? "Encoders " : "Encoder ");
		if (*r->image)
			put_bold(p, r->image);
		hm_html_put(p, *r->image && *r->text ? " and " : "");
		if (*r->text)
			put_bold(p, r->text);
		hm_html_put(p, r->random ? ", of random weights. " : ". ");
	}
}

static void put_baselines(struct hm_html *p)
{
	const struct hm_runs *r = p->r;
	char s[HM_PAGE_NUMBER];
	double majority = (double)hm_sample_majority(r->row[0].trial[0].sample) / (double)r->matched.n;
	hm_html_print(p,
		      "Always answering the commonest class gives an accuracy of %.3f; a guesser falls "
		      "within %.3f and "
		      "%.3f in 95 %% of draws",
		      majority, p->f->guess.lo, p->f->guess.hi);
	if (!isnan(r->baseline_accuracy)) {
		hm_html_put(p, " (");
		hm_html_text(p, *r->baseline ? r->baseline : "baseline");
		hm_html_print(p, ": %s)", hm_page_value(r->baseline_accuracy, 3, s));
	}
	hm_html_put(p, ".");
}

static void put_head(struct hm_html *p)
{
	const struct hm_runs *r = p->r;
	struct hm_buf title = {0};
	const char *name = hm_page_title(p->f, &title, p->e) ? "" : (const char *)title.data;
	hm_html_put(
		p, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		   "content=\"width=device-width,initial-scale=1\"><meta name=\"generator\" "
		   "content=\"hm-report\">\n<title>");
	hm_html_text(p, name);
	hm_html_put(p, "</title>\n<style>\n");
	hm_html_put(p, hm_style_css);
	hm_html_put(p, "</style></head><body><main>\n<h1>");
	hm_html_text(p, name);
	hm_html_put(p, "</h1>\n");
	hm_html_headline(p);
	for (int i = 0; i < r->n_about; i++) {
		hm_html_put(p, "<p>");
		hm_html_text(p, r->about[i]);
		hm_html_put(p, "</p>\n");
	}
	hm_html_put(p, "<p class=\"soft\">");
	put_data(p);
	put_baselines(p);
	hm_html_put(p, "</p>\n");
	hm_buf_clear(&title);
}

int hm_page_html(const struct hm_findings *f, struct hm_buf *out, struct hm_err *e)
{
	struct hm_html p = {f, f->runs, out, e};
	put_head(&p);
	hm_html_intervals(&p);
	hm_html_roc(&p);
	hm_html_rows(&p);
	hm_html_differences(&p);
	hm_html_claims(&p);
	hm_html_literature(&p);
	hm_html_curves(&p);
	put_sheet(&p);
	hm_html_stages(&p);
	hm_html_commands(&p);
	hm_html_put(&p, "</main></body></html>\n");
	return e->code;
}
