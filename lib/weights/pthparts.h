/* What pth.c (the two forms of file), pthdict.c (which of the values are the weights), pthmodule.c (the same
 * for TorchScript) and pthtensor.c (where a tensor's bytes are) share. Not for others. */
#ifndef HM_PTHPARTS_H
#define HM_PTHPARTS_H

#include "base/strmap.h"
#include "weights/pickle.h"
#include "weights/store.h"
#include "weights/zipdir.h"

struct hm_pth {
	struct hm_weights *w;
	size_t cap;		  /* four times the file's bytes: the most that tensors may add up to */
	size_t shown;		  /* bytes of all tensors so far; shared ones count each time */
	struct hm_strmap storage; /* key -> index in w->store->pieces */
	struct hm_zip zip;	  /* of the zip form; p NULL: the legacy form */
	const char *folder;	  /* of the zip's entries, "archive/" */
	size_t folder_len;
};

/* Records that the storage called `key` is p[0..n), with this CRC; `name` as in struct hm_weights_piece. */
int hm_pth_add_storage(struct hm_pth *f, const struct hm_pickle_val *key, const unsigned char *p, size_t n,
		       uint32_t crc, const char *name, struct hm_err *e);
/* Finds the zip's entry folder + rest and its bytes. 1; 0: there is no such entry. */
int hm_pth_entry(struct hm_pth *f, const char *rest, size_t rest_len, const struct hm_zip_entry **x,
		 const unsigned char **data, struct hm_err *e);
/* t := the TENSOR v, its bytes where they are in the file, or where a strided one is going to be. */
int hm_pth_tensor(struct hm_pth *f, const struct hm_pickle_val *v, struct hm_tensor *t, struct hm_err *e);
/* Adds the tensors of the value of the whole file; values and paths live in `a`. */
int hm_pth_add_tensors(struct hm_pth *f, struct hm_pickle_val *root, struct hm_arena *a, struct hm_err *e);
/* The same of a TorchScript archive, whose value is the module `root`. */
int hm_pth_add_modules(struct hm_pth *f, struct hm_pickle_val *root, struct hm_err *e);
/* Adds the tensor v, called prefix + name[0..n). HM_EDATA when it is of a form that is not read. */
int hm_pth_add(struct hm_pth *f, const char *prefix, const char *name, size_t n,
	       const struct hm_pickle_val *v, struct hm_err *e);

/* True when v is a tensor, perhaps of a form that is not read. */
static inline bool hm_pth_is_tensor(const struct hm_pickle_val *v)
{
	return hm_pickle_is(v, HM_PICKLE_TENSOR) || (hm_pickle_is(v, HM_PICKLE_OBJECT) && v->tensor);
}

/* True when a dict's key can name a tensor. */
static inline bool hm_pth_is_name(const struct hm_pickle_val *v)
{
	return hm_pickle_is(v, HM_PICKLE_STR) && v->n;
}

#endif
