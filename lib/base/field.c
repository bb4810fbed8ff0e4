/* How a text becomes a field of CSV: see hm_buf_quote, hm_buf_field and hm_buf_cell in mem.h. */
#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

int hm_buf_quote(struct hm_buf *b, const char *s, struct hm_err *e)
{
	int rc = hm_buf_add(b, "\"", 1, e);
	for (; !rc && *s; s++)
		rc = hm_buf_add(b, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1, e);
	return rc ? rc : hm_buf_add(b, "\"", 1, e);
}

int hm_buf_field(struct hm_buf *b, const char *s, struct hm_err *e)
{
	size_t n = strcspn(s, ",\"\r\n");
	return s[n] ? hm_buf_quote(b, s, e) : hm_buf_add(b, s, n, e);
}

/* Whether a spreadsheet may take the text for a formula: by its first character, also the wide forms that
 * some of them take for the narrow ones. */
static bool is_formula(const char *s)
{
	static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
		if (!strncmp(s, wide[i], 3))
			return true;
	return *s && strchr("=+-@\t\r\n", *s);
}

int hm_buf_cell(struct hm_buf *b, const char *s, struct hm_err *e)
{
	struct hm_buf shown = {0};
	size_t n = strlen(s);
	int rc = hm_buf_reserve(&shown, n + 2, e);
	if (!rc) {
		if (is_formula(s))
			shown.data[shown.len++] = '\'';
		hm_utf8_mask(s, n, (char *)shown.data + shown.len, n + 1);
		rc = hm_buf_quote(b, (const char *)shown.data, e);
	}
	hm_buf_clear(&shown);
	return rc;
}
