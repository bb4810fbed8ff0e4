/* The option parser, and the usage line and --help made from the same table. See cli.h. */
#include "cli/private.h"

#include <inttypes.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "--name" or "-x", as the user would type it. */
static const char *spelled(const struct hm_opt *o, char out[80])
{
	if (o->letter)
		snprintf(out, 80, "-%c", o->letter);
	else
		snprintf(out, 80, "--%s", o->name);
	return out;
}

static bool read_int(const char *s, bool size, int64_t *out)
{
	char *end;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	int shift = 0;
	if (end == s || errno)
		return false;
	if (size && *end) {
		shift = *end == 'K' || *end == 'k'   ? 10
			: *end == 'M' || *end == 'm' ? 20
			: *end == 'G' || *end == 'g' ? 30
						     : 0;
		if (!shift || v < 0 || v > INT64_MAX >> shift)
			return false;
		end++;
	}
	*out = (int64_t)v * ((int64_t)1 << shift);
	return !*end;
}

static int choice(const char *words, const char *s)
{
	size_t len = strlen(s);
	for (int i = 0;; i++) {
		size_t n = strcspn(words, "|");
		if (n == len && !memcmp(words, s, n))
			return i;
		if (!words[n])
			return -1;
		words += n + 1;
	}
}

/* Stores the value; NULL or the sentence. */
static const char *store_value(const struct hm_opt *o, void *base, char *value, char *text, size_t cap)
{
	void *to = (char *)base + o->at;
	char name[80];
	spelled(o, name);
	int64_t i;
	switch (o->kind) {
	case HM_OPT_FLAG:
		*(bool *)to = true;
		return NULL;
	case HM_OPT_STR:
		*(char **)to = value;
		return NULL;
	case HM_OPT_LIST: {
		struct hm_strs *l = to;
		if (l->n == (int)(sizeof l->item / sizeof l->item[0])) {
			snprintf(text, cap, "%s is given more than %d times", name, l->n);
			return text;
		}
		l->item[l->n++] = value;
		return NULL;
	}
	case HM_OPT_CHOICE: {
		int k = choice(o->arg, value);
		if (k < 0) {
			snprintf(text, cap, "%s takes %s, not '%s'", name, o->arg, value);
			return text;
		}
		*(int *)to = k;
		return NULL;
	}
	case HM_OPT_DOUBLE: {
		char *end;
		double d = strtod(value, &end);
		if (end == value || *end || !isfinite(d) ||
		    (o->dmin < o->dmax && (d < o->dmin || d > o->dmax))) {
			if (!(o->dmin < o->dmax))
				snprintf(text, cap, "%s takes a number, not '%s'", name, value);
			else
				snprintf(text, cap, "%s takes a number from %g to %g, not '%s'", name,
					 o->dmin, o->dmax, value);
			return text;
		}
		*(double *)to = d;
		return NULL;
	}
	case HM_OPT_SHARD: {
		struct hm_shard *s = to;
		int end = 0;
		if (strspn(value, "0123456789/") != strlen(value) ||
		    sscanf(value, "%9" SCNu64 "/%9" SCNu64 "%n", &s->i, &s->n, &end) != 2 || value[end] ||
		    s->i >= s->n) {
			snprintf(text, cap, "%s takes I/N with I from 0 to N-1, not '%s'", name, value);
			return text;
		}
		return NULL;
	}
	default: /* HM_OPT_INT, HM_OPT_SIZE */
		if (!read_int(value, o->kind == HM_OPT_SIZE, &i) || i < o->min || i > o->max) {
			snprintf(text, cap, "%s takes %s from %lld to %lld, not '%s'", name,
				 o->kind == HM_OPT_SIZE ? "a size (such as 64K or 2M)" : "an integer",
				 (long long)o->min, (long long)o->max, value);
			return text;
		}
		*(int64_t *)to = i;
		return NULL;
	}
}

static struct hm_row *find_row(const struct hm_cli *c, const char *name, size_t len, char letter)
{
	struct hm_cli_private *p = c->priv;
	for (int i = 0; i < p->rows; i++) {
		const struct hm_opt *o = p->row[i].opt;
		if (letter ? o->letter == letter : strlen(o->name) == len && !memcmp(o->name, name, len))
			return &p->row[i];
	}
	return NULL;
}

static void mark_given(const struct hm_opt *o, void *base)
{
	if (o->given)
		*(bool *)((char *)base + o->given - 1) = true;
}

/* One argument that begins with a dash; *i moves past a value taken from the next one. */
static const char *parse_one(struct hm_cli *c, int argc, char **argv, int *i, char *text, size_t cap)
{
	char *arg = argv[*i], *value = NULL;
	bool is_long = arg[1] == '-';
	size_t len = is_long ? strcspn(arg + 2, "=") : 1;
	for (char *at = is_long ? arg + 2 : arg + 1; *at;) {
		struct hm_row *row = find_row(c, at, len, is_long ? 0 : *at);
		if (!row) {
			snprintf(text, cap, "unknown option %s%.*s", is_long ? "--" : "-", (int)len, at);
			return text;
		}
		const struct hm_opt *o = row->opt;
		row->seen = true;
		mark_given(o, row->base);
		at += len;
		if (o->kind == HM_OPT_FLAG && is_long && *at) {
			snprintf(text, cap, "--%s takes no value", o->name);
			return text;
		}
		if (o->kind != HM_OPT_FLAG) {
			if (*at)
				value = at + is_long; /* --name=value, -xvalue */
			else if (*i + 1 < argc)
				value = argv[++*i];
			else {
				snprintf(text, cap, "%s%.*s needs a value: %s", is_long ? "--" : "-",
					 (int)len, at - len, o->arg);
				return text;
			}
			return store_value(o, row->base, value, text, cap);
		}
		store_value(o, row->base, NULL, text, cap);
	}
	return NULL;
}

