/* Rows of a CSV. See csvrows.h. */
#include "prep/csvrows.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int hm_csvrows_bad(const struct hm_csvrows *c, struct hm_err *e, const char *what)
{
	return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": %s", c->lines.name, c->line, what);
}

/* The next row's bytes into c->text, without its line end and with a NUL behind. 1, 0, HM_EDATA. */
static int next_row(struct hm_csvrows *c, struct hm_err *e)
{
	const char *line;
	size_t len, quotes = 0;
	int rc;
	c->text.len = 0;
	while ((rc = hm_lines_next(&c->lines, &line, &len, e)) == 1) {
		if (quotes % 2 == 0) {
			c->line = c->lines.line;
			if (!len || (len == 1 && *line == '\r'))
				continue;
		} else if (hm_buf_add(&c->text, "\n", 1, e)) {
			return HM_EDATA;
		}
		if (c->text.len + len > HM_LINE_MOST)
			return hm_csvrows_bad(c, e, "the row is longer than 16 MiB");
		for (size_t i = 0; i < len; i++)
			quotes += line[i] == '"';
		if (hm_buf_add(&c->text, line, len, e))
			return HM_EDATA;
		if (quotes % 2 == 0)
			break;
	}
	if (rc < 0)
		return rc;
	if (!rc)
		return quotes % 2 ? hm_csvrows_bad(c, e, "a quoted field is never closed") : 0;
	if (c->text.data[c->text.len - 1] == '\r')
		c->text.len--;
	if (memchr(c->text.data, 0, c->text.len) ||
	    hm_utf8_check((char *)c->text.data, c->text.len) != c->text.len)
		return hm_csvrows_bad(c, e, "not valid UTF-8 text");
	return hm_buf_add(&c->text, "", 1, e) ? HM_EDATA : 1;
}

/* One field from *p on, unquoted in place; *p then stands behind its comma, or is NULL after the last. */
static char *next_field(char **p, const char **wrong)
{
	char *from = *p, *to = from;
	if (*from != '"') {
		char *end = from + strcspn(from, ",\"");
		if (*end == '"')
			*wrong = "a quote inside a field that does not begin with one";
		*p = *end ? end + 1 : NULL;
		*end = 0;
		return from;
	}
	for (char *s = from + 1;; *to++ = *s++) {
		if (*s == '"' && *++s != '"') { /* the closing one */
			if (*s && *s != ',')
				*wrong = "text after a closing quote";
			*p = *s ? s + 1 : NULL;
			*to = 0;
			return from;
		}
	}
}

/* Splits c->text into c->field; their number, or HM_EDATA. Quotes are balanced, so every quoted field closes.
 */
static int split(struct hm_csvrows *c, struct hm_err *e)
{
	const char *wrong = NULL;
	int n = 0;
	for (char *p = (char *)c->text.data; p && !wrong;) {
		if (n == HM_CSV_FIELDS)
			return hm_csvrows_bad(c, e, "more than 1024 fields");
		c->field[n++] = next_field(&p, &wrong);
	}
	return wrong ? hm_csvrows_bad(c, e, wrong) : n;
}

int hm_csvrows_column(const struct hm_csvrows *c, const char *name)
{
	int at = -1;
	for (int i = 0; i < c->fields; i++) {
		if (strcmp(c->field[i], name))
			continue;
		if (at >= 0)
			return -2;
		at = i;
	}
	return at;
}

int hm_csvrows_open(struct hm_csvrows *c, const char *path, struct hm_err *e)
{
	*c = (struct hm_csvrows){0};
	int rc = hm_lines_open(&c->lines, path, e);
	if (rc)
		return rc;
	c->field = hm_alloc(HM_CSV_FIELDS, sizeof *c->field, e);
	if (!c->field)
		return HM_EDATA;
	rc = next_row(c, e);
	if (!rc)
		return hm_err_set(e, HM_EDATA, "%s: empty, a CSV begins with a header", c->lines.name);
	if (rc > 0)
		rc = c->fields = split(c, e);
	return rc > 0 ? 0 : rc;
}

int hm_csvrows_next(struct hm_csvrows *c, struct hm_err *e)
{
	int n, rc = next_row(c, e);
	if (rc <= 0)
		return rc;
	n = split(c, e);
	if (n >= 0 && n != c->fields)
		return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": %d fields where the header has %d",
				  c->lines.name, c->line, n, c->fields);
	return n < 0 ? n : 1;
}

void hm_csvrows_close(struct hm_csvrows *c)
{
	hm_lines_close(&c->lines);
	hm_buf_clear(&c->text);
	free(c->field);
	*c = (struct hm_csvrows){0};
}
