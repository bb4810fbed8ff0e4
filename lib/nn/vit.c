/* Vision transformers: configuration and parameters. See vit.h; the passes are in vitinfer.c and vittrain.c.
 */
#include "nn/vitparts.h"
#include "nn/familyparts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 256, MAX_HIDDEN = 1 << 14, MAX_PATCH = 256, MAX_ROWS = 1 << 16, MAX_REGISTERS = 64 };

/* ---- configuration */

/* Reads a tensor of shape [n,h], or [1,n,h], or with n = 1 also [h]. */
static int read_rows(const char *name, int ndim, hm_find_fn *find, void *ctx, int64_t *n, int64_t *h,
		     struct hm_err *e)
{
	int64_t dim[3] = {1, 1, 1};
	if (hm_find_shape(find, ctx, name, ndim, MAX_ROWS, dim, e))
		return HM_EDATA;
	*h = dim[ndim - 1];
	*n = ndim > 1 ? dim[ndim - 2] : 1;
	if (ndim == 3 && dim[0] != 1)
		return hm_err_set(e, HM_EDATA, "tensor %s has %lld parts, not 1", name, (long long)dim[0]);
	return 0;
}

static int read_sizes(struct hm_vit_config *c, hm_find_fn *find, void *ctx, struct hm_err *e)
{
	const struct hm_vit_style *s = c->style;
	int64_t patch[4] = {0}, up[2] = {0}, rows = 0, h = 0, one, registers = 0, width[2] = {0};
	char name[128];
	snprintf(name, sizeof name, "%s0.%sweight", s->layers.layers, s->layers.up);
	if (hm_find_shape(find, ctx, s->patch_w, 4, MAX_HIDDEN, patch, e) ||
	    read_rows(s->position, s->klass_dims == 1 ? 2 : 3, find, ctx, &rows, &h, e) ||
	    hm_find_shape(find, ctx, name, 2, 8 * MAX_HIDDEN, up, e))
		return HM_EDATA;
	if (s->registers && find(ctx, s->registers) &&
	    read_rows(s->registers, 3, find, ctx, &registers, &one, e))
		return HM_EDATA;
	if (s->projection && find(ctx, s->projection) &&
	    hm_find_shape(find, ctx, s->projection, 2, MAX_HIDDEN, width, e))
		return HM_EDATA;
	int side = (int)lround(sqrt((double)(rows - 1)));
	if (patch[1] != 3 || patch[2] != patch[3] || patch[2] > MAX_PATCH)
		return hm_err_set(e, HM_EDATA, "tensor %s is not of square patches of three colours",
				  s->patch_w);
	if (rows < 2 || (int64_t)side * side != rows - 1)
		return hm_err_set(e, HM_EDATA,
				  "tensor %s has %lld rows, which is not one more than a square number",
				  s->position, (long long)rows);
	if (registers > MAX_REGISTERS)
		return hm_err_set(e, HM_EDATA, "%lld registers are more than any network has",
				  (long long)registers);
	c->layers.hidden = (int)patch[0];
	c->layers.intermediate = (int)up[0];
	c->patch = (int)patch[2];
	c->side = side;
	c->registers = (int)registers;
	c->projection = (int)width[0];
	return 0;
}

int hm_vit_config_read(struct hm_vit_config *c, const struct hm_vit_style *style, hm_find_fn *find, void *ctx,
		       struct hm_err *e)
{
	char name[128];
	c->style = style;
	c->layers.pre_norm = true;
	if (read_sizes(c, find, ctx, e))
		return HM_EDATA;
	c->patch_bias = style->patch_b != NULL;
	snprintf(name, sizeof name, "%sweight", style->pooler ? style->pooler : "");
	c->pooler = style->pooler && find(ctx, name);
	do
		snprintf(name, sizeof name, "%s%d.%sweight", style->layers.layers, ++c->layers.layers,
			 style->layers.up);
	while (c->layers.layers < MAX_LAYERS && find(ctx, name));
	return 0;
}

static bool has_output(const struct hm_vit_config *c, enum hm_vit_output o)
{
	return o == HM_VIT_PROJECTED ? c->projection > 0 : o == HM_VIT_POOLER ? c->pooler : true;
}

int hm_vit_choose(struct hm_vit_config *c, const char *output, struct hm_err *e)
{
	const struct hm_vit_style *s = c->style;
	int i;
	if (hm_output_choose(&i, output, s->outputs, s->kind->name, e))
		return HM_EUSAGE;
	for (; i == 0 && s->outputs[i + 1] && !has_output(c, s->output_of[i]); i++)
		;
	c->output = s->output_of[i];
	if (has_output(c, c->output))
		return 0;
	return hm_err_set(e, HM_EDATA, "it has no output \"%s\": tensor %s%s is missing", s->outputs[i],
			  c->output == HM_VIT_PROJECTED ? s->projection : s->pooler,
			  c->output == HM_VIT_PROJECTED ? "" : "weight");
}

/* ---- parameters */

