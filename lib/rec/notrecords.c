/* Says what an input is that is not a stream of records, by its first bytes, and how records can be made of
 * it. See format.h. */
#include "rec/format.h"
#include "base/filekind.h"

#include <string.h>

/* The middle of a stream: another of its frames stands first. */
static bool is_beheaded(const unsigned char *p, size_t n)
{
	return n >= 12 && hm_get32(p) == HM_SKIP_MAGIC &&
	       (!memcmp(p + 8, "HMRB", 4) || !memcmp(p + 8, "HMRI", 4) || !memcmp(p + 8, "HMRE", 4));
}

/* Whether the first line of a text has columns, and by what they are separated; 0: it has none. */
static char find_separator(const unsigned char *p, size_t n)
{
	const unsigned char *end = memchr(p, '\n', n);
	size_t len = end ? (size_t)(end - p) : n;
	for (const char *s = "\t,;"; *s; s++)
		if (memchr(p, *s, len))
			return *s;
	return 0;
}

static int refuse_text(const struct hm_filekind *k, const unsigned char *p, size_t n, struct hm_err *e)
{
	if (!strcmp(k->name, "a JSON text"))
		return hm_err_set(e, HM_EDATA,
				  "not an .hmr stream but JSON: hm-jsonl2rec makes records of JSON lines");
	if (!strcmp(k->name, "a text file") && find_separator(p, n))
		return hm_err_set(e, HM_EDATA,
				  "not an .hmr stream but a table (CSV, TSV): hm-score reads predictions as "
				  "CSV, of other tables hm-csv2rec makes records");
	return hm_err_set(e, HM_EDATA, "not an .hmr stream but %s%s%s%s", k->name, k->command ? " (" : "",
			  k->command ? k->command : "", k->command ? " makes UTF-8 of it)" : "");
}

int hm_head_refuse(const unsigned char *p, size_t n, struct hm_err *e)
{
	const struct hm_filekind *k = hm_filekind_find(p, n);
	if (is_beheaded(p, n))
		return hm_err_set(e, HM_EDATA, "an .hmr stream without its beginning, which is lost");
	if (!k)
		return hm_err_set(e, HM_EDATA, "not an .hmr stream");
	switch (k->group) {
	case HM_FILEKIND_TEXT:
		return refuse_text(k, p, n, e);
	case HM_FILEKIND_WEIGHTS:
		return hm_err_set(e, HM_EDATA,
				  "not an .hmr stream but %s, a model or weights, where records are wanted "
				  "(hm-view shows what is in it)",
				  k->name);
	case HM_FILEKIND_PACKED:
		return hm_err_set(e, HM_EDATA, "not an .hmr stream but %s%s%s%s", k->name,
				  k->command ? " (" : "", k->command ? k->command : "",
				  k->command ? " unpacks it)" : "");
	case HM_FILEKIND_POINTER:
		return hm_err_set(e, HM_EDATA,
				  "not an .hmr stream but %s: the file itself was not fetched (%s)", k->name,
				  k->command);
	case HM_FILEKIND_PICTURE:
		return hm_err_set(e, HM_EDATA,
				  "not an .hmr stream but %s: hm-jsonl2rec makes records of JSON lines, and "
				  "hm-imgprep reads the pictures that they name",
				  k->name);
	default:
		return hm_err_set(e, HM_EDATA, "not an .hmr stream but %s", k->name);
	}
}
