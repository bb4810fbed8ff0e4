/* Any bytes as a .safetensors file: refused with a sentence, or tensors whose every byte can be read; and as
 * an encoder, whose tensors then have names of their own in bytewise order. */
#include "model/names.h"
#include "weights/store.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The tensors of one role below the prefix, read and in order; or a sentence. */
static void collect(struct hm_weights *w, const struct hm_tower_kind *kind, const char *prefix,
		    enum hm_tensor_role role)
{
	struct hm_arena names = {0};
	struct hm_err e = {0};
	const struct hm_tensor *t;
	char digest[33];
	size_t n;
	int rc = hm_names_collect(w, kind, prefix, role, &names, &t, &n, &e);
	if (rc ? !e.text[0] : n > w->n || hm_weights_digest(t, n, digest, &e))
		abort();
	for (size_t i = 1; !rc && i < n; i++)
		if (strcmp(t[i - 1].name, t[i].name) >= 0)
			abort();
	hm_arena_clear(&names);
}

/* By its own prefix, and below one that a model file has. */
static void find_encoder(struct hm_weights *w, enum hm_side side, const char *known)
{
	struct hm_err e = {0};
	const struct hm_tower_kind *kind;
	const char *prefix;
	if (hm_names_find(w, side, NULL, &kind, &prefix, &e)) {
		if (!e.text[0])
			abort();
		prefix = "";
	} else if (kind->side != side || (*prefix && !hm_names_holds(w, prefix))) {
		abort();
	} else {
		collect(w, kind, prefix, HM_TENSOR_PARAM);
		collect(w, kind, prefix, HM_TENSOR_COUNTER);
	}
	for (int i = 0; i < 2; i++) {
		struct hm_err why = {0};
		const char *below = i ? known : prefix;
		if (hm_names_family(w, side, below, &kind, &why)) {
			if (!why.text[0])
				abort();
		} else {
			collect(w, kind, below, HM_TENSOR_PARAM);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_err e = {0};
	struct hm_weights *w;
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
	find_encoder(w, HM_IMAGE, "image_encoder.");
	find_encoder(w, HM_TEXT, "text_encoder.");
	hm_weights_close(w);
	return 0;
}
