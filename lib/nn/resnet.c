/* ResNet: configuration, parameter table, folding of batch norm, and the forward pass. See resnet.h. */
#include "nn/resnetparts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WIDTH = HM_RESNET_MAX_WIDTH, MAX_SIDE = 1 << 14 };

/* ---- configuration */

static const struct {
	const char *name;
	struct hm_resnet_config c;
} preset[] = {
	{"resnet18", {false, {2, 2, 2, 2}, 64, {64, 128, 256, 512}, {64, 128, 256, 512}}},
	{"resnet50", {true, {3, 4, 6, 3}, 64, {64, 128, 256, 512}, {256, 512, 1024, 2048}}},
	{"resnet-tiny", {false, {1, 1, 1, 1}, 16, {16, 32, 64, 128}, {16, 32, 64, 128}}},
	{NULL},
};

const char *hm_resnet_preset_name(int i)
{
	return preset[i].name;
}

bool hm_resnet_config_preset(struct hm_resnet_config *c, const char *name)
{
	for (int i = 0; preset[i].name; i++)
		if (!strcmp(preset[i].name, name)) {
			*c = preset[i].c;
			c->colours = hm_imagenet_colours;
			return true;
		}
	return false;
}

/* The name of a tensor of block b of stage s (both from 0). */
static const char *block_name(char out[64], int s, int b, const char *tail)
{
	snprintf(out, 64, "layer%d.%d.%s", s + 1, b, tail);
	return out;
}

int hm_resnet_config_read(struct hm_resnet_config *c, hm_find_fn *find, void *ctx, struct hm_err *e)
{
	int64_t dim[4] = {0};
	char name[64];
	*c = (struct hm_resnet_config){.bottleneck = find(ctx, "layer1.0.conv3.weight") != NULL,
				       .colours = hm_imagenet_colours};
	int rc = hm_find_shape(find, ctx, "conv1.weight", 4, MAX_WIDTH, dim, e);
	c->stem = (int)dim[0];
	for (int s = 0; s < 4 && !rc; s++) {
		rc = hm_find_shape(find, ctx, block_name(name, s, 0, "conv1.weight"), 4, MAX_WIDTH, dim, e);
		c->width[s] = (int)dim[0];
		if (!rc && c->bottleneck)
			rc = hm_find_shape(find, ctx, block_name(name, s, 0, "conv3.weight"), 4, MAX_WIDTH,
					   dim, e);
		c->out[s] = (int)dim[0];
		while (c->blocks[s] < HM_RESNET_MAX_BLOCKS &&
		       find(ctx, block_name(name, s, c->blocks[s], "conv1.weight")))
			c->blocks[s]++;
	}
	return rc;
}

int hm_resnet_grid_side(int side)
{
	for (int i = 0; i < 5; i++)
		side = hm_conv_out(side, 3, 2, 1);
	return side;
}

/* ---- parameters */

static void add_unit(struct hm_params *p, struct hm_resnet_unit *u, struct hm_conv conv, const char *at,
		     const char *w, const char *bn)
{
	int64_t k = conv.kernel;
	u->conv = conv;
	hm_params_add(p, &u->w, HM_INIT_KAIMING, HM_DIMS(conv.cout, conv.cin, k, k), "%s%s.weight", at, w);
	hm_params_add(p, &u->weight, HM_INIT_ONE, HM_DIMS(conv.cout), "%s%s.weight", at, bn);
	hm_params_add(p, &u->bias, HM_INIT_ZERO, HM_DIMS(conv.cout), "%s%s.bias", at, bn);
	hm_params_add(p, &u->mean, HM_INIT_RUNNING_MEAN, HM_DIMS(conv.cout), "%s%s.running_mean", at, bn);
	hm_params_add(p, &u->var, HM_INIT_RUNNING_VAR, HM_DIMS(conv.cout), "%s%s.running_var", at, bn);
}

static void add_block(struct hm_params *p, struct hm_resnet_block *b, bool bottleneck, int cin, int width,
		      int cout, int stride, const char *at)
{
	if (bottleneck) {
		b->n = 3;
		add_unit(p, &b->conv[0], (struct hm_conv){cin, width, 1, 1, 0, .relu = true}, at, "conv1",
			 "bn1");
		add_unit(p, &b->conv[1], (struct hm_conv){width, width, 3, stride, 1, .relu = true}, at,
			 "conv2", "bn2");
		add_unit(p, &b->conv[2], (struct hm_conv){width, cout, 1, 1, 0, true, true}, at, "conv3",
			 "bn3");
	} else {
		b->n = 2;
		add_unit(p, &b->conv[0], (struct hm_conv){cin, width, 3, stride, 1, .relu = true}, at,
			 "conv1", "bn1");
		add_unit(p, &b->conv[1], (struct hm_conv){width, cout, 3, 1, 1, true, true}, at, "conv2",
			 "bn2");
	}
	if (stride != 1 || cin != cout)
		add_unit(p, &b->down, (struct hm_conv){cin, cout, 1, stride, 0}, at, "downsample.0",
			 "downsample.1");
}

