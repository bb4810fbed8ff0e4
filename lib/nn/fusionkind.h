/* A fusion: what joins the two sides of a pair into logits. Every fusion is a row of function pointers
 * (struct hm_fusion_kind); fusion.c lists the rows, and all code above lib/nn sees fusions through them
 * alone.
 *
 * Adding a fusion: one file with its parameter table, its passes and its row, like late.c and early.c; the
 * row's name in fusion.c's list, its word in HM_FUSION_WORDS. Nothing else has to know it.
 *
 * Letters: n examples, C classes, P cells of an image's grid, D the width of a side. */
#ifndef HM_FUSIONKIND_H
#define HM_FUSIONKIND_H

#include "nn/tower.h"

/* The layers between the sides and the logits, of a fusion that has any (headfusion.h says what they
 * compute); the others ignore it. */
struct hm_hidden {
	int map_dim, map_layers; /* width of the maps, n; how many layers each, 1 or more */
	int pre_dim, pre_layers; /* width of the layers behind the joint, m; how many, 0 or more */
	bool normalize;		 /* both sides have length 1 when they are joined */
	double dropout[3];	 /* D1 of the maps, D2 of the joint, D3 of the layers behind it */
};
enum { HM_HEAD_LAYERS = 64 }; /* the most of either */

/* The sizes of a fusion's own parameters. */
struct hm_fusion_shape {
	int classes;	   /* C >= 2 */
	int dim[HM_SIDES]; /* D of each side; 0: the side is not used */
	int cells;	   /* P, of a fusion that takes the image's grid; else 0 */
	struct hm_hidden head;
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
	/* Both sides in place of `side`: [n,D+D] as one matrix, or on a host row by row, [n] of D+D numbers
	 * each. Both NULL: see `side`. */
	const float *joined;
	const float *const *row;
	const int32_t *ids, *len; /* HM_WORDS: n sequences end to end, len [n]; host memory */
};

/* A layer that takes a feature: weight [outputs,inputs] and bias [outputs] at these places of the table's
 * numbers; its inputs are the numbers from `first` on of both features, the image's before the text's. */
struct hm_intake {
	size_t weight, bias;
	int outputs, inputs, first;
};

/* Inference, as struct hm_tower_infer has it of a tower. A prepared net is immutable and shared by threads;
 * work holds one thread's activations. */
struct hm_fusion_infer {
	/* The fusion made ready to run on `d` and its forks. Places `net` on `d` (param.h) and borrows both.
	 * text: the text tower, for a kind that takes HM_WORDS, whose parameters may be released afterwards
	 * unless they are borrowed; else NULL. NULL with `e`. */
	void *(*prepare)(struct hm_fusion_net *net, const struct hm_tower *text, struct hm_device *d,
			 struct hm_err *e);
	void (*net_free)(void *net); /* NULL is fine */
	/* One thread's activations on `d`, for batches of up to n examples. rows: the most rows of the text
	 * tower, cells and token ids together, of a kind that takes HM_WORDS. Borrows net and d. NULL with
	 * `e`. */
	void *(*work_new)(const void *net, struct hm_device *d, int n, int rows, struct hm_err *e);
	void (*work_free)(void *work); /* NULL is fine */
	/* logits f32 [n,C], device memory := the fusion of `in`. Failures stick to the work's device. */
	void (*run)(void *work, const struct hm_fusion_input *in, float *logits);
};

enum { HM_TOGETHER = 64 };

