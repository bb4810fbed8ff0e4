/* A throw-away tower, which shows what a new family costs: one file and one row. Its vector is a linear map
 * of the mean of each colour: pooled = W [8,3] . mean/255 + b. tests/cli/tower.bats puts its row into the
 * list and takes it through hm-encode, hm-fuse-train and hm-score. For host devices. */
#include "nn/tower.h"

#include <stdlib.h>

enum { WIDTH = 8, COLOURS = 3 };

struct mean {
	struct hm_tower tower;
	float *w, *b; /* [WIDTH,COLOURS], [WIDTH] */
};

/* Work and tape alike: the means of the last batch f32 [n,COLOURS]. */
struct run {
	const struct mean *m;
	struct hm_device *d;
	float *mean;
	int n;
};

extern const struct hm_tower_kind hm_mean_tower;

static struct hm_tower *make_tower(int i, const struct hm_tower_hints *hints, struct hm_err *e)
{
	struct mean *m = hm_alloc(1, sizeof *m, e);
	(void)i, (void)hints;
	if (!m)
		return NULL;
	m->tower.kind = &hm_mean_tower;
	hm_params_add(&m->tower.params, &m->w, HM_INIT_UNIFORM, HM_DIMS(WIDTH, COLOURS), "colour.weight");
	hm_params_add(&m->tower.params, &m->b, HM_INIT_UNIFORM_BIAS, HM_DIMS(WIDTH), "colour.bias");
	return &m->tower;
}

static struct hm_tower *read_tower(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints,
				   struct hm_err *e)
{
	(void)find, (void)ctx;
	return make_tower(0, hints, e);
}

static void free_tower(struct hm_tower *t)
{
	if (t)
		hm_params_clear(&t->params);
	free(t);
}

static const char *preset_name(int i)
{
	return i ? NULL : "mean";
}

static struct hm_tower_shape shape_of(const struct hm_tower *t)
{
	(void)t;
	return (struct hm_tower_shape){.width = WIDTH};
}

static const char *output_name(const struct hm_tower *t, enum hm_give give)
{
	(void)t;
	return give == HM_POOLED ? "pooled" : NULL;
}

/* The net is a copy: the tower may be released. */
static void *copy_tower(const struct hm_tower *t, struct hm_device *d, struct hm_err *e)
{
	struct hm_tower *own = make_tower(0, NULL, e);
	(void)d;
	if (!own || hm_params_alloc(&own->params, e))
		return free_tower(own), NULL;
	return hm_params_read(&t->params, own->params.data), own;
}

static void free_copy(void *net)
{
	free_tower(net);
}

static void *new_work(const void *net, struct hm_device *d, const struct hm_tower_room *room,
		      struct hm_err *e)
{
	struct run *r = hm_alloc(1, sizeof *r, e);
	(void)room;
	if (r)
		*r = (struct run){.m = net, .d = d};
	return r;
}

static void *new_tape(struct hm_tower *t, struct hm_device *d, bool backward, struct hm_err *e)
{
	(void)backward;
	return new_work(t, d, NULL, e);
}

static void free_run(void *run)
{
	if (run)
		free(((struct run *)run)->mean);
	free(run);
}

static void reserve(void *tape, const struct hm_tower_room *room)
{
	(void)tape, (void)room;
}

static void encode(const void *net, void *work, const struct hm_tower_batch *b, float *const out[HM_GIVES])
{
	struct run *r = work;
	size_t area = (size_t)b->h * (size_t)b->w;
	(void)net;
	free(r->mean);
	r->mean = hm_alloc((size_t)(r->n = b->n) * COLOURS, sizeof *r->mean, &r->d->err);
	for (size_t i = 0; r->mean && i < (size_t)b->n * COLOURS; i++) {
		double sum = 0;
		for (size_t j = 0; j < area; j++)
			sum += b->pixels[i * area + j];
		r->mean[i] = (float)(sum / (double)area / 255);
	}
	if (r->mean)
		r->d->op->linear_forward(r->d, out[HM_POOLED], r->mean, r->m->w, r->m->b, b->n, WIDTH,
					 COLOURS);
}

static void forward(void *tape, const struct hm_tower_batch *b, const struct hm_tower_pass *how,
		    float *const out[HM_GIVES])
{
	(void)how;
	encode(NULL, tape, b, out);
}

static void backward(void *tape, const float *dpooled)
{
	struct run *r = tape;
	const struct hm_params *p = &r->m->tower.params;
	r->d->op->linear_backward(r->d, NULL, hm_params_grad(p, r->m->w), hm_params_grad(p, r->m->b), dpooled,
				  r->mean, r->m->w, r->n, WIDTH, COLOURS);
}

const struct hm_tower_kind hm_mean_tower = {
	.name = "mean",
	.side = HM_IMAGE,
	.tensors = "a linear map of mean colours",
	.layers = "colour.",
	.layouts =
		(const struct hm_tower_layout[]){{(const char *const[]){"colour.weight", NULL}, NULL, NULL},
						 {NULL, NULL, NULL}},
	.config = {.model_types = (const char *const[]){"mean", NULL}},
	.preset = preset_name,
	.make = make_tower,
	.read = read_tower,
	.free = free_tower,
	.shape = shape_of,
	.output = output_name,
	.infer = &(const struct hm_tower_infer){copy_tower, free_copy, new_work, free_run, encode, NULL},
	.train = &(const struct hm_tower_train){new_tape, free_run, reserve, forward, backward, NULL, NULL},
};