struct hm_resnet *hm_resnet_new(const struct hm_resnet_config *c, struct hm_err *e)
{
	struct hm_resnet *m = hm_alloc(1, sizeof *m, e);
	char at[32];
	if (!m)
		return NULL;
	m->tower.kind = &hm_resnet_tower;
	m->c = *c;
	m->n_blocks = c->blocks[0] + c->blocks[1] + c->blocks[2] + c->blocks[3];
	m->block = hm_alloc(m->n_blocks, sizeof *m->block, e);
	if (!m->block)
		goto failed;
	struct hm_resnet_block *b = m->block;
	int cin = c->stem;
	add_unit(&m->tower.params, &m->stem, (struct hm_conv){3, c->stem, 7, 2, 3, .relu = true}, "", "conv1",
		 "bn1");
	for (int s = 0; s < 4; s++)
		for (int i = 0; i < c->blocks[s]; i++, b++, cin = c->out[s]) {
			snprintf(at, sizeof at, "layer%d.%d.", s + 1, i);
			add_block(&m->tower.params, b, c->bottleneck, cin, c->width[s], c->out[s],
				  s > 0 && i == 0 ? 2 : 1, at);
		}
	return m;
failed:
	hm_resnet_free(m);
	return NULL;
}

void hm_resnet_free(struct hm_resnet *m)
{
	if (!m)
		return;
	hm_params_clear(&m->tower.params);
	free(m->block);
	free(m);
}

struct hm_params *hm_resnet_params(struct hm_resnet *m)
{
	return &m->tower.params;
}

const struct hm_resnet_config *hm_resnet_config_of(const struct hm_resnet *m)
{
	return &m->c;
}

/* ---- made ready for a device */

struct net_block {
	int n, stride, cmid[2], cout;
	struct hm_weight *conv[3], *down;
};

struct hm_resnet_net {
	struct hm_resnet_config c;
	struct hm_device *d;
	float *table; /* [3*256], device memory: a pixel's value after normalisation */
	struct hm_weight *stem;
	struct net_block *block;
	int n_blocks;
};

