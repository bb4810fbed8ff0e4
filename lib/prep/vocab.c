/* Reads vocab.txt: see vocab.h. */
#include "prep/vocab.h"
#include "base/file.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The file meant by `path`, NUL-terminated, in b. */
static int file_of(const char *path, struct hm_buf *b, struct hm_err *e)
{
	struct stat st;
	bool folder = !stat(path, &st) && S_ISDIR(st.st_mode);
	return hm_buf_printf(b, e, "%s%s", path, folder ? "/vocab.txt" : "");
}

/* s[0..n) as token v->n. */
static int add_token(struct hm_vocab *v, const char *s, size_t n, struct hm_err *e)
{
	uint64_t id = v->n;
	if (!n)
		return hm_err_set(e, HM_EDATA, "the line is empty");
	if (hm_utf8_check(s, n) < n)
		return hm_err_set(e, HM_EDATA, "the line is not UTF-8");
	if (memchr(s, '\r', n) || memchr(s, 0, n))
		return hm_err_set(e, HM_EDATA, "the token holds a carriage return or a NUL");
	int rc = hm_strmap_add(&v->id, s, n, &id, e);
	if (rc == 0)
		return hm_err_set(e, HM_EDATA, "the token \"%.*s\" stands on line %llu already",
				  n > 100 ? 100 : (int)n, s, (unsigned long long)id + 1);
	if (rc < 0 || hm_buf_add(&v->text, s, n, e) || hm_buf_add(&v->text, "\n", 1, e))
		return HM_EDATA;
	v->start[++v->n] = (uint32_t)v->text.len;
	return 0;
}

static int add_lines(struct hm_vocab *v, const char *s, size_t len, struct hm_err *e)
{
	size_t lines = 1;
	for (size_t i = 0; i < len; i++)
		lines += s[i] == '\n';
	v->start = hm_alloc(lines + 1, sizeof *v->start, e);
	if (!v->start)
		return HM_EDATA;
	for (size_t at = 0; at < len;) {
		const char *stop = memchr(s + at, '\n', len - at);
		size_t n = stop ? (size_t)(stop - s) - at : len - at;
		if (add_token(v, s + at, n && s[at + n - 1] == '\r' ? n - 1 : n, e))
			return hm_err_prefix(e, "line %u", v->n + 1);
		at += n + 1;
	}
	return 0;
}

int hm_vocab_read(struct hm_vocab *v, const char *path, struct hm_err *e)
{
	struct hm_buf name = {0}, raw = {0};
	*v = (struct hm_vocab){0};
	int rc = file_of(path, &name, e);
	if (!rc)
		rc = hm_file_read((const char *)name.data, HM_VOCAB_CAP, &raw, e);
	if (rc)
		goto done;
	if (raw.len >= 3 && !memcmp(raw.data, "\xef\xbb\xbf", 3))
		rc = hm_err_set(e, HM_EDATA, "line 1: the file begins with a byte order mark");
	else
		rc = add_lines(v, (const char *)raw.data, raw.len, e);
	if (rc)
		hm_err_prefix(e, "%s", (const char *)name.data);
	hm_digest_hex(v->text.data, v->text.len, v->digest);
done:
	hm_buf_clear(&name);
	hm_buf_clear(&raw);
	return rc;
}

void hm_vocab_clear(struct hm_vocab *v)
{
	hm_buf_clear(&v->text);
	free(v->start);
	hm_strmap_clear(&v->id);
	*v = (struct hm_vocab){0};
}

int32_t hm_vocab_find(const struct hm_vocab *v, const char *token, size_t len)
{
	uint64_t id;
	return hm_strmap_find(&v->id, token, len, &id) ? (int32_t)id : -1;
}
