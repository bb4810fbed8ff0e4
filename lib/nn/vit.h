/* Vision transformers: the image towers of CLIP, ViT and DINOv2, computed as by transformers' classes of
 * these names. An image is cut into square patches; each becomes a row by a linear map (a convolution whose
 * stride is its kernel). In front of them stand a class row and, in some networks, register rows; a position
 * is added to every row but the registers. Pre-norm layers (layers.h) follow. With z for the last layer's
 * rows and N for the LayerNorm behind them,
 *
 *   pooled = N(z[class]);  projected = P pooled;  pooler = tanh(W pooled + b)
 *   grid = the patches' rows of z (config.raw_grid), or of N(z)
 *
 * The families are files of their own that choose names and settings: clipimage.c, vitfamily.c. They take the
 * functions of the tower's row from here. */
#ifndef HM_VIT_H
#define HM_VIT_H

#include "nn/layers.h"
#include "nn/tower.h"

enum hm_vit_output { HM_VIT_POOLED, HM_VIT_PROJECTED, HM_VIT_POOLER };

struct hm_vit_config {
	struct hm_layers_config layers;
	int patch;		   /* pixels of a patch's side */
	int side;		   /* patches along a side of the position table, which has side^2 + 1 rows */
	int registers;		   /* rows without position behind the class row */
	int projection;		   /* numbers of the projected vector; 0: there is none */
	bool any_size;		   /* other image sizes take positions that are interpolated */
	bool antialias;		   /* that interpolation smooths */
	bool first_norm;	   /* a LayerNorm stands in front of the layers */
	bool patch_bias;	   /* the patches' linear map has a bias */
	bool pooler;		   /* the parameters of the pooler are there */
	bool raw_grid;		   /* the grid is z, not N(z) */
	enum hm_vit_output output; /* which vector is the pooled one */
	struct hm_colours colours;
	const struct hm_vit_style *style;
};

/* What sets the families apart: names, as in hm_layer_names the whole ones. */
struct hm_vit_style {
	const struct hm_tower_kind *kind;
	struct hm_layer_names layers;
	const char *klass, *position, *patch_w, *patch_b, *registers;
	const char *first_norm; /* without "weight" and "bias" */
	const char *pooler, *projection;
	int klass_dims;		    /* dimensions of the class and position tensors: 1 and 2, or 3 and 3 */
	struct hm_colours colours;  /* the family's own */
	const char *const *outputs; /* names of the outputs that tensors with everything have, in the order
				       of `output_of`, ended by NULL */
	const enum hm_vit_output *output_of;
};

/* Fills patch, side, hidden, layers, intermediate, registers, projection, patch_bias and pooler of *c from
 * the tensors' names and shapes. 0, or HM_EDATA naming the tensor that does not fit. */
int hm_vit_config_read(struct hm_vit_config *c, const struct hm_vit_style *style, hm_find_fn *find, void *ctx,
		       struct hm_err *e);
/* Chooses the output by its name, or the first that the network has. 0, HM_EUSAGE or HM_EDATA. */
int hm_vit_choose(struct hm_vit_config *c, const char *output, struct hm_err *e);
/* The network without values yet. NULL with `e`. The caller frees it by its row. */
struct hm_tower *hm_vit_new(const struct hm_vit_config *c, struct hm_err *e);
const struct hm_vit_config *hm_vit_config_of(const struct hm_tower *t);

/* Functions for the rows of the families. */
void hm_vit_free(struct hm_tower *t);
struct hm_tower_shape hm_vit_shape(const struct hm_tower *t);
struct hm_tower_hints hm_vit_hints(const struct hm_tower *t);
int hm_vit_cells(const struct hm_tower *t, int h, int w);
const char *hm_vit_output_name(const struct hm_tower *t, enum hm_give give);
extern const struct hm_tower_infer hm_vit_infer; /* vit.c */
extern const struct hm_tower_train hm_vit_train; /* vittrain.c */

/* What the rows of all families of vision transformers have in common. */
#define HM_VIT_CALLS                                                                                         \
	.side = HM_IMAGE, .free = hm_vit_free, .shape = hm_vit_shape, .hints = hm_vit_hints,                 \
	.cells = hm_vit_cells, .output = hm_vit_output_name, .infer = &hm_vit_infer, .train = &hm_vit_train
/* The keys that their config.json files have in common. */
#define HM_VIT_KEYS                                                                                          \
	.heads = "num_attention_heads", .eps = "layer_norm_eps", .layers = "num_hidden_layers",              \
	.act = "hidden_act"

#endif
