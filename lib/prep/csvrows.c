/* Rows of a table. See csvrows.h. */
#include "prep/csvrows.h"
#include "base/filekind.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row while its lines are taken apart, and the first thing that is wrong with it. */
struct row {
	bool begun;
	bool quoted;	/* a quoted field is open */
	uint64_t begin; /* the line where the field begins */
	bool broken;	/* the rest of the line cannot be cut */
	int fields;
	const char *wrong;
	uint64_t line; /* of what is wrong; with the column in bytes, from 1, and the field; 0, -1: none */
	size_t column;
	int field;
};

int hm_csvrows_bad(const struct hm_csvrows *c, struct hm_err *e, const char *what)
{
	return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": %s", c->lines.name, c->line, what);
}

static void note_wrong(const struct hm_csvrows *c, struct row *r, const char *wrong, size_t column, int field)
{
	if (r->wrong)
		return;
	r->wrong = wrong;
	r->line = c->lines.line;
	r->column = column;
	r->field = field;
}

static void break_row(const struct hm_csvrows *c, struct row *r, const char *wrong, size_t column)
{
	note_wrong(c, r, wrong, column, r->fields);
	r->broken = true;
}

/* ---- a line into fields ---- */

/* Appends to c->text, where there is room. */
static void put_bytes(struct hm_csvrows *c, const char *p, size_t n)
{
	memcpy(c->text.data + c->text.len, p, n);
	c->text.len += n;
}

/* Takes a quoted field from p on, behind its opening quote. The place behind its closing quote; NULL: it goes
 * on in the next line. */
static const char *cut_quoted(struct hm_csvrows *c, const char *p, const char *end)
{
	for (;;) {
		const char *quote = memchr(p, '"', (size_t)(end - p));
		put_bytes(c, p, (size_t)((quote ? quote : end) - p));
		if (!quote) {
			put_bytes(c, "\n", 1);
			return NULL;
		}
		p = quote + 1;
		if (p == end || *p != '"')
			return p;
		put_bytes(c, p++, 1);
	}
}

/* Takes an unquoted field. The place where it ends, or where it has what it must not have. */
static const char *cut_plain(struct hm_csvrows *c, const char *p, const char *stop)
{
	const char *from = p;
	while (p < stop && *p != c->delimiter && *p != '"' && *p != '\r')
		p++;
	put_bytes(c, from, (size_t)(p - from));
	return p;
}

/* Takes one line of a row apart. The bytes of its fields go behind c->text, where there is room for one more
 * than the line has, with a NUL behind each field. */
static void cut_line(struct hm_csvrows *c, struct row *r, const char *line, size_t len)
{
	const char *p = line, *end = line + len, *stop = end - (len && end[-1] == '\r');
	for (;;) {
		if (!r->quoted && r->fields == HM_CSV_FIELDS) {
			break_row(c, r, "more than 1024 fields", (size_t)(p - line) + 1);
			return;
		}
		if (!r->quoted) {
			c->start[r->fields] = c->text.len;
			r->begin = c->lines.line;
			r->quoted = p < stop && *p == '"';
			p += r->quoted;
		}
		if (r->quoted) {
			p = cut_quoted(c, p, end);
			if (!p)
				return;
			r->quoted = false;
			if (p < stop && *p != c->delimiter)
				break_row(c, r,
					  "text after a closing quote (a quote within quotes is doubled)",
					  (size_t)(p - line) + 1);
		} else {
			p = cut_plain(c, p, stop);
			if (p < stop && *p == '"')
				break_row(c, r,
					  "a quote inside a field that does not begin with one (such a field "
					  "stands in quotes, and its own quotes are doubled)",
					  (size_t)(p - line) + 1);
			else if (p < stop && *p != c->delimiter)
				break_row(c, r, "a line end of CR alone (tr '\\r' '\\n' makes lines of it)",
					  (size_t)(p - line) + 1);
		}
		if (r->broken)
			return;
		put_bytes(c, "", 1);
		r->fields++;
		if (p == stop)
			return;
		p++;
	}
}

static void check_bytes(const struct hm_csvrows *c, struct row *r, const char *line, size_t len)
{
	size_t valid = hm_utf8_check(line, len);
	const char *nul = memchr(line, 0, valid);
	if (nul)
		note_wrong(c, r, "a NUL byte", (size_t)(nul - line) + 1, -1);
	else if (valid < len)
		note_wrong(c, r,
			   "not valid UTF-8 text (iconv -f WINDOWS-1252 -t UTF-8 FILE converts text of that "
			   "encoding)",
			   valid + 1, -1);
}

/* ---- lines into a row ---- */

/* Whether the text begins with a JSON object, or with an array of them. */
static bool is_json(const char *s, size_t len)
{
	const char *end = s + len, *p = s;
	bool array = len && *s == '[';
	for (p += array; p < end && strchr(" \t\r", *p);)
		p++;
	if (p == end || *p != '{')
		return array && p == end;
	for (p++; p < end && strchr(" \t\r", *p);)
		p++;
	return p == end || *p == '"' || *p == '}';
}