static bool all_finite(const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

/* Batch norm in eval mode is y = (x - mean)*s + bias with s = weight/sqrt(var + eps): folded into filter and
 * bias. Weights whose products are beyond f32 are an error: oneDNN's ReLU would turn the NaN that follows
 * into 0. */
static struct hm_weight *fold_unit(const struct hm_resnet_unit *u, struct hm_device *d)
{
	size_t cout = (size_t)u->conv.cout, k = (size_t)u->conv.cin * u->conv.kernel * u->conv.kernel;
	float *w = hm_alloc(cout * k, sizeof *w, &d->err), *b = hm_alloc(cout, sizeof *b, &d->err);
	struct hm_weight *out = NULL;
	for (size_t f = 0; w && b && f < cout; f++) {
		double s = u->weight[f] / sqrt(u->var[f] + HM_RESNET_BN_EPS);
		b[f] = (float)(u->bias[f] - u->mean[f] * s);
		for (size_t j = 0; j < k; j++)
			w[f * k + j] = (float)(u->w[f * k + j] * s);
	}
	if (w && b && (!all_finite(w, cout * k) || !all_finite(b, cout)))
		hm_err_set(
			&d->err, HM_EDATA,
			"a convolution of %d to %d channels and its batch norm: their product is not finite",
			u->conv.cin, u->conv.cout);
	else if (w && b)
		out = d->op->conv_pack(d, &u->conv, w, b);
	free(w);
	free(b);
	return out;
}

struct hm_resnet_net *hm_resnet_prepare(const struct hm_resnet *m, struct hm_device *d, struct hm_err *e)
{
	struct hm_resnet_net *net = hm_alloc(1, sizeof *net, e);
	if (!net)
		return NULL;
	net->c = m->c;
	net->d = d;
	net->n_blocks = m->n_blocks;
	net->block = hm_alloc(m->n_blocks, sizeof *net->block, e);
	if (!net->block)
		goto failed;
	net->table = hm_pixel_table(d, &m->c.colours);
	net->stem = fold_unit(&m->stem, d);
	for (int i = 0; i < m->n_blocks; i++) {
		const struct hm_resnet_block *b = &m->block[i];
		struct net_block *nb = &net->block[i];
		nb->n = b->n;
		nb->stride = b->conv[b->n - 2].conv.stride;
		for (int j = 0; j < b->n; j++)
			nb->conv[j] = fold_unit(&b->conv[j], d);
		if (b->down.conv.cout)
			nb->down = fold_unit(&b->down, d);
	}
	if (!hm_device_error(d, e))
		return net;
failed:
	hm_resnet_net_free(net);
	return NULL;
}

void hm_resnet_net_free(struct hm_resnet_net *net)
{
	if (!net)
		return;
	struct hm_device *d = net->d;
	for (int i = 0; net->block && i < net->n_blocks; i++) {
		for (int j = 0; j < 3; j++)
			d->op->weight_free(d, net->block[i].conv[j]);
		d->op->weight_free(d, net->block[i].down);
	}
	d->op->weight_free(d, net->stem);
	d->op->free(d, net->table);
	free(net->block);
	free(net);
}

/* ---- forward */

struct hm_resnet_work {
	struct hm_device *d;
	int h, w;
	void *x, *s, *t, *u; /* block input (at first the image), shortcut, inner activations; all of the
				largest's size */
};

size_t hm_resnet_largest_bytes(const struct hm_resnet_config *c, const struct hm_device *d, int n, int h,
			       int w)
{
	size_t most = 0;
	int channels[10] = {c->stem}, k = 0;
	for (int s = 0; s < 4; s++) {
		channels[1 + 2 * s] = c->width[s];
		channels[2 + 2 * s] = c->out[s];
	}
	/* Five sizes: after the stem, then of each stage. A Bottleneck's first inner activation still has the
	 * size of the stage before, so each size is taken with the next stage's inner channels too. */
	for (int s = 0; s < 5; s++) {
		h = hm_conv_out(h, 3, 2, 1);
		w = hm_conv_out(w, 3, 2, 1);
		for (k = s ? 2 * s - 1 : 0; k < 9 && k <= 2 * s + 1; k++) {
			size_t bytes = d->op->image_bytes(d, n, h, w, channels[k]);
			most = bytes > most ? bytes : most;
		}
	}
	return most;
}

struct hm_resnet_work *hm_resnet_work_new(const struct hm_resnet_net *net, struct hm_device *d, int batch,
					  int h, int w, struct hm_err *e)
{
	if (h < 1 || w < 1 || h > MAX_SIDE || w > MAX_SIDE || batch < 1 || batch > MAX_SIDE) {
		hm_err_set(e, HM_EDATA, "a batch of %d images of %dx%d is outside what this network takes",
			   batch, w, h);
		return NULL;
	}
	struct hm_resnet_work *work = hm_alloc(1, sizeof *work, e);
	if (!work)
		return NULL;
	size_t bytes = hm_resnet_largest_bytes(&net->c, d, batch, h, w),
	       image = d->op->image_bytes(d, batch, h, w, 3);
	bytes = image > bytes ? image : bytes;
	*work = (struct hm_resnet_work){.d = d, .h = h, .w = w};
	work->x = d->op->alloc(d, bytes);
	work->s = d->op->alloc(d, bytes);
	work->t = d->op->alloc(d, bytes);
	work->u = d->op->alloc(d, bytes);
	if (!hm_device_error(d, e))
		return work;
	hm_resnet_work_free(work);
	return NULL;
}

void hm_resnet_work_free(struct hm_resnet_work *work)
{
	if (!work)
		return;
	work->d->op->free(work->d, work->x);
	work->d->op->free(work->d, work->s);
	work->d->op->free(work->d, work->t);
	work->d->op->free(work->d, work->u);
	free(work);
}

/* work->x act [n,h,w,cin] -> work->x act [n,h/stride,w/stride,cout]. */
static void forward_block(const struct net_block *b, struct hm_resnet_work *work, int n, int *h, int *w)
{
	struct hm_device *d = work->d;
	const struct hm_ops *op = d->op;
	int ho = (*h - 1) / b->stride + 1, wo = (*w - 1) / b->stride + 1;
	op->conv(d, work->t, work->x, b->conv[0], n, *h, *w);
	if (b->n == 3) {
		op->conv(d, work->u, work->t, b->conv[1], n, *h, *w);
		hm_resnet_swap(&work->u, &work->t);
	}
	if (b->down) {
		op->conv(d, work->s, work->x, b->down, n, *h, *w);
		hm_resnet_swap(&work->s, &work->x);
	}
	op->conv(d, work->x, work->t, b->conv[b->n - 1], n, ho, wo);
	*h = ho;
	*w = wo;
}

void hm_resnet_encode(const struct hm_resnet_net *net, struct hm_resnet_work *work, const uint8_t *pixels,
		      int n, float *pooled, float *grid)
{
	struct hm_device *d = work->d;
	const struct hm_ops *op = d->op;
	int h = work->h, w = work->w;
	op->normalise(d, work->t, pixels, net->table, n, h, w); /* [n,224,224,3] */
	op->conv(d, work->s, work->t, net->stem, n, h, w);	/* [n,112,112,64] */
	h = hm_conv_out(h, 7, 2, 3);
	w = hm_conv_out(w, 7, 2, 3);
	op->max_pool(d, work->x, work->s, n, h, w, net->c.stem); /* [n,56,56,64] */
	h = hm_conv_out(h, 3, 2, 1);
	w = hm_conv_out(w, 3, 2, 1);
	for (int i = 0; i < net->n_blocks; i++)
		forward_block(&net->block[i], work, n, &h, &w); /* [n,7,7,512] in the end */
	if (pooled)
		op->avg_pool(d, pooled, work->x, n, h, w, net->c.out[3]); /* [n,512] */
	if (grid)
		op->grid(d, grid, work->x, n, h, w, net->c.out[3]); /* [n,49,512] */
}
