/* Any bytes as a .safetensors file: refused with a sentence, or tensors whose every byte can be read. */
#include "weights/store.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	const struct hm_tensor *t;
	size_t n;
	char digest[33];
	if (size < 9 || data[8] != '{') /* the other formats have harnesses of their own */
		return 0;
	if (hm_weights_parse(&w, data, size, NULL, &e)) {
		if (!e.text[0] || w)
			abort();
		return 0;
	}
	if (hm_weights_digest(w->tensor, w->n, digest, &e))
		abort();
	hm_weights_encoder(w, HM_IMAGE_ENCODER, &t, &n, &e);
	hm_weights_encoder(w, HM_TEXT_ENCODER, &t, &n, &e);
	hm_weights_close(w);
	return 0;
}
