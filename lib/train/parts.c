/* The tree over the parts of a batch. See parts.h. */
#include "train/parts.h"

#include <stdbool.h>

int64_t hm_parts_count(int64_t n, int64_t micro)
{
	return micro ? (n + micro - 1) / micro : 1;
}

/* Where rank `rank` begins. With a power of two of ranks: down the tree by the binary digits of rank/size, so
 * that it is where a node begins; else evenly. */
static int64_t begin_rank(int64_t parts, int64_t rank, int64_t size)
{
	struct hm_run r = {0, parts};
	if (rank == size || size & (size - 1))
		return parts * rank / size;
	while (rank) {
		int64_t mid = hm_parts_middle(&r);
		bool right = 2 * rank >= size;
		*(right ? &r.lo : &r.hi) = mid;
		rank = 2 * rank - (right ? size : 0);
	}
	return r.lo;
}

struct hm_run hm_parts_of_rank(int64_t parts, int rank, int size)
{
	return (struct hm_run){begin_rank(parts, rank, size), begin_rank(parts, rank + 1, size)};
}

static void list_nodes(struct hm_run node, const struct hm_run *run, struct hm_run *out, int *n)
{
	int64_t mid = hm_parts_middle(&node);
	if (node.hi <= run->lo || node.lo >= run->hi)
		return;
	if (node.lo >= run->lo && node.hi <= run->hi) {
		out[(*n)++] = node;
		return;
	}
	list_nodes((struct hm_run){node.lo, mid}, run, out, n);
	list_nodes((struct hm_run){mid, node.hi}, run, out, n);
}

int hm_parts_nodes(int64_t parts, struct hm_run run, struct hm_run out[HM_PARTS_NODES])
{
	int n = 0;
	if (run.lo < run.hi)
		list_nodes((struct hm_run){0, parts}, &run, out, &n);
	return n;
}
