/* Adding the gradients of parts. See gradsum.h. */
#include "train/gradsum.h"

#include <stdlib.h>
#include <string.h>

/* One call of hm_gradsum_run. */
struct sum {
	struct hm_gradsum *g;
	int64_t parts;
	int (*leaf)(void *ctx, int64_t part, struct hm_err *e);
	void *ctx;
};

/* The nodes of all ranks in the order of the parts, for one batch. */
struct nodes {
	struct hm_run *run; /* [n] */
	int *first;	    /* [size+1]: where each rank's begin */
	int n;
};

static int count_levels(int64_t leaves)
{
	int levels = 0;
	while (leaves > 1) {
		leaves = (leaves + 1) / 2;
		levels++;
	}
	return levels;
}

/* ---- this rank's own parts */

/* The tables' gradients to `to`, one table after the other; or to the host. */
static void keep_gradients(struct hm_gradsum *g, float *to, bool host)
{
	for (int i = 0; i < g->optim->tables; i++) {
		const struct hm_params *p = g->optim->params[i];
		if (host)
			g->d->op->download(g->d, to, p->grad, p->count * sizeof *to);
		else
			g->d->op->copy(g->d, to, p->grad, p->count * sizeof *to);
		to += p->count;
	}
}

/* The tables' gradients += `left`: SGD's step of -1 along it. */
static void add_gradients(struct hm_gradsum *g, const float *left)
{
	for (int i = 0; i < g->optim->tables; i++) {
		const struct hm_params *p = g->optim->params[i];
		g->d->op->sgd(g->d, p->grad, NULL, left, p->count, -1, 0, 0, 1);
		left += p->count;
	}
}

/* The tables' gradients := the sum of these parts, all of this rank. */
static int sum_own(const struct sum *s, struct hm_run r, int level, struct hm_err *e)
{
	struct hm_gradsum *g = s->g;
	if (r.hi - r.lo == 1) {
		hm_optim_zero(g->optim);
		return s->leaf(s->ctx, r.lo, e);
	}
	int64_t mid = hm_parts_middle(&r);
	int rc = sum_own(s, (struct hm_run){r.lo, mid}, level + 1, e);
	if (rc)
		return rc;
	keep_gradients(g, g->level[level], false);
	rc = sum_own(s, (struct hm_run){mid, r.hi}, level + 1, e);
	if (!rc)
		add_gradients(g, g->level[level]);
	return rc ? rc : hm_device_error(g->d, e);
}

/* ---- over the ranks */

static void free_nodes(struct nodes *n)
{
	free(n->run);
	free(n->first);
}

static int list_nodes(const struct hm_gradsum *g, int64_t parts, struct nodes *n, struct hm_err *e)
{
	int size = hm_ranks_size(g->ranks);
	struct hm_run some[HM_PARTS_NODES];
	n->first = hm_alloc((size_t)size + 1, sizeof *n->first, e);
	if (!n->first)
		return HM_EDATA;
	for (int k = 0; k < size; k++)
		n->first[k + 1] = n->first[k] + hm_parts_nodes(parts, hm_parts_of_rank(parts, k, size), some);
	n->n = n->first[size];
	if (!(n->run = hm_alloc((size_t)n->n, sizeof *n->run, e)))
		return HM_EDATA;
	for (int k = 0; k < size; k++) {
		int count = hm_parts_nodes(parts, hm_parts_of_rank(parts, k, size), some);
		memcpy(n->run + n->first[k], some, (size_t)count * sizeof *some);
	}
	return 0;
}

/* Element `at` of table `table` in this rank's own node number j of n. */
static float *own_node(const struct hm_gradsum *g, int j, int n, int table, size_t at)
{
	float *all = j < n - 1 ? g->node[j] : g->host;
	if (!all)
		return g->optim->params[table]->grad + at;
	for (int i = 0; i < table; i++)
		all += g->optim->params[i]->count;
	return all + at;
}

static float *chunk_at(const struct hm_gradsum *g, size_t k)
{
	return g->chunk + k * HM_GRADSUM_CHUNK;
}

