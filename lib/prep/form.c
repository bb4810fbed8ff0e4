/* Which fields a record is made of, and paths below a prefix: see form.h. */
#include "prep/form.h"

#include <string.h>

#define SHOWN 120 /* bytes of a path that a message shows */

int hm_form_keep(struct hm_form *f, char *word, struct hm_err *e)
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
	if (f->n_keep == HM_FORM_KEEP)
		return hm_err_set(e, HM_EUSAGE, "more than %d fields to keep", HM_FORM_KEEP);
	f->keep[f->n_keep].name = word;
	f->keep[f->n_keep++].dtype = type[k].dtype;
	return 0;
}

/* Bytes at the front of a path that name no folder: separators, and "." between them. */
static size_t count_idle(const char *path, const char *separators)
{
	size_t n = strspn(path, separators);
	while (path[n] == '.' && path[n + 1] && strchr(separators, path[n + 1]))
		n += 1 + strspn(path + n + 1, separators);
	return n;
}

const char *hm_path_strip(const char *path, const char *prefix)
{
	const char *separators = strchr(prefix, '/') ? "/" : "/\\", *at = path;
	if (!*prefix || !strspn(path, separators) != !strspn(prefix, separators))
		return path;
	for (;;) {
		at += count_idle(at, separators);
		prefix += count_idle(prefix, separators);
		size_t n = strcspn(prefix, separators);
		if (!n)
			return *at ? at : path;
		if (strcspn(at, separators) != n || strncmp(at, prefix, n))
			return path;
		at += n;
		prefix += n;
	}
}

/* A drive as in "C:/img" makes a path absolute, too. */
static bool is_absolute(const char *path)
{
	bool letter = (*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z');
	return *path == '/' || (letter && path[1] == ':' && path[2] == '/');
}

enum hm_path hm_form_path(const struct hm_form *f, const char *whole, struct hm_fields *v)
{
	v->img = hm_path_strip(whole, f->img_prefix);
	v->cut = v->img != whole;
	if (strchr(v->img, '\\'))
		return HM_PATH_BACKSLASH;
	return is_absolute(v->img) ? HM_PATH_ABSOLUTE : HM_PATH_FINE;
}

const char *hm_path_shown(const char *path)
{
	size_t len = strlen(path);
	if (len <= SHOWN)
		return path;
	path += len - SHOWN;
	while ((*path & 0xc0) == 0x80)
		path++;
	return path;
}
