/* Opening, sorting and looking up: what all formats share. See weights.h. */
#include "weights/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_CAP ((size_t)16 << 20)
enum { TENSORS_CAP = 1 << 18 };

char *hm_weights_text(struct hm_weights *w, const char *s, size_t n, struct hm_err *e)
{
	return hm_arena_copy(&w->store->arena, s, n, e);
}

int hm_weights_add(struct hm_weights *w, const char *prefix, const char *name, size_t len,
		   const struct hm_tensor *t, struct hm_err *e)
{
	struct hm_weights_store *s = w->store;
	struct hm_tensor copy = *t;
	size_t count, bytes, before = strlen(prefix), all;
	int shown = len < 200 ? (int)len : 200;
	if (!hm_shape_count(t->ndim, t->dim, &count) || !hm_size_mul(count, hm_dtype_size(t->dtype), &bytes))
		return hm_err_set(e, HM_EDATA, "tensor \"%.*s\": its size overflows", shown, name);
	if (!hm_size_add(before, len, &all) || all > NAMES_CAP - s->names ||
	    s->list.len / sizeof copy >= TENSORS_CAP)
		return hm_err_set(e, HM_EDATA,
				  "it holds more than %d tensors, or their names more than %zu bytes",
				  TENSORS_CAP, NAMES_CAP);
	char *own = hm_arena_get(&s->arena, all + 1, e);
	if (!own)
		return HM_EDATA;
	memcpy(own, prefix, before);
	memcpy(own + before, name, len);
	own[all] = 0;
	s->names += all;
	copy.name = own;
	return hm_buf_add(&s->list, &copy, sizeof copy, e);
}

static int by_name(const void *a, const void *b)
{
	const struct hm_tensor *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static int sort_tensors(struct hm_weights *w, struct hm_err *e)
{
	w->tensor = (struct hm_tensor *)w->store->list.data;
	w->n = w->store->list.len / sizeof *w->tensor;
	if (!w->n)
		return hm_err_set(e, HM_EDATA, "holds no tensor");
	qsort(w->tensor, w->n, sizeof *w->tensor, by_name);
	for (size_t i = 1; i < w->n; i++)
		if (!strcmp(w->tensor[i - 1].name, w->tensor[i].name))
			return hm_err_set(e, HM_EDATA, "tensor \"%.200s\" is there twice", w->tensor[i].name);
	return 0;
}

static struct hm_weights *weights_new(const struct hm_weights_options *o, struct hm_err *e)
{
	struct hm_weights *w = hm_alloc(1, sizeof *w, e);
	if (!w)
		return NULL;
	w->store = hm_alloc(1, sizeof *w->store, e);
	if (!w->store) {
		free(w);
		return NULL;
	}
	w->store->key = o ? o->key : NULL;
	return w;
}

static int parse_any(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e)
{
	if (n >= 4 && !memcmp(p, "PK\3\4", 4))
		return hm_pth_parse_zip(w, p, n, e);
	if (hm_pth_is_legacy(p, n))
		return hm_pth_parse_legacy(w, p, n, e);
	if (n >= 9 && p[8] == '{')
		return hm_safetensors_parse(w, p, n, e);
	return hm_weights_refuse(p, n, e);
}

/* What follows when all files are parsed. */
static int finish_open(struct hm_weights *w, const struct hm_weights_options *o, struct hm_err *e)
{
	int rc = sort_tensors(w, e);
	/* a key that led into the file is no other file's: what is left of it must be there */
	if (!rc && w->store->key)
		rc = hm_weights_take_key(w, o->key_optional && !w->keyed, e);
	hm_weights_index(w);
	return rc || (o && o->names_first) ? rc : hm_weights_verify(w, w->tensor, w->n, e);
}

static int hand_over(struct hm_weights **out, struct hm_weights *w, int rc)
{
	if (rc)
		hm_weights_close(w);
	*out = rc ? NULL : w;
	return rc;
}

int hm_weights_parse(struct hm_weights **out, const unsigned char *p, size_t n,
		     const struct hm_weights_options *o, struct hm_err *e)
{
	*out = NULL;
	struct hm_weights *w = weights_new(o, e);
	if (!w)
		return HM_EDATA;
	int rc = parse_any(w, p, n, e);
	return hand_over(out, w, rc ? rc : finish_open(w, o, e));
}

int hm_weights_read_file(struct hm_weights *w, const char *path, struct hm_err *e)
{
	struct hm_weights_store *s = w->store;
	struct hm_weights_file *more = hm_alloc(s->files + 1, sizeof *more, e);
	if (!more)
		return HM_EDATA;
	if (s->files)
		memcpy(more, s->file, s->files * sizeof *more);
	free(s->file);
	s->file = more;
	struct hm_weights_file *f = &s->file[s->files];
	f->path = hm_weights_text(w, path, strlen(path), e);
	if (!f->path || hm_weights_map_file(f, path, e))
		return HM_EDATA;
	s->files++;
	int rc = parse_any(w, f->map.data, f->map.len, e);
	return rc ? hm_err_prefix(e, "%s", path) : 0;
}

void hm_weights_release(const struct hm_weights *w)
{
	for (size_t i = 0; i < w->store->files; i++)
		hm_map_release(&w->store->file[i].map);
}

int hm_weights_open(struct hm_weights **out, const char *path, const struct hm_weights_options *o,
		    struct hm_err *e)
{
	struct stat st;
	*out = NULL;
	if (stat(path, &st))
		return hm_weights_refuse_path(path, errno, e);
	struct hm_weights *w = weights_new(o, e);
	if (!w)
		return HM_EDATA;
	w->path = hm_weights_text(w, path, strlen(path), e);
	int rc = !w->path	       ? HM_EDATA
		 : S_ISDIR(st.st_mode) ? hm_weights_read_folder(w, path, e)
				       : hm_weights_read_file(w, path, e);
	if (!rc && finish_open(w, o, e))
		rc = hm_err_prefix(e, "%s", path);
	return hand_over(out, w, rc);
}

void hm_weights_close(struct hm_weights *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->store->files; i++)
		hm_weights_unmap_file(&w->store->file[i]);
	free(w->store->file);
	hm_buf_clear(&w->store->list);
	hm_buf_clear(&w->store->pieces);
	hm_buf_clear(&w->store->gathers);
	hm_buf_clear(&w->store->digests);
	hm_arena_clear(&w->store->arena);
	free(w->store);
	cJSON_Delete(w->meta);
	free(w);
}

const struct hm_tensor *hm_weights_find(const struct hm_weights *w, const char *name)
{
	struct hm_tensor key = {.name = name};
	return bsearch(&key, w->tensor, w->n, sizeof key, by_name);
}

const char *hm_weights_meta(const struct hm_weights *w, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(w->meta, key));
}