const char *hm_cli_set(const struct hm_cli *c, void *options, const char *name, char *value, char *text,
		       size_t cap)
{
	const struct hm_row *row = find_row(c, name, strlen(name), 0);
	if (!row || row - c->priv->row >= c->priv->own) {
		snprintf(text, cap, "unknown option --%s", name);
		return text;
	}
	const struct hm_opt *o = row->opt;
	if (o->kind == HM_OPT_FLAG) {
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
			snprintf(text, cap, "--%s takes true or false, not '%s'", name, value);
			return text;
		}
		*(bool *)((char *)options + o->at) = *value == 't';
		return NULL;
	}
	mark_given(o, options);
	return store_value(o, options, value, text, cap);
}

const char *hm_opt_parse(struct hm_cli *c, int argc, char **argv, char *text, size_t cap)
{
	const struct options *common = &c->priv->o;
	bool only_operands = false;
	int n = 0;
	for (int i = 1; i < argc; i++) {
		if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
			c->operands[n++] = argv[i];
		} else if (!strcmp(argv[i], "--")) {
			only_operands = true;
		} else {
			const char *wrong = parse_one(c, argc, argv, &i, text, cap);
			if (wrong)
				return wrong;
		}
	}
	c->n_operands = n;
	if (common->help || common->version || common->completion >= 0)
		return NULL;
	for (int i = 0; i < c->priv->rows; i++) {
		const struct hm_opt *o = c->priv->row[i].opt;
		char name[80];
		if (o->required && !c->priv->row[i].seen) {
			snprintf(text, cap, "%s %s is required", spelled(o, name), o->arg);
			return text;
		}
	}
	if (n < c->tool->min_operands)
		return "an operand is missing";
	if (c->tool->max_operands >= 0 && n > c->tool->max_operands) {
		snprintf(text, cap, "too many operands: '%s'", c->operands[c->tool->max_operands]);
		return text;
	}
	if (!n && c->tool->max_operands)
		c->operands[c->n_operands++] = "-";
	return NULL;
}

static void add_word(struct hm_buf *b, size_t *column, size_t width, const char *w)
{
	size_t len = strlen(w);
	if (width && *column + 1 + len > width) {
		hm_buf_printf(b, NULL, "\n      ");
		*column = 6;
	}
	hm_buf_printf(b, NULL, " %s", w);
	*column += 1 + len;
}

void hm_opt_usage(const struct hm_cli *c, struct hm_buf *b, size_t width)
{
	size_t column = 7 + strlen(c->tool->name);
	hm_buf_printf(b, NULL, "usage: %s", c->tool->name);
	for (int i = 0; i < c->priv->rows; i++) {
		const struct hm_opt *o = c->priv->row[i].opt;
		char name[80], text[256];
		if (o->hidden)
			continue;
		snprintf(text, sizeof text, "%s%s%s%s%s", o->required ? "" : "[", spelled(o, name),
			 o->arg ? " " : "", o->arg ? o->arg : "", o->required ? "" : "]");
		add_word(b, &column, width, text);
	}
	if (*c->tool->operands)
		add_word(b, &column, width, c->tool->operands);
	hm_buf_printf(b, NULL, "\n");
}

/* " (default 10)", from the value that the row's struct holds; nothing for 0 and NULL. */
static void default_text(const struct hm_row *row, char *out, size_t cap)
{
	const struct hm_opt *o = row->opt;
	const void *value = row->base + o->at;
	*out = 0;
	if (o->required)
		snprintf(out, cap, " (required)");
	else if (o->kind == HM_OPT_INT && *(const int64_t *)value)
		snprintf(out, cap, " (default %lld)", (long long)*(const int64_t *)value);
	else if (o->kind == HM_OPT_SIZE && *(const int64_t *)value)
		snprintf(out, cap, " (default %lld)", (long long)*(const int64_t *)value);
	else if (o->kind == HM_OPT_DOUBLE && *(const double *)value != 0)
		snprintf(out, cap, " (default %g)", *(const double *)value);
	else if (o->kind == HM_OPT_STR && *(char *const *)value)
		snprintf(out, cap, " (default %s)", *(char *const *)value);
	else if (o->kind == HM_OPT_CHOICE && *(const int *)value >= 0) {
		const char *w = o->arg;
		for (int k = *(const int *)value; k > 0; k--)
			w += strcspn(w, "|") + 1;
		snprintf(out, cap, " (default %.*s)", (int)strcspn(w, "|"), w);
	}
}

void hm_opt_list(const struct hm_cli *c, struct hm_buf *b)
{
	for (int i = 0; i < c->priv->rows; i++) {
		const struct hm_row *row = &c->priv->row[i];
		const struct hm_opt *o = row->opt;
		char left[160], deflt[160];
		if (row->group)
			hm_buf_printf(b, NULL, "%s%s:\n", i ? "\n" : "", row->group);
		if (o->letter)
			snprintf(left, sizeof left, "  -%c, --%s%s%s", o->letter, o->name, o->arg ? " " : "",
				 o->arg ? o->arg : "");
		else
			snprintf(left, sizeof left, "  --%s%s%s", o->name, o->arg ? " " : "",
				 o->arg ? o->arg : "");
		default_text(row, deflt, sizeof deflt);
		if (strlen(left) > 30)
			hm_buf_printf(b, NULL, "%s\n%32s%s%s\n", left, "", o->help, deflt);
		else
			hm_buf_printf(b, NULL, "%-32s%s%s\n", left, o->help, deflt);
	}
}