/* The sum of the node r over all ranks, `count` elements: one that some rank has as it is, in node[*next], or
 * a new one in `out`. Sums of halves are in the chunks from number `free_one` on. */
static const float *sum_node(const struct hm_gradsum *g, const struct nodes *n, const float *const *node,
			     struct hm_run r, int *next, float *out, size_t free_one, size_t count)
{
	if (n->run[*next].lo == r.lo && n->run[*next].hi == r.hi)
		return node[(*next)++];
	int64_t mid = hm_parts_middle(&r);
	const float *left = sum_node(g, n, node, (struct hm_run){r.lo, mid}, next, chunk_at(g, free_one),
				     free_one + 2, count);
	const float *right = sum_node(g, n, node, (struct hm_run){mid, r.hi}, next, chunk_at(g, free_one + 1),
				      free_one + 2, count);
	for (size_t i = 0; i < count; i++)
		out[i] = left[i] + right[i];
	return out;
}

/* Chunk number c of the slice of rank `rank`: where it begins, how many elements. */
static struct hm_run cut_chunk(size_t count, int rank, int size, size_t c)
{
	size_t from = hm_slice_begin(count, rank, size), to = hm_slice_begin(count, rank + 1, size);
	from = from + c * HM_GRADSUM_CHUNK < to ? from + c * HM_GRADSUM_CHUNK : to;
	to = from + HM_GRADSUM_CHUNK < to ? from + HM_GRADSUM_CHUNK : to;
	return (struct hm_run){(int64_t)from, (int64_t)to};
}

/* Sends chunk c of every other rank's slice, receives all nodes of chunk c of the own one, adds them. */
static int sum_chunk(struct hm_gradsum *g, const struct nodes *n, const float **node, int table, size_t c,
		     struct hm_err *e)
{
	int size = hm_ranks_size(g->ranks), me = g->ranks->rank, mine = n->first[me + 1] - n->first[me],
	    next = 0;
	const struct hm_params *p = g->optim->params[table];
	struct hm_run own = cut_chunk(p->count, me, size, c);
	size_t bytes = (size_t)(own.hi - own.lo) * sizeof(float);
	for (int k = 0; k < n->n; k++)
		node[k] = k >= n->first[me] && k < n->first[me + 1]
				  ? own_node(g, k - n->first[me], mine, table, (size_t)own.lo)
				  : chunk_at(g, (size_t)k);
	for (int d = 1; d < size; d++) {
		int to = (me + d) % size, from = (me + size - d) % size;
		int theirs = n->first[from + 1] - n->first[from];
		struct hm_run send = cut_chunk(p->count, to, size, c);
		size_t out = (size_t)(send.hi - send.lo) * sizeof(float);
		for (int j = 0; j < mine || j < theirs; j++) {
			if (hm_ranks_exchange(g->ranks, to,
					      j < mine ? own_node(g, j, mine, table, (size_t)send.lo) : NULL,
					      j < mine ? out : 0, from,
					      chunk_at(g, (size_t)(n->first[from] + j)),
					      j < theirs ? bytes : 0, e))
				return HM_EDATA;
			g->extra += j && j < mine ? out : 0;
		}
	}
	if (!bytes)
		return 0;
	float *grad = g->host ? own_node(g, mine - 1, mine, table, (size_t)own.lo) : p->grad + own.lo;
	const float *all = sum_node(g, n, node, (struct hm_run){0, n->run[n->n - 1].hi}, &next, grad,
				    (size_t)n->n, bytes / sizeof(float));
	if (all != grad)
		memcpy(grad, all, bytes);
	return 0;
}

static int sum_ranks(struct hm_gradsum *g, int64_t parts, struct hm_err *e)
{
	int size = hm_ranks_size(g->ranks);
	struct nodes n = {0};
	const float **node = NULL;
	int rc = list_nodes(g, parts, &n, e);
	if (!rc && !(node = hm_alloc((size_t)n.n, sizeof *node, e)))
		rc = HM_EDATA;
	for (int t = 0; t < g->optim->tables && !rc; t++) {
		size_t count = g->optim->params[t]->count, most = 0;
		for (int k = 0; k < size; k++) {
			size_t slice = hm_slice_begin(count, k + 1, size) - hm_slice_begin(count, k, size);
			most = slice > most ? slice : most;
		}
		for (size_t c = 0; c * HM_GRADSUM_CHUNK < most && !rc; c++)
			rc = sum_chunk(g, &n, node, t, c, e);
		if (g->host && !rc) {
			size_t own = g->optim->from[t];
			g->d->op->upload(g->d, g->optim->params[t]->grad + own, own_node(g, 0, 1, t, own),
					 (g->optim->to[t] - own) * sizeof(float));
		}
	}
	free(node);
	free_nodes(&n);
	return rc ? rc : hm_device_error(g->d, e);
}

