/* Blocks of products. See nearsearch.h. */
#include "score/nearparts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROWS = 1024,   /* of a block that is packed */
	QUERIES = 512, /* that a thread multiplies with it, at most; with 256, packing takes a tenth */
	GRAIN = 16,    /* a part's queries are a multiple of it */
	DEVICE_QUERIES = 2048,
	DEVICE_LANES = 2 /* contexts of a GPU */
};

static size_t block_rows(const struct hm_nearest *s, size_t block)
{
	size_t left = s->rows->n - block * ROWS;
	return left < ROWS ? left : ROWS;
}

/* Multiplies the part-th group of queries with all rows. */
static void search_part(void *nearest, size_t part, int worker)
{
	struct hm_nearest *s = nearest;
	struct hm_near_lane *l = &s->lane[worker];
	struct hm_near_search *x = &s->now;
	size_t first = part * x->each, m = x->m - first, dim = s->rows->dim;
	m = m < x->each ? m : x->each;
	if (x->k) {
		memset(l->bests, 0, (size_t)s->queries * sizeof *l->bests);
		memset(l->waitings, 0, (size_t)s->queries * sizeof *l->waitings);
	}
	l->d->op->upload(l->d, l->x, x->query + first * dim, m * dim * sizeof *l->x);
	for (size_t b = 0; b < s->blocks && !l->e.code; b++) {
		size_t n = block_rows(s, b);
		const float *y = l->d->host ? l->y : l->host;
		l->d->op->matmul(l->d, l->y, l->x, s->block[b], (int)m);
		if (!l->d->host)
			l->d->op->download(l->d, l->host, l->y, m * n * sizeof *l->y);
		if (hm_device_error(l->d, &l->e))
			return;
		for (size_t q = 0; q < m; q++)
			if (x->k)
				hm_near_take_nearest(s, l, first + q, q, y + q * n, n, b * ROWS);
			else
				hm_near_take_above(s, l, first + q, y + q * n, n, b * ROWS);
	}
	for (size_t q = 0; x->k && q < m; q++)
		hm_near_settle(s, l, first + q, q);
}

/* As many parts for each thread, and about as large. */
static int run_search(struct hm_nearest *s, struct hm_err *e)
{
	size_t m = s->now.m, lanes = (size_t)s->lanes, turn = lanes * (size_t)s->queries,
	       turns = (m + turn - 1) / turn;
	s->now.each = turns ? (m + turns * lanes - 1) / (turns * lanes) : 0;
	s->now.each = (s->now.each + GRAIN - 1) / GRAIN * GRAIN;
	hm_workers_each(s->workers, m ? (m + s->now.each - 1) / s->now.each : 0, search_part, s);
	for (int i = 0; i < s->lanes; i++)
		if (s->lane[i].e.code)
			return hm_err_pass(e, &s->lane[i].e);
	return 0;
}

/* Memory for the k largest of a part's queries. */
static int prepare_lane(struct hm_near_lane *l, size_t queries, size_t k, struct hm_err *e)
{
	l->best = hm_alloc(queries, k * sizeof *l->best, e);
	l->waiting = hm_alloc(queries, hm_near_room(k) * sizeof *l->waiting, e);
	l->bests = hm_alloc(queries, sizeof *l->bests, e);
	l->waitings = hm_alloc(queries, sizeof *l->waitings, e);
	return l->best && l->waiting && l->bests && l->waitings ? 0 : HM_EDATA;
}

static void release_lane(struct hm_near_lane *l)
{
	free(l->best);
	free(l->waiting);
	free(l->bests);
	free(l->waitings);
	l->best = NULL;
	l->waiting = NULL;
	l->bests = l->waitings = NULL;
}

int hm_nearest_find(struct hm_nearest *s, const float *query, size_t m, size_t k, struct hm_near *out,
		    struct hm_err *e)
{
	size_t *have = hm_alloc(m, sizeof *have, e);
	int rc = have ? 0 : HM_EDATA;
	for (int i = 0; !rc && i < s->lanes; i++)
		rc = prepare_lane(&s->lane[i], (size_t)s->queries, k, e);
	s->now = (struct hm_near_search){.query = query, .m = m, .k = k, .out = out, .have = have};
	if (!rc)
		rc = run_search(s, e);
	for (int i = 0; i < s->lanes; i++)
		release_lane(&s->lane[i]);
	free(have);
	return rc;
}

