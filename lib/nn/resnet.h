/* ResNet (He et al. 2015) as torchvision builds it, for inference: a 7x7 stem of stride 2, max pooling, four
 * stages of BasicBlocks or Bottlenecks (stride on the 3x3), global average pooling. Batch norm is in eval
 * mode and folded into the convolutions. Tensor names are torchvision's, without fc.* and
 * num_batches_tracked.
 *
 *   struct hm_resnet_config c;                hm_resnet_config_read(&c, find, ctx, e) or a preset
 *   struct hm_resnet *m = hm_resnet_new(&c, e);
 *   hm_params_load(hm_resnet_params(m), find, ctx, e);       or hm_params_init(..., seed, 0, e)
 *   struct hm_resnet_net *net = hm_resnet_prepare(m, dev, e);     m may be freed now
 *   struct hm_resnet_work *w = hm_resnet_work_new(net, dev, 8, 224, 224, e);    one per thread, with its
 * device hm_resnet_encode(net, w, pixels, 8, pooled, grid);            hm_device_error(dev, e) */
#ifndef HM_RESNET_H
#define HM_RESNET_H

#include "nn/tower.h"

extern const struct hm_tower_kind hm_resnet_tower; /* ResNet's row of tower.h; in resnettower.c */

#define HM_RESNET_MAX_BLOCKS 64

struct hm_resnet_config {
	bool bottleneck;
	int blocks[4]; /* per stage, 1 .. HM_RESNET_MAX_BLOCKS */
	int stem;      /* channels after the stem, usually 64 */
	int width[4];  /* inner channels of each stage's blocks, usually 64 128 256 512 */
	int out[4];    /* channels after each stage: width, or 4*width for Bottlenecks */
	struct hm_colours colours;
};

/* Fills *c from the tensors' names and shapes. 0, or HM_EDATA naming the tensor that does not fit. */
int hm_resnet_config_read(struct hm_resnet_config *c, hm_find_fn *find, void *ctx, struct hm_err *e);
/* *c := the preset "resnet18", "resnet50" or "resnet-tiny". False for any other name. */
bool hm_resnet_config_preset(struct hm_resnet_config *c, const char *name);
/* The i-th preset's name, i from 0; NULL after the last. */
const char *hm_resnet_preset_name(int i);
/* Channels C of the pooled output and of each grid cell. */
static inline int hm_resnet_features(const struct hm_resnet_config *c)
{
	return c->out[3];
}
/* Cells along one side of the grid for an image side in pixels (224: 7). */
int hm_resnet_grid_side(int side);

/* A network without values yet: hm_params_load or hm_params_init allocates them. NULL with `e`. The caller
 * frees. */
struct hm_resnet;
struct hm_resnet *hm_resnet_new(const struct hm_resnet_config *c, struct hm_err *e);
void hm_resnet_free(struct hm_resnet *m);
struct hm_params *hm_resnet_params(struct hm_resnet *m);
const struct hm_resnet_config *hm_resnet_config_of(const struct hm_resnet *m);

/* The network made ready to run on `d` and its forks. It is immutable, so threads share it. Borrows `d`; `m`
 * may be freed afterwards. NULL with `e`. The caller frees. */
struct hm_resnet_net;
struct hm_resnet_net *hm_resnet_prepare(const struct hm_resnet *m, struct hm_device *d, struct hm_err *e);
void hm_resnet_net_free(struct hm_resnet_net *net);

/* One thread's activations on `d`, for up to `batch` images of h x w. Borrows `d`. NULL with `e`. The caller
 * frees. */
struct hm_resnet_work;
struct hm_resnet_work *hm_resnet_work_new(const struct hm_resnet_net *net, struct hm_device *d, int batch,
					  int h, int w, struct hm_err *e);
void hm_resnet_work_free(struct hm_resnet_work *work);

/* pixels u8 [n,3,h,w]: RGB bytes; ImageNet's mean and deviation are applied here. pooled f32 [n,C] := the
 * pooled output; grid f32 [n,gh*gw,C] := the last activations, cell by cell. Either may be NULL. All arrays
 * are in the device's memory. A failure sticks to the work's device. */
void hm_resnet_encode(const struct hm_resnet_net *net, struct hm_resnet_work *work, const uint8_t *pixels,
		      int n, float *pooled, float *grid);

#endif
