/* Messages and the progress line on standard error. See cli.h. */
#include "cli/private.h"
#include "base/fd.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void hm_cli_write_stderr(const char *p, size_t n)
{
	hm_fd_write(STDERR_FILENO, p, n); /* nowhere left to complain */
}

/* A text that was cut to its buffer may end within a character. */
static size_t find_whole(const char *s)
{
	size_t n = strlen(s), at = n;
	while (at && n - at < 4 && (s[at - 1] & 0xc0) == 0x80)
		at--;
	return at && (s[at - 1] & 0xc0) == 0xc0 && !hm_utf8_next(s + at - 1, n - at + 1, NULL) ? at - 1 : n;
}

void hm_cli_message(struct hm_cli *c, const char *kind, const char *text)
{
	char line[1200];
	if (c->silent)
		return;
	const char *wipe = c->priv && c->priv->line_open && c->priv->tty ? "\r\033[K" : "";
	int n = snprintf(line, sizeof line, "%s%s: %s", wipe, c->tool->name, kind);
	if (n < 0 || (size_t)n >= sizeof line - 2)
		return;
	size_t len = (size_t)n;
	len += hm_utf8_mask(text, find_whole(text), line + len, sizeof line - 1 - len);
	line[len++] = '\n';
	hm_cli_write_stderr(line, len);
	if (c->priv)
		c->priv->line_open = false;
}

#define SAY(KIND)                                                                                            \
	do {                                                                                                 \
		char text[1024];                                                                             \
		va_list ap;                                                                                  \
		va_start(ap, fmt);                                                                           \
		vsnprintf(text, sizeof text, fmt, ap);                                                       \
		va_end(ap);                                                                                  \
		hm_cli_message(c, KIND, text);                                                               \
	} while (0)

void hm_cli_warn(struct hm_cli *c, const char *fmt, ...)
{
	SAY("warning: ");
}

void hm_cli_error(struct hm_cli *c, const char *fmt, ...)
{
	SAY("error: ");
}

void hm_cli_notice(struct hm_cli *c, const char *fmt, ...)
{
	if (!c->quiet)
		SAY("notice: ");
}

void hm_cli_debug(struct hm_cli *c, const char *fmt, ...)
{
	if (c->verbose)
		SAY("");
}

static double seconds(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) + 1e-9 * (double)(to->tv_nsec - from->tv_nsec);
}

void hm_cli_progress_also(struct hm_cli *c, const char *fmt, ...)
{
	char text[sizeof c->priv->also];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	hm_utf8_mask(text, find_whole(text), c->priv->also, sizeof c->priv->also);
}

void hm_cli_progress(struct hm_cli *c, uint64_t done, uint64_t total, const char *noun)
{
	struct hm_cli_private *p = c->priv;
	struct timespec now;
	char line[200], eta[64] = "", of[32] = "";
	p->done = done;
	p->total = total;
	p->noun = noun;
	if (c->quiet || c->silent || !(p->tty || p->o.progress))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (seconds(&p->shown, &now) < (p->tty ? 0.1 : 2.0))
		return;
	p->shown = now;
	double rate = (double)done / seconds(&p->start, &now);
	if (total) {
		snprintf(of, sizeof of, "/%llu", (unsigned long long)total);
		if (done < total && rate > 0)
			snprintf(eta, sizeof eta, ", %.0f s left", (double)(total - done) / rate);
	}
	int n = snprintf(line, sizeof line, "%s%s: %llu%s %s, %s%s%.3g/s%s%s", p->tty ? "\r\033[K" : "",
			 c->tool->name, (unsigned long long)done, of, noun, p->also, *p->also ? ", " : "",
			 rate, eta, p->tty ? "" : "\n");
	hm_cli_write_stderr(line, (size_t)n);
	p->line_open = true;
}
