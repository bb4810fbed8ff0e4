/* Which products of a query can matter, and their similarities in double. See nearsearch.h. */
#include "base/simd.h"
#include "score/nearparts.h"

#include <math.h>

enum {
	LANE = 16, /* products that are looked at together */
	SUMS = 32  /* of multiply_rows */
};

/* The product of two rows: products of floats are exact in double, and 32 sums take them in turn, in one
 * order whatever the instruction set. */
HM_SIMD static double multiply_rows(const float *a, const float *b, size_t n)
{
	double sum[SUMS] = {0};
	size_t i = 0;
	for (; i + SUMS <= n; i += SUMS)
		for (size_t k = 0; k < SUMS; k++)
			sum[k] += (double)a[i + k] * (double)b[i + k];
	for (size_t k = 0; i + k < n; k++)
		sum[k] += (double)a[i + k] * (double)b[i + k];
	for (size_t half = SUMS / 2; half; half /= 2)
		for (size_t k = 0; k < half; k++)
			sum[k] += sum[k + half];
	return sum[0];
}

double hm_near_length(const float *row, size_t n)
{
	return sqrt(multiply_rows(row, row, n));
}

static double compare_rows(const struct hm_nearest *s, const float *query, double length, size_t row)
{
	double both = length * s->length[row];
	double cosine =
		both > 0 ? multiply_rows(query, s->rows->row + row * s->rows->dim, s->rows->dim) / both : 0;
	return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
}

/* Puts a row among the k of query q, behind those that are as similar. */
static void put_near(struct hm_near_search *x, size_t q, struct hm_near found)
{
	struct hm_near *out = x->out + q * x->k;
	size_t at = x->have[q];
	if (at == x->k && found.similarity <= out[--at].similarity)
		return;
	x->have[q] = at + 1;
	for (; at && out[at - 1].similarity < found.similarity; at--)
		out[at] = out[at - 1];
	out[at] = found;
}

static bool any_above(const float *p, float floor)
{
	int above = 0;
	for (int i = 0; i < LANE; i++)
		above |= p[i] > floor;
	return above;
}

void hm_near_take_above(struct hm_nearest *s, struct hm_near_lane *l, size_t q, const float *p, size_t n,
			size_t first)
{
	const struct hm_near_search *x = &s->now;
	const float *query = x->query + q * s->rows->dim;
	float floor = nextafterf((float)(x->least - s->error), -INFINITY);
	double length = hm_near_length(query, s->rows->dim);
	for (size_t i = 0; i < n; i++) {
		while (i + LANE <= n && !any_above(p + i, floor))
			i += LANE;
		if (i == n || !(p[i] > floor))
			continue;
		struct hm_near_pair pair = {x->first + q, first + i,
					    compare_rows(s, query, length, first + i)};
		if (pair.similarity > x->least && l->pairs.len <= HM_NEAR_PAIRS * sizeof pair)
			hm_buf_add(&l->pairs, &pair, sizeof pair, &l->e);
	}
}

/* The k-th largest product is wrong by `error` at most, and so is any other: one below this is no neighbour.
 * `part` numbers the query in its part. */
static float find_floor(const struct hm_nearest *s, const struct hm_near_lane *l, size_t part)
{
	size_t k = s->now.k;
	if (l->bests[part] < k)
		return -INFINITY;
	return nextafterf((float)((double)l->best[part * k + k - 1] - 2 * s->error), -INFINITY);
}

void hm_near_settle(struct hm_nearest *s, struct hm_near_lane *l, size_t q, size_t part)
{
	const float *query = s->now.query + q * s->rows->dim;
	const struct hm_near_waiting *w = l->waiting + part * hm_near_room(s->now.k);
	double length = hm_near_length(query, s->rows->dim);
	float floor = find_floor(s, l, part);
	for (size_t i = 0; i < l->waitings[part]; i++)
		if (w[i].product > floor)
			put_near(&s->now, q,
				 (struct hm_near){w[i].row, compare_rows(s, query, length, w[i].row)});
	l->waitings[part] = 0;
}

/* Puts a product among the k largest. */
static void put_best(struct hm_near_lane *l, size_t part, size_t k, float product)
{
	float *best = l->best + part * k;
	size_t at = l->bests[part];
	if (at == k && product <= best[--at])
		return;
	l->bests[part] = at + 1;
	for (; at && best[at - 1] < product; at--)
		best[at] = best[at - 1];
	best[at] = product;
}

/* The same as take_above for the nearest: keeps what can be one of them. */
void hm_near_take_nearest(struct hm_nearest *s, struct hm_near_lane *l, size_t q, size_t part, const float *p,
			  size_t n, size_t first)
{
	size_t k = s->now.k, room = hm_near_room(k);
	float floor = find_floor(s, l, part);
	for (size_t i = 0; i < n; i++) {
		while (i + LANE <= n && !any_above(p + i, floor))
			i += LANE;
		if (i == n || !(p[i] > floor))
			continue;
		put_best(l, part, k, p[i]);
		l->waiting[part * room + l->waitings[part]++] = (struct hm_near_waiting){first + i, p[i]};
		if (l->waitings[part] == room)
			hm_near_settle(s, l, q, part);
		floor = find_floor(s, l, part);
	}
}
