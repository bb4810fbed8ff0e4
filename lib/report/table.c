/* Cells of plain-text tables. See table.h. */
#include "report/table.h"
#include "json/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

char *hm_table_number(double v, int digits, bool sign, char out[HM_TABLE_NUMBER])
{
	snprintf(out, HM_TABLE_NUMBER, sign ? "%+.*f" : "%.*f", digits, v);
	if (*out == '-' && !out[1 + strspn(out + 1, "0.")])
		snprintf(out, HM_TABLE_NUMBER, sign ? "%+.*f" : "%.*f", digits, 0.);
	return out;
}

char *hm_table_value(double v, char out[HM_TABLE_NUMBER])
{
	if (!isnan(v))
		return hm_table_number(v, 4, false, out);
	snprintf(out, HM_TABLE_NUMBER, "undefined");
	return out;
}

char *hm_table_p(double p, char out[HM_TABLE_NUMBER])
{
	if (!(p < 1e-4))
		return hm_table_value(p, out);
	snprintf(out, HM_TABLE_NUMBER, "%.1e", p);
	return out;
}

char *hm_table_range(struct hm_interval ci, bool sign, char out[HM_TABLE_RANGE])
{
	char lo[HM_TABLE_NUMBER], hi[HM_TABLE_NUMBER];
	if (isnan(ci.lo))
		out[0] = 0;
	else
		snprintf(out, HM_TABLE_RANGE, "[%s, %s]", hm_table_number(ci.lo, 4, sign, lo),
			 hm_table_number(ci.hi, 4, sign, hi));
	return out;
}

/* Bytes of the first HM_TABLE_CELL characters of valid UTF-8; how many of these to *points. */
static size_t count_bytes(const char *s, int *points)
{
	size_t n = 0;
	for (*points = 0; s[n] && *points < HM_TABLE_CELL; (*points)++)
		do
			n++;
		while ((s[n] & 0xc0) == 0x80);
	return n;
}

int hm_table_width(const char *s)
{
	int points;
	count_bytes(*s ? s : "(empty)", &points);
	return points;
}

int hm_table_cell(struct hm_buf *b, const char *s, int width, struct hm_err *e)
{
	char shown[4 * HM_TABLE_CELL + 1];
	int points;
	size_t n = count_bytes(s = *s ? s : "(empty)", &points);
	hm_buf_add(b, shown, hm_utf8_mask(s, n, shown, sizeof shown), e);
	return hm_buf_printf(b, e, "%*s", width > points ? width - points : 0, "");
}

int hm_table_text(struct hm_buf *b, const char *s, struct hm_err *e)
{
	size_t n = strlen(s);
	int rc = hm_buf_reserve(b, n + 1, e);
	if (!rc)
		b->len += hm_utf8_mask(s, n, (char *)b->data + b->len, n + 1);
	return rc;
}
