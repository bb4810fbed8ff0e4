/* ResNet as a family of towers: its row of tower.h, the names that files give its tensors. The computation is
 * resnet.c's and resnettrain.c's. */
#include "nn/familyparts.h"
#include "nn/resnettrain.h"

#include <stdio.h>
#include <string.h>

/* ---- names */

/* What torchvision calls the children of a ResNet that PyTorch's Sequential numbers; 2 and 3, relu and the
 * max-pool, have no tensors. */
static const char *const child[] = {"conv1", "bn1", "", "", "layer1", "layer2", "layer3", "layer4"};
enum { CHILDREN = sizeof child / sizeof *child };

/* Both forms are read: torchvision's names, and the numbers of a Sequential. fc.* is a classifier's. */
static enum hm_tensor_role publish_name(const char *name, int part, struct hm_tensor_name *out)
{
	static const char counter[] = "num_batches_tracked";
	int digit = name[0] >= '0' && name[0] < '0' + CHILDREN && name[1] == '.' ? name[0] - '0' : 2;
	const char *as = child[digit];
	(void)part;
	snprintf(out->name, sizeof out->name, "%s%s", as, *as ? name + 1 : name);
	size_t n = strlen(name), m = sizeof counter - 1;
	if (!strncmp(name, "fc.", 3))
		return HM_TENSOR_OTHER;
	return n >= m && !strcmp(name + n - m, counter) ? HM_TENSOR_COUNTER : HM_TENSOR_PARAM;
}

static void sequential_name(const char *name, char *out, size_t cap)
{
	int i = 0;
	size_t n = strcspn(name, ".");
	while (i < CHILDREN && (strlen(child[i]) != n || strncmp(name, child[i], n)))
		i++;
	if (i < CHILDREN)
		snprintf(out, cap, "%d%s", i, name + n);
	else
		snprintf(out, cap, "%s", name);
}

/* ---- making one */

static struct hm_tower *as_tower(struct hm_resnet *m)
{
	return (struct hm_tower *)m;
}

static const struct hm_resnet *as_resnet(const struct hm_tower *t)
{
	return (const struct hm_resnet *)t;
}

static struct hm_tower *make_tower(struct hm_resnet_config *c, const struct hm_tower_hints *hints,
				   struct hm_err *e)
{
	static const char *const outputs[] = {"pooled", "grid", NULL};
	int chosen;
	if (hm_output_choose(&chosen, hints->output, outputs, "ResNet", e))
		return NULL;
	c->colours = hm_colours_of(&hints->colours, &hm_imagenet_colours);
	return as_tower(hm_resnet_new(c, e));
}

static struct hm_tower *make_preset(int i, const struct hm_tower_hints *hints, struct hm_err *e)
{
	struct hm_resnet_config c;
	hm_resnet_config_preset(&c, hm_resnet_preset_name(i));
	return make_tower(&c, hints, e);
}

static struct hm_tower *read_tensors(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints,
				     struct hm_err *e)
{
	struct hm_resnet_config c;
	return hm_resnet_config_read(&c, find, ctx, e) ? NULL : make_tower(&c, hints, e);
}

static void free_tower(struct hm_tower *t)
{
	hm_resnet_free((struct hm_resnet *)t);
}

static struct hm_tower_shape shape_of(const struct hm_tower *t)
{
	int width = hm_resnet_features(hm_resnet_config_of(as_resnet(t)));
	return (struct hm_tower_shape){.width = width, .cell = width};
}

static struct hm_tower_hints hints_of(const struct hm_tower *t)
{
	const struct hm_resnet_config *c = hm_resnet_config_of(as_resnet(t));
	return (struct hm_tower_hints){.colours = hm_colours_unlike(&c->colours, &hm_imagenet_colours)};
}

static int grid_cells(const struct hm_tower *t, int h, int w)
{
	(void)t;
	return hm_resnet_grid_side(h) * hm_resnet_grid_side(w);
}

static const char *output_name(const struct hm_tower *t, enum hm_give give)
{
	(void)t;
	return give == HM_POOLED ? "pooled" : give == HM_GRID ? "grid" : NULL;
}

/* ---- inference */

static void *prepare_net(const struct hm_tower *t, struct hm_device *d, struct hm_err *e)
{
	return hm_resnet_prepare(as_resnet(t), d, e);
}

static void free_net(void *net)
{
	hm_resnet_net_free(net);
}

static void *new_work(const void *net, struct hm_device *d, const struct hm_tower_room *room,
		      struct hm_err *e)
{
	return hm_resnet_work_new(net, d, room->n, room->h, room->w, e);
}

static void free_work(void *work)
{
	hm_resnet_work_free(work);
}

static void encode_batch(const void *net, void *work, const struct hm_tower_batch *b,
			 float *const out[HM_GIVES])
{
	hm_resnet_encode(net, work, b->pixels, b->n, out[HM_POOLED], out[HM_GRID]);
}

/* ---- training */

static void *new_tape(struct hm_tower *t, struct hm_device *d, bool backward, struct hm_err *e)
{
	return hm_resnet_tape_new((struct hm_resnet *)t, d, backward, e);
}

static void free_tape(void *tape)
{
	hm_resnet_tape_free(tape);
}

static void reserve_tape(void *tape, const struct hm_tower_room *room)
{
	hm_resnet_reserve(tape, room->n, room->h, room->w);
}

static void forward_batch(void *tape, const struct hm_tower_batch *b, const struct hm_tower_pass *how,
			  float *const out[HM_GIVES])
{
	hm_resnet_forward(tape, b->pixels, b->n, b->h, b->w, how->mode, out[HM_POOLED], out[HM_GRID]);
}

static void backward_batch(void *tape, const float *dpooled)
{
	hm_resnet_backward(tape, dpooled);
}

static const struct hm_tower_layout layouts[] = {
	{(const char *const[]){"conv1.weight|0.weight", "bn1.running_mean|1.running_mean",
			       "layer1.0.conv1.weight|4.0.conv1.weight", NULL},
	 publish_name, NULL},
	{NULL, NULL, NULL}};

const struct hm_tower_kind hm_resnet_tower = {
	.name = "resnet",
	.side = HM_IMAGE,
	.tensors = "torchvision's ResNet",
	.layouts = layouts,
	.layers = "layer",
	.config = {.model_types = (const char *const[]){"resnet", NULL},
		   /* not those that blur before they leave out pixels, which has no parameters */
		   .architectures = (const char *const[]){"resnet18", "resnet26", "resnet34", "resnet50",
							  "resnet101", "resnet152", "tv_resnet34",
							  "tv_resnet50", "tv_resnet101", "tv_resnet152",
							  "wide_resnet50_2", "wide_resnet101_2", NULL}},
	.sequential = sequential_name,
	.preset = hm_resnet_preset_name,
	.make = make_preset,
	.read = read_tensors,
	.free = free_tower,
	.shape = shape_of,
	.hints = hints_of,
	.cells = grid_cells,
	.output = output_name,
	.batch_norm = true,
	.infer = &(const struct hm_tower_infer){prepare_net, free_net, new_work, free_work, encode_batch,
						NULL},
	.train = &(const struct hm_tower_train){.tape_new = new_tape,
						.tape_free = free_tape,
						.reserve = reserve_tape,
						.forward = forward_batch,
						.backward = backward_batch},
};
