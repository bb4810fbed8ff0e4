/* This file has the cases of f32 heads and optimizers: see opcase.h. Most have no gradient. Optimizers take
 * several steps in one forward pass and change the states. */
#include "opcase.h"

#include <math.h>

/* ---- m n k; in: x, w, b */

static void linear_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_floats(n[0], n[2]);
	r->in[1] = op_floats(n[1], n[2]);
	if (op_has(r, OP_SECOND))
		r->in[2] = op_floats(1, n[1]);
	r->y = op_floats(n[0], n[1]);
}

static void linear_forward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->linear_forward(r->d, r->y.dev, r->in[0].dev, r->in[1].dev, r->in[2].dev, n[0], n[1], n[2]);
}

static void linear_backward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->linear_backward(r->d, r->grad[0].dev, r->grad[1].dev, r->grad[2].dev, r->dy.dev,
				  r->in[0].dev, r->in[1].dev, n[0], n[1], n[2]);
}

static const struct op_kind linear = {"linear", linear_shape, linear_forward, linear_backward, 1, 1, 5, 1};

/* The same, of x row by row; x has no gradient. */
enum { MOST_ROWS = 64 };

static void linears_shape(struct op_run *r)
{
	linear_shape(r);
	r->fixed = 1;
}

static const float *const *rows_of(const struct op_run *r, const float *row[MOST_ROWS])
{
	for (int i = 0; i < r->c->n[0]; i++)
		row[i] = (const float *)r->in[0].dev + (size_t)i * (size_t)r->c->n[2];
	return row;
}

static void linears_forward(struct op_run *r)
{
	const int *n = r->c->n;
	const float *row[MOST_ROWS], *const w = r->in[1].dev, *const b = r->in[2].dev;
	r->d->op->linears_forward(r->d, (float *[]){r->y.dev}, rows_of(r, row), &w, &b, 1, n[0], n[1], n[2]);
}

static void linears_backward(struct op_run *r)
{
	const int *n = r->c->n;
	const float *row[MOST_ROWS], *const dy = r->dy.dev;
	r->d->op->linears_backward(r->d, (float *[]){r->grad[1].dev}, (float *[]){r->grad[2].dev}, &dy,
				   rows_of(r, row), 1, n[0], n[1], n[2]);
}

static const struct op_kind linears = {"linears", linears_shape, linears_forward, linears_backward, 1, 1, 4,
				       1};

/* ---- n k; in: x, scale */

static void scaled_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = r->y = op_floats(n[0], n[1]);
	r->in[1] = op_floats(1, n[0]);
}

static void scaled_forward(struct op_run *r)
{
	const int *n = r->c->n;
	if (r->way)
		r->y.dev = r->in[0].dev;
	r->d->op->scale_rows(r->d, r->y.dev, r->in[0].dev, r->in[1].dev, n[0], n[1]);
}

static void scaled_backward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->scale_rows_backward(r->d, r->grad[0].dev, r->grad[1].dev, r->dy.dev, r->in[0].dev,
				      r->in[1].dev, n[0], n[1]);
}

static const struct op_kind scaled = {
	"scale_rows", scaled_shape, scaled_forward, scaled_backward, 2, 1, 0, 1};

/* ---- m n scale: x is multiplied by 2^scale first */

static void softmax_shape(struct op_run *r)
{
	r->in[0] = r->y = op_floats(r->c->n[0], r->c->n[1]);
}

static void scale(struct op_run *r, struct op_value *v, int power)
{
	size_t n = op_count(v);
	for (size_t j = 0; j < n; j++)
		v->host[j] = ldexpf(v->host[j], power);
	r->d->op->upload(r->d, v->dev, v->host, n * sizeof *v->host);
}

static void softmax_forward(struct op_run *r)
{
	scale(r, &r->in[0], r->c->n[2]);
	if (r->way)
		r->y.dev = r->in[0].dev;
	r->d->op->softmax(r->d, r->y.dev, r->in[0].dev, r->c->n[0], r->c->n[1]);
}

static const struct op_kind softmax = {"softmax", softmax_shape, softmax_forward, NULL, 2, 0, 0, 1};

/* The same, and y is dx. OP_SECOND: class weights. OP_PART: the rows are part of a larger batch. state:
 * weights; loss computed alone, loss; numerator, denominator. */
