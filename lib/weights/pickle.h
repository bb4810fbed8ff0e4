/* Pickles as data: an interpreter of the opcodes that Python's pickle module writes (protocols 2 to 5). It
 * calls nothing and imports nothing. It knows the few globals that a tensor is made of; whatever is made of
 * any other class or function becomes an OBJECT, which has the name of the class and nothing else. An object
 * of TorchScript (a class "__torch__.…", made without arguments) is a DICT of its attributes. Opcodes and
 * globals: Python's pickletools and torch/_utils.py, see pickle.c. */
#ifndef HM_PICKLE_H
#define HM_PICKLE_H

#include "base/tensor.h"

#define HM_PICKLE_BYTES_CAP ((size_t)64 << 20) /* of one pickle */
#define HM_PICKLE_VALUES_CAP ((size_t)1 << 20) /* values, and items in containers */

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
	HM_PICKLE_OBJECT,
	HM_PICKLE_MARK,
};

struct hm_pickle_item {
	struct hm_pickle_val *key, *val; /* key: NULL in tuples and lists */
	struct hm_pickle_item *next;
};

/* One value; values are shared, never copied, and can form cycles: nothing may walk them without a bound. */
struct hm_pickle_val {
	enum hm_pickle_kind kind;
	enum hm_dtype dtype; /* STORAGE, TENSOR; HM_DTYPES: a STORAGE of numbers that are not read here */
	bool seen;	     /* false; for whoever walks the values */
	bool tensor;	     /* OBJECT: it stands for a tensor of a form that is not read here */
	bool module;	     /* DICT: an object of TorchScript, whose attributes are the items */
	size_t n;	     /* bytes of s; items; STORAGE: bytes of an element, 0: not known */
	union {
		int64_t i; /* BOOL, INT; GLOBAL: which; STORAGE: elements; TENSOR: first element */
		double f;  /* FLOAT */
	};
	union {
		const char *s; /* STR (valid UTF-8, no NUL inside); BIGINT: bytes, little-endian; OBJECT and
				  GLOBAL: "module.name" */
		struct {
			struct hm_pickle_item *first, *last; /* TUPLE, LIST, DICT; in order */
		};
		struct {
			struct hm_pickle_val *key, *type; /* STORAGE: a STR, a GLOBAL */
		};
		struct {
			struct hm_pickle_val *storage, *size, *stride; /* TENSOR: a STORAGE, two TUPLEs */
		};
	};
};

/* Runs the pickle at p[0..n) up to STOP: its value in *out, the bytes it took in *used. `storages`, unless
 * NULL, gets every STORAGE in order of appearance (struct hm_pickle_val *[]), also those that only an OBJECT
 * has. Values live in `a` and borrow strings from p. */
int hm_pickle_run(const unsigned char *p, size_t n, struct hm_arena *a, struct hm_pickle_val **out,
		  size_t *used, struct hm_buf *storages, struct hm_err *e);

/* True when v is a value (not NULL) of that kind. */
static inline bool hm_pickle_is(const struct hm_pickle_val *v, enum hm_pickle_kind kind)
{
	return v && v->kind == kind;
}
/* True when v is the text s. */
bool hm_pickle_is_text(const struct hm_pickle_val *v, const char *s, size_t n);
/* The value of a text key of a DICT, the last one if the key occurs twice. NULL when v is not a DICT or does
 * not have the key. */
struct hm_pickle_val *hm_pickle_get(const struct hm_pickle_val *v, const char *key);

#endif