int hm_nearest_above(struct hm_nearest *s, const float *query, size_t m, size_t first, double least,
		     struct hm_buf *out, struct hm_err *e)
{
	s->now = (struct hm_near_search){.query = query, .m = m, .first = first, .least = least};
	int rc = run_search(s, e);
	for (int i = 0; i < s->lanes; i++) {
		struct hm_buf *b = &s->lane[i].pairs;
		if (!rc && (out->len + b->len) / sizeof(struct hm_near_pair) > HM_NEAR_PAIRS)
			rc = hm_err_set(e, HM_EDATA,
					"more than %zu pairs are above %g: name a higher similarity",
					HM_NEAR_PAIRS, least);
		if (!rc && b->len)
			rc = hm_buf_add(out, b->data, b->len, e);
		b->len = 0;
	}
	return rc;
}

static int by_similarity(const void *a, const void *b)
{
	const struct hm_near_pair *x = a, *y = b;
	int c = (x->similarity < y->similarity) - (x->similarity > y->similarity);
	c = c ? c : (x->query > y->query) - (x->query < y->query);
	return c ? c : (x->row > y->row) - (x->row < y->row);
}

void hm_near_sort(struct hm_near_pair *pair, size_t n)
{
	if (n)
		qsort(pair, n, sizeof *pair, by_similarity);
}

/* ---- setting up ---- */

static int pack_rows(struct hm_nearest *s, struct hm_err *e)
{
	const struct hm_nearrows *r = s->rows;
	s->blocks = (r->n + ROWS - 1) / ROWS;
	s->block = hm_alloc(s->blocks, sizeof *s->block, e);
	s->length = hm_alloc(r->n, sizeof *s->length, e);
	if (!s->block || !s->length)
		return HM_EDATA;
	for (size_t i = 0; i < r->n; i++)
		s->length[i] = hm_near_length(r->row + i * r->dim, r->dim);
	for (size_t b = 0; b < s->blocks; b++) {
		const struct hm_linear l = {
			.n = (int)block_rows(s, b), .k = (int)r->dim, .f32 = true, .same = true};
		s->block[b] = s->device->op->linear_pack(s->device, &l, r->row + b * ROWS * r->dim, NULL);
		if (!s->block[b])
			return hm_device_error(s->device, e);
	}
	return 0;
}

static int open_lane(struct hm_nearest *s, struct hm_near_lane *l, struct hm_err *e)
{
	l->d = hm_device_fork(s->device, e);
	if (!l->d)
		return HM_EDATA;
	size_t room = (size_t)l->d->op->rows_round(l->d, s->queries);
	l->x = l->d->op->alloc(l->d, room * s->rows->dim * sizeof *l->x);
	l->y = l->d->op->alloc(l->d, room * ROWS * sizeof *l->y);
	l->host = l->d->host ? NULL : hm_alloc(room * ROWS, sizeof *l->host, e);
	return !l->d->host && !l->host ? HM_EDATA : hm_device_error(l->d, e);
}

static int open_lanes(struct hm_nearest *s, struct hm_err *e)
{
	s->queries = s->device->host ? QUERIES : DEVICE_QUERIES;
	if (!s->device->host && hm_workers_count(s->workers) > DEVICE_LANES) {
		s->workers = s->own = hm_workers_new(DEVICE_LANES, e);
		if (!s->own)
			return HM_EDATA;
	}
	s->lanes = hm_workers_count(s->workers);
	s->lane = hm_alloc((size_t)s->lanes, sizeof *s->lane, e);
	if (!s->lane)
		return HM_EDATA;
	for (int i = 0; i < s->lanes; i++)
		if (open_lane(s, &s->lane[i], e))
			return HM_EDATA;
	return 0;
}

int hm_nearest_open(struct hm_nearest **out, const struct hm_nearrows *rows, struct hm_device *d,
		    struct hm_workers *w, struct hm_err *e)
{
	struct hm_nearest *s = *out = hm_alloc(1, sizeof *s, e);
	if (!s)
		return HM_EDATA;
	*s = (struct hm_nearest){.rows = rows, .device = d, .workers = w};
	/* each of dim products is rounded at most dim times; both rows are of length 1, but for rounding */
	s->error = ((double)rows->dim + 16) * 1.01 * ldexp(1, -24);
	int rc = pack_rows(s, e);
	if (!rc)
		rc = open_lanes(s, e);
	if (rc) {
		hm_nearest_close(s);
		*out = NULL;
	}
	return rc;
}

void hm_nearest_close(struct hm_nearest *s)
{
	if (!s)
		return;
	for (int i = 0; s->lane && i < s->lanes; i++) {
		struct hm_near_lane *l = &s->lane[i];
		if (l->d) {
			l->d->op->free(l->d, l->x);
			l->d->op->free(l->d, l->y);
		}
		hm_device_close(l->d);
		free(l->host);
		hm_buf_clear(&l->pairs);
	}
	for (size_t b = 0; s->block && b < s->blocks; b++)
		s->device->op->weight_free(s->device, s->block[b]);
	free(s->lane);
	free(s->block);
	free(s->length);
	hm_workers_free(s->own);
	free(s);
}
