/* The CSV reader: rows from lines (a quoted field may hold line ends), fields from rows, values from fields
 * by the header's names. See csv.h. */
#include "prep/csv.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is it? ---- */

/* Up to n first bytes of fd without taking them out: by pread from a file, by tee from a pipe. */
static ssize_t peek(int fd, unsigned char *p, size_t n)
{
	int copy[2];
	ssize_t got;
	off_t at = lseek(fd, 0, SEEK_CUR);
	if (at >= 0)
		return pread(fd, p, n, at);
	if (pipe2(copy, O_CLOEXEC))
		return -1;
	do
		got = tee(fd, copy[1], n, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		got = read(copy[0], p, (size_t)got);
	close(copy[0]);
	close(copy[1]);
	return got;
}

int hm_csv_recognise(const char *path, bool *csv, int *hold, struct hm_err *e)
{
	static const unsigned char records[4] = {0x5b, 0x2a, 0x4d, 0x18}; /* HEAD's magic */
	unsigned char p[4];
	bool standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	*hold = -1;
	if (fd < 0)
		return hm_err_set(e, HM_EDATA, "%s: cannot open: %s", path, strerror(errno));
	ssize_t n = peek(fd, p, sizeof p);
	*csv = n > 0 && (p[0] >= ' ' || p[0] == '\n' || p[0] == '\r') && memcmp(p, records, (size_t)n);
	if (!standard)
		*hold = fd;
	return 0;
}

/* ---- rows ---- */

static int bad(const struct hm_csv *c, struct hm_err *e, const char *what)
{
	return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": %s", c->lines.name, c->line, what);
}

/* The next row's bytes into c->text, without its line end and with a NUL behind. 1, 0, HM_EDATA. */
static int next_row(struct hm_csv *c, struct hm_err *e)
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
		if (c->text.len + len > HM_JSONL_LINE)
			return bad(c, e, "the row is longer than 16 MiB");
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
		return quotes % 2 ? bad(c, e, "a quoted field is never closed") : 0;
	if (c->text.data[c->text.len - 1] == '\r')
		c->text.len--;
	if (memchr(c->text.data, 0, c->text.len) ||
	    hm_utf8_check((char *)c->text.data, c->text.len) != c->text.len)
		return bad(c, e, "not valid UTF-8 text");
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
static int split(struct hm_csv *c, struct hm_err *e)
{
	const char *wrong = NULL;
	int n = 0;
	for (char *p = (char *)c->text.data; p && !wrong;) {
		if (n == HM_CSV_FIELDS)
			return bad(c, e, "more than 1024 fields");
		c->field[n++] = next_field(&p, &wrong);
	}
	return wrong ? bad(c, e, wrong) : n;
}

/* ---- the header ---- */

/* The column of that name: its number, -1 when there is none, -2 when there are two. */
static int find(const struct hm_csv *c, const char *name)
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

static int header(struct hm_csv *c, struct hm_err *e)
{
	char name[32];
	c->id = find(c, "id");
	c->label = find(c, "label");
	int proba = find(c, "proba");
	c->single = proba >= 0;
	if (c->id == -2 || c->label == -2 || proba == -2)
		return bad(c, e, "the header names a column twice");
	if (c->id < 0)
		return bad(c, e, "the header has no column \"id\"");
	c->column = hm_alloc((size_t)c->fields + 2, sizeof *c->column, e);
	c->prob = c->column ? hm_alloc((size_t)c->fields + 2, sizeof *c->prob, e) : NULL;
	if (!c->prob)
		return HM_EDATA;
	for (; !c->single; c->classes++) {
		snprintf(name, sizeof name, "proba_%d", c->classes);
		int at = find(c, name);
		if (at == -2)
			return bad(c, e, "the header names a column twice");
		if (at < 0)
			break;
		c->column[c->classes] = at;
	}
	if (c->single) {
		c->classes = 2;
		c->column[1] = proba;
	}
	return c->classes >= 2 ? 0
			       : bad(c, e, "the header has neither \"proba\" nor \"proba_0\", \"proba_1\"");
}

int hm_csv_open(struct hm_csv *c, const char *path, struct hm_err *e)
{
	*c = (struct hm_csv){0};
	int rc = hm_lines_open(&c->lines, path, e);
	if (rc)
		return rc;
	c->field = hm_alloc(HM_CSV_FIELDS, sizeof *c->field, e);
	if (!c->field)
		return HM_EDATA;
	rc = next_row(c, e);
	if (!rc)
		return hm_err_set(e, HM_EDATA, "%s: empty, a CSV begins with a header", c->lines.name);
	if (rc > 0 && c->text.len > 3 && !memcmp(c->text.data, "\xef\xbb\xbf", 3)) { /* byte order mark */
		memmove(c->text.data, c->text.data + 3, c->text.len - 3);
		c->text.len -= 3;
	}
	if (rc > 0)
		rc = c->fields = split(c, e);
	return rc > 0 ? header(c, e) : rc;
}

/* ---- values ---- */

static int parse_label(const struct hm_csv *c, const char *s, int32_t *label, struct hm_err *e)
{
	size_t len = strlen(s);
	*label = -1;
	if (!len)
		return 0;
	if (len > 9 || strspn(s, "0123456789") != len || (len > 1 && *s == '0'))
		return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": label \"%.32s\" is no integer from 0",
				  c->lines.name, c->line, s);
	*label = (int32_t)strtol(s, NULL, 10);
	return 0;
}

static int parse_prob(const struct hm_csv *c, const char *s, double *p, struct hm_err *e)
{
	char *end;
	*p = strtod(s, &end);
	if (*end || end == s || isnan(*p) || strspn(s, "0123456789+-.eE") != strlen(s))
		return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": probability \"%.32s\" is no number",
				  c->lines.name, c->line, s);
	return 0;
}

int hm_csv_next(struct hm_csv *c, struct hm_csv_row *row, struct hm_err *e)
{
	int first = c->single, empty = 0, rc = next_row(c, e);
	if (rc <= 0)
		return rc;
	int n = split(c, e);
	if (n < 0)
		return n;
	if (n != c->fields)
		return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": %d fields where the header has %d",
				  c->lines.name, c->line, n, c->fields);
	*row = (struct hm_csv_row){.id = c->field[c->id], .label = -1, .prob = c->prob};
	if (!*row->id)
		return bad(c, e, "the id is empty");
	if (c->label >= 0 && (rc = parse_label(c, c->field[c->label], &row->label, e)))
		return rc;
	for (int k = first; k < c->classes; k++)
		empty += !*c->field[c->column[k]];
	if (empty == c->classes - first) {
		row->prob = NULL;
		return 1;
	}
	for (int k = first; k < c->classes; k++)
		if ((rc = parse_prob(c, c->field[c->column[k]], &c->prob[k], e)))
			return rc;
	if (c->single)
		c->prob[0] = 1 - c->prob[1];
	return 1;
}

void hm_csv_close(struct hm_csv *c)
{
	hm_lines_close(&c->lines);
	hm_buf_clear(&c->text);
	free(c->field);
	free(c->column);
	free(c->prob);
	*c = (struct hm_csv){0};
}
