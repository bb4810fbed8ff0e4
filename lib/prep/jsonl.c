/* Lines of a file, and the typed fields of one JSON object: see jsonl.h. */
#include "prep/jsonl.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)

const char *hm_lines_name(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

int hm_lines_open(struct hm_lines *l, const char *path, struct hm_err *e)
{
	*l = (struct hm_lines){.name = hm_lines_name(path), .fd = STDIN_FILENO};
	if (strcmp(path, "-"))
		l->fd = open(path, O_RDONLY | O_CLOEXEC);
	return l->fd < 0 ? hm_err_set(e, HM_EDATA, "%s: cannot open: %s", path, strerror(errno)) : 0;
}

void hm_lines_close(struct hm_lines *l)
{
	if (l->fd > STDERR_FILENO)
		close(l->fd);
	hm_buf_clear(&l->buf);
	*l = (struct hm_lines){0};
}

/* Moves the unread rest to the front and reads one chunk behind it. */
static int fill(struct hm_lines *l, struct hm_err *e)
{
	l->buf.len -= l->at;
	if (l->at && l->buf.len)
		memmove(l->buf.data, l->buf.data + l->at, l->buf.len);
	l->at = 0;
	if (hm_buf_reserve(&l->buf, CHUNK, e))
		return HM_EDATA;
	ssize_t n;
	do
		n = read(l->fd, l->buf.data + l->buf.len, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return hm_err_set(e, HM_EDATA, "%s: cannot read: %s", l->name, strerror(errno));
	l->buf.len += (size_t)n;
	l->end = n == 0;
	return 0;
}

int hm_lines_next(struct hm_lines *l, const char **line, size_t *len, struct hm_err *e)
{
	for (size_t seen = 0;;) {
		size_t have = l->buf.len - l->at;
		const char *from =
			l->buf.data ? (const char *)l->buf.data + l->at : ""; /* no offset from NULL */
		const char *stop = have > seen ? memchr(from + seen, '\n', have - seen) : NULL;
		if (stop || (l->end && have)) {
			size_t n = stop ? (size_t)(stop - from) : have;
			*line = from;
			*len = n > HM_JSONL_LINE ? HM_JSONL_LINE + 1 : n;
			l->at += n + (stop != NULL);
			l->line++;
			return 1;
		}
		if (l->end)
			return 0;
		if (have > HM_JSONL_LINE + 1)
			l->buf.len = l->at + (have = HM_JSONL_LINE + 1);
		seen = have;
		if (fill(l, e))
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

int hm_jsonl_keep(struct hm_jsonl_form *f, char *word, struct hm_err *e)
{
	static const struct {
		const char *name;
		enum hm_dtype dtype;
	} type[] = {{"utf8", HM_UTF8}, {"i32", HM_I32}, {"f32", HM_F32}};
	char *colon = strrchr(word, ':');
	size_t k = 0;
	if (colon) {
		while (k < 3 && strcmp(colon + 1, type[k].name))
			k++;
		if (k == 3)
			return hm_err_set(e, HM_EUSAGE, "\"%s\" names no type: i32, f32 or utf8", word);
		*colon = 0;
	}
	if (f->n_keep == HM_JSONL_KEEP)
		return hm_err_set(e, HM_EUSAGE, "more than %d fields to keep", HM_JSONL_KEEP);
	f->keep[f->n_keep].name = word;
	f->keep[f->n_keep++].dtype = type[k].dtype;
	return 0;
}

/* A line and its tree: what the look-ups below need. */
struct object {
	const char *line;
	size_t len;
	const cJSON *tree;
};

/* One member: its value and, once located, its bytes in the line and their column. */
struct member {
	const cJSON *v; /* NULL: not there */
	int index;
	const char *raw;
	size_t len, column;
};

static struct member find(const struct object *o, const char *key)
{
	struct member m = {.v = o->tree->child};
	while (m.v && strcmp(m.v->string, key)) {
		m.v = m.v->next;
		m.index++;
	}
	return m;
}

/* Costs a scan of the line: only for numbers, whose digits count, and for messages. */
static void locate(const struct object *o, struct member *m)
{
	size_t start = 0, end = 0;
	hm_json_member(o->line, o->len, m->index, &start, &end);
	m->raw = o->line + start;
	m->len = end - start;
	m->column = start + 1;
}

static int want(const struct object *o, const char *key, struct member *m, struct hm_err *e)
{
	*m = find(o, key);
	return m->v ? 0
		    : hm_err_set(e, HM_EDATA, "the field \"%s\" is missing from the object at column 1", key);
}

static int wrong(const struct object *o, struct member *m, const char *key, const char *type,
		 struct hm_err *e)
{
	locate(o, m);
	return hm_err_set(e, HM_EDATA, "the field \"%s\" is no %s at column %zu", key, type, m->column);
}

static int get_text(const struct object *o, const char *key, const char **out, struct hm_err *e)
{
	struct member m;
	if (want(o, key, &m, e))
		return HM_EDATA;
	if (!cJSON_IsString(m.v))
		return wrong(o, &m, key, "string", e);
	*out = m.v->valuestring;
	return 0;
}

/* Written as an integer: 1.0 and 1e0 are none. Locates m when it is a number. */
static bool integral(const struct object *o, struct member *m)
{
	if (!cJSON_IsNumber(m->v))
		return false;
	locate(o, m);
	return !memchr(m->raw, '.', m->len) && !memchr(m->raw, 'e', m->len) && !memchr(m->raw, 'E', m->len);
}

static int get_i32(const struct object *o, struct member *m, const char *key, int32_t *out, struct hm_err *e)
{
	if (!integral(o, m))
		return wrong(o, m, key, "integer", e);
	if (m->v->valuedouble < INT32_MIN || m->v->valuedouble > INT32_MAX)
		return wrong(o, m, key, "integer of 32 bits", e);
	*out = (int32_t)m->v->valuedouble;
	return 0;
}

static int get_f32(const struct object *o, struct member *m, const char *key, float *out, struct hm_err *e)
{
	if (!cJSON_IsNumber(m->v) || fabs(m->v->valuedouble) > FLT_MAX)
		return wrong(o, m, key, "number within a float's range", e);
	*out = (float)m->v->valuedouble;
	return 0;
}

static int get_id(const struct object *o, const char *key, struct hm_jsonl_rec *rec, struct hm_err *e)
{
	struct member m;
	if (want(o, key, &m, e))
		return HM_EDATA;
	rec->id_index = m.index;
	if (cJSON_IsString(m.v)) {
		rec->id = m.v->valuestring;
		return 0;
	}
	if (!integral(o, &m) || m.len >= sizeof rec->digits)
		return wrong(o, &m, key, "integer or string", e);
	memcpy(rec->digits, m.raw, m.len);
	rec->digits[m.len] = 0;
	rec->id = rec->digits;
	return 0;
}

static int get_label(const struct object *o, const char *key, int32_t *out, struct hm_err *e)
{
	struct member m = find(o, key);
	*out = -1;
	if (!m.v || cJSON_IsNull(m.v))
		return 0;
	if (get_i32(o, &m, key, out, e))
		return HM_EDATA;
	return m.raw[0] == '-' ? wrong(o, &m, key, "class: it is negative", e) : 0;
}

static const char *strip(const char *img, const char *prefix)
{
	size_t n = strlen(prefix);
	while (n && (*img == '/' || !strncmp(img, prefix, n)))
		img += *img == '/' ? 1 : n;
	return img;
}

static int get_kept(const struct object *o, const struct hm_jsonl_form *f, struct hm_jsonl_rec *rec,
		    struct hm_err *e)
{
	int rc = 0;
	for (int i = 0; !rc && i < f->n_keep; i++) {
		struct member m;
		const char *key = f->keep[i].name;
		if (f->keep[i].dtype == HM_UTF8)
			rc = get_text(o, key, &rec->keep[i].text, e);
		else if (!(rc = want(o, key, &m, e)))
			rc = f->keep[i].dtype == HM_I32 ? get_i32(o, &m, key, &rec->keep[i].i32, e)
							: get_f32(o, &m, key, &rec->keep[i].f32, e);
	}
	return rc;
}

int hm_jsonl_parse(const struct hm_jsonl_form *f, const char *line, size_t len, struct hm_jsonl_rec *rec,
		   struct hm_err *e)
{
	rec->tree = NULL;
	if (len > HM_JSONL_LINE)
		return hm_err_set(e, HM_EDATA, "the line is longer than the %zu bytes allowed, at column %zu",
				  HM_JSONL_LINE, HM_JSONL_LINE + 1);
	rec->tree = hm_json_parse(line, len, HM_JSONL_DEPTH, NULL, e);
	if (!rec->tree)
		return HM_EDATA;
	struct object o = {line, len, rec->tree};
	int rc = cJSON_IsObject(rec->tree)
			 ? 0
			 : hm_err_set(e, HM_EDATA, "the line is no JSON object at column 1");
	if (!rc)
		rc = get_id(&o, f->id, rec, e);
	if (!rc)
		rc = get_text(&o, f->img, &rec->img, e);
	if (!rc)
		rc = get_text(&o, f->text, &rec->text, e);
	if (!rc)
		rc = get_label(&o, f->label, &rec->label, e);
	if (!rc)
		rc = get_kept(&o, f, rec, e);
	if (rc)
		hm_jsonl_clear(rec);
	else
		rec->img = strip(rec->img, f->img_prefix);
	return rc;
}

size_t hm_jsonl_id_column(const char *line, size_t len, const struct hm_jsonl_rec *rec)
{
	struct object o = {line, len, rec->tree};
	struct member m = {.index = rec->id_index};
	locate(&o, &m);
	return m.column;
}

void hm_jsonl_clear(struct hm_jsonl_rec *rec)
{
	cJSON_Delete(rec->tree);
	rec->tree = NULL;
}
