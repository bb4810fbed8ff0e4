/* Predictions out of a CSV's rows: values from fields by the header's names. See csv.h. */
#include "prep/csv.h"
#include "base/fd.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
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
		return hm_fd_read_at(fd, p, n, (uint64_t)at);
	if (pipe2(copy, O_CLOEXEC))
		return -1;
	do
		got = tee(fd, copy[1], n, 0);
	while (got < 0 && hm_fd_again(fd, POLLIN));
	if (got > 0)
		got = hm_fd_read(copy[0], p, (size_t)got);
	close(copy[0]);
	close(copy[1]);
	return got;
}

/* Whether these bytes are of something else than a table for sure. */
static bool is_other(const struct hm_filekind *k, const unsigned char *p, size_t n)
{
	if (!n || !k || k->group == HM_FILEKIND_NOTHING)
		return false;
	return k->group != HM_FILEKIND_TEXT || k->command || *p == '{' || *p == '<';
}

int hm_csv_recognise(const char *path, enum hm_csv_form *form, const struct hm_filekind **other, int *hold,
		     struct hm_err *e)
{
	static const unsigned char records[4] = {0x5b, 0x2a, 0x4d, 0x18}; /* HEAD's magic */
	unsigned char p[HM_FILEKIND_BYTES];
	bool standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : hm_fd_open(path, O_RDONLY | O_CLOEXEC, 0);
	*hold = -1;
	if (fd < 0)
		return hm_err_system(e, errno, "%s: cannot open: %s", path, strerror(errno));
	ssize_t got = peek(fd, p, sizeof p);
	size_t n = got > 0 ? (size_t)got : 0;
	*other = hm_filekind_find(p, n);
	*form = HM_CSV_RECORDS; /* their reader says what is wrong with an empty file, and with unknown bytes
				 */
	if (n && !memcmp(p, records, n < sizeof records ? n : sizeof records))
		*other = NULL;
	else if (is_other(*other, p, n))
		*form = HM_CSV_OTHER;
	else if (n && (p[0] >= ' ' || p[0] == '\n' || p[0] == '\r'))
		*form = HM_CSV_TABLE;
	if (!standard)
		*hold = fd;
	return 0;
}

/* ---- the header ---- */

/* The header lacks `what`: says which columns it has, or that its fields are separated otherwise. */
static int refuse_header(const struct hm_csv *c, const char *what, struct hm_err *e)
{
	char text[512], names[240], called[4], guess = hm_csvrows_guess(&c->rows);
	if (guess)
		snprintf(text, sizeof text,
			 "the header has %s: its fields seem to be separated by %s, not by a comma", what,
			 hm_csvrows_called(guess, called));
	else
		snprintf(text, sizeof text, "the header has %s, it has %s", what,
			 hm_csvrows_names(&c->rows, names, sizeof names));
	return hm_csvrows_bad(&c->rows, e, text);
}

/* The number N in a column's name proba_N; -1: it is no such name. */
static long class_number(const char *name)
{
	const char *digits = name + strlen("proba_");
	if (strncmp(name, "proba_", strlen("proba_")) || !*digits ||
	    strspn(digits, "0123456789") != strlen(digits))
		return -1;
	return strtol(digits, NULL, 10);
}

/* proba_0, proba_1 and proba_3 would be read as two classes; proba with one of them as the probability of
 * class 1, which may be that of the answer. */
static int refuse_others(const struct hm_csv *c, struct hm_err *e)
{
	char text[160];
	for (int i = 0; i < c->rows.fields; i++) {
		const char *name = c->rows.name[i];
		if (class_number(name) < (c->single ? 0 : c->classes))
			continue;
		if (c->single)
			snprintf(text, sizeof text, "the header has both \"proba\" and \"%.32s\"", name);
		else
			snprintf(text, sizeof text, "the header has \"%.32s\" and no \"proba_%d\"", name,
				 c->classes);
		return hm_csvrows_bad(&c->rows, e, text);
	}
	return 0;
}

