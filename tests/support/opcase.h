/* This file declares the table of cases of tests/ops: one operation, with its gradient if it has one, in
 * one shape, on any device. All values are host floats, so that every device gets the same values and the
 * same loops compare them. opimage.c, optext.c, opinfer.c, ophead.c and opfusion.c call the operations. A new
 * operation needs one `struct op_kind` and a few rows. */
#ifndef TEST_OPCASE_H
#define TEST_OPCASE_H

#include "ops/ops.h"

enum op_form { OP_ABSENT, OP_FLOATS, OP_ACT, OP_IMAGE, OP_SIDE }; /* OP_SIDE: f32 whose gradient is set */
struct op_value {
	enum op_form form;
	int dim[4];  /* i,h,w,c of images; rows, columns */
	float *host; /* dense */
	void *dev;   /* what the operation gets; NULL: not given, or not wanted */
	void *own;   /* what was allocated for it */
};

enum { OP_INPUTS = 4, OP_STATES = 3 };
struct op_run {
	struct hm_device *d;
	const struct op_case *c;
	/* y = f(in); grad[k] is the gradient of in[k] from dy + dy2. state: what else the forward pass
	 * reads and changes, and leaves for the backward pass. Gradients of floats are added to. */
	struct op_value in[OP_INPUTS], y, state[OP_STATES], dy, dy2, grad[OP_INPUTS];
	unsigned fixed; /* bit k: grad[k] has to stay as it is */
	int way;	/* 0: nothing in place; 1, 2, ...: the ways in place that ops.h allows */
	struct hm_dropout drop;
	int32_t *ints[2]; /* lengths, rows: device memory */
};

struct op_kind {
	const char *name;
	void (*shape)(struct op_run *r);    /* forms and dims of all but grad, from r->c */
	void (*forward)(struct op_run *r);  /* the slots, on dev */
	void (*backward)(struct op_run *r); /* or NULL: it has no gradient */
	int forward_ways, backward_ways;    /* 1: nothing goes in place */
	unsigned optional;		    /* bit k: grad[k] may be NULL */
	double bf16; /* how far two devices' results may differ, in units of 2^-8 of the largest value: 1
			where only the result is rounded to bf16, more where intermediate values are too */
	bool exact;  /* not apart at all, to the bit */
	bool bias;   /* one unit more on a device that is not the host, whose products take a bias in bf16 */
};

enum {
	OP_SECOND = 1, /* residual or bias */
	OP_DY2 = 2,
	OP_DROP = 4,
	OP_RELU = 8,
	OP_EVAL = 16, /* batch norm: else the batch's statistics */
	OP_FROZEN = 32,
	OP_DISTINCT = 64,   /* no two values of in[0] are closer than 1/8 */
	OP_STEPS = 128,	    /* in[0] holds whole numbers: ties */
	OP_NO_SLOPES = 256, /* no finite differences: large, tied, or not the slope by design */
	OP_PART = 512,	    /* part of a larger batch: dropout does not begin at element 0 */
	OP_STRADDLE = 1024, /* nor at a multiple of 4 */
	OP_SKIP = 2048,	    /* a gradient that goes past the norm */
	OP_CAUSAL = 4096
};
struct op_case {
	const struct op_kind *op;
	unsigned flags;
	int n[9]; /* the operation's own */
};
/* Each ends with op NULL. */
extern const struct op_case op_image_cases[], op_text_cases[], op_infer_cases[], op_head_cases[],
	op_fusion_cases[];
/* The operation of that name in one of the tables; the test fails when there is none. */
const struct op_kind *op_find(const char *name);

/* Sets up the values and gradients of one case from a fixed seed: the same on every device. Caller:
 * op_clear. */
void op_init(struct op_run *r, struct hm_device *d, const struct op_case *c);
void op_clear(struct op_run *r);
/* Runs the operation on r->d, from host values to host values. Bit k of `want`: grad[k] is wanted. A stuck
 * error fails the test. */
void op_forward(struct op_run *r);
void op_backward(struct op_run *r, unsigned want);
size_t op_count(const struct op_value *v);
/* Writes the run's name, cut to cap: "cpu conv bf16 2 9 7 ..., flags 3, way 1, threads 2". Returns out. */
char *op_name(const struct op_run *r, char *out, size_t cap);

/* The devices under test, ended by NULL: ref and cpu, or those that the environment variable
 * HM_TEST_DEVICES names, separated by blanks (make check-cuda: cuda). */
const char *const *op_devices(void);

/* For the slots' callers. */
struct op_value op_images(int i, int h, int w, int c);
struct op_value op_act(int rows, int columns);
struct op_value op_floats(int rows, int columns);
struct op_value op_side(int rows, int columns);
static inline bool op_has(const struct op_run *r, unsigned flag)
{
	return r->c->flags & flag;
}
/* The case's dropout, or NULL. */
static inline const struct hm_dropout *op_drop(const struct op_run *r)
{
	return op_has(r, OP_DROP) ? &r->drop : NULL;
}
/* For cases of attention (heads, dim, then lengths up to a 0): returns the number of sequences and sets
 * *rows to the number of their rows; sets the forms of qkv and y. */
int op_sequences(const struct op_run *r, int *rows);
void op_attention_shape(struct op_run *r);
/* Copies x [n] to device memory, r->ints[which]. */
const int32_t *op_ints(struct op_run *r, int which, const int32_t *x, int n);

#endif
