/* The parameter table: see param.h. */
#include "nn/param.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOAD_PIECE = 8192, INIT_PIECE = 1 << 15 }; /* elements; the latter even */

/* A zeroed new entry, or NULL with s->err set. */
static struct hm_param *new_entry(struct hm_params *s)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct hm_param *item = hm_alloc(cap, sizeof *item, &s->err);
		if (!item)
			return NULL;
		if (s->n)
			memcpy(item, s->item, s->n * sizeof *item);
		free(s->item);
		s->item = item;
		s->cap = cap;
	}
	return &s->item[s->n];
}

void hm_params_add(struct hm_params *s, float **field, enum hm_init init, const int64_t dim[],
		   const char *name, ...)
{
	struct hm_param *p = s->err.code ? NULL : new_entry(s);
	char text[128];
	va_list ap;
	if (!p)
		return;
	va_start(ap, name);
	vsnprintf(text, sizeof text, name, ap);
	va_end(ap);
	char *copy = hm_arena_copy(&s->names, text, strlen(text), &s->err);
	if (!copy)
		return;
	*p = (struct hm_param){.t = {.name = copy, .dtype = HM_F32}, .field = field, .init = init};
	p->held = init == HM_INIT_RUNNING_MEAN || init == HM_INIT_RUNNING_VAR;
	while (dim[p->t.ndim]) {
		p->t.dim[p->t.ndim] = dim[p->t.ndim];
		p->t.ndim++;
	}
	if (!hm_shape_count(p->t.ndim, p->t.dim, &p->count) || !hm_size_add(s->count, p->count, &s->count))
		hm_err_set(&s->err, HM_EDATA, "tensor %s is too large", copy);
	s->n++;
}

/* All fields := their places in the block at `data`. */
static void point_fields(struct hm_params *s, float *data)
{
	s->data = data;
	for (size_t i = 0; i < s->n; data += s->item[i++].count)
		s->item[i].t.data = *s->item[i].field = data;
}

int hm_params_alloc(struct hm_params *s, struct hm_err *e)
{
	if (s->err.code)
		return hm_err_pass(e, &s->err);
	if (s->data)
		return 0;
	float *data = hm_alloc(s->count, sizeof *data, e);
	if (!data)
		return HM_EDATA;
	point_fields(s, data);
	return 0;
}

static int check_param(const struct hm_param *p, const struct hm_tensor *t, struct hm_err *e)
{
	char has[96], want[96];
	float none = 0;
	if (!t)
		return hm_err_set(e, HM_EDATA, "tensor %s is missing", p->t.name);
	if (t->ndim != p->t.ndim || memcmp(t->dim, p->t.dim, (size_t)t->ndim * sizeof *t->dim))
		return hm_err_set(e, HM_EDATA, "tensor %s is %s, the network needs %s", p->t.name,
				  hm_shape_text(t->ndim, t->dim, has, sizeof has),
				  hm_shape_text(p->t.ndim, p->t.dim, want, sizeof want));
	if (hm_to_f32(t->dtype, &none, 0, &none, e))
		return hm_err_prefix(e, "tensor %s", p->t.name);
	return 0;
}

int hm_params_check(const struct hm_params *s, hm_find_fn *find, void *ctx, struct hm_err *e)
{
	int rc = s->err.code ? hm_err_pass(e, &s->err) : 0;
	for (size_t i = 0; i < s->n && !rc; i++)
		rc = check_param(&s->item[i], find(ctx, s->item[i].t.name), e);
	return rc;
}

/* Whether x[0..n) are finite and, in a running variance, not negative: no network may hide that. */
static int check_values(const struct hm_param *p, const float *x, size_t n, struct hm_err *e)
{
	uint32_t infinite = 0, negative = 0, bits;
	for (size_t i = 0; i < n; i++) { /* without a branch: the compiler makes vectors of it */
		memcpy(&bits, &x[i], sizeof bits);
		infinite |= (bits & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000);
		negative |= x[i] < 0;
	}
	if (infinite)
		return hm_err_set(e, HM_EDATA, "tensor %s holds NaN or infinity", p->t.name);
	if (negative && p->init == HM_INIT_RUNNING_VAR)
		return hm_err_set(e, HM_EDATA, "tensor %s is a running variance and holds a negative number",
				  p->t.name);
	return 0;
}

