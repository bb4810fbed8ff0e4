/* Reading a sweep's configurations. See sweep.h. */
#include "base/file.h"
#include "base/strmap.h"
#include "json/json.h"
#include "train/sweep.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 256 << 20, NAME_MOST = 200 };

static int add_key(struct hm_sweep *s, const char *key, struct hm_err *e)
{
	for (size_t i = 0; i < s->keys; i++)
		if (!strcmp(s->key[i], key))
			return 0;
	const char **more = hm_arena_get(&s->arena, (s->keys + 1) * sizeof *more, e);
	if (!more || !(key = hm_arena_copy(&s->arena, key, strlen(key), e)))
		return HM_EDATA;
	if (s->keys)
		memcpy(more, s->key, s->keys * sizeof *more);
	more[s->keys++] = key;
	s->key = more;
	return 0;
}

/* A name becomes a file name: not empty, no slash, no leading dot, no control characters. */
static int take_name(struct hm_sweep *s, struct hm_sweep_item *item, const cJSON *v, struct hm_err *e)
{
	const char *name = cJSON_IsString(v) ? v->valuestring : "";
	size_t len = strlen(name);
	bool plain = len > 0 && len <= NAME_MOST && *name != '.' && !strchr(name, '/');
	uint32_t cp = 0;
	for (size_t i = 0, n; i < len && plain; i += n) {
		n = (size_t)hm_utf8_next(name + i, len - i, &cp); /* JSON is UTF-8 */
		plain = n && !hm_utf8_is_control(cp);
	}
	if (!plain)
		return hm_err_set(e, HM_EDATA,
				  "\"name\" must be usable as a file's name, 1 to %d bytes, without / and "
				  "leading dot",
				  NAME_MOST);
	item->name = hm_arena_copy(&s->arena, name, len, e);
	return item->name ? 0 : HM_EDATA;
}

static int read_line(struct hm_sweep *s, struct hm_sweep_item *item, const char *line, size_t len,
		     const struct hm_sweep_reader *r, struct hm_err *e)
{
	cJSON *o = hm_json_parse(line, len, 2, NULL, e);
	const cJSON *v;
	size_t start, end;
	int rc = o ? 0 : HM_EDATA, i = 0;
	if (o && !cJSON_IsObject(o))
		rc = hm_err_set(e, HM_EDATA, "it is not an object");
	if (!rc)
		r->begin(r->ctx);
	for (v = rc ? NULL : o->child; v && !rc; v = v->next, i++) {
		const char *value = NULL;
		if (!strcmp(v->string, "name")) {
			rc = take_name(s, item, v, e);
			continue;
		}
		if (cJSON_IsString(v))
			value = hm_arena_copy(&s->arena, v->valuestring, strlen(v->valuestring), e);
		else if ((cJSON_IsNumber(v) || cJSON_IsBool(v)) && hm_json_member(line, len, i, &start, &end))
			value = hm_arena_copy(&s->arena, line + start, end - start,
					      e); /* the user's own digits */
		else
			rc = hm_err_set(e, HM_EDATA, "\"%s\" must be a number, a string or a boolean",
					v->string);
		if (!rc &&
		    (!value || r->set(r->ctx, v->string, (char *)value, e) || add_key(s, v->string, e)))
			rc = HM_EDATA;
	}
	if (!rc && !item->name)
		rc = hm_err_set(e, HM_EDATA, "\"name\" is missing");
	if (!rc)
		rc = r->finish(r->ctx, item, e);
	cJSON_Delete(o);
	return rc;
}

int hm_sweep_read(struct hm_sweep *s, const char *path, const struct hm_sweep_reader *r, struct hm_err *e)
{
	struct hm_strmap names = {0};
	*s = (struct hm_sweep){0};
	int rc = hm_file_read(path, FILE_MOST, &s->text, e);
	size_t lines = s->text.len && s->text.data[s->text.len - 1] != '\n', line = 0;
	for (size_t i = 0; i < s->text.len; i++)
		lines += s->text.data[i] == '\n';
	hm_hex_digest(s->text.data, s->text.len, s->digest);
	if (rc || lines > HM_SWEEP_MOST)
		return rc ? rc : hm_err_set(e, HM_EDATA, "%s: more than %d lines", path, HM_SWEEP_MOST);
	if (!(s->item = hm_alloc(lines, sizeof *s->item, e)))
		return HM_EDATA;
	const char *at = (const char *)s->text.data, *stop = at + s->text.len;
	while (!rc && at < stop) {
		const char *newline = memchr(at, '\n', (size_t)(stop - at)), *end = newline ? newline : stop;
		line++;
		if (strspn(at, " \t\r\n") < (size_t)(end - at)) {
			struct hm_sweep_item *item = &s->item[s->n];
			rc = read_line(s, item, at, (size_t)(end - at), r, e);
			if (!rc && hm_strmap_find(&names, item->name, strlen(item->name), &(uint64_t){0}))
				rc = hm_err_set(e, HM_EDATA, "the name \"%s\" is used twice", item->name);
			if (!rc &&
			    hm_strmap_add(&names, item->name, strlen(item->name), &(uint64_t){line}, e) < 0)
				rc = HM_EDATA;
			if (rc) {
				hm_err_prefix(e, "%s: line %zu", path, line);
				rc = e->code = HM_EDATA;
			}
			s->n += !rc;
		}
		at = end + 1;
	}
	hm_strmap_clear(&names);
	if (!rc && !s->n)
		rc = hm_err_set(e, HM_EDATA, "%s: it has no configuration", path);
	return rc;
}

void hm_sweep_clear(struct hm_sweep *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->item[i].params), free(s->item[i].error);
	free(s->item);
	hm_arena_clear(&s->arena);
	hm_buf_clear(&s->text);
	*s = (struct hm_sweep){0};
}
