/* The usage line and --help's list of options, made from the option table. See cli.h. */
#include "cli/private.h"

#include <stdio.h>
#include <string.h>

static void add_word(struct hm_text *t, size_t *column, size_t width, const char *w)
{
	size_t len = strlen(w);
	if (width && *column + 1 + len > width) {
		hm_text_add(t, "\n      ");
		*column = 6;
	}
	hm_text_add(t, " %s", w);
	*column += 1 + len;
}

void hm_opt_usage(const struct hm_cli *c, struct hm_text *t, size_t width)
{
	size_t column = 7 + strlen(c->tool->name);
	hm_text_add(t, "usage: %s", c->tool->name);
	for (int i = 0; i < c->priv->rows; i++) {
		const struct hm_opt *o = c->priv->row[i].opt;
		char name[80], text[256];
		if (o->hidden)
			continue;
		snprintf(text, sizeof text, "%s%s%s%s%s", o->required ? "" : "[", hm_opt_spelled(o, name),
			 o->arg ? " " : "", o->arg ? o->arg : "", o->required ? "" : "]");
		add_word(t, &column, width, text);
	}
	if (*c->tool->operands)
		add_word(t, &column, width, c->tool->operands);
	hm_text_add(t, "\n");
}

/* " (default 10)", from the value that the row's struct holds; nothing for 0 and NULL. */
static void default_text(const struct hm_row *row, char *out, size_t cap)
{
	const struct hm_opt *o = row->opt;
	const void *value = row->base + o->at;
	char size[HM_SIZE_TEXT];
	*out = 0;
	if (o->required)
		snprintf(out, cap, " (required)");
	else if (row->seen)
		return; /* the call set another value */
	else if (o->kind == HM_OPT_INT && *(const int64_t *)value)
		snprintf(out, cap, " (default %lld)", (long long)*(const int64_t *)value);
	else if (o->kind == HM_OPT_SIZE && *(const int64_t *)value)
		snprintf(out, cap, " (default %s)", hm_size_text((uint64_t) * (const int64_t *)value, size));
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

void hm_opt_list(const struct hm_cli *c, struct hm_text *t)
{
	for (int i = 0; i < c->priv->rows; i++) {
		const struct hm_row *row = &c->priv->row[i];
		const struct hm_opt *o = row->opt;
		char left[160], deflt[160];
		if (row->group)
			hm_text_add(t, "%s%s:\n", i ? "\n" : "", row->group);
		if (o->letter)
			snprintf(left, sizeof left, "  -%c, --%s%s%s", o->letter, o->name, o->arg ? " " : "",
				 o->arg ? o->arg : "");
		else
			snprintf(left, sizeof left, "  --%s%s%s", o->name, o->arg ? " " : "",
				 o->arg ? o->arg : "");
		default_text(row, deflt, sizeof deflt);
		if (strlen(left) > 30)
			hm_text_add(t, "%s\n%32s%s%s\n", left, "", o->help, deflt);
		else
			hm_text_add(t, "%-32s%s%s\n", left, o->help, deflt);
	}
}