/* One parameter := t, in pieces that are still in the cache when they are checked. */
static int load_param(const struct hm_param *p, const struct hm_tensor *t, struct hm_err *e)
{
	const unsigned char *from = t->data;
	size_t size = hm_dtype_size(t->dtype), piece;
	float *to = *p->field;
	for (size_t i = 0; i < p->count; i += piece) {
		piece = p->count - i < LOAD_PIECE ? p->count - i : LOAD_PIECE;
		if (hm_to_f32(t->dtype, from + i * size, piece, to + i, e))
			return hm_err_prefix(e, "tensor %s", p->t.name);
		if (check_values(p, to + i, piece, e))
			return HM_EDATA;
	}
	return 0;
}

int hm_params_load(struct hm_params *s, hm_find_fn *find, void *ctx, struct hm_err *e)
{
	int rc = hm_params_check(s, find, ctx, e);
	if (!rc)
		rc = hm_params_alloc(s, e);
	for (size_t i = 0; i < s->n && !rc; i++)
		rc = load_param(&s->item[i], find(ctx, s->item[i].t.name), e);
	return rc;
}

/* Whether t is read where it is. */
static bool is_in_place(const struct hm_tensor *t)
{
	return t->dtype == HM_F32 && (uintptr_t)t->data % sizeof(float) == 0;
}

static int borrow_param(struct hm_params *s, struct hm_param *p, const struct hm_tensor *t, struct hm_err *e)
{
	if (!is_in_place(t)) {
		*p->field = hm_arena_get(&s->names, p->count * sizeof(float), e);
		p->t.data = *p->field;
		return *p->field ? load_param(p, t, e) : HM_EDATA;
	}
	*p->field = (float *)(uintptr_t)t->data; /* only read */
	p->t.data = t->data;
	return check_values(p, t->data, p->count, e);
}

int hm_params_borrow(struct hm_params *s, hm_find_fn *find, void *ctx, struct hm_err *e)
{
	int rc = hm_params_check(s, find, ctx, e);
	s->borrowed = true;
	for (size_t i = 0; i < s->n && !rc; i++)
		rc = borrow_param(s, &s->item[i], find(ctx, s->item[i].t.name), e);
	return rc;
}

/* Fan-in of a Linear weight, or of the weight before a bias. */
static double fan_in(const struct hm_params *s, size_t i)
{
	const struct hm_param *p = &s->item[s->item[i].init == HM_INIT_UNIFORM_BIAS && i ? i - 1 : i];
	return (double)p->t.dim[p->t.ndim > 1];
}

/* Standard deviation of a normal initial value. */
static double initial_deviation(const struct hm_param *p)
{
	if (p->init == HM_INIT_UNIT)
		return 1;
	if (p->init != HM_INIT_KAIMING)
		return .02;
	double fan_out = (double)p->t.dim[0];
	for (int j = 2; j < p->t.ndim; j++)
		fan_out *= (double)p->t.dim[j];
	return sqrt(2 / fan_out);
}

/* Pieces of parameters, which threads fill. */
struct filling {
	struct hm_params *s;
	uint64_t seed;
	uint32_t first;
	size_t *piece; /* [s->n + 1]: the first piece of each parameter */
};

/* Elements from..to-1 of parameter i. Two random words make a uniform number, a block of four a normal one.
 */
static void init_elements(struct hm_params *s, size_t i, struct hm_rng *r, size_t from, size_t to)
{
	struct hm_param *p = &s->item[i];
	float *x = *p->field;
	switch (p->init) {
	case HM_INIT_ZERO:
	case HM_INIT_ONE:
	case HM_INIT_RUNNING_MEAN:
	case HM_INIT_RUNNING_VAR:
		for (size_t j = from; j < to; j++)
			x[j] = p->init == HM_INIT_ONE || p->init == HM_INIT_RUNNING_VAR;
		break;
	case HM_INIT_UNIFORM:
	case HM_INIT_UNIFORM_BIAS: {
		double bound = 1 / sqrt(fan_in(s, i));
		hm_rng_seek(r, (uint32_t)(from / 2));
		for (size_t j = from; j < to; j++)
			x[j] = (float)(bound * (2 * hm_rng_uniform(r) - 1));
		break;
	}
	default: {
		double std = initial_deviation(p);
		hm_rng_seek(r, (uint32_t)from);
		for (size_t j = from; j < to; j++)
			x[j] = (float)(std * hm_rng_normal(r));
		size_t row = p->count / (size_t)p->t.dim[0];
		if (p->init == HM_INIT_NORMAL_PAD && from < row)
			memset(x + from, 0, ((to < row ? to : row) - from) * sizeof *x);
	}
	}
}

