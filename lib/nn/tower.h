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

/* The sizes that others need. */
struct hm_tower_shape {
	int width;	      /* numbers in a pooled vector, in a grid cell, in a word's row */
	int vocab, positions; /* text: rows of the word table; most ids of a sequence. image: 0 */
};

/* What the names and shapes of tensors do not tell. 0 or NULL: not said. */
struct hm_tower_hints {
	const char *output; /* which of its vectors is the pooled one ("cls"), where the family has several */
	int heads;	    /* attention heads */
	double eps;	    /* of every LayerNorm */
	int vocab;	    /* rows of the word table, where a preset is made */
	bool guessed;	    /* set by read: nothing said `heads`, a customary value was taken */
};

/* What a published config.json says of the family. */
struct hm_tower_config {
	const char *model_type;		/* "model_type" of a folder that this family reads */
	const char *const (*demand)[2]; /* {key, value} pairs, ended by NULL: where the key is there, only
					    this value can be computed; "false" stands for a boolean */
	const char *heads, *eps;	/* the keys of these hints; NULL: the family has none */
};

/* Room for a tensor's published name. */
#define HM_TENSOR_NAME 512
/* What a tensor of a file is to the family: none of its own; a parameter; a batch norm's counter of training
 * batches (num_batches_tracked), which is carried along and computes nothing. */
enum hm_tensor_role { HM_TENSOR_OTHER, HM_TENSOR_PARAM, HM_TENSOR_COUNTER };

/* The largest batch that memory is made for. */
struct hm_tower_room {
	int n;	      /* inputs */
	int h, w;     /* image: size of each */
	int64_t rows; /* text: token ids of all together */
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
	const struct hm_dropout *drop; /* p, seed, step; NULL: none */
};

/* Inference. A prepared net is immutable and shared by threads; work holds one thread's activations. */
struct hm_tower_infer {
	/* Ready to run on `d` and its forks. Borrows `d`; needs the tower no longer. NULL with `e`. */
	void *(*prepare)(const struct hm_tower *t, struct hm_device *d, struct hm_err *e);
	void (*net_free)(void *net); /* NULL is fine */
	/* For batches up to `room`, on `d`, which it borrows. NULL with `e`. */
	void *(*work_new)(const void *net, struct hm_device *d, const struct hm_tower_room *room,
			  struct hm_err *e);
	void (*work_free)(void *work); /* NULL is fine */
	/* out[HM_POOLED] f32 [n,width], out[HM_GRID] f32 [n,cells,width], position-major; NULL where not
	 * wanted. All in the device's memory. Failures stick to the work's device. */
	void (*encode)(const void *net, void *work, const struct hm_tower_batch *b,
		       float *const out[HM_GIVES]);
};

/* The same network on rows that the caller fills: what early fusion runs over an image's cells and the words
 * of a caption. Tapes are those of hm_tower_train. Device memory throughout, unless said otherwise. */
struct hm_tower_rows {
	const char *unused; /* parameters whose names begin so play no part; NULL: all play */
	/* Room for n sequences of len [n] rows (host memory); their zeroed rows f32 [m,width], which the
	 * caller fills. NULL after a failure. */
	float *(*begin)(void *tape, const int32_t *len, int n);
	/* Adds positions 0, 1, ... of each sequence and goes on -> first f32 [n,width], the last hidden state
	 * of each sequence's first row. */
	void (*forward)(void *tape, const struct hm_dropout *drop, float *first);
	/* dfirst f32 [n,width] -> the gradient of the rows, act [m,width], valid until the next call. */
	const void *(*backward)(void *tape, const float *dfirst);
	/* rows at[r] += the word ids[r]; += the position pos[r]: i32 [count] each, in range. And backward. */
	void (*add_words)(void *tape, const int32_t *at, const int32_t *ids, int count);
	void (*add_words_backward)(void *tape, const void *drows, const int32_t *at, const int32_t *ids,
				   int count);
	void (*add_positions)(void *tape, const int32_t *at, const int32_t *pos, int count);
	void (*add_positions_backward)(void *tape, const void *drows, const int32_t *at, const int32_t *pos,
				       int count);
};