static int read_header(struct hm_csv *c, struct hm_err *e)
{
	char name[32];
	c->id = hm_csvrows_column(&c->rows, "id");
	c->label = hm_csvrows_column(&c->rows, "label");
	int proba = hm_csvrows_column(&c->rows, "proba");
	c->single = proba >= 0;
	if (c->id == -2 || c->label == -2 || proba == -2)
		return hm_csvrows_bad(&c->rows, e, "the header names a column twice");
	if (c->id < 0)
		return refuse_header(c, "no column \"id\"", e);
	c->column = hm_alloc((size_t)c->rows.fields + 2, sizeof *c->column, e);
	c->prob = c->column ? hm_alloc((size_t)c->rows.fields + 2, sizeof *c->prob, e) : NULL;
	if (!c->prob)
		return HM_EDATA;
	for (; !c->single; c->classes++) {
		snprintf(name, sizeof name, "proba_%d", c->classes);
		int at = hm_csvrows_column(&c->rows, name);
		if (at == -2)
			return hm_csvrows_bad(&c->rows, e, "the header names a column twice");
		if (at < 0)
			break;
		c->column[c->classes] = at;
	}
	if (refuse_others(c, e))
		return HM_EDATA;
	if (c->single) {
		c->classes = 2;
		c->column[1] = proba;
	}
	return c->classes >= 2 ? 0 : refuse_header(c, "neither \"proba\" nor \"proba_0\", \"proba_1\"", e);
}

int hm_csv_open(struct hm_csv *c, const char *path, struct hm_err *e)
{
	*c = (struct hm_csv){0};
	int rc = hm_csvrows_open(&c->rows, path, ',', e);
	return rc ? rc : read_header(c, e);
}

/* ---- values ---- */

static int parse_label(const struct hm_csv *c, const char *s, int32_t *label, struct hm_err *e)
{
	size_t len = strlen(s);
	*label = -1;
	if (!len)
		return 0;
	size_t digits = strspn(s, "0123456789"),
	       zeros = s[digits] == '.' ? 1 + strspn(s + digits + 1, "0") : 0;
	if (!digits || digits > 9 || digits + zeros != len || (digits > 1 && *s == '0')) /* "1.0" is 1 */
		return hm_err_set(e, HM_EDATA,
				  "%s: line %" PRIu64 ": label \"%.32s\" is not an integer from 0",
				  c->rows.lines.name, c->rows.line, s);
	*label = (int32_t)strtol(s, NULL, 10);
	return 0;
}

static int parse_prob(const struct hm_csv *c, const char *s, double *p, struct hm_err *e)
{
	char *end;
	*p = strtod(s, &end);
	if (*end || end == s || isnan(*p) || strspn(s, "0123456789+-.eE") != strlen(s))
		return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": probability \"%.32s\" is not a number",
				  c->rows.lines.name, c->rows.line, s);
	return 0;
}

int hm_csv_next(struct hm_csv *c, struct hm_csv_row *row, struct hm_err *e)
{
	int first = c->single, empty = 0, rc = hm_csvrows_next(&c->rows, e);
	if (rc <= 0)
		return rc;
	*row = (struct hm_csv_row){.id = c->rows.field[c->id], .label = -1, .prob = c->prob};
	if (!*row->id)
		return hm_csvrows_bad(&c->rows, e, "the id is empty");
	if (c->label >= 0 && (rc = parse_label(c, c->rows.field[c->label], &row->label, e)))
		return rc;
	for (int k = first; k < c->classes; k++)
		empty += !*c->rows.field[c->column[k]];
	if (empty == c->classes - first) {
		row->prob = NULL;
		return 1;
	}
	for (int k = first; k < c->classes; k++)
		if ((rc = parse_prob(c, c->rows.field[c->column[k]], &c->prob[k], e)))
			return rc;
	if (c->single)
		c->prob[0] = 1 - c->prob[1];
	return 1;
}

int hm_csv_row_error(const struct hm_csv *c, const char *id, struct hm_err *e)
{
	char shown[81];
	hm_utf8_mask(id, strlen(id), shown, sizeof shown);
	return hm_err_prefix(e, "%s: line %" PRIu64 " (id %s)", c->rows.lines.name, c->rows.line, shown);
}

void hm_csv_close(struct hm_csv *c)
{
	hm_csvrows_close(&c->rows);
	free(c->column);
	free(c->prob);
	*c = (struct hm_csv){0};
}
