/* The encoder inside a weight file under its published names: see hm_weights_encoder in weights.h. */
#include "weights/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CAP 512
#define TRACKED "num_batches_tracked"

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), m = strlen(with);
	return n >= m && !strcmp(s + n - m, with);
}

/* The first of the prefixes that some tensor has; "" when none. */
static const char *prefix_of(const struct hm_weights *w, const char *const *prefix)
{
	for (; **prefix; prefix++)
		for (size_t i = 0; i < w->n; i++)
			if (begins(w->tensor[i].name, *prefix))
				return *prefix;
	return "";
}

/* What torchvision calls the children of a ResNet that PyTorch's Sequential numbers; 2 and 3 have no tensors.
 */
static const char *const image_part[] = {"conv1", "bn1", "", "", "layer1", "layer2", "layer3", "layer4"};
enum { IMAGE_PARTS = sizeof image_part / sizeof *image_part };

/* `name` without prefix as torchvision publishes it; false when it is no part of the encoder. */
static bool image_name(const char *name, char out[NAME_CAP])
{
	int digit = name[0] >= '0' && name[0] < '0' + IMAGE_PARTS && name[1] == '.' ? name[0] - '0' : 2;
	const char *part = image_part[digit];
	snprintf(out, NAME_CAP, "%s%s", part, *part ? name + 1 : name);
	return !begins(name, "fc.") && !ends(name, TRACKED);
}

static bool tracked_name(const char *name, char out[NAME_CAP])
{
	return !begins(name, "fc.") && !image_name(name, out);
}

void hm_weights_sequential_name(const char *name, char *out, size_t cap)
{
	int i = 0;
	size_t n = strcspn(name, ".");
	while (i < IMAGE_PARTS && (strlen(image_part[i]) != n || strncmp(name, image_part[i], n)))
		i++;
	if (i < IMAGE_PARTS)
		snprintf(out, cap, "%d%s", i, name + n);
	else
		snprintf(out, cap, "%s", name);
}

/* As transformers' BertModel. */
static bool text_name(const char *name, char out[NAME_CAP])
{
	if (begins(name, "cls.") || begins(name, "classifier.") || begins(name, "qa_outputs.") ||
	    ends(name, "position_ids") || ends(name, "embeddings.token_type_ids"))
		return false;
	int stem = ends(name, ".gamma")	 ? (int)strlen(name) - 5
		   : ends(name, ".beta") ? (int)strlen(name) - 4
					 : 0;
	if (stem)
		snprintf(out, NAME_CAP, "%.*s%s", stem, name, ends(name, ".gamma") ? "weight" : "bias");
	else
		snprintf(out, NAME_CAP, "%s", name);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hm_tensor *)a)->name, ((const struct hm_tensor *)b)->name);
}

/* The tensors below `prefix` that `publish` accepts, under the names it gives them, in bytewise order. */
static int collect(struct hm_weights *w, const char *prefix, bool (*publish)(const char *, char *),
		   const struct hm_tensor **tensor, size_t *n, struct hm_err *e)
{
	char name[NAME_CAP];
	struct hm_tensor *out = hm_arena_get(&w->store->arena, w->n * sizeof *out, e);
	if (!out)
		return HM_EDATA;
	*n = 0;
	for (size_t i = 0; i < w->n; i++) {
		const char *from = w->tensor[i].name;
		if (!begins(from, prefix))
			continue;
		from += strlen(prefix);
		if (strlen(from) + 16 > NAME_CAP)
			return hm_err_set(e, HM_EDATA, "tensor \"%.64s…\" has a name of %zu bytes", from,
					  strlen(from));
		if (!publish(from, name))
			continue;
		char *own = hm_arena_get(&w->store->arena, strlen(name) + 1, e);
		if (!own)
			return HM_EDATA;
		memcpy(own, name, strlen(name) + 1);
		out[*n] = w->tensor[i];
		out[(*n)++].name = own;
	}
	qsort(out, *n, sizeof *out, by_name);
	for (size_t i = 1; i < *n; i++)
		if (!strcmp(out[i - 1].name, out[i].name))
			return hm_err_set(e, HM_EDATA, "two tensors stand for \"%.200s\"", out[i].name);
	*tensor = out;
	return 0;
}

static const char *const image_prefix[] = {"image_encoder.", ""};

int hm_weights_encoder(struct hm_weights *w, enum hm_encoder_kind kind, const struct hm_tensor **tensor,
		       size_t *n, struct hm_err *e)
{
	static const char *const text_prefix[] = {"text_encoder.", "transformer.", "bert.", ""};
	bool image = kind == HM_IMAGE_ENCODER;
	int rc = collect(w, prefix_of(w, image ? image_prefix : text_prefix), image ? image_name : text_name,
			 tensor, n, e);
	if (rc || *n)
		return rc;
	return hm_err_set(e, HM_EDATA, "holds no tensor of %s encoder", image ? "an image" : "a text");
}

int hm_weights_tracked(struct hm_weights *w, const struct hm_tensor **tensor, size_t *n, struct hm_err *e)
{
	return collect(w, prefix_of(w, image_prefix), tracked_name, tensor, n, e);
}
