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
static const char *store(const struct hm_opt *o, char *value, char *text, size_t cap)
{
	char name[80];
	spelled(o, name);
	int64_t i;
	switch (o->kind) {
	case HM_OPT_FLAG:
		*(bool *)o->to = true;
		return NULL;
	case HM_OPT_STR:
		*(char **)o->to = value;
		return NULL;
	case HM_OPT_LIST: {
		struct hm_strs *l = o->to;
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
		*(int *)o->to = k;
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
		*(double *)o->to = d;
		return NULL;
	}
	case HM_OPT_SHARD: {
		struct hm_shard *s = o->to;
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
		*(int64_t *)o->to = i;
		return NULL;
	}
}

static struct hm_opt *find(const struct hm_cli *c, const char *name, size_t len, char letter)
{
	for (struct hm_opt *o = c->priv->table; o->name; o++)
		if (letter ? o->letter == letter : strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

/* One argument that begins with a dash; *i moves past a value taken from the next one. */
static const char *parse_one(struct hm_cli *c, bool *seen, int argc, char **argv, int *i, char *text,
			     size_t cap)
{
	char *arg = argv[*i], *value = NULL;
	bool is_long = arg[1] == '-';
	size_t len = is_long ? strcspn(arg + 2, "=") : 1;
	for (char *at = is_long ? arg + 2 : arg + 1; *at;) {
		struct hm_opt *o = find(c, at, len, is_long ? 0 : *at);
		if (!o) {
			snprintf(text, cap, "unknown option %s%.*s", is_long ? "--" : "-", (int)len, at);
			return text;
		}
		seen[o - c->priv->table] = true;
		if (o->given)
			*o->given = true;
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
			return store(o, value, text, cap);
		}
		store(o, NULL, text, cap);
	}
	return NULL;
}

const char *hm_cli_set(struct hm_cli *c, const char *name, char *value, char *text, size_t cap)
{
	const struct hm_opt *o = find(c, name, strlen(name), 0);
	if (!o) {
		snprintf(text, cap, "unknown option --%s", name);
		return text;
	}
	if (o->kind == HM_OPT_FLAG) {
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
			snprintf(text, cap, "--%s takes true or false, not '%s'", name, value);
			return text;
		}
		*(bool *)o->to = *value == 't';
		return NULL;
	}
	if (o->given)
		*o->given = true;
	return store(o, value, text, cap);
}

const char *hm_opt_parse(struct hm_cli *c, int argc, char **argv, char *text, size_t cap)
{
	bool seen[HM_MAX_FIELDS * 2] = {false}, only_operands = false;
	int n = 0;
	for (int i = 1; i < argc; i++) {
		if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
			c->operands[n++] = argv[i];
		} else if (!strcmp(argv[i], "--")) {
			only_operands = true;
		} else {
			const char *wrong = parse_one(c, seen, argc, argv, &i, text, cap);
			if (wrong)
				return wrong;
		}
	}
	c->n_operands = n;
	if (c->priv->help || c->priv->version || c->priv->completion >= 0)
		return NULL;
	for (int i = 0; i < c->priv->options; i++) {
		const struct hm_opt *o = &c->priv->table[i];
		char name[80];
		if (o->required && !seen[i]) {
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

static void word(struct hm_buf *b, size_t *column, size_t width, const char *w)
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
	for (const struct hm_opt *o = c->priv->table; o->name; o++) {
		char name[80], text[256];
		if (o->to == &c->priv->help || o->to == &c->priv->version || o->to == &c->priv->completion)
			continue;
		snprintf(text, sizeof text, "%s%s%s%s%s", o->required ? "" : "[", spelled(o, name),
			 o->arg ? " " : "", o->arg ? o->arg : "", o->required ? "" : "]");
		word(b, &column, width, text);
	}
	if (*c->tool->operands)
		word(b, &column, width, c->tool->operands);
	hm_buf_printf(b, NULL, "\n");
}

static void default_text(const struct hm_opt *o, char *out, size_t cap)
{
	*out = 0;
	if (o->required)
		snprintf(out, cap, " (required)");
	else if (o->kind == HM_OPT_INT && *(int64_t *)o->to)
		snprintf(out, cap, " (default %lld)", (long long)*(int64_t *)o->to);
	else if (o->kind == HM_OPT_SIZE && *(int64_t *)o->to)
		snprintf(out, cap, " (default %lld)", (long long)*(int64_t *)o->to);
	else if (o->kind == HM_OPT_DOUBLE && *(double *)o->to != 0)
		snprintf(out, cap, " (default %g)", *(double *)o->to);
	else if (o->kind == HM_OPT_STR && *(char **)o->to)
		snprintf(out, cap, " (default %s)", *(char **)o->to);
	else if (o->kind == HM_OPT_CHOICE && *(int *)o->to >= 0) {
		const char *w = o->arg;
		for (int k = *(int *)o->to; k > 0; k--)
			w += strcspn(w, "|") + 1;
		snprintf(out, cap, " (default %.*s)", (int)strcspn(w, "|"), w);
	}
}

void hm_opt_list(const struct hm_cli *c, struct hm_buf *b)
{
	for (const struct hm_opt *o = c->priv->table; o->name; o++) {
		char left[160], deflt[160];
		if (o->letter)
			snprintf(left, sizeof left, "  -%c, --%s%s%s", o->letter, o->name, o->arg ? " " : "",
				 o->arg ? o->arg : "");
		else
			snprintf(left, sizeof left, "  --%s%s%s", o->name, o->arg ? " " : "",
				 o->arg ? o->arg : "");
		default_text(o, deflt, sizeof deflt);
		if (strlen(left) > 30)
			hm_buf_printf(b, NULL, "%s\n%32s%s%s\n", left, "", o->help, deflt);
		else
			hm_buf_printf(b, NULL, "%-32s%s%s\n", left, o->help, deflt);
	}
}
