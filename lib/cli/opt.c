/* The option parser. See cli.h. */
#include "cli/private.h"
#include "base/nearword.h"

#include <stdio.h>
#include <string.h>

const char *hm_opt_spelled(const struct hm_opt *o, char out[80])
{
	if (o->letter)
		snprintf(out, 80, "-%c", o->letter);
	else
		snprintf(out, 80, "--%s", o->name);
	return out;
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

bool hm_cli_given(const struct hm_cli *c, const char *name)
{
	const struct hm_row *row = find_row(c, name, strlen(name), 0);
	return row && row->seen;
}

static void mark_given(const struct hm_opt *o, void *base)
{
	if (o->given)
		*(bool *)((char *)base + o->given - 1) = true;
}

/* "unknown option --modle, did you mean --model?" A long option with one dash is looked up as well. */
static const char *unknown_option(const struct hm_cli *c, const char *arg, const char *at, size_t len,
				  char *text, size_t cap)
{
	bool is_long = arg[1] == '-';
	struct hm_nearword near = {at, len};
	if (!is_long && at == arg + 1 && strlen(at) > 2)
		near.len = strcspn(at, "=");
	for (int i = 0; i < c->priv->rows && (is_long || near.len > 1); i++)
		hm_nearword_offer(&near, c->priv->row[i].opt->name, strlen(c->priv->row[i].opt->name));
	int n = snprintf(text, cap, "unknown option %s%.*s", is_long ? "--" : "-",
			 (int)(near.word ? near.len : len), at);
	if (near.word && n > 0 && (size_t)n < cap)
		snprintf(text + n, cap - (size_t)n, ", did you mean --%.*s?", (int)near.word_len, near.word);
	return text;
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
			return unknown_option(c, arg, at, len, text, cap);
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
			return hm_opt_store(o, row->base, value, text, cap);
		}
		hm_opt_store(o, row->base, NULL, text, cap);
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
	return hm_opt_store(o, options, value, text, cap);
}

const char *hm_opt_parse(struct hm_cli *c, int argc, char **argv, char *text, size_t cap)
{
	const struct options *common = &c->priv->o;
	bool only_operands = false;
	bool no_operand = false;
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
			snprintf(text, cap, "%s %s is required", hm_opt_spelled(o, name), o->arg);
			return text;
		}
		no_operand |= o->no_operand && c->priv->row[i].seen;
		if (o->no_operand && c->priv->row[i].seen && n) {
			snprintf(text, cap, "%s takes no operand: '%s'", hm_opt_spelled(o, name),
				 c->operands[0]);
			return text;
		}
	}
	if (n < c->tool->min_operands) {
		snprintf(text, cap, "an operand is missing: %s", c->tool->operands);
		return text;
	}
	if (c->tool->max_operands >= 0 && n > c->tool->max_operands) {
		snprintf(text, cap, "too many operands: '%s'", c->operands[c->tool->max_operands]);
		return text;
	}
	if (!n && c->tool->max_operands && !no_operand)
		c->operands[c->n_operands++] = "-";
	return NULL;
}
