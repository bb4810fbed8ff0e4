/* Weight files: named tensors out of .safetensors, .pth (zip and legacy) and Hugging Face folders, and into
 * .safetensors. A reader here runs no code of the file and believes no number in it: a JSON header has at
 * most 4 MiB, a pickle 64 MiB and a million values, every offset, stride and size is checked, and memory
 * follows what is taken. What holds no weights is refused by saying what it is. */
#ifndef HM_WEIGHTS_H
#define HM_WEIGHTS_H

#include "base/tensor.h"

#include <cjson/cJSON.h>

struct hm_weights {
	struct hm_tensor *tensor; /* n of them, names unique and in bytewise order; data is read-only,
				     contiguous and may stand at any address: read it with hm_to_f32 or
				     memcpy. F16 and BF16 stay as they are in the file. */
	size_t n;
	bool keyed;	  /* the options' key was found */
	bool torchscript; /* the file is a TorchScript archive, of torch.jit.save */
	const char *path; /* what hm_weights_open was given; NULL after hm_weights_parse */
	cJSON *meta;	  /* safetensors' __metadata__, an object of strings; NULL when absent */
	struct hm_weights_store *store; /* the mapped files and owned memory behind the tensors */
};

struct hm_weights_options {
	/* The part of the file to take; NULL: see hm_weights_open. "a.b" leads to the dict of a .pth under
	 * the keys a and b. Where no dict is there, and in other files, it takes the tensors whose names
	 * begin with "a.b." and takes that off. HM_EDATA when there is nothing of either. */
	const char *key;
	/* A file that has nothing of the key is taken whole; `keyed` of struct hm_weights says which it was.
	 */
	bool key_optional;
	/* The bytes of tensors are not looked at, so that a file with wrong names costs nothing, however
	 * large it is. No data may be read before hm_weights_verify. */
	bool names_first;
};

/* Reads `path`, recognised by content: a .safetensors file; a .pth, .bin, .pt or .ckpt of torch.save, zip or
 * legacy; a TorchScript archive of torch.jit.save; or a folder with model.safetensors,
 * model.safetensors.index.json, pytorch_model.bin or its index, open_clip_model.safetensors or
 * open_clip_pytorch_model.bin, the first that is there.
 *
 * Of a .pth, dicts and lists are looked through for dicts that hold tensors under text keys; everything else
 * (optimizers, settings, objects of any class) is skipped. A dict counts when one of its tensors is of
 * floating point and has more than one element; a loss or a random generator's state does not make it one. If
 * no dict counts, those with any tensor do. With one such dict the tensors have their names in it. With
 * several (a model and its average, two networks) the names begin with the keys that lead to each,
 * "model.conv1.weight" and "ema.conv1.weight", and hm_weights_prefix finds the one that is wanted, or says
 * that it is one of two.
 *
 * Of a TorchScript archive, every attribute of a module that is a tensor is taken, parameter or not, called
 * by the attributes that lead to it: the names of the network's state_dict, "visual.conv1.weight". A part
 * that two attributes share is there under both. Code, constants and traced inputs are not looked at.
 *
 * When __metadata__ holds "hm.digest" the file's digest is checked against it; with any other key "hm.…" it
 * must be there. `o` may be NULL: all zero. Sentences begin with the path. Caller frees with
 * hm_weights_close. */
int hm_weights_open(struct hm_weights **w, const char *path, const struct hm_weights_options *o,
		    struct hm_err *e);
/* The same for the bytes p[0..n) of one file, which must outlive the result. */
int hm_weights_parse(struct hm_weights **w, const unsigned char *p, size_t n,
		     const struct hm_weights_options *o, struct hm_err *e);
/* After names_first: checks what protects the bytes of these tensors (a zip's CRCs, hm.digest of the whole
 * file) and copies strided ones into their places. The tensors are w's, or parts of them: they are found by
 * the addresses of their data, names do not matter. Each byte is checked once, however often this is called.
 * The sentence does not begin with the path. */
