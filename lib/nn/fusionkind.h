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
	const float *joined; /* [n,D+D], where the kind takes it and no tower runs here: in place of side */
	const int32_t *ids, *len; /* HM_WORDS: n sequences end to end, len [n]; host memory */
};

struct hm_fusion_kind {
	const char *name;	      /* "late": the word of --fusion and of the model file */
	enum hm_give gives[HM_SIDES]; /* what it takes from each side */
	const char *const *own;	 /* what the names of tensors begin with that only this fusion's model files
				    have; ended by NULL */
	const char *text_prefix; /* below which a model file keeps the text tower */
	bool sequential;	 /* a model file has the image tower in PyTorch's Sequential form */
	bool optional;		 /* one of the sides may be missing */
	bool joined;		 /* takes two cached vectors as one matrix */
	/* The shape that tensors of a file tell, beside classes and inputs (classifier.weight [C,inputs]),
	 * which are given: fills what it can of s->dim and s->cells, -1 where the file does not tell. `text`:
	 * of the text tower in the file, width 0: none. 0, or HM_EDATA naming the tensor that does not fit.
	 */
	int (*read)(struct hm_fusion_shape *s, int64_t inputs, const struct hm_tower_shape *text,
		    hm_find_fn *find, void *ctx, struct hm_err *e);
	/* Inputs of the classifier. */
	int (*inputs)(const struct hm_fusion_shape *s);
	/* The table alone; storage comes with hm_params_load or hm_params_init of its params. NULL with `e`.
	 * Freed by hm_fusion_net_free. */
	struct hm_fusion_net *(*net_new)(const struct hm_fusion_shape *s, struct hm_err *e);

	/* Activations on `d`, kept for a backward pass when `backward`. Borrows all. `text`: the tower of a
	 * side that is HM_WORDS, else NULL. NULL with `e`. */
	void *(*tape_new)(struct hm_fusion_net *net, struct hm_tower *text, struct hm_device *d,
			  bool backward, struct hm_err *e);
	void (*tape_free)(void *tape); /* NULL is fine */
	/* Memory for every batch up to n examples with `words` token ids in all. */
	void (*reserve)(void *tape, int n, int64_t words);
	/* logits f32 [n,C], device memory. drop: of a tower that the fusion runs; NULL: none. Failures stick
	 * to the device. */
	void (*forward)(void *tape, const struct hm_fusion_input *in, const struct hm_dropout *drop,
			float *logits);
	/* dlogits f32 [n,C], of the last forward pass: adds to the gradients of the parameters, also of a
	 * tower that the fusion runs; dside[k] f32 [n,D] := the gradient of side k, NULL: not wanted, as it is of a grid. */
	void (*backward)(void *tape, const float *dlogits, float *const dside[HM_SIDES]);
};

/* The names of all fusions, as option tables have the words of a choice. */
#define HM_FUSION_WORDS "late|early"
/* All fusions in that order, ended by NULL: fusion.c's list. The first is the default. */
const struct hm_fusion_kind *const *hm_fusion_kinds(void);
/* The fusion of that name, or NULL. */
const struct hm_fusion_kind *hm_fusion_kind(const char *name);
/* Whether it runs the text tower itself, together with rows of its own: that tower is then part of it. */
static inline bool hm_fusion_takes_words(const struct hm_fusion_kind *k)
{
	return k->gives[HM_TEXT] == HM_WORDS;
}
void hm_fusion_net_free(struct hm_fusion_net *net); /* NULL is fine */

#endif
