/* A tower: a network that turns one side of a pair, the image or the caption, into numbers. Every family of
 * towers is a row of function pointers (struct hm_tower_kind); towers.c lists the rows, and all code above
 * lib/nn sees towers through them alone.
 *
 * Adding a family: one file with its parameter table, its passes and its row, like resnettower.c and
 * berttower.c; the row's name in towers.c. Nothing else has to know it.
 *
 *   const struct hm_tower_kind *k = hm_tower_kinds()[i];
 *   struct hm_tower *t = k->read(find, ctx, &hints, e);            or k->make(preset, &hints, e)
 *   hm_params_load(&t->params, find, ctx, e);                      or hm_params_init(&t->params, seed, 0, e)
 *   void *net = k->infer->prepare(t, dev, e);                      t's parameters may be released now
 *   void *work = k->infer->work_new(net, dev, &room, e);           one per thread, with its device context
 *   k->infer->encode(net, work, &batch, out);                      hm_device_error(dev, e) */
#ifndef HM_TOWER_H
#define HM_TOWER_H

#include "nn/colours.h"
#include "nn/param.h"
#include "ops/ops.h"

/* The sides of a pair. A tower of the image side reads pixels, one of the text side reads token ids. */
enum hm_side { HM_IMAGE, HM_TEXT, HM_SIDES };
/* "image", "text". */
const char *hm_side_name(enum hm_side side);

/* What a fusion, or a feature column, takes from a side: one vector per input; one vector per cell of the
 * image's grid; the token ids themselves, which the fusion runs through the tower together with other rows.
 */
enum hm_give { HM_POOLED, HM_GRID, HM_WORDS, HM_GIVES };

struct hm_tower {
	const struct hm_tower_kind *kind;
	struct hm_params params;
};

/* The sizes that other code needs. */
struct hm_tower_shape {
	int width;	      /* numbers in a pooled vector, in a word's row */
	int cell;	      /* image: numbers in a grid cell */
	int side;	      /* image: the only height and width that it takes, in pixels; 0: any */
	int vocab, positions; /* text: rows of the word table; the most ids in a sequence. image: 0 */
	int end;	      /* text: an id that every sequence must have; 0: there is none */
	int pad; /* text: an id that no sequence may have, since positions would not count it; 0: there is
		    none */
};

/* Numbers in what a tower gives: in its vector, in a cell of its grid, in a word's row. */
static inline int hm_tower_width(const struct hm_tower_shape *s, enum hm_give give)
{
	return give == HM_GRID ? s->cell : s->width;
}

/* What the names and shapes of tensors do not tell. 0 or NULL: unknown. */
struct hm_tower_hints {
	const char *output; /* which vector is the pooled one ("cls"), if the family has several */
	int heads;	    /* attention heads */
	int layers;	    /* layers that config.json counts; 0: it does not say */
	double eps;	    /* of every LayerNorm */
	enum hm_act act;    /* of the layers' feed-forward networks; HM_ACT_NONE: unknown */
	struct hm_colours colours;
	int vocab;    /* rows of the word table, for a preset */
	bool named;   /* a config.json or hm.model says which family the tensors are of */
	bool guessed; /* set by read: `heads` was unknown, so the customary value was taken */
};

/* What a published config.json says of the family. */
struct hm_tower_config {
	const char *const *model_types; /* the "model_type" of this family's folders, ended by NULL */
	const char *const (*demand)[2]; /* {key, value} pairs, ended by NULL: if the key is present, only
					    this value can be computed; "false" stands for a boolean, digits
					   for a number */
	const char *heads, *eps, *layers, *act; /* the keys of these hints; NULL: the family has no such hint
						 */
	const char *end; /* the key of the end token, which must be 2 or the last of "vocab_size"; NULL: the
			    family has no such key */
	const char *const *architectures; /* those of timm's, of the same tensors, that are computed in the
					     same way, ended by NULL; NULL: not asked */
	/* Where one config.json describes both sides: the object of this side, "vision_config", and how
	 * open_clip_config.json calls it, "vision_cfg". NULL: the keys stand at the top. */
	const char *section, *open_clip;
	struct hm_tower_hints usual; /* what it means when a config.json of the family lacks a key */
};

/* Room for a tensor's published name. */
#define HM_TENSOR_NAME 512
/* What a tensor of a file is to the family: not its own; a parameter; a batch norm's counter of training
 * batches (num_batches_tracked), which files carry along and no computation uses. */
enum hm_tensor_role { HM_TENSOR_OTHER, HM_TENSOR_PARAM, HM_TENSOR_COUNTER };
/* A published tensor inside a file's tensor. */
struct hm_tensor_name {
	char name[HM_TENSOR_NAME];
	int parts;	 /* the file's tensor is so many published ones, with equal shares of its rows */
	bool transposed; /* the file holds it transposed */
};