/* What is no table at all is named by how its first line begins. */
static int check_kind(const struct hm_csvrows *c, const char *line, size_t len, struct hm_err *e)
{
	const struct hm_filekind *k = hm_filekind_find((const unsigned char *)line, len);
	if (is_json(line, len))
		return hm_csvrows_bad(
			c, e, "JSON, not a table's header (hm-jsonl2rec makes records of JSON lines)");
	if (k && (k->group == HM_FILEKIND_POINTER || !strcmp(k->name, "an HTML page")))
		return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": %s, not a table%s%s%s", c->lines.name,
				  c->line, k->name, k->command ? " (" : "", k->command ? k->command : "",
				  k->command ? " fetches the file)" : "");
	return 0;
}

/* Says what is wrong with the row that was read. The name of the field is known behind the header. */
static int refuse_row(struct hm_csvrows *c, const struct row *r, struct hm_err *e)
{
	char at[48] = "", name[41], in[64] = "", since[48] = "";
	/* If the quote of an earlier line was a stray one, rows have been taken for its field. */
	c->lost = r->broken && c->lines.line != c->line;
	c->line = r->line;
	if (r->column)
		snprintf(at, sizeof at, ", at column %zu", r->column);
	if (r->field >= 0 && r->field < c->fields) {
		hm_utf8_mask(c->name[r->field], strlen(c->name[r->field]), name, sizeof name);
		snprintf(in, sizeof in, ", in the field \"%s\"", name);
		if (r->begin < r->line)
			snprintf(since, sizeof since, " that begins on line %" PRIu64, r->begin);
	}
	return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": %s%s%s%s", c->lines.name, c->line, r->wrong, in,
			  since, at);
}

/* What ends the reading: the row has no end. */
static int lose_row(struct hm_csvrows *c, struct row *r, uint64_t line, const char *wrong, struct hm_err *e)
{
	*r = (struct row){.wrong = wrong, .line = line, .begin = line, .field = r->quoted ? r->fields : -1};
	int rc = refuse_row(c, r, e);
	c->lost = true;
	return rc;
}

/* The next row into c->text, its fields to c->field: their number, 0 at the end, HM_EDATA. */
static int next_row(struct hm_csvrows *c, struct hm_err *e)
{
	struct row r = {0};
	const char *line;
	size_t len;
	int rc;
	c->text.len = 0;
	c->lost = false;
	while ((rc = hm_lines_next(&c->lines, &line, &len, e)) == 1) {
		if (!r.begun && (!len || (len == 1 && *line == '\r')))
			continue;
		if (!r.begun)
			c->line = c->lines.line;
		if (!r.begun && !c->fields && check_kind(c, line, len, e))
			return HM_EDATA;
		r.begun = true;
		if (c->text.len + len > HM_LINE_MOST)
			return lose_row(c, &r, c->line, "the row is longer than 16 MiB", e);
		if (hm_buf_reserve(&c->text, len + 1, e)) {
			c->lost = true;
			return hm_err_prefix(e, "%s: line %" PRIu64, c->lines.name, c->lines.line);
		}
		check_bytes(c, &r, line, len);
		cut_line(c, &r, line, len);
		if (!r.quoted || r.broken)
			break;
	}
	if (rc < 0) {
		c->lost = true;
		return rc;
	}
	if (!rc)
		return r.begun ? lose_row(c, &r, r.begin, "a quoted field is never closed", e) : 0;
	if (r.wrong)
		return refuse_row(c, &r, e);
	for (int i = 0; i < r.fields; i++)
		c->field[i] = (char *)c->text.data + c->start[i];
	return r.fields;
}

int hm_csvrows_next(struct hm_csvrows *c, struct hm_err *e)
{
	char hint[64] = "";
	int n = next_row(c, e);
	if (n <= 0 || n == c->fields)
		return n > 0 ? 1 : n;
	if (n > c->fields && c->delimiter != '\t')
		snprintf(hint, sizeof hint, " (a field that has a \"%c\" stands in quotes)", c->delimiter);
	return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": %d field%s where the header has %d%s",
			  c->lines.name, c->line, n, n == 1 ? "" : "s", c->fields, hint);
}

/* ---- a file ---- */

int hm_csvrows_open(struct hm_csvrows *c, const char *path, char delimiter, struct hm_err *e)
{
	*c = (struct hm_csvrows){.delimiter = delimiter};
	int rc = hm_lines_open(&c->lines, path, e);
	if (rc)
		return rc;
	c->field = hm_alloc(HM_CSV_FIELDS, sizeof *c->field, e);
	c->name = hm_alloc(HM_CSV_FIELDS, sizeof *c->name, e);
	c->start = hm_alloc(HM_CSV_FIELDS, sizeof *c->start, e);
	if (!c->field || !c->name || !c->start)
		return HM_EDATA;
	rc = next_row(c, e);
	if (!rc)
		return hm_err_set(e, HM_EDATA, "%s: empty, not even a header: has its producer failed?",
				  c->lines.name);
	if (rc < 0)
		return rc;
	c->fields = rc;
	memcpy(c->name, c->field, (size_t)rc * sizeof *c->name);
	c->head = c->text;
	c->text = (struct hm_buf){0};
	return 0;
}

void hm_csvrows_close(struct hm_csvrows *c)
{
	hm_lines_close(&c->lines);
	hm_buf_clear(&c->text);
	hm_buf_clear(&c->head);
	free(c->field);
	free(c->name);
	free(c->start);
	*c = (struct hm_csvrows){0};
}
