/* Cells of plain-text tables. See cells.h. */
#include "report/cells.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

char *hm_cell_number(double v, int digits, bool sign, char out[HM_CELL_NUMBER])
{
	snprintf(out, HM_CELL_NUMBER, sign ? "%+.*f" : "%.*f", digits, v);
	if (*out == '-' && !out[1 + strspn(out + 1, "0.")])
		snprintf(out, HM_CELL_NUMBER, sign ? "%+.*f" : "%.*f", digits, 0.);
	return out;
}

char *hm_cell_value(double v, char out[HM_CELL_NUMBER])
{
	if (!isnan(v))
		return hm_cell_number(v, 4, false, out);
	snprintf(out, HM_CELL_NUMBER, "undefined");
	return out;
}

char *hm_cell_p(double p, char out[HM_CELL_NUMBER])
{
	if (!(p < 1e-4))
		return hm_cell_value(p, out);
	snprintf(out, HM_CELL_NUMBER, "%.1e", p);
	return out;
}

char *hm_cell_range(struct hm_interval ci, bool sign, char out[HM_CELL_RANGE])
{
	char lo[HM_CELL_NUMBER], hi[HM_CELL_NUMBER];
	if (isnan(ci.lo))
		out[0] = 0;
	else
		snprintf(out, HM_CELL_RANGE, "[%s, %s]", hm_cell_number(ci.lo, 4, sign, lo),
			 hm_cell_number(ci.hi, 4, sign, hi));
	return out;
}

/* Bytes of the first HM_CELL_WIDTH characters of valid UTF-8; how many of these to *points. */
static size_t count_bytes(const char *s, int *points)
{
	size_t n = 0;
	for (*points = 0; s[n] && *points < HM_CELL_WIDTH; (*points)++)
		do
			n++;
		while ((s[n] & 0xc0) == 0x80);
	return n;
}

int hm_cell_width(const char *s)
{
	int points;
	count_bytes(*s ? s : "(empty)", &points);
	return points;
}

int hm_cell_write(struct hm_buf *b, const char *s, int width, struct hm_err *e)
{
	char shown[4 * HM_CELL_WIDTH + 1];
	int points;
	size_t n = count_bytes(s = *s ? s : "(empty)", &points);
	hm_buf_add(b, shown, hm_utf8_mask(s, n, shown, sizeof shown), e);
	return hm_buf_printf(b, e, "%*s", width > points ? width - points : 0, "");
}

const char *hm_cell_class(const char *const *names, int c, char out[HM_CELL_NUMBER])
{
	snprintf(out, HM_CELL_NUMBER, "%d", c);
	return names ? names[c] : out;
}

int hm_cell_text(struct hm_buf *b, const char *s, struct hm_err *e)
{
	size_t n = strlen(s);
	int rc = hm_buf_reserve(b, n + 1, e);
	if (!rc)
		b->len += hm_utf8_mask(s, n, (char *)b->data + b->len, n + 1);
	return rc;
}
