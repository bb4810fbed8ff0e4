/* Text, cells and tables of the HTML page. See htmlparts.h. */
#include "report/chart.h"
#include "report/htmlparts.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

void hm_html_put(struct hm_html *p, const char *s)
{
	hm_buf_add(p->b, s, strlen(s), p->e);
}

void hm_html_print(struct hm_html *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	hm_buf_vprintf(p->b, p->e, fmt, ap);
	va_end(ap);
}

void hm_html_text(struct hm_html *p, const char *s)
{
	hm_markup_text(p->b, s, p->e);
}

void hm_html_short(struct hm_html *p, const char *s, int most)
{
	char one[HM_PAGE_CHAR];
	for (int i = 0; *s; i++) {
		if (i == most) {
			hm_html_put(p, "&#8230;");
			return;
		}
		hm_html_text(p, hm_page_char(&s, one));
	}
}

void hm_html_number(struct hm_html *p, int row)
{
	if (p->r->n_rows > 1)
		hm_html_print(p, "<span class=\"no\">%d</span> ", row + 1);
}

/* ---- commands ---- */

/* The bytes of the word at s: up to a space or the end of the line, but not inside quotes. */
static size_t find_word(const char *s)
{
	size_t n = 0;
	for (char quote = 0; s[n] && s[n] != '\n' && (quote || (s[n] != ' ' && s[n] != '\t')); n++) {
		if (s[n] == '\\' && quote != '\'' && s[n + 1] && s[n + 1] != '\n')
			n++;
		else if (quote ? s[n] == quote : s[n] == '"' || s[n] == '\'')
			quote = quote ? 0 : s[n];
	}
	return n;
}

/* The bytes of what must not be parted: a word, and when it is an option without "=", the value behind it. */
static size_t find_group(const char *s)
{
	size_t n = find_word(s), space = strspn(s + n, " ");
	const char *value = s + n + space;
	if (*s == '-' && !memchr(s, '=', n) && space && !strchr("-|>&;\n", *value))
		n += space + find_word(value);
	return n;
}

static void put_bytes(struct hm_html *p, const char *s, size_t n)
{
	char one[HM_PAGE_CHAR];
	for (const char *end = s + n; s < end;)
		hm_html_text(p, hm_page_char(&s, one));
}

void hm_html_command(struct hm_html *p, const char *s)
{
	while (*s) {
		size_t n = find_group(s), rest = strspn(s + n, " \t\n");
		if (n) {
			hm_html_put(p, "<span>");
			put_bytes(p, s, n);
			hm_html_put(p, "</span>");
		}
		put_bytes(p, s + n, rest);
		s += n + rest;
	}
}

/* ---- tables ---- */

void hm_html_table(struct hm_html *p, const char *caption)
{
	hm_html_print(
		p,
		"<div class=\"scroll\" tabindex=\"0\"><table><caption><span>%s</span></caption>\n<thead><tr>",
		caption);
}

void hm_html_table_end(struct hm_html *p)
{
	hm_html_put(p, "</tbody></table></div>\n");
}

void hm_html_column(struct hm_html *p, const char *name, const char *class)
{
	hm_html_print(p, "<th scope=\"col\"%s%s%s>%s</th>", *class ? " class=\"" : "", class,
		      *class ? "\"" : "", name);
}

void hm_html_cell(struct hm_html *p, double v, int digits, const char *class)
{
	char s[HM_PAGE_NUMBER];
	hm_html_print(p, "<td%s>%s</td>", class, hm_page_value(v, digits, s));
}

void hm_html_p(struct hm_html *p, double v)
{
	char s[HM_PAGE_NUMBER];
	hm_html_put(p, "<td>");
	hm_html_text(p, hm_page_p(v, s));
	hm_html_put(p, "</td>");
}

void hm_html_estimate(struct hm_html *p, double v, const char *interval, const char *class)
{
	char s[HM_PAGE_NUMBER];
	hm_html_print(p, "<td%s><b>%s</b>%s%s%s</td>", class, hm_page_value(v, 3, s),
		      *interval ? " <small>" : "", interval, *interval ? "</small>" : "");
}

void hm_html_pair(struct hm_html *p, const char *a, const char *b, bool bold)
{
	hm_html_print(p, "<tr><th scope=\"row\" class=\"left pair%s\">", bold ? " sure" : "");
	hm_html_text(p, a);
	hm_html_put(p, " &#8722; ");
	hm_html_text(p, b);
	hm_html_put(p, "</th>");
}
