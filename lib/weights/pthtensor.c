/* Where the bytes of a .pth's tensors are. Tensors may share storages and be strided. See pthparts.h. */
#include "weights/pthparts.h"

#include <stdio.h>
#include <string.h>

typedef struct hm_pickle_val val;

int hm_pth_add_storage(struct hm_pth *f, const val *key, const unsigned char *p, size_t n, uint32_t crc,
		       const char *name, struct hm_err *e)
{
	struct hm_weights_piece piece = {.p = p, .n = n, .crc = crc, .name = name};
	struct hm_buf *pieces = &f->w->store->pieces;
	uint64_t index = pieces->len / sizeof piece;
	int rc = hm_strmap_add(&f->storage, key->s, key->n, &index, e);
	if (rc == 0)
		return hm_err_set(e, HM_EDATA, "storage \"%.*s\" is there twice",
				  key->n < 200 ? (int)key->n : 200, key->s);
	return rc < 0 ? rc : hm_buf_add(pieces, &piece, sizeof piece, e);
}

int hm_pth_entry(struct hm_pth *f, const char *rest, size_t rest_len, const struct hm_zip_entry **x,
		 const unsigned char **data, struct hm_err *e)
{
	char name[512];
	if (f->folder_len + rest_len > sizeof name)
		return hm_err_set(e, HM_EDATA, "entry \"%.64s…\" has too long a name", rest);
	memcpy(name, f->folder, f->folder_len);
	memcpy(name + f->folder_len, rest, rest_len);
	*x = hm_zip_find(&f->zip, name, f->folder_len + rest_len);
	if (!*x)
		return 0;
	return hm_zip_data(&f->zip, *x, data, e) ? HM_EDATA : 1;
}

/* The piece of a storage; NULL with the error set. */
static const struct hm_weights_piece *find_storage(struct hm_pth *f, const val *storage, struct hm_err *e)
{
	const struct hm_zip_entry *x = NULL;
	const unsigned char *data = NULL;
	const val *key = storage->key;
	uint64_t index;
	char rest[256];
	int n = snprintf(rest, sizeof rest, "data/%.*s", (int)(key->n < 200 ? key->n : 200), key->s);
	if (!hm_strmap_find(&f->storage, key->s, key->n, &index)) {
		int rc = f->zip.p && key->n < 200 ? hm_pth_entry(f, rest, (size_t)n, &x, &data, e) : 0;
		if (!rc)
			hm_err_set(e, HM_EDATA, "its storage \"%s\" is not in the file", rest + 5);
		const char *name = rc == 1 ? hm_weights_text(f->w, x->name, x->name_len, e) : NULL;
		if (!name || hm_pth_add_storage(f, key, data, (size_t)x->size, x->crc, name, e))
			return NULL;
		index = f->w->store->pieces.len / sizeof(struct hm_weights_piece) - 1;
	}
	return &((struct hm_weights_piece *)f->w->store->pieces.data)[index];
}

static int read_sizes(const val *tuple, int64_t *out, struct hm_err *e)
{
	int n = 0;
	if (tuple->n > HM_MAX_DIMS)
		return hm_err_set(e, HM_EDATA, "it has %zu dimensions, at most %d are allowed", tuple->n,
				  HM_MAX_DIMS);
	for (const struct hm_pickle_item *k = tuple->first; k; k = k->next) {
		if (!hm_pickle_is(k->val, HM_PICKLE_INT) || k->val->i < 0)
			return hm_err_set(e, HM_EDATA, "its size or stride is not a list of integers from 0");
		out[n++] = k->val->i;
	}
	return n;
}

/* True when the elements stand row-major without gaps. */
static bool is_contiguous(const struct hm_tensor *t, const int64_t *stride)
{
	int64_t want = 1;
	for (int i = t->ndim; i-- > 0;) {
		if (t->dim[i] != 1 && stride[i] != want)
			return false;
		want *= t->dim[i];
	}
	return true;
}

/* The index of the last element of a tensor that has any; false when it overflows. */
static bool last_index(const struct hm_tensor *t, const int64_t *stride, int64_t first, uint64_t *last)
{
	int64_t at = first, step;
	for (int i = 0; i < t->ndim; i++)
		if (__builtin_mul_overflow(t->dim[i] - 1, stride[i], &step) ||
		    __builtin_add_overflow(at, step, &at))
			return false;
	*last = (uint64_t)at;
	return true;
}

/* Shape and strides of v, whose storage has `elements` elements of its dtype; *count = its own. */
static int read_shape(const val *v, uint64_t elements, struct hm_tensor *t, int64_t *stride, size_t *count,
		      struct hm_err *e)
{
	uint64_t last = 0;
	t->dtype = v->dtype;
	t->ndim = read_sizes(v->size, t->dim, e);
	if (t->ndim < 0 || read_sizes(v->stride, stride, e) < 0)
		return HM_EDATA;
	if (v->size->n != v->stride->n)
		return hm_err_set(e, HM_EDATA, "%zu sizes but %zu strides", v->size->n, v->stride->n);
	if (!hm_shape_count(t->ndim, t->dim, count) || *count > elements)
		return hm_err_set(e, HM_EDATA, "it has more elements than the %llu of its storage",
				  (unsigned long long)elements);
	if (v->i < 0 || (*count && (!last_index(t, stride, v->i, &last) || last >= elements)))
		return hm_err_set(e, HM_EDATA, "it reaches outside the %llu elements of its storage",
				  (unsigned long long)elements);
	return 0;
}

/* A strided tensor gets room now, and its elements when hm_weights_verify sees it. */
static int plan_gather(struct hm_pth *f, struct hm_tensor *t, const int64_t *stride,
		       const unsigned char *from, size_t count, struct hm_err *e)
{
	struct hm_weights_gather g = {.bytes = count * hm_dtype_size(t->dtype), .count = count, .from = from};
	g.to = t->data = hm_arena_get(&f->w->store->arena, g.bytes, e);
	if (!g.to)
		return HM_EDATA;
	g.shape = *t;
	memcpy(g.stride, stride, sizeof g.stride);
	return hm_buf_add(&f->w->store->gathers, &g, sizeof g, e);
}

int hm_pth_tensor(struct hm_pth *f, const val *v, struct hm_tensor *t, struct hm_err *e)
{
	int64_t stride[HM_MAX_DIMS] = {0};
	size_t count, promised, size = hm_dtype_size(v->dtype);
	const struct hm_weights_piece *b = find_storage(f, v->storage, e);
	if (!b)
		return HM_EDATA;
	if (!hm_size_mul((size_t)v->storage->i, v->storage->n, &promised) || promised != b->n)
		return hm_err_set(e, HM_EDATA,
				  "its storage has %zu bytes, %llu elements of %zu bytes are promised", b->n,
				  (unsigned long long)v->storage->i, v->storage->n);
	if (read_shape(v, b->n / size, t, stride, &count, e))
		return HM_EDATA;
	if (count * size > f->cap - f->shown) /* networks of them would need far more memory than the file */
		return hm_err_set(e, HM_EDATA,
				  "tensors that share storages add up to more than four times the file");
	f->shown += count * size;
	const unsigned char *from = count ? b->p + (size_t)v->i * size : b->p;
	if (count && !is_contiguous(t, stride))
		return plan_gather(f, t, stride, from, count, e);
	t->data = (void *)(uintptr_t)from;
	return 0;
}
