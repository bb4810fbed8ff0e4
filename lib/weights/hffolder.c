/* The folders of Hugging Face and of open_clip: one weight file, or shards named by an index, and config.json
 * or other JSON next to it. See weights.h. */
#include "base/fd.h"
#include "base/file.h"
#include "base/strmap.h"
#include "json/json.h"
#include "weights/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *hm_weights_path(const char *dir, const char *name, struct hm_err *e)
{
	struct hm_buf b = {0};
	size_t n = strlen(dir);
	if (!hm_buf_printf(&b, e, "%s%s%s", dir, n && dir[n - 1] != '/' ? "/" : "", name))
		return (char *)b.data;
	hm_buf_clear(&b);
	return NULL;
}

static cJSON *read_json(const char *path, struct hm_err *e)
{
	struct hm_buf b = {0};
	cJSON *v = NULL;
	if (!hm_file_read(path, HM_WEIGHTS_HEADER_CAP, &b, e)) {
		if (!hm_weights_refuse_text(b.data, b.len, e))
			v = hm_json_parse((char *)b.data, b.len, 32, NULL, e);
		if (v && !cJSON_IsObject(v)) {
			hm_err_set(e, HM_EDATA, "its JSON is not an object");
			cJSON_Delete(v);
			v = NULL;
		}
		if (!v)
			hm_err_prefix(e, "%s", path);
	}
	hm_buf_clear(&b);
	return v;
}

/* Reads every file that the map names, once. The names of the tensors go to `names`. */
static int read_named(struct hm_weights *w, const char *dir, const cJSON *map, struct hm_strmap *names,
		      struct hm_err *e)
{
	struct hm_strmap files = {0};
	uint64_t one = 1;
	int rc = 0;
	for (const cJSON *k = map->child; rc >= 0 && k; k = k->next) {
		if (!cJSON_IsString(k) || !*k->valuestring || strchr(k->valuestring, '/')) {
			rc = hm_err_set(e, HM_EDATA,
					"tensor \"%.200s\": the file named is not one of this folder",
					k->string);
			break;
		}
		rc = hm_strmap_add(names, k->string, strlen(k->string), &one, e);
		if (rc >= 0)
			rc = hm_strmap_add(&files, k->valuestring, strlen(k->valuestring), &one, e);
		if (rc == 1) {
			char *path = hm_weights_path(dir, k->valuestring, e);
			rc = path ? hm_weights_read_file(w, path, e) : HM_EDATA;
			free(path);
		}
	}
	hm_strmap_clear(&files);
	return rc < 0 ? rc : 0;
}

/* {"weight_map": {tensor: file}}: the shards must hold these tensors and no others. */
static int read_shards(struct hm_weights *w, const char *dir, const char *index, struct hm_err *e)
{
	struct hm_strmap names = {0};
	uint64_t one;
	cJSON *tree = read_json(index, e);
	if (!tree)
		return HM_EDATA;
	const cJSON *map = cJSON_GetObjectItemCaseSensitive(tree, "weight_map");
	int rc = cJSON_IsObject(map) ? read_named(w, dir, map, &names, e)
				     : hm_err_set(e, HM_EDATA, "\"weight_map\" is missing");
	const struct hm_tensor *t = (const struct hm_tensor *)w->store->list.data;
	size_t held = w->store->list.len / sizeof *t;
	for (size_t i = 0; !rc && i < held; i++)
		if (!hm_strmap_find(&names, t[i].name, strlen(t[i].name), &one))
			rc = hm_err_set(e, HM_EDATA, "tensor \"%.200s\" is in a shard but not in weight_map",
					t[i].name);
	if (!rc && held < names.n)
		rc = hm_err_set(e, HM_EDATA, "weight_map names %zu tensors, the shards hold %zu", names.n,
				held);
	hm_strmap_clear(&names);
	cJSON_Delete(tree);
	return rc ? hm_err_prefix(e, "%s", index) : 0;
}

/* What a folder may hold, in the order of the search. */
static const struct {
	const char *name;
	bool index;
} known[] = {{"model.safetensors", false},	     {"model.safetensors.index.json", true},
	     {"pytorch_model.bin", false},	     {"pytorch_model.bin.index.json", true},
	     {"open_clip_model.safetensors", false}, {"open_clip_pytorch_model.bin", false}};

bool hm_weights_is_folder(const char *path)
{
	int dir = hm_fd_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	bool found = false;
	for (size_t i = 0; dir >= 0 && i < sizeof known / sizeof *known; i++)
		found |= !faccessat(dir, known[i].name, F_OK, 0);
	if (dir >= 0)
		close(dir);
	return found;
}

int hm_weights_read_folder(struct hm_weights *w, const char *dir, struct hm_err *e)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		char *path = hm_weights_path(dir, known[i].name, e);
		if (!path)
			return HM_EDATA;
		int there = hm_file_there(path, e);
		int rc = there <= 0	  ? there
			 : known[i].index ? read_shards(w, dir, path, e)
					  : hm_weights_read_file(w, path, e);
		free(path);
		if (there)
			return rc;
	}
	return hm_weights_refuse_folder(dir, e);
}

int hm_weights_json(const char *path, const char *name, cJSON **tree, struct hm_err *e)
{
	*tree = NULL;
	int folder = hm_file_is_folder(path, e);
	if (folder < 0)
		return folder;
	const char *slash = strrchr(path, '/');
	char *dir = folder  ? hm_strndup(path, strlen(path), e)
		    : slash ? hm_strndup(path, (size_t)(slash - path) + 1, e)
			    : hm_strndup(".", 1, e);
	char *file = dir ? hm_weights_path(dir, name, e) : NULL;
	int rc = file ? hm_file_there(file, e) : HM_EDATA;
	if (rc > 0) {
		*tree = read_json(file, e);
		rc = *tree ? 0 : HM_EDATA;
	}
	free(file);
	free(dir);
	return rc;
}
