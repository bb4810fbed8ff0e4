/* A batch cut into parts, and the one order in which their gradients are added.
 *
 * Each part has `micro` examples, the last one perhaps fewer. Sums over parts follow a binary tree that
 * depends on the number of parts alone: a node of the parts [lo,hi) is the sum of its left half [lo,mid) and
 * its right half [mid,hi), mid = (lo + hi)/2 rounded down; a leaf is one part. Each rank has a run of
 * neighbouring parts. So the sums are the same to the bit for any number of ranks. */
#ifndef HM_PARTS_H
#define HM_PARTS_H

#include <stdint.h>

/* Parts [lo,hi). */
struct hm_run {
	int64_t lo, hi;
};
/* The most nodes that hm_parts_nodes gives. */
enum { HM_PARTS_NODES = 128 };

/* How many parts a batch of n examples has. micro 0: the whole batch is one part. */
int64_t hm_parts_count(int64_t n, int64_t micro);
static inline int64_t hm_parts_middle(const struct hm_run *r)
{
	return r->lo + (r->hi - r->lo) / 2;
}
/* The parts of this rank, of `size` ranks. With 2, 4, 8 ... ranks each rank gets a whole node of the tree, or
 * none if there are fewer parts than ranks; with other numbers the parts are divided evenly. */
struct hm_run hm_parts_of_rank(int64_t parts, int rank, int size);
/* out := the largest nodes of the tree over `parts` that lie in the run, in order. Returns their number. */
int hm_parts_nodes(int64_t parts, struct hm_run run, struct hm_run out[HM_PARTS_NODES]);

#endif