/* A way in which files hold the tensors of a family. */
struct hm_tower_layout {
	const char *const *mark; /* names by which such a file is recognised, below any prefix; "a|b" means
				    either name; ended by NULL */
	/* Fills *out, in which parts is 1 and transposed false, for the published tensor `part` (0 ..
	 * parts-1) in the file's tensor `name` (without the prefix). Returns the role. NULL: such files use
	 * the published names and hold parameters only. */
	enum hm_tensor_role (*publish)(const char *name, int part, struct hm_tensor_name *out);
	const char *refuse; /* what such a file holds, where it cannot be computed; else NULL */
};

/* The largest batch to reserve memory for. */
struct hm_tower_room {
	int n;	      /* inputs */
	int h, w;     /* image: height and width */
	int64_t rows; /* text: token ids of all inputs together */
};

/* A batch of inputs of one side. */
struct hm_tower_batch {
	int n;
	const uint8_t *pixels; /* image: u8 [n,3,h,w], RGB, not normalised, the device's memory */
	int h, w;
	const int32_t *ids, *len; /* text: n sequences end to end, len [n], host memory */
};

/* How a training pass runs. */
struct hm_tower_pass {
	enum hm_bn_mode mode;	       /* of every batch norm */
	const struct hm_dropout *drop; /* p, seed, step; NULL: no dropout */
};

/* The network on rows that the caller fills. Early fusion runs it over the cells of an image and the words of
 * a caption. `run` is a tape of hm_tower_train, or the work of hm_tower_infer. Arrays are device memory
 * unless a comment says otherwise. */
struct hm_tower_rows {
	/* Makes room for n sequences of len [n] rows (host memory). Returns their rows f32 [m,width], zeroed,
	 * for the caller to fill; NULL after a failure, which sticks to the device of `run`. */
	float *(*begin)(void *run, const int32_t *len, int n);
	/* Row at[r] += the word embedding ids[r], or += the position pos[r]; all are i32 [count], in range.
	 */
	void (*add_words)(void *run, const int32_t *at, const int32_t *ids, int count);
	void (*add_positions)(void *run, const int32_t *at, const int32_t *pos, int count);
	/* Adds positions 0, 1, ... of each sequence and runs the layers. first f32 [n,width] := the last
	 * hidden state of each sequence's first row. drop: NULL for work. */
	void (*forward)(void *run, const struct hm_dropout *drop, float *first);
};

/* Inference. A prepared net is immutable and shared by threads; work holds one thread's activations. */
struct hm_tower_infer {
	/* The network made ready to run on `d` and its forks. Borrows `d`; the tower's parameters may be
	 * released afterwards, unless they are borrowed (param.h): then params.data is NULL, and the fields
	 * point into the file. NULL with `e`. */
	void *(*prepare)(const struct hm_tower *t, struct hm_device *d, struct hm_err *e);
	void (*net_free)(void *net); /* NULL is fine */
	/* One thread's activations on `d`, for batches of up to `room`. Borrows `d`. NULL with `e`. */
	void *(*work_new)(const void *net, struct hm_device *d, const struct hm_tower_room *room,
			  struct hm_err *e);
	void (*work_free)(void *work); /* NULL is fine */
	/* out[HM_POOLED] f32 [n,width] and out[HM_GRID] f32 [n,cells,width], device memory := the outputs;
	 * NULL: not wanted. Failures stick to the work's device. */
	void (*encode)(const void *net, void *work, const struct hm_tower_batch *b,
		       float *const out[HM_GIVES]);
	/* On work of which `room` counts rows of all kinds. NULL: early fusion cannot run this family. */
	const struct hm_tower_rows *rows;
};

/* The way back over rows, on a tape. */
struct hm_tower_rows_back {
	const char *unused; /* prefix of the parameters that are not used; NULL: all are used */
	/* dfirst f32 [n,width]: the gradient of `first`. Returns the gradient of the rows, act [m,width],
	 * valid until the next call. */
	const void *(*backward)(void *tape, const float *dfirst);
	/* Add to the tables' gradients from drows, which `backward` returned. */
	void (*add_words)(void *tape, const void *drows, const int32_t *at, const int32_t *ids, int count);
	void (*add_positions)(void *tape, const void *drows, const int32_t *at, const int32_t *pos,
			      int count);
};