static void entropy_shape(struct op_run *r)
{
	r->in[0] = r->y = op_floats(r->c->n[0], r->c->n[1]);
	if (op_has(r, OP_SECOND))
		r->state[0] = op_floats(1, r->c->n[1]);
	r->state[1] = r->state[2] = op_floats(1, 2);
}

static void entropy_forward(struct op_run *r)
{
	enum { MOST = 300 };
	int32_t label[MOST];
	int m = r->c->n[0], n = r->c->n[1];
	for (int j = 0; j < m && j < MOST; j++)
		label[j] = j * 7 % n;
	const int32_t *l = op_ints(r, 0, label, m);
	scale(r, &r->in[0], r->c->n[2]);
	if (r->way)
		r->y.dev = r->in[0].dev;
	double sums[2], total = op_has(r, OP_PART) ? 2.7 * m : 0, *to = r->d->op->alloc(r->d, sizeof sums);
	float *loss = r->state[1].dev;
	r->d->op->cross_entropy(r->d, NULL, loss, NULL, r->in[0].dev, l, r->state[0].dev, total, m, n);
	r->d->op->cross_entropy(r->d, to, loss + 1, r->y.dev, r->in[0].dev, l, r->state[0].dev, total, m, n);
	r->d->op->download(r->d, sums, to, sizeof sums);
	r->d->op->free(r->d, to);
	r->d->op->upload(r->d, r->state[2].dev, (float[]){(float)sums[0], (float)sums[1]}, 2 * sizeof(float));
}

static const struct op_kind entropy = {"cross_entropy", entropy_shape, entropy_forward, NULL, 2, 0, 0, 1};

/* ---- m k ldx ldy from to */

static void columns_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_floats(n[0], n[2]);
	r->y = op_floats(n[0], n[3]);
}

static void columns_forward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->copy_columns(r->d, (float *)r->y.dev + n[5], n[3], (float *)r->in[0].dev + n[4], n[2], n[0],
			       n[1]);
}

static const struct op_kind columns = {
	"copy_columns", columns_shape, columns_forward, NULL, 1, 0, 0, 1, true};

/* ---- count first kind; elements from `first` on are stepped. in: g; state: p, m, v */

enum { STEPS = 3 };

static void optim_shape(struct op_run *r)
{
	r->in[0] = r->state[0] = r->state[1] = r->state[2] = op_floats(1, r->c->n[0]);
}

/* kind: bit 0 momentum, bit 1 decay. */
static void sgd_forward(struct op_run *r)
{
	int first = r->c->n[1], kind = r->c->n[2];
	for (int t = 1; t <= STEPS; t++)
		r->d->op->sgd(r->d, (float *)r->state[0].dev + first,
			      kind & 1 ? (float *)r->state[1].dev + first : NULL,
			      (float *)r->in[0].dev + first, (size_t)(r->c->n[0] - first), .01 / t,
			      kind & 1 ? .9 : 0, kind & 2 ? .013 : 0, t);
}

/* kind: bit 0 decoupled, bit 1 decay. v is about as large as what is added to it. */
static void adam_forward(struct op_run *r)
{
	int first = r->c->n[1], kind = r->c->n[2];
	scale(r, &r->state[2], -9);
	for (int t = 1; t <= STEPS; t++) {
		const struct hm_adam a = {.01 / t, .9, .999, 1e-8, kind & 2 ? .013 : 0, kind & 1};
		r->d->op->adam(r->d, (float *)r->state[0].dev + first, (float *)r->state[1].dev + first,
			       (float *)r->state[2].dev + first, (float *)r->in[0].dev + first,
			       (size_t)(r->c->n[0] - first), &a, t);
	}
}

static const struct op_kind sgd = {"sgd", optim_shape, sgd_forward, NULL, 1, 0, 0, 1, true};
static const struct op_kind adam = {"adam", optim_shape, adam_forward, NULL, 1, 0, 0, 1, true};

/* ---- count first; y: a sum that starts at 3, plus two arrays' squares */

static void squares_shape(struct op_run *r)
{
	r->in[0] = op_floats(1, r->c->n[0]);
	r->y = op_floats(1, 1);
}

