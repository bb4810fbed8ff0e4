/* Any bytes as the index of a Hugging Face folder ('I' first, before a shard that is there) or as its
 * config.json or open_clip_config.json: an error with a sentence, or tensors that can be read. */
#include "base/file.h"
#include "weights/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/hm-fuzz-XXXXXX", path[128];

static void remove_folder(void)
{
	static const char *const name[] = {"a.safetensors", "model.safetensors.index.json", "config.json",
					   "open_clip_config.json"};
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, name[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* Not through base/file.h, whose fsync is slow. */
static void write_file(const char *name, const void *p, size_t n)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	if (!f || (n && fwrite(p, n, 1, f) != 1) || fclose(f))
		abort();
}

static void make_folder(void)
{
	static const char header[] = "{\"x\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
				     "\"y\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]}}";
	char shard[8 + sizeof header - 1 + 8] = {sizeof header - 1};
	if (!mkdtemp(dir))
		abort();
	memcpy(shard + 8, header, sizeof header - 1);
	write_file("a.safetensors", shard, sizeof shard);
	atexit(remove_folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	struct hm_err e = {0};
	struct hm_weights *w;
	cJSON *config;
	char digest[33];
	if (!made)
		make_folder();
	made = true;
	bool index = size && data[0] == 'I';
	const char *json = size % 2 ? "config.json" : "open_clip_config.json";
	write_file(index ? "model.safetensors.index.json" : json, data + index, size - index);
	if (!index) {
		int rc = hm_weights_json(dir, json, &config, &e);
		if ((rc == 0) != !e.text[0] || (rc == 0) != (config != NULL))
			abort();
		cJSON_Delete(config);
		return 0;
	}
	if (hm_weights_open(&w, dir, NULL, &e)) {
		if (!e.text[0] || w)
			abort();
		return 0;
	}
	if (w->n != 2 || hm_weights_digest(w->tensor, w->n, digest, &e))
		abort();
	hm_weights_close(w);
	return 0;
}