static void fill_piece(void *ctx, size_t k, int worker)
{
	const struct filling *f = ctx;
	size_t low = 0, high = f->s->n;
	struct hm_rng r;
	(void)worker;
	while (high - low > 1) { /* the parameter that piece k is of */
		size_t mid = (low + high) / 2;
		*(f->piece[mid] <= k ? &low : &high) = mid;
	}
	size_t from = (k - f->piece[low]) * INIT_PIECE, left = f->s->item[low].count - from;
	hm_rng_init(&r, f->seed, HM_RNG_INIT, f->first + (uint32_t)low, 0);
	init_elements(f->s, low, &r, from, from + (left < INIT_PIECE ? left : INIT_PIECE));
}

int hm_params_init_by(struct hm_params *s, uint64_t seed, uint32_t first, struct hm_workers *w,
		      struct hm_err *e)
{
	struct filling f = {s, seed, first, NULL};
	if (hm_params_alloc(s, e) || !(f.piece = hm_alloc(s->n + 1, sizeof *f.piece, e)))
		return HM_EDATA;
	for (size_t i = 0; i < s->n; i++)
		f.piece[i + 1] = f.piece[i] + (s->item[i].count + INIT_PIECE - 1) / INIT_PIECE;
	if (w)
		hm_workers_each(w, f.piece[s->n], fill_piece, &f);
	for (size_t k = 0; k < f.piece[s->n] && !w; k++)
		fill_piece(&f, k, 0);
	free(f.piece);
	return 0;
}

int hm_params_init(struct hm_params *s, uint64_t seed, uint32_t first, struct hm_err *e)
{
	return hm_params_init_by(s, seed, first, NULL, e);
}

bool hm_params_has(const struct hm_params *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->item[i].t.name, name))
			return true;
	return false;
}

void hm_params_hold(struct hm_params *s, const char *prefix)
{
	for (size_t i = 0; i < s->n; i++)
		s->item[i].held |= !strncmp(s->item[i].t.name, prefix, strlen(prefix));
}

int hm_params_place(struct hm_params *s, struct hm_device *d, bool grad, struct hm_err *e)
{
	size_t bytes = s->count * sizeof(float);
	float *data = d->host ? NULL : d->op->alloc(d, bytes); /* host memory stays where it is */
	if (data) {
		d->op->upload(d, data, s->data, bytes);
		free(s->data);
		point_fields(s, data);
	}
	if (data || d->host)
		s->device = d;
	if (grad && s->device)
		s->grad = d->op->alloc(d, bytes);
	return hm_device_error(d, e);
}

void hm_params_read(const struct hm_params *s, float *out)
{
	if (s->device)
		s->device->op->download(s->device, out, s->data, s->count * sizeof *out);
	for (size_t i = 0; i < s->n && !s->device; out += s->item[i++].count)
		memcpy(out, *s->item[i].field, s->item[i].count * sizeof *out);
}

void hm_params_write(struct hm_params *s, const float *in)
{
	if (s->device)
		s->device->op->upload(s->device, s->data, in, s->count * sizeof *in);
	else
		memcpy(s->data, in, s->count * sizeof *in);
}

void hm_params_clear(struct hm_params *s)
{
	free(s->item);
	if (s->device) {
		s->device->op->free(s->device, s->data);
		s->device->op->free(s->device, s->grad);
	} else {
		free(s->data);
	}
	hm_arena_clear(&s->names);
	*s = (struct hm_params){0};
}

int hm_find_shape(hm_find_fn *find, void *ctx, const char *name, int ndim, int64_t cap, int64_t dim[],
		  struct hm_err *e)
{
	const struct hm_tensor *t = find(ctx, name);
	char has[96];
	if (!t)
		return hm_err_set(e, HM_EDATA, "tensor %s is missing", name);
	bool fits = t->ndim == ndim;
	for (int j = 0; fits && j < ndim; j++)
		fits = t->dim[j] >= 1 && t->dim[j] <= cap;
	if (!fits)
		return hm_err_set(e, HM_EDATA, "tensor %s is %s, which no such network has", name,
				  hm_shape_text(t->ndim, t->dim, has, sizeof has));
	memcpy(dim, t->dim, (size_t)ndim * sizeof *dim);
	return 0;
}
