/* Tables: the input is a file; its first byte chooses delimiter and form. Every record has whole texts and a
 * relative path, lines never go back, a bad row is refused with its line and the rows behind it are read;
 * what was read, written by RFC 4180 and read again, is the same. */
#include "base/filekind.h"
#include "json/json.h"
#include "prep/csvfields.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int make_file(const void *p, size_t n, char path[32])
{
	int fd = memfd_create("table", 0);
	if (fd < 0 || (n && write(fd, p, n) != (ssize_t)n))
		abort();
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_text(const char *s)
{
	if (!s || hm_utf8_check(s, strlen(s)) != strlen(s))
		abort();
}

static void check_record(const struct hm_csvfields *c, const struct hm_form *f)
{
	const struct hm_fields *v = &c->v;
	check_text(v->id);
	check_text(v->text);
	check_text(v->keep[0].text);
	if (f->img)
		check_text(v->img);
	if (!*v->id || (f->img && (!*v->img || *v->img == '/' || strchr(v->img, '\\'))))
		abort();
	if ((!*v->text && !f->null_text) || v->label < -1 || (f->labels.n && v->label >= f->labels.n))
		abort();
}

/* Appends the row as CSV. */
static void write_row(const struct hm_csvrows *c, struct hm_buf *out)
{
	for (int i = 0; i < c->fields; i++) {
		hm_buf_quote(out, c->field[i], NULL);
		hm_buf_add(out, i + 1 < c->fields ? "," : "\n", 1, NULL);
	}
}

/* Reads a file of rows; those that are good into `out`. */
static void read_rows(const void *p, size_t n, char delimiter, struct hm_buf *out)
{
	struct hm_csvrows c;
	struct hm_err e = {0};
	char path[32];
	int fd = make_file(p, n, path), rc = hm_csvrows_open(&c, path, delimiter, &e);
	uint64_t line = c.line;
	if (!rc)
		write_row(&c, out);
	while (!rc && (rc = hm_csvrows_next(&c, &e))) {
		if (c.line <= line || (rc < 0 && (!e.code || e.machine)))
			abort();
		line = c.line;
		if (rc == 1)
			write_row(&c, out);
		if (rc < 0 && c.lost)
			break;
		e = (struct hm_err){0};
		rc = 0;
	}
	hm_csvrows_close(&c);
	close(fd);
}

static void read_records(const uint8_t *data, size_t size, char delimiter, const struct hm_form *f)
{
	struct hm_csvfields c;
	struct hm_err e = {0};
	char path[32];
	int fd = make_file(data, size, path), rc = hm_csvfields_open(&c, path, delimiter, f, &e);
	if (rc && !e.code)
		abort();
	while (!rc && (rc = hm_csvfields_next(&c, f, &e))) {
		if (rc == 1)
			check_record(&c, f);
		else if (!strstr(e.text, ": line "))
			abort();
		rc = rc < 0 && c.rows.lost;
		e = (struct hm_err){0};
	}
	hm_csvfields_close(&c);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = ",\t;|";
	char kept[] = "k", number[] = "n:i32", real[] = "f:f32", words[] = "0,1.5,no,true";
	struct hm_form f = {.id = "id", .img = "img", .text = "text", .label = "label", .img_prefix = "img/"};
	struct hm_err e = {0};
	struct hm_buf once = {0}, again = {0}, twice = {0};
	char lines[HM_FILEKIND_BYTES]; /* empty ones in front of the table, so that it is no file of another
					  kind */
	memset(lines, '\n', sizeof lines);
	uint8_t choice = size ? data[0] : 0;
	char delimiter = delimiters[choice & 3];
	data += size > 0;
	size -= size > 0;
	f.null_text = choice & 4;
	if (hm_form_keep(&f, kept, &e) ||
	    ((choice & 8) && (hm_form_keep(&f, number, &e) || hm_form_keep(&f, real, &e))))
		abort();
	if ((choice & 16) && hm_labels_parse(&f.labels, words, &e))
		abort();
	if (choice & 32)
		f.img = NULL;
	read_records(data, size, delimiter, &f);
	read_rows(data, size, delimiter, &once);
	hm_buf_add(&again, lines, sizeof lines, NULL);
	hm_buf_add(&again, once.data, once.len, NULL);
	read_rows(again.data, again.len, ',', &twice);
	hm_buf_clear(&again);
	if (once.len != twice.len || (once.len && memcmp(once.data, twice.data, once.len)))
		abort();
	hm_buf_clear(&once);
	hm_buf_clear(&twice);
	return 0;
}