/* Training. The tower's parameters are used where they are: place them first (param.h). */
struct hm_tower_train {
	/* Activations on `d`, kept for a backward pass when `backward`. Borrows both. NULL with `e`. */
	void *(*tape_new)(struct hm_tower *t, struct hm_device *d, bool backward, struct hm_err *e);
	void (*tape_free)(void *tape); /* NULL is fine */
	/* Memory for every batch up to `room`: none of them allocates again. */
	void (*reserve)(void *tape, const struct hm_tower_room *room);
	/* As encode; the tape keeps what backward needs. Failures stick to the device. */
	void (*forward)(void *tape, const struct hm_tower_batch *b, const struct hm_tower_pass *how,
			float *const out[HM_GIVES]);
	/* dpooled f32 [n,width], of the last forward pass: adds to every parameter's gradient. */
	void (*backward)(void *tape, const float *dpooled);
	const struct hm_tower_rows *rows; /* NULL: no early fusion over this family */
};

struct hm_tower_kind {
	const char *name; /* "resnet", "bert" */
	enum hm_side side;
	const char *tensors; /* whose tensor names it reads, for messages: "torchvision's ResNet" */
	const char *const
		*mark; /* published names that every file of this family has, each with the alternatives
			  of a file, parted by |; ended by NULL. A file has them below some prefix */
	struct hm_tower_config config;
	/* `out` := the published name of the file's tensor `name` (prefix taken off). NULL: files have the
	 * published names, and nothing but parameters. */
	enum hm_tensor_role (*publish)(const char *name, char out[HM_TENSOR_NAME]);
	/* `out`, cut to cap, := the published name as PyTorch's Sequential of the network's children numbers
	 * it ("layer1.0.bn1.bias": "4.0.bn1.bias"); NULL: the family has no such form. */
	void (*sequential)(const char *name, char *out, size_t cap);
	/* The i-th preset's name, i from 0; NULL after the last. */
	const char *(*preset)(int i);
	/* The tower of preset i, without parameters yet. NULL with `e`. */
	struct hm_tower *(*make)(int i, const struct hm_tower_hints *hints, struct hm_err *e);
	/* The tower that the tensors' published names and shapes describe, without parameters yet. What they
	 * do not tell comes from *hints, or is guessed (hints->guessed). NULL with `e`, which names the
	 * tensor that does not fit. */
	struct hm_tower *(*read)(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints, struct hm_err *e);
	void (*free)(struct hm_tower *t); /* NULL is fine */
	struct hm_tower_shape (*shape)(const struct hm_tower *t);
	/* What its tensors do not tell, as it is; NULL: they tell all. For others: hm_tower_hints_of. */
	struct hm_tower_hints (*hints)(const struct hm_tower *t);
	/* image: cells of the grid of an image of h x w; NULL: the family gives no grid. */
	int (*cells)(const struct hm_tower *t, int h, int w);
	/* What its output of this kind is called, as in the attribute `output`: "pooled"; NULL: it has none.
	 */
	const char *(*output)(const struct hm_tower *t, enum hm_give give);
	bool batch_norm; /* in train mode its results depend on the whole batch */
	const struct hm_tower_infer *infer;
	const struct hm_tower_train *train;
};

/* All families, ended by NULL: towers.c's list. */
const struct hm_tower_kind *const *hm_tower_kinds(void);
/* The i-th name behind init: of a side, i from 0; NULL after the last. */
const char *hm_tower_preset(enum hm_side side, int i);
/* The same of one side, for option tables. */
const char *hm_image_preset(int i);
const char *hm_text_preset(int i);
/* The tower of that preset of a side, without parameters yet. NULL with `e`: HM_EUSAGE and the names that
 * there are, or HM_EDATA. */
struct hm_tower *hm_tower_make(enum hm_side side, const char *name, const struct hm_tower_hints *hints,
			       struct hm_err *e);
/* What the tower's tensors do not tell; zeros where they tell all. */
struct hm_tower_hints hm_tower_hints_of(const struct hm_tower *t);
/* Frees a tower of any family; NULL is fine. */
void hm_tower_free(struct hm_tower *t);
/* out := what the tensors do not tell, as text: "|12 heads|eps 1e-12", "" where there is nothing. Part of the
 * feature cache's keys. Cut to cap; returns out. */
char *hm_tower_identify(const struct hm_tower *t, char *out, size_t cap);

#endif
