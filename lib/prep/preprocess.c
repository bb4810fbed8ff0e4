/* Finds and reads the file: see preprocess.h. */
#include "base/file.h"
#include "json/json.h"
#include "prep/preprocessparts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES ((size_t)256 << 10)
#define FILE_DEPTH 16

int hm_preprocess_fault(const struct hm_preprocess *p, struct hm_err *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return hm_err_set(e, HM_EDATA, "%s: %s", p->path, text);
}

const cJSON *hm_preprocess_member(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsNull(v) ? NULL : v;
}

int hm_preprocess_bool(const struct hm_preprocess *p, const char *key, bool *out, struct hm_err *e)
{
	const cJSON *v = hm_preprocess_member(p->body, key);
	if (!v)
		return 0;
	if (!cJSON_IsBool(v))
		return hm_preprocess_fault(p, e, "\"%s\" is neither true nor false", key);
	*out = cJSON_IsTrue(v);
	return 1;
}

int hm_preprocess_int(const struct hm_preprocess *p, const cJSON *v, const char *key, int most, int *out,
		      struct hm_err *e)
{
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 1 && v->valuedouble <= most) ||
	    v->valuedouble != floor(v->valuedouble))
		return hm_preprocess_fault(p, e, "\"%s\" is not an integer from 1 to %d", key, most);
	*out = (int)v->valuedouble;
	return 0;
}

static bool has_any(const cJSON *o, const char *const *keys)
{
	while (*keys && !hm_preprocess_member(o, *keys))
		keys++;
	return *keys;
}

/* Which kind of file the tree is, and where in it pictures are spoken of. */
static int find_body(struct hm_preprocess *p, struct hm_err *e)
{
	static const char *const hf[] = {"size", "crop_size", "do_resize", "image_mean", NULL};
	static const char *const clip[] = {"preprocess_cfg", "model_cfg", NULL};
	const cJSON *inner = hm_preprocess_member(p->tree, "image_processor");
	if (!cJSON_IsObject(p->tree))
		return hm_preprocess_fault(p, e, "the JSON value is not an object");
	p->open_clip = has_any(p->tree, clip);
	p->body = p->open_clip		  ? hm_preprocess_member(p->tree, "preprocess_cfg")
		  : cJSON_IsObject(inner) ? inner
					  : p->tree;
	if (p->open_clip && p->body && !cJSON_IsObject(p->body))
		return hm_preprocess_fault(p, e, "\"preprocess_cfg\" is not an object");
	if (!p->open_clip && !has_any(p->body, hf))
		return hm_preprocess_fault(
			p, e,
			"this is neither a preprocessor_config.json nor an "
			"open_clip_config.json: it has neither \"size\" nor \"preprocess_cfg\"");
	return 1;
}

int hm_preprocess_parse(struct hm_preprocess *p, const char *path, const char *text, size_t len,
			struct hm_err *e)
{
	*p = (struct hm_preprocess){.path = hm_strndup(path, strlen(path), e)};
	if (!p->path)
		return HM_EDATA;
	p->tree = hm_json_parse(text, len, FILE_DEPTH, NULL, e);
	if (!p->tree)
		return hm_err_prefix(e, "%s", path);
	return find_body(p, e);
}

static int read_file(struct hm_preprocess *p, const char *path, struct hm_err *e)
{
	struct hm_buf b = {0};
	int rc = hm_file_read(path, FILE_BYTES, &b, e);
	if (!rc)
		rc = hm_preprocess_parse(p, path, (const char *)b.data, b.len, e);
	hm_buf_clear(&b);
	return rc;
}

/* 1: the folder's file `name` was read; 0: it is not there. */
static int read_named(struct hm_preprocess *p, const char *dir, const char *name, struct hm_err *e)
{
	struct hm_buf path = {0};
	struct stat st;
	size_t n = strlen(dir);
	if (hm_buf_printf(&path, e, "%s%s%s", dir, n && dir[n - 1] != '/' ? "/" : "", name))
		return HM_EDATA;
	const char *at = (const char *)path.data;
	int rc = 0;
	if (!lstat(at, &st))
		rc = read_file(p, at, e);
	else if (errno != ENOENT)
		rc = hm_err_system(e, errno, "%s: cannot open: %s", at, strerror(errno));
	hm_buf_clear(&path);
	return rc;
}

static int read_folder(struct hm_preprocess *p, const char *dir, struct hm_err *e)
{
	struct hm_err other = {0};
	/* many of that name say nothing of pictures; one that does counts first, as for transformers */
	int rc = read_named(p, dir, "processor_config.json", &other);
	if (rc < 0 && !p->tree)
		return hm_err_pass(e, &other);
	if (rc == 1 && p->body != p->tree && !p->open_clip)
		return rc;
	hm_preprocess_close(p);
	rc = read_named(p, dir, "preprocessor_config.json", e);
	return rc ? rc : read_named(p, dir, "open_clip_config.json", e);
}

int hm_preprocess_open(struct hm_preprocess *p, const char *path, struct hm_err *e)
{
	*p = (struct hm_preprocess){0};
	int folder = hm_file_is_folder(path, e);
	return folder < 0 ? folder : folder ? read_folder(p, path, e) : read_file(p, path, e);
}

void hm_preprocess_close(struct hm_preprocess *p)
{
	free(p->path);
	cJSON_Delete(p->tree);
	*p = (struct hm_preprocess){0};
}

int hm_preprocess_square(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e)
{
	*out = (struct hm_square){0};
	return p->open_clip ? hm_preprocess_square_clip(p, out, e) : hm_preprocess_square_hf(p, out, e);
}
