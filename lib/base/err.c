/* Errors as values: see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int store_sentence(struct hm_err *e, int code, bool machine, const char *fmt, va_list ap)
{
	if (!e || e->code)
		return code;
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	e->machine = machine;
	e->code = code;
	return code;
}

int hm_err_set(struct hm_err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	store_sentence(e, code, false, fmt, ap);
	va_end(ap);
	return code;
}

int hm_err_machine(struct hm_err *e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	store_sentence(e, HM_EDATA, true, fmt, ap);
	va_end(ap);
	return HM_EDATA;
}

static bool is_about_name(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case EEXIST:
	case EACCES:
	case ENAMETOOLONG:
	case ELOOP:
	case EINVAL:
	case EILSEQ:
	case ENXIO:
		return true;
	default:
		return false;
	}
}

int hm_err_system(struct hm_err *e, int error, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	store_sentence(e, HM_EDATA, !is_about_name(error), fmt, ap);
	va_end(ap);
	return HM_EDATA;
}

int hm_err_pass(struct hm_err *e, const struct hm_err *from)
{
	if (e && !e->code)
		*e = *from;
	return from->code;
}

int hm_err_prefix(struct hm_err *e, const char *fmt, ...)
{
	if (!e)
		return HM_EDATA;
	char old[sizeof e->text];
	memcpy(old, e->text, sizeof old);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	int room = (int)sizeof e->text - 1 - n;
	if (n >= 0 && room > 2)
		snprintf(e->text + n, (size_t)room + 1, ": %.*s", room - 2, old);
	return e->code;
}
