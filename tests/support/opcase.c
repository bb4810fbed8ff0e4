/* This file runs one operation of a case on one device. See opcase.h. */
#include "opcase.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct op_value op_images(int i, int h, int w, int c)
{
	return (struct op_value){.form = OP_IMAGE, .dim = {i, h, w, c}};
}

struct op_value op_act(int rows, int columns)
{
	return (struct op_value){.form = OP_ACT, .dim = {rows, columns, 1, 1}};
}

struct op_value op_floats(int rows, int columns)
{
	return (struct op_value){.form = OP_FLOATS, .dim = {rows, columns, 1, 1}};
}

struct op_value op_side(int rows, int columns)
{
	return (struct op_value){.form = OP_SIDE, .dim = {rows, columns, 1, 1}};
}

const struct op_kind *op_find(const char *name)
{
	const struct op_case *const table[] = {op_image_cases, op_text_cases, op_infer_cases, op_head_cases,
					       op_fusion_cases};
	for (size_t t = 0; t < sizeof table / sizeof *table; t++)
		for (const struct op_case *c = table[t]; c->op; c++)
			if (!strcmp(c->op->name, name))
				return c->op;
	fail_msg("no operation %s", name);
	return NULL;
}

const char *const *op_devices(void)
{
	static const char *const usual[] = {"ref", "cpu", NULL};
	static const char *said[8];
	static char text[64];
	const char *names = getenv("HM_TEST_DEVICES");
	if (!names)
		return usual;
	snprintf(text, sizeof text, "%s", names);
	char *rest = NULL, *name = strtok_r(text, " ", &rest);
	for (size_t n = 0; name && n < sizeof said / sizeof *said - 1; name = strtok_r(NULL, " ", &rest))
		said[n++] = name;
	return said;
}

size_t op_count(const struct op_value *v)
{
	return v->form ? (size_t)v->dim[0] * v->dim[1] * v->dim[2] * v->dim[3] : 0;
}

/* ---- host */

/* Values from -2 to 2 in steps of 1/256: the step of a finite difference is exact. */
static void fill_value(struct op_value *v, uint32_t which)
{
	struct hm_rng rng;
	if (!v->form)
		return;
	v->host = malloc(op_count(v) * sizeof *v->host);
	assert_non_null(v->host);
	hm_rng_init(&rng, 4, HM_RNG_SYNTH, which, 0);
	for (size_t j = 0; j < op_count(v); j++)
		v->host[j] = (float)(hm_rng_below(&rng, 1024) - 512.) / 256;
}

static void make_distinct(struct op_value *v)
{
	uint32_t n = (uint32_t)op_count(v), *p = malloc(n * sizeof *p);
	struct hm_rng rng;
	hm_rng_init(&rng, 4, HM_RNG_SHUFFLE, 0, 0);
	hm_rng_permute(&rng, p, n);
	for (uint32_t j = 0; j < n; j++)
		v->host[j] = ((float)p[j] - (float)(n / 2)) / 8;
	free(p);
}

void op_init(struct op_run *r, struct hm_device *d, const struct op_case *c)
{
	*r = (struct op_run){.d = d, .c = c, .drop = {.3, 0x123456789abcdefull, 7, 11, 0, 0}};
	if (c->flags & OP_PART) /* the number of a block takes more than 32 bits from element 12 on */
		r->drop.first = ((uint64_t)1 << 34) - 12;
	if (c->flags & OP_STRADDLE)
		r->drop.first += 3;
	c->op->shape(r);
	if (!r->dy.form)
		r->dy = r->y;
	if (c->flags & OP_DY2)
		r->dy2 = r->dy;
	for (uint32_t k = 0; k < OP_INPUTS; k++) {
		r->grad[k] = r->in[k];
		fill_value(&r->in[k], k);
		fill_value(&r->grad[k], 10 + k);
	}
	for (uint32_t k = 0; k < OP_STATES; k++) {
		fill_value(&r->state[k], 20 + k);
		for (size_t j = 0; j < op_count(&r->state[k]); j++)
			r->state[k].host[j] = fabsf(r->state[k].host[j]) + .5f; /* variances among them */
	}
	fill_value(&r->y, 30);
	fill_value(&r->dy, 31);
	fill_value(&r->dy2, 32);
	if (c->flags & OP_DISTINCT)
		make_distinct(&r->in[0]);
	for (size_t j = 0; c->flags & OP_STEPS && j < op_count(&r->in[0]); j++)
		r->in[0].host[j] = nearbyintf(r->in[0].host[j]);
}

/* The k-th value of the run; NULL after the last. */
static struct op_value *value(struct op_run *r, int k)
{
	struct op_value *all[] = {&r->in[0],	&r->in[1],    &r->in[2],    &r->in[3],	 &r->y,
				  &r->state[0], &r->state[1], &r->state[2], &r->grad[0], &r->grad[1],
				  &r->grad[2],	&r->grad[3],  &r->dy,	    &r->dy2,	 NULL};
	return all[k];
}

