/* What is done with a tensor's bytes only when they are needed: comparing CRCs and digests, copying strided
 * tensors. Until then a file of any size costs no more than its names. See hm_weights_verify. */
#include "weights/store.h"
#include "weights/zipdir.h"

#include <stdlib.h>
#include <string.h>

static int by_address(const void *a, const void *b)
{
	const struct hm_weights_piece *x = a, *y = b;
	return (x->p > y->p) - (x->p < y->p);
}

static int by_target(const void *a, const void *b)
{
	const struct hm_weights_gather *x = a, *y = b;
	return (x->to > y->to) - (x->to < y->to);
}

void hm_weights_index(struct hm_weights *w)
{
	struct hm_buf *p = &w->store->pieces, *g = &w->store->gathers;
	if (p->len)
		qsort(p->data, p->len / sizeof(struct hm_weights_piece), sizeof(struct hm_weights_piece),
		      by_address);
	if (g->len)
		qsort(g->data, g->len / sizeof(struct hm_weights_gather), sizeof(struct hm_weights_gather),
		      by_target);
}

/* The piece that `at` lies in, or NULL. */
static struct hm_weights_piece *find_piece(const struct hm_weights *w, const unsigned char *at)
{
	struct hm_weights_piece *x = (struct hm_weights_piece *)w->store->pieces.data;
	size_t low = 0, high = w->store->pieces.len / sizeof *x;
	while (low <
	       high) { /* the pieces below `low` begin at or before `at`, those from `high` on behind it */
		size_t mid = low + (high - low) / 2;
		if (x[mid].p <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low && at < x[low - 1].p + x[low - 1].n ? &x[low - 1] : NULL;
}

/* The strided tensor whose copy `at` lies in, or NULL. */
static struct hm_weights_gather *find_gather(const struct hm_weights *w, const unsigned char *at)
{
	struct hm_weights_gather *x = (struct hm_weights_gather *)w->store->gathers.data;
	size_t low = 0, high = w->store->gathers.len / sizeof *x;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (x[mid].to <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low && at < x[low - 1].to + x[low - 1].bytes ? &x[low - 1] : NULL;
}

static int check_piece(struct hm_weights_piece *x, struct hm_err *e)
{
	if (!x || x->sound)
		return 0;
	if (!hm_zip_sound(x->p, x->n, x->crc))
		return hm_err_set(e, HM_EDATA, "entry \"%.200s\" is damaged: its CRC differs", x->name);
	x->sound = true;
	return 0;
}

/* Copies the elements, row-major. */
static void gather(struct hm_weights_gather *g)
{
	const struct hm_tensor *t = &g->shape;
	size_t size = hm_dtype_size(t->dtype);
	int64_t at[HM_MAX_DIMS] = {0}, offset = 0;
	unsigned char *to = g->to;
	for (size_t i = 0; i < g->count; i++, to += size) {
		memcpy(to, g->from + (size_t)offset * size, size);
		for (int d = t->ndim; d-- > 0;) {
			offset += g->stride[d];
			if (++at[d] < t->dim[d])
				break;
			offset -= at[d] * g->stride[d];
			at[d] = 0;
		}
	}
	g->done = true;
}

static int check_digest(struct hm_weights_digested *d, struct hm_err *e)
{
	char found[33];
	struct iovec body = {(void *)(uintptr_t)(d->p + 8 + d->header), d->n - 8 - d->header};
	if (d->sound)
		return 0;
	if (hm_digest_file((const char *)d->p, 8 + d->header, d->place, &body, 1, found, e))
		return HM_EDATA;
	if (memcmp(found, d->place, 32))
		return hm_err_set(e, HM_EDATA, "the file is damaged: its digest is %s, hm.digest says %.32s",
				  found, d->place);
	d->sound = true;
	return 0;
}

static int verify_one(struct hm_weights *w, const struct hm_tensor *t, struct hm_err *e)
{
	size_t count;
	if (!hm_shape_count(t->ndim, t->dim, &count) || !count)
		return 0;
	struct hm_weights_gather *g = find_gather(w, t->data);
	if (check_piece(find_piece(w, g ? g->from : t->data), e))
		return HM_EDATA;
	if (g && !g->done)
		gather(g);
	return 0;
}

int hm_weights_verify(struct hm_weights *w, const struct hm_tensor *tensor, size_t n, struct hm_err *e)
{
	struct hm_weights_digested *d = (struct hm_weights_digested *)w->store->digests.data;
	for (size_t i = 0; i < w->store->digests.len / sizeof *d; i++)
		if (check_digest(&d[i], e))
			return HM_EDATA;
	for (size_t i = 0; i < n; i++)
		if (verify_one(w, &tensor[i], e))
			return HM_EDATA;
	return 0;
}
