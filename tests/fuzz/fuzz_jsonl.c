/* JSON lines: the input is a file. Every line comes out once, unless the file is refused; every record holds
 * whole texts and a relative path; a line is refused with its column. */
#include "json/json.h"
#include "prep/jsonl.h"
#include "prep/lines.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s)
{
	if (hm_utf8_check(s, strlen(s)) != strlen(s))
		abort();
}

static void one_line(const struct hm_form *f, const char *line, size_t len)
{
	struct hm_jsonl_rec rec;
	struct hm_err e = {0};
	if (hm_jsonl_parse(f, line, len, &rec, &e)) {
		if (!e.code || rec.tree || !strstr(e.text, "at column "))
			abort();
		return;
	}
	check_text(rec.v.id);
	check_text(rec.v.img);
	check_text(rec.v.text);
	check_text(rec.v.keep[0].text);
	size_t column = hm_jsonl_id_column(line, len, &rec);
	if (rec.v.label < -1 || column < 2 || column > len || *rec.v.img == '/' || strchr(rec.v.img, '\\'))
		abort();
	if (f->labels.n && rec.v.label >= f->labels.n)
		abort();
	hm_jsonl_clear(&rec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char kept[] = "k", number[] = "n:i32", words[] = "0,1.5,no,true";
	struct hm_form f = {
		.id = "id", .img = "img", .text = "text", .label = "label", .img_prefix = "img/"};
	struct hm_err e = {0};
	struct hm_lines l;
	const char *line;
	size_t len, total = 0;
	int fd = memfd_create("lines", 0);
	char path[32];
	if (fd < 0 || hm_form_keep(&f, kept, &e) || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	if (size % 2 && hm_form_keep(&f, number, &e))
		abort();
	f.null_text = size % 3;
	if (size % 5 == 0 && hm_labels_parse(&f.labels, words, &e))
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (hm_lines_open(&l, path, &e))
		abort();
	int rc;
	while ((rc = hm_lines_next(&l, &line, &len, &e)) == 1) {
		total += len + 1;
		one_line(&f, line, len);
	}
	size_t mark = size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3) ? 3 : 0;
	if (rc ? !e.code || total : total < size - mark || total > size - mark + 1)
		abort();
	hm_lines_close(&l);
	close(fd);
	return 0;
}