void op_clear(struct op_run *r)
{
	for (int k = 0; value(r, k); k++)
		free(value(r, k)->host);
}

char *op_name(const struct op_run *r, char *out, size_t cap)
{
	const int *n = r->c->n;
	snprintf(out, cap, "%s %s%s %d %d %d %d %d %d %d %d %d, flags %u, way %d, threads %d", r->d->name,
		 r->c->op->name, r->d->act == HM_BF16 ? " bf16" : "", n[0], n[1], n[2], n[3], n[4], n[5],
		 n[6], n[7], n[8], r->c->flags, r->way, r->d->threads);
	return out;
}

/* ---- device */

/* Allocates n floats of device memory and copies x there unless it is NULL. */
static float *floats_on(struct hm_device *d, const float *x, size_t n)
{
	float *y = d->op->alloc(d, n * sizeof *y);
	if (x)
		d->op->upload(d, y, x, n * sizeof *y);
	return y;
}

/* Activations have room for rows_round rows; the spare rows hold NaN. */
static void put_act(struct hm_device *d, struct op_value *v)
{
	size_t n = op_count(v), room = (size_t)d->op->rows_round(d, v->dim[0]) * v->dim[1];
	float *x = malloc(room * sizeof *x), *from;
	for (size_t j = 0; j < room; j++)
		x[j] = j < n ? v->host[j] : NAN;
	from = floats_on(d, x, room);
	v->own = d->op->alloc(d, room * hm_dtype_size(d->act));
	d->op->narrow(d, v->own, from, room);
	d->op->free(d, from);
	free(x);
}

static void put_value(struct hm_device *d, struct op_value *v)
{
	const int *n = v->dim;
	if (v->form == OP_IMAGE) {
		float *from = floats_on(d, v->host, op_count(v));
		v->own = d->op->alloc(d, d->op->image_bytes(d, n[0], n[1], n[2], n[3]));
		d->op->image_put(d, v->own, from, n[0], n[1], n[2], n[3]);
		d->op->free(d, from);
	} else if (v->form == OP_ACT) {
		put_act(d, v);
	} else if (v->form) {
		v->own = floats_on(d, v->host, op_count(v));
	}
	v->dev = v->own;
}

static void get_value(struct hm_device *d, struct op_value *v)
{
	size_t n = op_count(v);
	const float *from = v->dev;
	float *own = NULL;
	if (!v->form || !v->dev)
		return;
	if (v->form == OP_IMAGE || v->form == OP_ACT)
		from = own = floats_on(d, NULL, n);
	if (v->form == OP_IMAGE)
		d->op->grid(d, own, v->dev, v->dim[0], v->dim[1], v->dim[2], v->dim[3]);
	else if (v->form == OP_ACT)
		d->op->widen(d, own, v->dev, n);
	d->op->download(d, v->host, from, n * sizeof *v->host);
	d->op->free(d, own);
}

static void put_all(struct op_run *r)
{
	for (int k = 0; value(r, k); k++)
		put_value(r->d, value(r, k));
}

static void release_all(struct op_run *r)
{
	struct hm_err e = {0};
	char what[200];
	for (int k = 0; value(r, k); k++) {
		r->d->op->free(r->d, value(r, k)->own);
		value(r, k)->own = value(r, k)->dev = NULL;
	}
	for (int k = 0; k < 2; k++) {
		r->d->op->free(r->d, r->ints[k]);
		r->ints[k] = NULL;
	}
	if (hm_device_error(r->d, &e))
		fail_msg("%s: %s", op_name(r, what, sizeof what), e.text);
}

void op_forward(struct op_run *r)
{
	put_all(r);
	r->c->op->forward(r);
	get_value(r->d, &r->y);
	for (int k = 0; k < OP_STATES; k++)
		get_value(r->d, &r->state[k]);
	for (int k = 0; k < OP_INPUTS && r->in[k].host; k++)
		if (r->in[k].form == OP_ACT) /* add_norm writes over one */
			get_value(r->d, &r->in[k]);
	release_all(r);
}

void op_backward(struct op_run *r, unsigned want)
{
	put_all(r);
	for (int k = 0; k < OP_INPUTS; k++)
		if (!(want >> k & 1))
			r->grad[k].dev = NULL;
	r->c->op->backward(r);
	for (int k = 0; k < OP_INPUTS; k++)
		get_value(r->d, &r->grad[k]);
	release_all(r);
}

const int32_t *op_ints(struct op_run *r, int which, const int32_t *x, int n)
{
	r->ints[which] = r->d->op->alloc(r->d, (size_t)n * sizeof *x);
	r->d->op->upload(r->d, r->ints[which], x, (size_t)n * sizeof *x);
	return r->ints[which];
}
