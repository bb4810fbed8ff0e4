/* Any bytes as a file of torch.save, zip or legacy: refused with a sentence, or tensors whose every byte can
 * be read. A zip's CRC would stop nearly every mutation, so a first byte of 'N' stands for a pickle put into
 * a zip here. */
#include "weights/store.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	char digest[33];
	if (size >= 9 && data[8] == '{') /* .safetensors has a harness of its own */
		return;
	if (hm_weights_parse(&w, data, size, NULL, &e)) {
		if (!e.text[0] || w)
			abort();
		return;
	}
	if (hm_weights_digest(w->tensor, w->n, digest, &e))
		abort();
	hm_weights_close(w);
}

static void add(zip_t *z, const char *name, const void *p, size_t n)
{
	zip_int64_t i = zip_file_add(z, name, zip_source_buffer(z, p, n, 0), ZIP_FL_OVERWRITE);
	if (i < 0 || zip_set_file_compression(z, (zip_uint64_t)i, ZIP_CM_STORE, 0))
		abort();
}

/* The pickle as x/data.pkl beside three storages. */
static void parse_zipped(const uint8_t *pickle, size_t n)
{
	static const unsigned char storage[96];
	zip_source_t *s = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *z = s ? zip_open_from_source(s, ZIP_CREATE | ZIP_TRUNCATE, NULL) : NULL;
	if (!z)
		abort();
	zip_source_keep(s);
	add(z, "x/data.pkl", pickle, n);
	add(z, "x/data/0", storage, 96);
	add(z, "x/data/1", storage, 4);
	add(z, "x/data/2", storage, 0);
	zip_stat_t st;
	if (zip_close(z) || zip_source_stat(s, &st) || zip_source_open(s))
		abort();
	uint8_t *all = malloc(st.size);
	if (!all || zip_source_read(s, all, st.size) != (zip_int64_t)st.size)
		abort();
	zip_source_free(s);
	parse(all, st.size);
	free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 'N')
		parse_zipped(data + 1, size - 1);
	else
		parse(data, size);
	return 0;
}
