/* The header of a table: its columns by name, its delimiter, and what messages say about both. See csvrows.h.
 */
#include "prep/csvrows.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

int hm_csvrows_column(const struct hm_csvrows *c, const char *name)
{
	int at = -1;
	for (int i = 0; i < c->fields; i++) {
		if (strcmp(c->name[i], name))
			continue;
		if (at >= 0)
			return -2;
		at = i;
	}
	return at;
}

const char *hm_csvrows_names(const struct hm_csvrows *c, char *out, size_t cap)
{
	char name[41];
	size_t at = 0;
	*out = 0;
	for (int i = 0; i < c->fields; i++) {
		hm_utf8_mask(c->name[i], strlen(c->name[i]), name, sizeof name);
		bool fits = at + strlen(name) + sizeof ", \"\", ..." <= cap;
		at += (size_t)snprintf(out + at, cap - at, fits ? "%s\"%s\"" : "%s...", i ? ", " : "", name);
		if (!fits)
			break;
	}
	return out;
}

char hm_csvrows_delimiter(const char *word)
{
	if (!strcmp(word, "tab"))
		return '\t';
	bool one = *word && !word[1] && (unsigned char)*word < 0x80 && !strchr("\"\r\n", *word);
	return one ? *word : 0;
}

char hm_csvrows_guess(const struct hm_csvrows *c)
{
	for (int i = 0; i < c->fields; i++) /* a name may have a comma, hardly a tab */
		if (c->delimiter != '\t' && strchr(c->name[i], '\t'))
			return '\t';
	if (c->fields == 1)
		for (const char *d = ";,|"; *d; d++)
			if (*d != c->delimiter && strchr(c->name[0], *d))
				return *d;
	return 0;
}

const char *hm_csvrows_called(char delimiter, char out[4])
{
	if (delimiter == '\t' || delimiter == ',')
		return delimiter == ',' ? "commas" : "tabs";
	snprintf(out, 4, "'%c'", delimiter);
	return out;
}
