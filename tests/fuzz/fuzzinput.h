/* What harnesses share: conditions that must hold, an input cut into parts, parts as files. */
#ifndef TEST_FUZZINPUT_H
#define TEST_FUZZINPUT_H

#include "base/err.h"
#include "json/json.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define must(c) ((c) ? (void)0 : fail_at(__FILE__, __LINE__, #c))
static inline _Noreturn void fail_at(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, condition);
	abort();
}

/* A refusal has a code and a sentence of valid UTF-8 that names the file (NULL: none). */
static inline void must_say(const struct hm_err *e, const char *name)
{
	if (e->code >= 0 || !*e->text || (name && !strstr(e->text, name)))
		fprintf(stderr, "code %d, \"%s\"\n", e->code, e->text);
	must(e->code < 0 && *e->text && (!name || strstr(e->text, name)));
}

/* The input up to the first byte `stop`, which is dropped, or all of it. */
struct fuzz_part {
	const uint8_t *p;
	size_t n;
};
static inline struct fuzz_part next_part(const uint8_t **data, size_t *size, int stop)
{
	const uint8_t *end = *size ? memchr(*data, stop, *size) : NULL;
	struct fuzz_part part = {*data, end ? (size_t)(end - *data) : *size};
	*size -= end ? part.n + 1 : part.n;
	*data += end ? part.n + 1 : part.n;
	return part;
}

/* A file without a name that holds p[0..n), to be opened by `path`. */
struct fuzz_file {
	int fd;
	char path[32];
};
static inline struct fuzz_file open_input(const void *p, size_t n)
{
	struct fuzz_file f = {.fd = memfd_create("input", 0)};
	must(f.fd >= 0 && (!n || write(f.fd, p, n) == (ssize_t)n));
	snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
	return f;
}

/* The folder of this program, in memory where there is such a file system; "" at first. */
static char fuzz_folder[64];
static void remove_fuzz_folder(void)
{
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s", fuzz_folder);
	if (system(command))
		abort();
}
/* Makes the folder, at the first call only, which returns true. */
static inline bool make_fuzz_folder(void)
{
	if (*fuzz_folder)
		return false;
	snprintf(fuzz_folder, sizeof fuzz_folder, "%s/hm-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	must(mkdtemp(fuzz_folder) && !atexit(remove_fuzz_folder));
	return true;
}
/* Writes a file of the folder, not through base/file.h, whose fsync is slow. Returns its path in static
 * storage. p NULL: it is removed. */
static inline const char *put_file(const char *name, const void *p, size_t n)
{
	static char path[192];
	snprintf(path, sizeof path, "%s/%s", fuzz_folder, name);
	unlink(path);
	if (!p)
		return path;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && (!n || write(fd, p, n) == (ssize_t)n) && !close(fd));
	return path;
}

/* A text that is shown or written as JSON, CSV, Markdown, HTML: valid UTF-8 without control characters but
 * tab and newline. */
static inline void check_page(const unsigned char *p, size_t n)
{
	must(hm_utf8_check((const char *)p, n) == n);
	for (size_t i = 0; i < n; i++)
		must(p[i] >= 32 || p[i] == '\n' || p[i] == '\t');
}

#endif