static void add_embeddings(struct hm_vit *m, struct hm_params *p)
{
	const struct hm_vit_config *c = &m->c;
	const struct hm_vit_style *s = c->style;
	int h = c->layers.hidden, rows = c->side * c->side + 1;
	bool flat = s->klass_dims == 1;
	hm_params_add(p, &m->klass, HM_INIT_NORMAL, flat ? HM_DIMS(h) : HM_DIMS(1, 1, h), "%s", s->klass);
	hm_params_add(p, &m->position, HM_INIT_NORMAL, flat ? HM_DIMS(rows, h) : HM_DIMS(1, rows, h), "%s",
		      s->position);
	if (c->registers)
		hm_params_add(p, &m->registers, HM_INIT_NORMAL, HM_DIMS(1, c->registers, h), "%s",
			      s->registers);
	hm_params_add(p, &m->patch_w, HM_INIT_NORMAL, HM_DIMS(h, 3, c->patch, c->patch), "%s", s->patch_w);
	if (c->patch_bias)
		hm_params_add(p, &m->patch_b, HM_INIT_ZERO, HM_DIMS(h), "%s", s->patch_b);
	if (c->first_norm) {
		hm_params_add(p, &m->first_w, HM_INIT_ONE, HM_DIMS(h), "%sweight", s->first_norm);
		hm_params_add(p, &m->first_b, HM_INIT_ZERO, HM_DIMS(h), "%sbias", s->first_norm);
	}
}

struct hm_tower *hm_vit_new(const struct hm_vit_config *c, struct hm_err *e)
{
	const struct hm_vit_style *s = c->style;
	int h = c->layers.hidden;
	if (c->layers.heads < 1 || h % c->layers.heads || !(c->layers.eps > 0)) {
		hm_err_set(e, HM_EDATA,
			   "a %s of hidden size %d cannot have %d heads and a LayerNorm eps of %g",
			   s->kind->name, h, c->layers.heads, c->layers.eps);
		return NULL;
	}
	struct hm_vit *m = hm_alloc(1, sizeof *m, e);
	if (!m)
		return NULL;
	struct hm_params *p = &m->tower.params;
	m->tower.kind = s->kind;
	m->c = *c;
	add_embeddings(m, p);
	if (hm_layers_init(&m->layers, &c->layers, &s->layers, p, e)) {
		hm_vit_free(&m->tower);
		return NULL;
	}
	if (c->pooler) {
		hm_params_add(p, &m->pooler_w, HM_INIT_NORMAL, HM_DIMS(h, h), "%sweight", s->pooler);
		hm_params_add(p, &m->pooler_b, HM_INIT_ZERO, HM_DIMS(h), "%sbias", s->pooler);
	}
	if (c->projection)
		hm_params_add(p, &m->projection, HM_INIT_NORMAL, HM_DIMS(c->projection, h), "%s",
			      s->projection);
	return &m->tower;
}

const struct hm_vit_config *hm_vit_config_of(const struct hm_tower *t)
{
	return &((const struct hm_vit *)t)->c;
}

void hm_vit_free(struct hm_tower *t)
{
	struct hm_vit *m = (struct hm_vit *)t;
	if (!m)
		return;
	hm_params_clear(&m->tower.params);
	hm_layers_clear(&m->layers);
	free(m);
}

struct hm_tower_shape hm_vit_shape(const struct hm_tower *t)
{
	const struct hm_vit_config *c = hm_vit_config_of(t);
	return (struct hm_tower_shape){.width = c->output == HM_VIT_PROJECTED ? c->projection
									      : c->layers.hidden,
				       .cell = c->layers.hidden,
				       .side = c->any_size ? 0 : c->side * c->patch};
}

struct hm_tower_hints hm_vit_hints(const struct hm_tower *t)
{
	const struct hm_vit_config *c = hm_vit_config_of(t);
	return (struct hm_tower_hints){.heads = c->layers.heads,
				       .eps = c->layers.eps,
				       .act = c->layers.act,
				       .colours = hm_colours_unlike(&c->colours, &c->style->colours)};
}

int hm_vit_cells(const struct hm_tower *t, int h, int w)
{
	const struct hm_vit_config *c = hm_vit_config_of(t);
	return (h / c->patch) * (w / c->patch);
}

const char *hm_vit_output_name(const struct hm_tower *t, enum hm_give give)
{
	const struct hm_vit_config *c = hm_vit_config_of(t);
	int i = 0;
	while (c->style->output_of[i] != c->output)
		i++;
	return give == HM_POOLED ? c->style->outputs[i] : give == HM_GRID ? "grid" : NULL;
}

/* ---- sizes of images */

int hm_vit_rows_of(const struct hm_vit_config *c, int h, int w, struct hm_vit_rows *r, struct hm_err *e)
{
	*r = (struct hm_vit_rows){.across = w / c->patch, .down = h / c->patch};
	r->cells = r->across * r->down;
	r->rows = 1 + c->registers + r->cells;
	int side = c->side * c->patch;
	if (!c->any_size && (h != side || w != side))
		return hm_err_set(e, HM_EDATA,
				  "this encoder takes images of %dx%d, not of %dx%d: hm-imgprep --size %d",
				  side, side, w, h, side);
	if (!r->cells || r->cells > MAX_ROWS)
		return hm_err_set(e, HM_EDATA, "images of %dx%d cannot be cut into patches of %d pixels", w,
				  h, c->patch);
	return 0;
}
