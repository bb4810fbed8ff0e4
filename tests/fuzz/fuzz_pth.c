/* Any bytes as a file of torch.save, zip or legacy: refused with a sentence, or tensors whose every byte can
 * be read. A zip's CRC would stop nearly every mutation, so a first byte of 'N' stands for a pickle put into
 * a zip here. */
#include "../support/zipwrite.h"
#include "weights/store.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_file(const uint8_t *data, size_t size)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	char digest[33];
	if (size >= 9 && data[8] == '{') /* .safetensors has a harness of its own */
		return;
	const struct hm_weights_options o = {.key = size % 4 == 1   ? "a"
						    : size % 4 == 2 ? "a.b"
								    : NULL,
					     .names_first = size % 2};
	const char *const mark[] = {"a|b", "b"}, *prefix;
	if (hm_weights_parse(&w, data, size, &o, &e)) {
		if (!e.text[0] || w)
			abort();
		return;
	}
	if (hm_weights_prefix(w, mark, 2, &prefix, &e) && !e.text[0])
		abort();
	if (hm_weights_verify(w, w->tensor, w->n, &e)) {
		hm_weights_close(w);
		return;
	}
	if (hm_weights_digest(w->tensor, w->n, digest, &e))
		abort();
	hm_weights_close(w);
}

/* The pickle as x/data.pkl of a zip with three storages. */
static void parse_zipped(const uint8_t *pickle, size_t n)
{
	static const unsigned char storage[96];
	const struct zip_file file[] = {{"x/data.pkl", pickle, n},
					{"x/data/0", storage, 96},
					{"x/data/1", storage, 4},
					{"x/data/2", storage, 0}};
	struct hm_buf b = {0};
	zip_write(&b, file, 4, n % 2, n % 3 == 0);
	uint8_t *all = malloc(b.len); /* its own block, so that a sanitizer sees one byte too many */
	if (!all)
		abort();
	memcpy(all, b.data, b.len);
	parse_file(all, b.len);
	free(all);
	hm_buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 'N')
		parse_zipped(data + 1, size - 1);
	else
		parse_file(data, size);
	return 0;
}
