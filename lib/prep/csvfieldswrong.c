/* What is wrong with a row of a table, or with its header, in words: what is there, and what may be done
 * about it. See csvfieldsparts.h. */
#include "prep/csvfieldsparts.h"
#include "base/nearword.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 60 /* bytes of a value that a message shows */

/* The column that a name may mean: one that is spelled nearly so, else one that has it in its own name. */
static const char *find_near(const struct hm_csvrows *rows, const char *name)
{
	struct hm_nearword near = {name, strlen(name)};
	for (int i = 0; i < rows->fields; i++)
		hm_nearword_offer(&near, rows->name[i], strlen(rows->name[i]));
	for (int i = 0; i < rows->fields && !near.word; i++)
		if (*name && strcasestr(rows->name[i], name))
			near.word = rows->name[i];
	return near.word;
}

/* A word as a shell wants it, masked for a message. */
static const char *quote_word(const char *word, char *out, size_t cap)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%";
	const char *quote = !word[strspn(word, plain)] ? "" : strchr(word, '\'') ? "\"" : "'";
	char masked[81];
	hm_utf8_mask(word, strlen(word), masked, sizeof masked);
	snprintf(out, cap, "%s%s%s", quote, masked, quote);
	return out;
}

int hm_csvfields_missing(const struct hm_csvfields *c, const char *name, const char *option, const char *help,
			 struct hm_err *e)
{
	const struct hm_csvrows *rows = &c->rows;
	char text[400], hint[200] = "", word[96], other[4], own[4], names[240],
			guess = hm_csvrows_guess(rows);
	const char *near = find_near(rows, name);
	if (guess) {
		snprintf(text, sizeof text,
			 "the header has no column \"%.64s\": its fields seem to be separated by %s, not by "
			 "%s (--delimiter %s)",
			 name, hm_csvrows_called(guess, other), hm_csvrows_called(rows->delimiter, own),
			 guess == '\t'	? "tab"
			 : guess == ',' ? ","
					: hm_csvrows_called(guess, other));
		return hm_csvrows_bad(rows, e, text);
	}
	if (near && option)
		snprintf(hint, sizeof hint, " (did you mean --%s %s?)", option,
			 quote_word(near, word, sizeof word));
	else if (help)
		snprintf(hint, sizeof hint, " (%s)", help);
	return hm_err_set(
		e, HM_EDATA, "%s: line %" PRIu64 ": the header has no column \"%.64s\"%s, it has %s",
		rows->lines.name, rows->line, name, hint, hm_csvrows_names(rows, names, sizeof names));
}

int hm_csvfields_cell(const struct hm_csvfields *c, const char *name, const char *cell, const char *what,
		      const char *help, struct hm_err *e)
{
	char is[SHOWN + 16] = "empty";
	size_t len = strlen(cell);
	if (len)
		snprintf(is, sizeof is, "\"%.*s%s\"", (int)(len > SHOWN ? hm_utf8_check(cell, SHOWN) : len),
			 cell, len > SHOWN ? "..." : "");
	return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": the field \"%.64s\" is %s%s%s%s%s%s",
			  c->rows.lines.name, c->rows.line, name, is, what ? ", not " : "", what ? what : "",
			  help ? " (" : "", help ? help : "", help ? ")" : "");
}

int hm_csvfields_path(const struct hm_csvfields *c, const struct hm_form *f, enum hm_path path,
		      struct hm_err *e)
{
	char word[16] = "";
	const char *shown = hm_path_shown(c->rows.field[c->img]), *file = c->rows.lines.name;
	uint64_t line = c->rows.line;
	if (path == HM_PATH_ABSOLUTE)
		return hm_err_set(e, HM_EDATA,
				  "%s: line %" PRIu64 ": the path \"%s\" in the field \"%.64s\" is absolute "
				  "(--img-prefix FOLDER makes it relative to that folder; it is \"%.200s\" "
				  "now)",
				  file, line, shown, f->img, f->img_prefix);
	if (c->rows.delimiter != ',')
		snprintf(word, sizeof word, c->rows.delimiter == '\t' ? " --fs tab" : " --fs '%c'",
			 c->rows.delimiter);
	return hm_err_set(e, HM_EDATA,
			  "%s: line %" PRIu64 ": the path \"%s\" in the field \"%.64s\" has a backslash, and "
			  "\"/\" separates folders (mlr --csv%s put '${%.64s} = gsub(${%.64s}, \"\\\\\", "
			  "\"/\")' FILE mends it)",
			  file, line, shown, f->img, word, f->img, f->img);
}
