/* Sentences about what was lost: see losses.h. */
#include "rec/losses.h"

#include <stdio.h>

enum { MAX_LOSSES = 1000 };

int hm_losses_add(struct hm_losses *l, struct hm_err *e, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	size_t n = hm_losses_count(l), at = l->text.len;
	if (n >= MAX_LOSSES)
		return 0;
	va_start(ap, fmt);
	int len = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (n == MAX_LOSSES - 1)
		len = snprintf(line, sizeof line, "and more: only the first %d are listed", MAX_LOSSES - 1);
	len = len < 0 ? 0 : (size_t)len >= sizeof line ? (int)sizeof line - 1 : len;
	if (hm_buf_add(&l->start, &at, sizeof at, e) || hm_buf_add(&l->text, line, (size_t)len, e))
		return HM_EDATA;
	return hm_buf_add(&l->text, NULL, 1, e);
}

size_t hm_losses_count(const struct hm_losses *l)
{
	return l->start.len / sizeof(size_t);
}

const char *hm_losses_get(const struct hm_losses *l, size_t i)
{
	return (const char *)l->text.data + ((const size_t *)(const void *)l->start.data)[i];
}

void hm_losses_clear(struct hm_losses *l)
{
	hm_buf_clear(&l->text);
	hm_buf_clear(&l->start);
}