static void squares_forward(struct op_run *r)
{
	double total = 3;
	double *sum = r->d->op->alloc(r->d, sizeof *sum);
	r->d->op->upload(r->d, sum, &total, sizeof total);
	r->d->op->sum_squares(r->d, sum, (float *)r->in[0].dev + r->c->n[1],
			      (size_t)(r->c->n[0] - r->c->n[1]));
	r->d->op->sum_squares(r->d, sum, r->in[0].dev, (size_t)r->c->n[0]);
	r->d->op->download(r->d, &total, sum, sizeof total);
	r->d->op->free(r->d, sum);
	float y = (float)total;
	r->d->op->upload(r->d, r->y.dev, &y, sizeof y);
}

static const struct op_kind squares = {"sum_squares", squares_shape, squares_forward, NULL, 1, 0, 0, 1};

/* ---- count first kind (the sum is 16, below the bound, or not a number); state: g */

static void clip_shape(struct op_run *r)
{
	r->state[0] = op_floats(1, r->c->n[0]);
}

static void clip_forward(struct op_run *r)
{
	const double total[] = {16, 1, NAN};
	int first = r->c->n[1];
	double *sum = r->d->op->alloc(r->d, sizeof *sum);
	r->d->op->upload(r->d, sum, &total[r->c->n[2]], sizeof *total);
	r->d->op->clip(r->d, (float *)r->state[0].dev + first, (size_t)(r->c->n[0] - first), sum, 1.5);
	r->d->op->free(r->d, sum);
}

static const struct op_kind clip = {"clip", clip_shape, clip_forward, NULL, 1, 0, 0, 1, true};

const struct op_case op_head_cases[] = {
	{&linear, OP_SECOND, {1, 1, 1}},
	{&linear, OP_SECOND, {52, 2, 161}},
	{&linear, OP_SECOND, {3, 5, 17}},
	{&linear, 0, {7, 9, 64}},
	{&linear, OP_SECOND, {64, 12, 40}},
	{&linears, OP_SECOND, {1, 1, 1}},
	{&linears, OP_SECOND, {52, 2, 161}},
	{&linears, 0, {7, 9, 64}},
	{&linears, OP_SECOND, {37, 30, 70}},
	{&scaled, 0, {1, 1}},
	{&scaled, 0, {5, 1}},
	{&scaled, 0, {7, 37}},
	{&scaled, 0, {19, 150}},
	{&linear, OP_SECOND, {1, 17, 3}},
	{&linear, OP_SECOND, {37, 300, 70}},
	{&linear, 0, {9, 129, 257}},
	{&softmax, 0, {1, 1}},
	{&softmax, 0, {9, 2}},
	{&softmax, 0, {17, 33, 3}},
	{&softmax, 0, {3, 150, 9}},
	{&softmax, 0, {5, 3, 100}},
	{&entropy, 0, {1, 1}},
	{&entropy, OP_SECOND, {9, 2}},
	{&entropy, 0, {300, 3, -4}},
	{&entropy, OP_SECOND, {17, 33, 3}},
	{&entropy, OP_SECOND, {3, 150, 9}},
	{&entropy, 0, {5, 3, 98}},
	{&entropy, OP_PART, {17, 2}},
	{&entropy, OP_PART | OP_SECOND, {300, 5}},
	{&columns, 0, {5, 7, 19, 9, 3, 2}},
	{&columns, 0, {7, 8, 20, 12, 4, 0}},
	{&columns, 0, {7, 8, 20, 12, 3, 0}},
	{&columns, 0, {7, 6, 18, 10, 0, 0}},
	{&columns, 0, {1, 33, 33, 33, 0, 0}},
	{&sgd, 0, {1, 0, 0}},
	{&sgd, 0, {39, 0, 1}},
	{&sgd, 0, {64, 0, 2}},
	{&sgd, 0, {1070, 0, 3}},
	{&sgd, 0, {70, 1, 3}},
	{&adam, 0, {1, 0, 0}},
	{&adam, 0, {39, 0, 1}},
	{&adam, 0, {64, 0, 2}},
	{&adam, 0, {1070, 0, 3}},
	{&adam, 0, {70, 1, 3}},
	{&squares, 0, {2, 1}},
	{&squares, 0, {63, 1}},
	{&squares, 0, {5000, 4}},
	{&clip, 0, {70, 1, 0}},
	{&clip, 0, {1030, 0, 0}},
	{&clip, 0, {33, 0, 1}},
	{&clip, 0, {33, 0, 2}},
	{0},
};