/* Training. The tower's parameters are used where they are: place them first (param.h). */
struct hm_tower_train {
	/* Activations on `d`; with `backward` they are kept for a backward pass. Borrows t and d. NULL with
	 * `e`. */
	void *(*tape_new)(struct hm_tower *t, struct hm_device *d, bool backward, struct hm_err *e);
	void (*tape_free)(void *tape); /* NULL is fine */
	/* Reserves memory for batches of up to `room`: none of them allocates. */
	void (*reserve)(void *tape, const struct hm_tower_room *room);
	/* As encode; the tape keeps what backward needs. Failures stick to the device. */
	void (*forward)(void *tape, const struct hm_tower_batch *b, const struct hm_tower_pass *how,
			float *const out[HM_GIVES]);
	/* dpooled f32 [n,width]: the gradient of the last forward pass's pooled output. Adds to every
	 * parameter's gradient. */
	void (*backward)(void *tape, const float *dpooled);
	const struct hm_tower_rows *rows; /* NULL: early fusion cannot run this family */
	const struct hm_tower_rows_back *rows_back;
};

struct hm_tower_kind {
	const char *name; /* "resnet", "bert" */
	enum hm_side side;
	const char *tensors; /* the source of its tensor names, for messages: "torchvision's ResNet" */
	/* The layouts that are read, ended by a NULL mark; the first that fits a file counts. Model files of
	 * hm have the first. */
	const struct hm_tower_layout *layouts;
	/* Networks of the same tensor names are distinguished by a part of the path to the tensors (a prefix,
	 * --key): `only` has the parts of which this family needs one, `unlike` those of networks that
	 * compute something else ("roberta"). Ended by NULL, or NULL. */
	const char *const *only, *const *unlike;
	struct hm_tower_config config;
	const char *layers; /* what the names of its layers' parameters begin with, before the layer's number;
			       parameters in front of them in the table are below the layers */
	/* `out`, cut to cap, := the name that the published `name` gets in PyTorch's Sequential of the
	 * network's children: "layer1.0.bn1.bias" becomes "4.0.bn1.bias". NULL: the family has no such form.
	 */
	void (*sequential)(const char *name, char *out, size_t cap);
	/* The i-th preset's name, i from 0; NULL after the last. */
	const char *(*preset)(int i);
	/* The tower of preset i, without values yet. NULL with `e`. The caller frees. NULL: no presets. */
	struct hm_tower *(*make)(int i, const struct hm_tower_hints *hints, struct hm_err *e);
	/* The tower that the tensors' published names and shapes describe, without values yet. What they do
	 * not tell comes from *hints, or is guessed (hints->guessed). NULL with `e`, which names the tensor
	 * that does not fit, or as HM_EUSAGE the option that must say what nothing tells. The caller frees.
	 */
	struct hm_tower *(*read)(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints, struct hm_err *e);
	void (*free)(struct hm_tower *t); /* NULL is fine */
	struct hm_tower_shape (*shape)(const struct hm_tower *t);
	/* What its tensors do not tell, with the values that it uses. NULL: they tell everything. Callers use
	 * hm_tower_hints_of. */
	struct hm_tower_hints (*hints)(const struct hm_tower *t);
	/* image: the number of grid cells of an image of h x w; NULL: the family has no grid. */
	int (*cells)(const struct hm_tower *t, int h, int w);
	/* The name of this output in the attribute `output`: "pooled", static storage; NULL: it has no such
	 * output. */
	const char *(*output)(const struct hm_tower *t, enum hm_give give);
	bool batch_norm; /* in train mode each result depends on the whole batch */
	const struct hm_tower_infer *infer;
	const struct hm_tower_train *train;
};

/* All families, ended by NULL. The list is in towers.c. */
const struct hm_tower_kind *const *hm_tower_kinds(void);
/* The i-th preset name of a side (for init:NAME), i from 0; NULL after the last. */
const char *hm_tower_preset(enum hm_side side, int i);
/* The same for one side, in the form that option tables take. */
const char *hm_image_preset(int i);
const char *hm_text_preset(int i);
/* The tower of a side's preset `name`, without values yet. NULL with `e`: HM_EUSAGE, which lists the presets,
 * or HM_EDATA. The caller frees. */
struct hm_tower *hm_tower_make(enum hm_side side, const char *name, const struct hm_tower_hints *hints,
			       struct hm_err *e);
/* What the tower's tensors do not tell; zeros where they tell all. */
struct hm_tower_hints hm_tower_hints_of(const struct hm_tower *t);
/* Excludes all but the last k layers, and what is above the layers, from the optimizer's steps, decay and
 * clipping. 0, or HM_EUSAGE: the tower has fewer layers; the sentence says how many. */
int hm_tower_hold_below(struct hm_tower *t, int k, struct hm_err *e);
/* Frees a tower of any family; NULL is fine. */
void hm_tower_free(struct hm_tower *t);
/* out, cut to cap, := what the tensors do not tell, as text: "|12 heads|eps 1e-12|quick_gelu", or "". It is
 * part of the feature cache's keys. Returns out. */
char *hm_tower_identify(const struct hm_tower *t, char *out, size_t cap);

#endif
