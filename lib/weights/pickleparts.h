/* Between pickle.c (bytes, opcodes, the stack) and pickleobj.c (what globals make of their arguments). Not
 * for users of pickle.h. Each function puts its sentence into m->e. */
#ifndef HM_PICKLEPARTS_H
#define HM_PICKLEPARTS_H

#include "weights/pickle.h"

/* What a GLOBAL's i is, or below: a storage type, an enum hm_dtype. */
enum {
	HM_PICKLE_ORDERED_DICT = HM_DTYPES,
	HM_PICKLE_REBUILD_TENSOR,
	HM_PICKLE_REBUILD_TENSOR_V2,
	HM_PICKLE_REBUILD_PARAMETER
};

struct hm_pickle_machine {
	const unsigned char *p;
	size_t n, at;
	size_t op;    /* offset of the opcode being done */
	size_t items; /* put into containers so far */
	struct hm_arena *arena;
	struct hm_buf stack, memo; /* struct hm_pickle_val *[] */
	struct hm_err *e;
};

typedef struct hm_pickle_val val;

static inline bool hm_pickle_is(const val *v, enum hm_pickle_kind kind)
{
	return v && v->kind == kind;
}

/* HM_EDATA with "pickle: WHAT at byte N". */
int hm_pickle_bad(struct hm_pickle_machine *m, const char *what);
/* A new value; NULL without memory. */
val *hm_pickle_make(struct hm_pickle_machine *m, enum hm_pickle_kind kind);
/* v NULL: an error that was told already. */
int hm_pickle_push(struct hm_pickle_machine *m, val *v);
val *hm_pickle_peek(const struct hm_pickle_machine *m, size_t from_top); /* NULL: not so deep */
/* The top value; NULL, with the error set, when there is none or a mark. */
val *hm_pickle_pop(struct hm_pickle_machine *m);
/* Puts an item (with its key, for a DICT) into a container. */
int hm_pickle_append(struct hm_pickle_machine *m, val *to, val *key, val *item);

/* The opcodes BINPERSID, REDUCE and BUILD. */
int hm_pickle_persistent(struct hm_pickle_machine *m);
int hm_pickle_reduce(struct hm_pickle_machine *m);
int hm_pickle_build(struct hm_pickle_machine *m);

#endif