struct hm_fusion_kind {
	const char *name;	      /* "late": the word of --fusion and of the model file */
	enum hm_give gives[HM_SIDES]; /* what it takes from each side */
	const char *last;	      /* the layer that gives the logits: "classifier" has classifier.weight
					 [C,inputs] and classifier.bias [C] */
	const char *const *own;	 /* prefixes of its other tensors' names in a model file; ended by NULL */
	const char *text_prefix; /* of the text tower's tensors in a model file */
	bool sequential;	 /* a model file has the image tower in PyTorch's Sequential form */
	bool optional;		 /* one of the sides may be missing */
	bool joined;		 /* takes two cached vectors as one matrix (hm_fusion_input.joined) */
	bool standard;		 /* cached features are standardised unless the user says otherwise */
	bool one_logit; /* its files may have a last layer of one output z: the logits are then 0 and z */
	const struct hm_joint *joint; /* of a fusion with the layers of struct hm_hidden; else NULL */
	/* Fills the sizes in *h from the tensors of a file; the last layer has `inputs` inputs. 0; 1: they
	 * are those of another fusion, whose tensors have the same names; HM_EDATA naming the tensor that
	 * does not fit. NULL: the fusion has no such layers. */
	int (*measure)(const struct hm_fusion_kind *k, struct hm_hidden *h, int64_t inputs, hm_find_fn *find,
		       void *ctx, struct hm_err *e);
	/* Fills s->dim and s->cells from the tensors of a file; -1 where they do not say. s->classes,
	 * s->head and `inputs`, of the last layer, are known. text: the text tower in the file; width 0:
	 * there is none. 0, or HM_EDATA naming the tensor that does not fit. */
	int (*read)(struct hm_fusion_shape *s, int64_t inputs, const struct hm_tower_shape *text,
		    hm_find_fn *find, void *ctx, struct hm_err *e);
	/* The number of inputs of the last layer. */
	int64_t (*inputs)(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s);
	/* The fusion's parameter table, without values yet: hm_params_load or hm_params_init allocates them.
	 * NULL with `e`. The caller frees with hm_fusion_net_free. */
	struct hm_fusion_net *(*net_new)(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s,
					 struct hm_err *e);
	/* The layers that take features, of a table with values; returns their number. NULL: the fusion does
	 * not take two vectors. */
	int (*intakes)(const struct hm_fusion_net *net, struct hm_intake out[HM_SIDES]);

	/* Activations on `d`; with `backward` they are kept for a backward pass. Borrows its arguments. text:
	 * the text tower, for a kind that takes HM_WORDS; else NULL. NULL with `e`. */
	void *(*tape_new)(struct hm_fusion_net *net, struct hm_tower *text, struct hm_device *d,
			  bool backward, struct hm_err *e);
	void (*tape_free)(void *tape); /* NULL is fine */
	/* Reserves memory for batches of up to n examples with up to `words` token ids in all, whose features
	 * come as in->joined or in->row if `joined`: none of them allocates. */
	void (*reserve)(void *tape, int n, int64_t words, bool joined);
	/* logits f32 [n,C], device memory := the fusion of `in`. drop: p of a tower that the fusion runs,
	 * seed and step of all dropout; NULL: none at all. Failures stick to the device. */
	void (*forward)(void *tape, const struct hm_fusion_input *in, const struct hm_dropout *drop,
			float *logits);
	/* dlogits f32 [n,C]: the gradient of the last forward pass's logits. Adds to the gradients of the
	 * parameters, also of a tower that the fusion runs. dside[k] f32 [n,D] := the gradient of side k, in
	 * place of in->side[k]; NULL: not wanted, which holds for every grid. */
	void (*backward)(void *tape, const float *dlogits, float *const dside[HM_SIDES]);
	/* The same, without dside, of n <= HM_TOGETHER fusions of one shape that take the same in->row, in
	 * operations that load it once. Both or neither; NULL: forward and backward in turn are as fast. */
	void (*forward_each)(void *const *tape, size_t n, const struct hm_fusion_input *in,
			     float *const *logits);
	void (*backward_each)(void *const *tape, size_t n, float *const *dlogits);
	const struct hm_fusion_infer *infer;
};

/* Inference of a fusion that runs no tower: its forward pass, so that the answers are validation's to the
 * last bit. */
extern const struct hm_fusion_infer hm_plain_infer;

/* The names of all fusions, in the form that option tables take. */
#define HM_FUSION_WORDS "late|early|align|concat|cross|align-concat"
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
