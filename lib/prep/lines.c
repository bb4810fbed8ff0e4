/* Lines of a file: see lines.h. */
#include "prep/lines.h"
#include "base/fd.h"
#include "base/filekind.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)
#define BEGINNING ((size_t)16) /* bytes that tell text from what is not; a line may be shorter */

const char *hm_lines_name(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

int hm_lines_open(struct hm_lines *l, const char *path, struct hm_err *e)
{
	*l = (struct hm_lines){.name = hm_lines_name(path), .fd = STDIN_FILENO};
	if (strcmp(path, "-"))
		l->fd = hm_fd_open(path, O_RDONLY | O_CLOEXEC, 0);
	return l->fd < 0 ? hm_err_system(e, errno, "%s: cannot open: %s", path, strerror(errno)) : 0;
}

void hm_lines_close(struct hm_lines *l)
{
	if (l->fd > STDERR_FILENO)
		close(l->fd);
	hm_buf_clear(&l->buf);
	*l = (struct hm_lines){0};
}

/* Moves the unread rest to the front and reads one chunk behind it. */
static int read_chunk(struct hm_lines *l, struct hm_err *e)
{
	l->buf.len -= l->at;
	if (l->at && l->buf.len)
		memmove(l->buf.data, l->buf.data + l->at, l->buf.len);
	l->at = 0;
	if (hm_buf_reserve(&l->buf, CHUNK, e))
		return HM_EDATA;
	ssize_t n = hm_fd_read(l->fd, l->buf.data + l->buf.len, CHUNK);
	if (n < 0)
		return hm_err_machine(e, "%s: cannot read: %s", l->name, strerror(errno));
	l->buf.len += (size_t)n;
	l->end = n == 0;
	return 0;
}

/* Whether p[0..n), which may end within a character, has only characters that stand in text. */
static bool is_text(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < ' ' && (p[i] < '\t' || p[i] > '\r'))
			return false;
	size_t valid = hm_utf8_check((const char *)p, n);
	return n - valid < 4;
}

/* Looks at the first bytes: skips the mark, refuses what has a name and is no text. What has none is left to
 * the reader of the lines, which can say more about them. */
static int begin_file(struct hm_lines *l, struct hm_err *e)
{
	while (!l->end && l->buf.len < BEGINNING && !(l->buf.len && memchr(l->buf.data, '\n', l->buf.len)))
		if (read_chunk(l, e))
			return HM_EDATA;
	l->begun = true;
	size_t n = l->buf.len < HM_FILEKIND_BYTES ? l->buf.len : HM_FILEKIND_BYTES;
	const struct hm_filekind *k = is_text(l->buf.data, n) ? NULL : hm_filekind_find(l->buf.data, n);
	if (k && k->group == HM_FILEKIND_TEXT && k->command)
		return hm_err_set(e, HM_EDATA, "%s: %s, not UTF-8 (%s converts it)", l->name, k->name,
				  k->command);
	if (k && k->group == HM_FILEKIND_PACKED && k->command)
		return hm_err_set(e, HM_EDATA, "%s: %s, not text (%s unpacks it)", l->name, k->name,
				  k->command);
	if (k && k->group == HM_FILEKIND_DATA && k->command)
		return hm_err_set(e, HM_EDATA, "%s: %s, not text (%s makes text of it)", l->name, k->name,
				  k->command);
	if (k && k->group != HM_FILEKIND_TEXT)
		return hm_err_set(e, HM_EDATA, "%s: %s, not text", l->name, k->name);
	if (n >= 3 && !memcmp(l->buf.data, "\xef\xbb\xbf", 3)) {
		l->at = 3;
		l->seen = 0;
	}
	return 0;
}

int hm_lines_next(struct hm_lines *l, const char **line, size_t *len, struct hm_err *e)
{
	if (!l->begun && begin_file(l, e))
		return HM_EDATA;
	for (;;) {
		size_t have = l->buf.len - l->at;
		const char *from = (const char *)l->buf.data + l->at;
		const char *stop = have > l->seen ? memchr(from + l->seen, '\n', have - l->seen) : NULL;
		if (stop || (l->end && have)) {
			size_t n = stop ? (size_t)(stop - from) : have;
			*line = from;
			*len = n > HM_LINE_MOST ? HM_LINE_MOST + 1 : n;
			l->at += n + (stop != NULL);
			l->seen = 0;
			l->line++;
			return 1;
		}
		if (l->end)
			return 0;
		if (have > HM_LINE_MOST + 1)
			l->buf.len = l->at + (have = HM_LINE_MOST + 1);
		l->seen = have;
		if (read_chunk(l, e))
			return HM_EDATA;
	}
}

int hm_lines_ready(struct hm_lines *l, struct hm_err *e)
{
	for (;;) {
		struct pollfd p = {.fd = l->fd, .events = POLLIN};
		size_t have = l->buf.len - l->at;
		if (l->end || have > HM_LINE_MOST ||
		    (have > l->seen && memchr(l->buf.data + l->at + l->seen, '\n', have - l->seen)))
			return 1;
		l->seen = have;
		int come = poll(&p, 1, 0);
		if (come < 0 && errno != EINTR)
			return hm_err_machine(e, "%s: cannot wait for it: %s", l->name, strerror(errno));
		if (come < 1)
			return 0;
		if (read_chunk(l, e))
			return HM_EDATA;
	}
}

bool hm_line_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}