/* ---- in and out */

int hm_gradsum_run(struct hm_gradsum *g, int64_t parts,
		   int (*leaf)(void *ctx, int64_t part, struct hm_err *e), void *ctx, struct hm_err *e)
{
	struct sum s = {g, parts, leaf, ctx};
	struct hm_run own[HM_PARTS_NODES];
	int n = hm_parts_nodes(
		parts, hm_parts_of_rank(parts, hm_ranks_rank(g->ranks), hm_ranks_size(g->ranks)), own);
	for (int j = 0; j < n; j++) {
		int rc = sum_own(&s, own[j], 0, e);
		if (rc)
			return rc;
		if (j < n - 1)
			keep_gradients(g, g->node[j], true);
		else if (g->host)
			keep_gradients(g, g->host, true);
	}
	return hm_ranks_size(g->ranks) > 1 ? sum_ranks(g, parts, e) : hm_device_error(g->d, e);
}

/* Counts what a batch of so many parts takes. */
static void measure_batch(struct hm_gradsum *g, int64_t parts)
{
	int size = hm_ranks_size(g->ranks), all = 0;
	struct hm_run own[HM_PARTS_NODES];
	for (int k = 0; k < size; k++) {
		int n = hm_parts_nodes(parts, hm_parts_of_rank(parts, k, size), own);
		all += n;
		for (int j = 0; j < n && k == hm_ranks_rank(g->ranks); j++) {
			int levels = count_levels(own[j].hi - own[j].lo);
			g->levels = levels > g->levels ? levels : g->levels;
			g->spare = j > g->spare ? j : g->spare;
		}
	}
	size_t chunks = size > 1 ? (size_t)all + 2 * (size_t)count_levels(parts) : 0;
	g->chunks = chunks > g->chunks ? chunks : g->chunks;
}

int hm_gradsum_init(struct hm_gradsum *g, struct hm_optim *o, struct hm_device *d, struct hm_ranks *ranks,
		    const int64_t *parts, int n, struct hm_err *e)
{
	*g = (struct hm_gradsum){.d = d, .ranks = ranks, .optim = o};
	for (int i = 0; i < o->tables; i++)
		g->count += o->params[i]->count;
	for (int k = 0; k < n; k++)
		measure_batch(g, parts[k]);
	if (!(g->level = hm_alloc((size_t)g->levels, sizeof *g->level, e)) ||
	    !(g->node = hm_alloc((size_t)g->spare, sizeof *g->node, e)) ||
	    !(g->chunk = hm_alloc(g->chunks * HM_GRADSUM_CHUNK, sizeof *g->chunk, e)))
		return HM_EDATA;
	for (int k = 0; k < g->levels; k++)
		g->level[k] = d->op->alloc(d, g->count * sizeof(float));
	for (int k = 0; k < g->spare; k++)
		if (!(g->node[k] = hm_alloc(g->count, sizeof(float), e)))
			return HM_EDATA;
	if (hm_ranks_size(ranks) > 1 && !d->host && !(g->host = hm_alloc(g->count, sizeof(float), e)))
		return HM_EDATA;
	return hm_device_error(d, e);
}

void hm_gradsum_clear(struct hm_gradsum *g)
{
	for (int k = 0; k < g->levels && g->level; k++)
		g->d->op->free(g->d, g->level[k]);
	for (int k = 0; k < g->spare && g->node; k++)
		free(g->node[k]);
	free(g->level);
	free(g->node);
	free(g->host);
	free(g->chunk);
	*g = (struct hm_gradsum){0};
}
