/* Any bytes as a .safetensors file: refused with a sentence, or tensors whose every byte can be read; and as
 * an encoder, whose tensors then have names of their own in bytewise order. */
#include "model/names.h"
#include "weights/store.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The tensors of one role at that place, read and in order; or a sentence. */
static void collect_role(struct hm_weights *w, const struct hm_names_place *at, enum hm_tensor_role role)
{
	struct hm_arena names = {0};
	struct hm_err e = {0};
	struct hm_names_list list;
	char digest[33];
	int rc = hm_names_collect(w, at, role, &names, &list, &e);
	if (!rc)
		rc = hm_names_turn(&list, &names, &e);
	if (rc ? !e.text[0] : hm_weights_digest(list.tensor, list.n, digest, &e))
		abort();
	for (size_t i = 1; !rc && i < list.n; i++)
		if (strcmp(list.tensor[i - 1].name, list.tensor[i].name) >= 0)
			abort();
	hm_arena_clear(&names);
}

/* By its own prefix, and below one that a model file has. */
static void find_encoder(struct hm_weights *w, enum hm_side side, const char *known)
{
	struct hm_err e = {0};
	struct hm_names_place at;
	const char *prefix = "";
	if (hm_names_find(w, side, NULL, NULL, &at, &e)) {
		if (!e.text[0])
			abort();
	} else if (at.kind->side != side || (*at.prefix && !hm_names_holds(w, at.prefix))) {
		abort();
	} else {
		prefix = at.prefix;
		collect_role(w, &at, HM_TENSOR_PARAM);
		collect_role(w, &at, HM_TENSOR_COUNTER);
	}
	for (int i = 0; i < 2; i++) {
		struct hm_err why = {0};
		if (hm_names_family(w, side, i ? known : prefix, NULL, &at, &why)) {
			if (!why.text[0])
				abort();
		} else {
			collect_role(w, &at, HM_TENSOR_PARAM);
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
