/* A fusion: what joins the two sides of a pair into logits. Every fusion is a row of function pointers
 * (struct hm_fusion_kind); fusion.c lists the rows, and all code above lib/nn sees fusions through them
 * alone.
 *
 * Adding a fusion: one file with its parameter table, its passes and its row, like late.c and early.c; the
 * row's name in fusion.c's list. Nothing else has to know it.
 *
 * Letters: n examples, C classes, P cells of an image's grid, D the width of a side. */
#ifndef HM_FUSIONKIND_H
#define HM_FUSIONKIND_H

#include "nn/tower.h"

/* The sizes of a fusion's own parameters. */
struct hm_fusion_shape {
	int classes;	   /* C >= 2 */
	int dim[HM_SIDES]; /* D of each side; 0: the side is not used */
	int cells;	   /* P, of a fusion that takes the image's grid; else 0 */
};

/* The fusion's own parameters, under their names in the model file. First member of each fusion's network. */
struct hm_fusion_net {
	const struct hm_fusion_kind *kind;
	struct hm_fusion_shape shape;
	struct hm_params params;
};

/* A batch as a fusion sees it. Arrays are f32 in the device's memory, but for ids and len. */
struct hm_fusion_input {
	int n;
	const float *side[HM_SIDES]; /* [n,D], of HM_GRID [n,P,D]; NULL: not used, or HM_WORDS */
	const float *joined; /* [n,D+D]: both sides as one matrix, in place of `side`; NULL: see `side` */
	const int32_t *ids, *len; /* HM_WORDS: n sequences end to end, len [n]; host memory */
};

struct hm_fusion_kind {
	const char *name;	      /* "late": the word of --fusion and of the model file */
	enum hm_give gives[HM_SIDES]; /* what it takes from each side */
	const char *const *own;	 /* prefixes of tensor names that only this fusion's model files have; ended
				    by NULL */
	const char *text_prefix; /* of the text tower's tensors in a model file */
	bool sequential;	 /* a model file has the image tower in PyTorch's Sequential form */
	bool optional;		 /* one of the sides may be missing */
	bool joined;		 /* takes two cached vectors as one matrix (hm_fusion_input.joined) */
	/* Fills s->dim and s->cells from the tensors of a file; -1 where they do not say. s->classes and
	 * `inputs` are known, from classifier.weight [C,inputs]. text: the text tower in the file; width 0:
	 * there is none. 0, or HM_EDATA naming the tensor that does not fit. */
	int (*read)(struct hm_fusion_shape *s, int64_t inputs, const struct hm_tower_shape *text,
		    hm_find_fn *find, void *ctx, struct hm_err *e);
	/* The number of inputs of the classifier. */
	int (*inputs)(const struct hm_fusion_shape *s);
	/* The fusion's parameter table, without values yet: hm_params_load or hm_params_init allocates them.
	 * NULL with `e`. The caller frees with hm_fusion_net_free. */
	struct hm_fusion_net *(*net_new)(const struct hm_fusion_shape *s, struct hm_err *e);

	/* Activations on `d`; with `backward` they are kept for a backward pass. Borrows its arguments. text:
	 * the text tower, for a kind that takes HM_WORDS; else NULL. NULL with `e`. */
	void *(*tape_new)(struct hm_fusion_net *net, struct hm_tower *text, struct hm_device *d,
			  bool backward, struct hm_err *e);
	void (*tape_free)(void *tape); /* NULL is fine */
	/* Reserves memory for batches of up to n examples with up to `words` token ids in all: none of them
	 * allocates. */
	void (*reserve)(void *tape, int n, int64_t words);
	/* logits f32 [n,C], device memory := the fusion of `in`. drop: dropout in a tower that the fusion
	 * runs; NULL: none. Failures stick to the device. */
	void (*forward)(void *tape, const struct hm_fusion_input *in, const struct hm_dropout *drop,
			float *logits);
	/* dlogits f32 [n,C]: the gradient of the last forward pass's logits. Adds to the gradients of the
	 * parameters, also of a tower that the fusion runs. dside[k] f32 [n,D] := the gradient of side k;
	 * NULL: not wanted, which holds for every grid. */
	void (*backward)(void *tape, const float *dlogits, float *const dside[HM_SIDES]);
};

/* The names of all fusions, in the form that option tables take. */
#define HM_FUSION_WORDS "late|early"
/* All fusions in that order, ended by NULL. The first is the default. The list is in fusion.c. */
const struct hm_fusion_kind *const *hm_fusion_kinds(void);
/* The fusion of that name, or NULL. */
const struct hm_fusion_kind *hm_fusion_kind(const char *name);
/* Whether the fusion runs the text tower itself, on words and rows of its own. */
static inline bool hm_fusion_takes_words(const struct hm_fusion_kind *k)
{
	return k->gives[HM_TEXT] == HM_WORDS;
}
void hm_fusion_net_free(struct hm_fusion_net *net); /* NULL is fine */

#endif
