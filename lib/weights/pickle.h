/* Pickles as data: an interpreter of the opcodes that torch.save writes for tensors and plain values. It
 * calls nothing and makes nothing but the values below; every other opcode or global is an error naming it
 * and its offset. Opcodes and globals: Python's pickletools and torch/_utils.py, see pickle.c. */
#ifndef HM_PICKLE_H
#define HM_PICKLE_H

#include "base/tensor.h"

enum hm_pickle_kind {
	HM_PICKLE_NONE,
	HM_PICKLE_BOOL,
	HM_PICKLE_INT,
	HM_PICKLE_BIGINT,
	HM_PICKLE_FLOAT,
	HM_PICKLE_STR,
	HM_PICKLE_TUPLE,
	HM_PICKLE_LIST,
	HM_PICKLE_DICT,
	HM_PICKLE_GLOBAL,
	HM_PICKLE_STORAGE,
	HM_PICKLE_TENSOR,
	HM_PICKLE_MARK,
};

struct hm_pickle_item {
	struct hm_pickle_val *key, *val; /* key: NULL in tuples and lists */
	struct hm_pickle_item *next;
};

/* One value; values are shared, never copied, and can form cycles: nothing may walk them without a bound. */
struct hm_pickle_val {
	enum hm_pickle_kind kind;
	enum hm_dtype dtype; /* STORAGE */
	size_t n;	     /* bytes of s; items */
	union {
		int64_t i; /* BOOL, INT; GLOBAL: which; STORAGE: elements; TENSOR: first element */
		double f;  /* FLOAT */
	};
	union {
		const char *s; /* STR (valid UTF-8, no NUL byte inside), BIGINT: bytes, little-endian */
		struct {
			struct hm_pickle_item *first, *last; /* TUPLE, LIST, DICT; in order */
		};
		struct hm_pickle_val *key; /* STORAGE: a STR */
		struct {
			struct hm_pickle_val *storage, *size, *stride; /* TENSOR: a STORAGE, two TUPLEs */
		};
	};
};

/* Runs the pickle at p[0..n), at most 1 MiB of it, up to STOP: its value in *out, the bytes it took in *used.
 * Values live in `a` and borrow strings from p. */
int hm_pickle_run(const unsigned char *p, size_t n, struct hm_arena *a, struct hm_pickle_val **out,
		  size_t *used, struct hm_err *e);

/* The value under a text key of a DICT, the last one if it stands there twice; NULL when v is none or has
 * none. */
struct hm_pickle_val *hm_pickle_get(const struct hm_pickle_val *v, const char *key);

#endif