int hm_weights_verify(struct hm_weights *w, const struct hm_tensor *tensor, size_t n, struct hm_err *e);
void hm_weights_close(struct hm_weights *w); /* NULL is fine */
/* Takes the mapped bytes that were read out of the process's memory; they are read from the files again where
 * they are needed. */
void hm_weights_release(const struct hm_weights *w);
/* For whoever leaves tensors where the files are mapped: 0, or HM_EDATA if one of them was written into since
 * it was opened, under whatever name, so that what was computed is of neither content. A file that took its
 * place under its name is another file. It goes by size and time of the last write, and hm_weights_open waits
 * for the next tick of the clock if a file was written within this one: a write that follows has another
 * time. Who sets the old time again, or writes through a mapping of his own, is not seen. NULL is fine. The
 * sentence begins with the path. */
int hm_weights_unchanged(const struct hm_weights *w, struct hm_err *e);
/* The tensor of that name, borrowed, or NULL. */
const struct hm_tensor *hm_weights_find(const struct hm_weights *w, const char *name);
/* A text of __metadata__, borrowed, or NULL. */
const char *hm_weights_meta(const struct hm_weights *w, const char *key);

#define HM_WEIGHTS_MARK_CAP 1024 /* a prefix and a mark together have fewer bytes than this */

/* Finds where in the file a network's tensors are. `mark` is 1 .. n names that every network of the family
 * has, each possibly with alternatives: "conv1.weight|0.weight". A prefix fits when for every mark the tensor
 * PREFIX + mark (one of its alternatives) is in w. A prefix is empty or ends with a dot, and has any number
 * of parts: "", "module.", "module._orig_mod.backbone.".
 *
 * 0 with *prefix set when exactly one prefix fits (the text lives as long as w); 0 with *prefix NULL when no
 * prefix fits; HM_EDATA when several fit: the sentence quotes the first two in bytewise order and names
 * --key. The options' `key` has been taken off the names before. */
int hm_weights_prefix(struct hm_weights *w, const char *const *mark, size_t n, const char **prefix,
		      struct hm_err *e);
/* Keeps in w only the tensors whose names begin with `prefix` ("model."), and cuts it off their names. False,
 * and nothing changes, when no name begins so. */
bool hm_weights_narrow(struct hm_weights *w, const char *prefix);
/* The first, the middle and the last name of w, quoted and separated by commas, for a message that says which
 * names there are. Into out, cut to cap; returns out. */
char *hm_weights_sample(const struct hm_weights *w, char *out, size_t cap);

/* Reads the JSON file `name` ("preprocessor_config.json", "open_clip_config.json"): of the folder `path`, or
 * next to the file `path`. 0 with *tree an object, or NULL when there is no such file. Caller frees with
 * cJSON_Delete. */
int hm_weights_json(const char *path, const char *name, cJSON **tree, struct hm_err *e);
/* True when `path` is a folder with one of the files of weights that hm_weights_open looks for. */
bool hm_weights_is_folder(const char *path);

/* Writes a .safetensors file (base/file.h: whole or not at all): header with sorted keys, padded to 64 bytes;
 * data by falling element size, then by name, so that each tensor is aligned. `meta`: an object of strings or
 * NULL; when it holds the key "hm.digest" (any value) the file gets the XXH3-128 of all its bytes there, as
 * 32 hex digits, those digits themselves read as '0'. Names must be unique and not "__metadata__". The same
 * input, the same bytes. */
int hm_weights_save(const char *path, const struct hm_tensor *tensor, size_t n, const cJSON *meta,
		    struct hm_err *e);
/* The same, committed by hm_out_commit_unsynced. */
int hm_weights_save_unsynced(const char *path, const struct hm_tensor *tensor, size_t n, const cJSON *meta,
			     struct hm_err *e);

/* XXH3-128, as 32 hex digits and a NUL, over the tensors in bytewise order of their names. Each contributes
 *   name, a zero byte, dtype's safetensors name, a zero byte, ndim as one byte, each dim as 8 bytes
 * little-endian, its data bytes. The order of tensor[] does not matter. */
int hm_weights_digest(const struct hm_tensor *tensor, size_t n, char out[33], struct hm_err *e);

#endif
