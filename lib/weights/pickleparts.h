/* What pickle.c (bytes and opcodes), picklestack.c (the stack, containers, the memo) and pickleobj.c (what
 * globals make of their arguments) share. Not for users of pickle.h. Each function puts its sentence into
 * m->e. */
#ifndef HM_PICKLEPARTS_H
#define HM_PICKLEPARTS_H

#include "weights/pickle.h"

/* What a GLOBAL's i is. Below HM_DTYPES it is a storage type, an enum hm_dtype. */
enum {
	HM_PICKLE_OTHER_STORAGE = HM_DTYPES, /* a storage of numbers that are not read; n: bytes of one */
	HM_PICKLE_DTYPE,		     /* torch.float32 and the like; in dtype */
	HM_PICKLE_TENSOR_TYPE,		     /* torch.Tensor, torch.nn.Parameter */
	HM_PICKLE_NEW_DICT,		     /* OrderedDict, dict */
	HM_PICKLE_NEW_DEFAULTDICT,
	HM_PICKLE_REBUILD_TENSOR,
	HM_PICKLE_REBUILD_TENSOR_V2,
	HM_PICKLE_REBUILD_TENSOR_V3,
	HM_PICKLE_REBUILD_PARAMETER,
	HM_PICKLE_REBUILD_PARAMETER_WITH_STATE,
	HM_PICKLE_REBUILD_FROM_TYPE,
	HM_PICKLE_SCRIPT_CLASS, /* a class of TorchScript, __torch__.… */
	HM_PICKLE_UNKNOWN
};

typedef struct hm_pickle_val val;

struct hm_pickle_machine {
	const unsigned char *p;
	size_t n, at;
	size_t op;    /* offset of the opcode being done */
	size_t made;  /* values so far */
	size_t names; /* bytes of all globals' names */
	size_t items; /* put into containers so far */
	struct hm_arena *arena;
	val *spare; /* values of the arena that are not used yet */
	size_t spares;
	struct hm_pickle_item *spare_item;
	size_t spare_items;
	struct hm_buf stack, memo; /* val *[] */
	struct hm_buf *storages;   /* val *[]; may be NULL */
	struct hm_err *e;
};

/* HM_EDATA with "pickle: WHAT at byte N". */
int hm_pickle_bad(struct hm_pickle_machine *m, const char *what);
/* A new value; NULL, with the error set, when there are too many or no memory. */
val *hm_pickle_make(struct hm_pickle_machine *m, enum hm_pickle_kind kind);
/* A new OBJECT called s[0..n). */
val *hm_pickle_object(struct hm_pickle_machine *m, const char *s, size_t n);

/* ---- picklestack.c ---- */

size_t hm_pickle_depth(const struct hm_pickle_machine *m);
/* v NULL: the error is set already. */
int hm_pickle_push(struct hm_pickle_machine *m, val *v);
/* The value `from_top` below the top, 0 being the top; NULL: the stack is not so deep. */
val *hm_pickle_peek(const struct hm_pickle_machine *m, size_t from_top);
/* Takes the top value off. NULL, with the error set, when the stack is empty or its top is a mark. */
val *hm_pickle_pop(struct hm_pickle_machine *m);
/* Drops the top, value or mark; and everything down to the topmost mark. */
int hm_pickle_drop(struct hm_pickle_machine *m);
int hm_pickle_drop_to_mark(struct hm_pickle_machine *m);
/* Adds an item (with its key, for a DICT) to a container. */
int hm_pickle_append(struct hm_pickle_machine *m, val *to, val *key, val *item);
/* The top `count` values, or those above the topmost mark, become a TUPLE. */
int hm_pickle_tuple(struct hm_pickle_machine *m, size_t count);
int hm_pickle_tuple_from_mark(struct hm_pickle_machine *m);
/* The values above the topmost mark, or the top one (of a DICT a key and a value), go into the container
 * below, of that kind. An OBJECT, of whatever class, swallows them. */
int hm_pickle_fill_from_mark(struct hm_pickle_machine *m, enum hm_pickle_kind kind);
int hm_pickle_fill_one(struct hm_pickle_machine *m, enum hm_pickle_kind kind);
/* The values above the topmost mark become an OBJECT called `name`. */
int hm_pickle_object_from_mark(struct hm_pickle_machine *m, const char *name);
/* The memo. Indices come in order, as every pickler writes them. */
int hm_pickle_memo_put(struct hm_pickle_machine *m, size_t i);
int hm_pickle_memo_get(struct hm_pickle_machine *m, size_t i);

/* ---- pickleobj.c ---- */

/* Pushes the GLOBAL of that name. */
int hm_pickle_global(struct hm_pickle_machine *m, const char *module, size_t n, const char *name, size_t k);
/* The opcodes BINPERSID, REDUCE, NEWOBJ (extra 0) and NEWOBJ_EX (extra 1: keyword arguments), BUILD. */
int hm_pickle_persistent(struct hm_pickle_machine *m);
int hm_pickle_reduce(struct hm_pickle_machine *m);
int hm_pickle_new(struct hm_pickle_machine *m, size_t extra);
int hm_pickle_build(struct hm_pickle_machine *m);

#endif
