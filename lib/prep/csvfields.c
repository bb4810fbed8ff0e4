/* Fields of records out of a table's rows. See csvfields.h. What a refused row may be is csvfieldswrong.c's.
 */
#include "prep/csvfieldsparts.h"

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the columns ---- */

/* *at := the column of a name. `option` and `help` as above. */
static int find_column(const struct hm_csvfields *c, const char *name, const char *option, const char *help,
		       int *at, struct hm_err *e)
{
	*at = hm_csvrows_column(&c->rows, name);
	if (*at == -2)
		return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": the header has two columns \"%.64s\"",
				  c->rows.lines.name, c->rows.line, name);
	return *at < 0 ? hm_csvfields_missing(c, name, option, help, e) : 0;
}

/* The same for a column that need not be there. */
static int try_column(const struct hm_csvfields *c, const char *name, int *at, struct hm_err *e)
{
	*at = hm_csvrows_column(&c->rows, name);
	return *at == -1 ? 0 : find_column(c, name, NULL, NULL, at, e);
}

int hm_csvfields_open(struct hm_csvfields *c, const char *path, char delimiter, const struct hm_form *f,
		      struct hm_err *e)
{
	int rc = hm_csvrows_open(&c->rows, path, delimiter, e);
	c->id = c->img = c->text = c->label = -1;
	if (!rc)
		rc = find_column(c, f->id, "id-field", "--id-field names another", &c->id, e);
	if (!rc && f->img)
		rc = find_column(c, f->img, "img-field",
				 "--img-field names another, --no-img is for data without images", &c->img,
				 e);
	if (!rc && f->text && f->null_text)
		rc = try_column(c, f->text, &c->text, e);
	else if (!rc && f->text)
		rc = find_column(c, f->text, "text-field",
				 "--text-field names another, --no-text is for data without captions",
				 &c->text, e);
	if (!rc)
		rc = try_column(c, f->label, &c->label, e);
	for (int i = 0; !rc && i < f->n_keep; i++)
		rc = find_column(c, f->keep[i].name, "keep-field", NULL, &c->keep[i], e);
	return rc;
}

void hm_csvfields_close(struct hm_csvfields *c)
{
	hm_csvrows_close(&c->rows);
}

/* ---- values ---- */

/* Bytes of the JSON integer with which s begins: digits without a needless zero, a minus in front; 0: none.
 */
static size_t count_integer(const char *s)
{
	size_t sign = *s == '-', digits = strspn(s + sign, "0123456789");
	if (digits > 1 && s[sign] == '0')
		return 0;
	return digits ? sign + digits : 0;
}

static bool is_integer(const char *s)
{
	size_t n = count_integer(s);
	return n && !s[n];
}

/* Whether s is a number as JSON has it. */
static bool is_number(const char *s)
{
	size_t n = count_integer(s);
	if (!n)
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(++s, "0123456789");
		if (!n)
			return false;
		s += n;
	}
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '+' || s[1] == '-');
		n = strspn(s, "0123456789");
		return n && !s[n];
	}
	return !*s;
}

/* The value of an integer, when 32 bits hold it. */
static bool read_i32(const char *s, int32_t *out)
{
	long long v = strlen(s) < 16 ? strtoll(s, NULL, 10) : LLONG_MAX;
	*out = (int32_t)v;
	return v >= INT32_MIN && v <= INT32_MAX;
}

static int get_label(const struct hm_csvfields *c, const struct hm_form *f, int32_t *out, struct hm_err *e)
{
	*out = -1;
	const char *cell = c->label < 0 ? "" : c->rows.field[c->label];
	if (!*cell)
		return 0;
	if (f->labels.n) {
		char words[128], what[160];
		*out = hm_labels_find(&f->labels, cell);
		snprintf(what, sizeof what, "one of --labels %s",
			 *out < 0 ? hm_labels_text(&f->labels, words, sizeof words) : "");
		return *out < 0 ? hm_csvfields_cell(c, f->label, cell, what, NULL, e) : 0;
	}
	if (!is_integer(cell) || *cell == '-')
		return hm_csvfields_cell(c, f->label, cell, "an integer from 0",
					 "--labels WORD,WORD,... names the classes from 0", e);
	return read_i32(cell, out) ? 0
				   : hm_csvfields_cell(c, f->label, cell, "an integer of 32 bits", NULL, e);
}

static int get_img(struct hm_csvfields *c, const struct hm_form *f, struct hm_err *e)
{
	c->v.img = NULL;
	if (!f->img)
		return 0;
	const char *cell = c->rows.field[c->img];
	if (!*cell)
		return hm_csvfields_cell(c, f->img, cell, NULL,
					 "--img-field names another, --no-img is for data without images", e);
	enum hm_path path = hm_form_path(f, cell, &c->v);
	return path == HM_PATH_FINE ? 0 : hm_csvfields_path(c, f, path, e);
}

static int get_caption(struct hm_csvfields *c, const struct hm_form *f, struct hm_err *e)
{
	c->v.text = NULL;
	c->v.no_text = f->text && c->text < 0;
	if (!f->text)
		return 0;
	c->v.text = c->text < 0 ? "" : c->rows.field[c->text];
	return *c->v.text || f->null_text
		       ? 0
		       : hm_csvfields_cell(c, f->text, "", NULL,
					   "--null-text empty makes it an empty caption", e);
}

static int get_kept(struct hm_csvfields *c, const struct hm_form *f, int i, struct hm_err *e)
{
	const char *name = f->keep[i].name, *cell = c->rows.field[c->keep[i]];
	if (f->keep[i].dtype == HM_UTF8) {
		c->v.keep[i].text = cell;
		return 0;
	}
	if (f->keep[i].dtype == HM_I32) {
		if (!is_integer(cell))
			return hm_csvfields_cell(c, name, cell, "an integer", NULL, e);
		return read_i32(cell, &c->v.keep[i].i32)
			       ? 0
			       : hm_csvfields_cell(c, name, cell, "an integer of 32 bits", NULL, e);
	}
	double d = is_number(cell) ? strtod(cell, NULL) : INFINITY;
	if (fabs(d) > FLT_MAX)
		return hm_csvfields_cell(c, name, cell, "a number within a float's range", NULL, e);
	c->v.keep[i].f32 = (float)d;
	return 0;
}

/* Whether the row is the header once more, as where files were joined. */
static bool is_header(const struct hm_csvfields *c)
{
	for (int i = 0; i < c->rows.fields; i++)
		if (strcmp(c->rows.field[i], c->rows.name[i]))
			return false;
	return true;
}

int hm_csvfields_next(struct hm_csvfields *c, const struct hm_form *f, struct hm_err *e)
{
	int rc = hm_csvrows_next(&c->rows, e);
	if (rc != 1)
		return rc;
	c->v.id = c->rows.field[c->id];
	if (!strcmp(c->v.id, c->rows.name[c->id]) && is_header(c))
		return hm_csvrows_bad(&c->rows, e,
				      "the header again (of files that were joined, each is an operand)");
	if (!*c->v.id)
		return hm_csvfields_cell(c, f->id, "", NULL, "--id-field names another", e);
	rc = get_img(c, f, e);
	if (!rc)
		rc = get_caption(c, f, e);
	if (!rc)
		rc = get_label(c, f, &c->v.label, e);
	for (int i = 0; !rc && i < f->n_keep; i++)
		rc = get_kept(c, f, i, e);
	return rc ? rc : 1;
}
