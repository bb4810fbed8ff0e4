/* ResNet (He et al. 2015) as torchvision builds it, for inference: 7x7/2 stem, max-pool, four stages of
 * BasicBlocks or Bottlenecks (stride on the 3x3), global average pool; batch norm in eval mode, folded into
 * the convolutions. Tensor names are torchvision's; fc.* and num_batches_tracked are no part of it.
 *
 *   struct hm_resnet_config c;                hm_resnet_config_read(&c, find, ctx, e) or a preset
 *   struct hm_resnet *m = hm_resnet_new(&c, e);
 *   hm_params_load(hm_resnet_params(m), find, ctx, e);       or hm_params_init(..., seed, 0, e)
 *   struct hm_resnet_net *net = hm_resnet_prepare(m, dev, e);     m may be freed now
 *   struct hm_resnet_work *w = hm_resnet_work_new(net, dev, 8, 224, 224, e);    one a thread, with its device
 *   hm_resnet_encode(net, w, pixels, 8, pooled, grid);            hm_device_error(dev, e) */
#ifndef HM_RESNET_H
#define HM_RESNET_H

#include "nn/tower.h"

extern const struct hm_tower_kind hm_resnet_tower; /* its row: resnettower.c */

#define HM_RESNET_MAX_BLOCKS 64

struct hm_resnet_config {
	bool bottleneck;
	int blocks[4]; /* a stage, 1 .. HM_RESNET_MAX_BLOCKS */
	int stem;      /* channels after the stem: 64 */
	int width[4];  /* inner channels of a stage's blocks: 64 128 256 512 */
	int out[4];    /* channels after a stage: width, or 4*width for Bottlenecks */
};

/* From the tensors' names and shapes. HM_EDATA names the tensor that does not fit. */
int hm_resnet_config_read(struct hm_resnet_config *c, hm_find_fn *find, void *ctx, struct hm_err *e);
/* "resnet18", "resnet50", "resnet-tiny"; false when there is no such preset. */
bool hm_resnet_config_preset(struct hm_resnet_config *c, const char *name);
/* The i-th preset's name, i from 0; NULL after the last. */
const char *hm_resnet_preset_name(int i);
/* Features of the pooled output and of each grid position. */
static inline int hm_resnet_features(const struct hm_resnet_config *c)
{
	return c->out[3];
}
/* Side of the grid for a side of the image (224: 7). */
int hm_resnet_grid_side(int side);

/* The parameters: storage comes with loading or initialising them. NULL with `e`. */
struct hm_resnet;
struct hm_resnet *hm_resnet_new(const struct hm_resnet_config *c, struct hm_err *e);
void hm_resnet_free(struct hm_resnet *m);
struct hm_params *hm_resnet_params(struct hm_resnet *m);
const struct hm_resnet_config *hm_resnet_config_of(const struct hm_resnet *m);

/* Ready to run on `d` and its forks: immutable, shared by threads. Borrows `d`; needs `m` no longer. NULL
 * with `e`. */
struct hm_resnet_net;
struct hm_resnet_net *hm_resnet_prepare(const struct hm_resnet *m, struct hm_device *d, struct hm_err *e);
void hm_resnet_net_free(struct hm_resnet_net *net);

/* One thread's activations, for batches of at most `batch` images of h x w, on `d` (which it borrows). NULL
 * with `e`. */
struct hm_resnet_work;
struct hm_resnet_work *hm_resnet_work_new(const struct hm_resnet_net *net, struct hm_device *d, int batch,
					  int h, int w, struct hm_err *e);
void hm_resnet_work_free(struct hm_resnet_work *work);

/* pixels u8 [n,3,h,w] (RGB, not normalised; ImageNet's mean and deviation are applied here)
 * -> pooled f32 [n,C] and grid f32 [n,gh*gw,C], position-major; either may be NULL. All in the device's
 * memory. A failure sticks to the work's device. */
void hm_resnet_encode(const struct hm_resnet_net *net, struct hm_resnet_work *work, const uint8_t *pixels,
		      int n, float *pooled, float *grid);

#endif
