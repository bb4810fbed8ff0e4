/* Several ranks: the tree over the parts of a batch, gathering, agreeing, sums of gradients, the shared norm
 * and moments. The same bytes for any number of ranks. */
#include "../support/threadranks.h"
#include "base/rng.h"
#include "train/gradsum.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- the tree */

static void runs_cover_all_parts(void **state)
{
	(void)state;
	for (int parts = 1; parts <= 130; parts++)
		for (int size = 1; size <= 33; size++) {
			int64_t at = 0;
			for (int k = 0; k < size; k++) {
				struct hm_run r = hm_parts_of_rank(parts, k, size), node[HM_PARTS_NODES];
				int n = hm_parts_nodes(parts, r, node);
				int64_t inside = r.lo;
				assert_int_equal(r.lo, at);
				assert_true(r.hi >= r.lo && r.hi - r.lo <= parts / size + 2);
				for (int j = 0; j < n; j++, inside = node[j - 1].hi)
					assert_int_equal(node[j].lo, inside);
				assert_int_equal(inside, r.hi);
				if (!(size & (size - 1)))
					assert_true(n <= 1); /* a whole node for each rank */
				at = r.hi;
			}
			assert_int_equal(at, parts);
		}
}

static void parts_are_counted(void **state)
{
	(void)state;
	assert_int_equal(hm_parts_count(64, 0), 1);
	assert_int_equal(hm_parts_count(64, 64), 1);
	assert_int_equal(hm_parts_count(65, 64), 2);
	assert_int_equal(hm_parts_count(50, 8), 7);
	assert_int_equal(hm_parts_count(0, 8), 0);
}

/* ---- gathering and agreeing */

static void gather_all(struct hm_ranks *r, void *ctx)
{
	char all[THREAD_RANKS * THREAD_RANKS];
	size_t from[THREAD_RANKS + 1] = {0};
	struct hm_err e = {0};
	(void)ctx;
	memset(all, '?', sizeof all);
	for (int k = 0; k < r->size; k++) /* rank k has k bytes: the first none */
		from[k + 1] = from[k] + (size_t)k;
	memset(all + from[r->rank], 'a' + r->rank, (size_t)r->rank);
	if (hm_ranks_gather(r, all, from, &e))
		abort();
	for (int k = 0; k < r->size; k++)
		for (size_t i = from[k]; i < from[k + 1]; i++)
			if (all[i] != 'a' + k)
				abort();
	if (r->local != r->rank || r->locals != r->size || r->sharing != r->size)
		abort();
}

struct failure {
	int rank;   /* the one that fails; -1: all */
	bool alike; /* all with the same sentence */
};

static void agree_all(struct hm_ranks *r, void *ctx)
{
	const struct failure *f = ctx;
	struct hm_err e = {0};
	char want[64];
	int rc = 0;
	if (f->rank < 0 || f->rank == r->rank)
		rc = hm_err_set(&e, HM_EUSAGE, "trouble %d", f->alike ? 0 : r->rank);
	rc = hm_ranks_agree(r, rc, &e);
	int first = f->rank < 0 ? 0 : f->rank;
	snprintf(want, sizeof want, f->alike && f->rank < 0 ? "trouble %d" : "rank %d: trouble %d", first,
		 f->alike ? 0 : first);
	if (rc != HM_EUSAGE || strcmp(e.text, want))
		abort();
}

static void ranks_gather_and_agree(void **state)
{
	(void)state;
	for (int size = 1; size <= THREAD_RANKS; size += size < 5 ? 1 : 4)
		run_ranks(size, gather_all, NULL);
	run_ranks(4, agree_all, &(struct failure){2, false});
	run_ranks(4, agree_all, &(struct failure){-1, true});
	run_ranks(3, agree_all, &(struct failure){-1, false});
}

/* A message of more than one piece one way, a short one the other way. */
static void send_pieces(struct hm_ranks *r, void *ctx)
{
	const size_t large = (1u << 28) + 5, small = 3;
	const size_t out = r->rank ? small : large, in = r->rank ? large : small;
	char *send = calloc(out, 1), *receive = malloc(in);
	struct hm_err e = {0};
	(void)ctx;
	send[0] = 'a', send[out - 1] = 'z';
	receive[0] = receive[in - 1] = 0;
	if (hm_ranks_exchange(r, 1 - r->rank, send, out, 1 - r->rank, receive, in, &e) || r->sent < out ||
	    receive[0] != 'a' || receive[in - 1] != 'z')
		abort();
	free(send);
	free(receive);
}

static void long_messages_go_in_pieces(void **state)
{
	(void)state;
	run_ranks(2, send_pieces, NULL);
}

/* ---- sums of gradients, the norm, the step */

enum { TABLES = 2, LARGE = 3 * HM_OPTIM_BLOCK + 1000, SMALL = 37, MOST = 23 };

/* What a training of several ranks has in the end. */
struct result {
	int64_t parts;
	float *value[TABLES], *moment[TABLES]; /* from rank 0 */
	double norm;
	bool finite;
};

struct rank {
	struct hm_params table[TABLES];
	float *field[TABLES][2];
	struct hm_device *d;
};

static float leaf_value(int64_t part, int table, size_t i)
{
	uint32_t x = (uint32_t)(part * 2654435761u) ^ (uint32_t)(i * 40503u + (size_t)table * 977u);
	x ^= x >> 13, x *= 0x5bd1e995u, x ^= x >> 15;
	return ((float)(x % 20001) - 10000) * 1e-4f * (x & 1 ? 1.f : 1e-3f); /* sums that round */
}

static int add_leaf(void *ctx, int64_t part, struct hm_err *e)
{
	struct rank *r = ctx;
	(void)e;
	for (int t = 0; t < TABLES; t++)
		for (size_t i = 0; i < r->table[t].count; i++)
			r->table[t].grad[i] += leaf_value(part, t, i); /* they must begin at 0 */
	return 0;
}

static void open_rank(struct rank *r)
{
	struct hm_err e = {0};
	*r = (struct rank){.d = hm_device_open("cpu", HM_PREC_F32, &e)};
	hm_params_add(&r->table[0], &r->field[0][0], HM_INIT_NORMAL, HM_DIMS(LARGE), "a.weight");
	hm_params_add(&r->table[0], &r->field[0][1], HM_INIT_NORMAL, HM_DIMS(SMALL), "a.bias");
	hm_params_add(&r->table[1], &r->field[1][0], HM_INIT_NORMAL, HM_DIMS(SMALL), "b.bias");
	for (int t = 0; t < TABLES; t++)
		if (hm_params_init(&r->table[t], 7, (uint32_t)t * 9, &e) ||
		    hm_params_place(&r->table[t], r->d, true, &e))
			abort();
}

static void close_rank(struct rank *r, struct hm_optim *o)
{
	hm_optim_clear(o);
	for (int t = 0; t < TABLES; t++)
		hm_params_clear(&r->table[t]);
	hm_device_close(r->d);
}

static void step_together(struct hm_ranks *ranks, void *ctx)
{
	struct result *out = ctx;
	struct rank r;
	struct hm_err e = {0};
	struct hm_optim o;
	struct hm_gradsum g;
	double lr;
	bool finite = false;
	const struct hm_optim_config c = {.kind = HM_ADAMW,
					  .lr = .01,
					  .weight_decay = .1,
					  .clip_norm = .5,
					  .decay_spares_bias = true,
					  .total = 10};
	open_rank(&r);
	struct hm_params *tables[] = {&r.table[0], &r.table[1]};
	if (hm_optim_init(&o, &c, tables, NULL, TABLES, r.d, ranks, &e) ||
	    hm_gradsum_init(&g, &o, r.d, ranks, &out->parts, 1, &e))
		abort();
	for (int step = 0; step < 2; step++)
		if (hm_gradsum_run(&g, out->parts, add_leaf, &r, &e) ||
		    hm_optim_clip_shared(&o, &finite, &e) || hm_optim_step(&o, &lr, &e) ||
		    hm_optim_share(&o, &e))
			abort();
	/* every rank has the same parameters */
	for (int t = 0; t < TABLES; t++) {
		float *moment = ranks->rank ? NULL : calloc(r.table[t].count, sizeof *moment);
		if (hm_optim_collect(&o, t, 1, moment, &e))
			abort();
		uint64_t all[THREAD_RANKS], sum = 0;
		for (size_t i = 0; i < r.table[t].count; i++) {
			uint32_t bits;
			memcpy(&bits, &r.table[t].data[i], sizeof bits);
			sum = sum * 1099511628211u + bits;
		}
		all[ranks->rank] = sum;
		if (hm_ranks_gather_each(ranks, all, sizeof *all, &e) || all[ranks->rank] != all[0])
			abort();
		if (ranks->rank == 0) {
			out->moment[t] = moment;
			out->value[t] = malloc(r.table[t].count * sizeof(float));
			memcpy(out->value[t], r.table[t].data, r.table[t].count * sizeof(float));
			out->finite = finite;
			r.d->op->download(r.d, &out->norm, o.norm, sizeof out->norm);
		}
	}
	hm_gradsum_clear(&g);
	close_rank(&r, &o);
}

static void free_result(struct result *r)
{
	for (int t = 0; t < TABLES; t++) {
		free(r->value[t]);
		free(r->moment[t]);
	}
}

/* The sum of the parts [lo,hi) by the rule of parts.h, of one element. */
static float sum_by_rule(int64_t lo, int64_t hi, int table, size_t i)
{
	if (hi - lo == 1)
		return leaf_value(lo, table, i);
	int64_t mid = lo + (hi - lo) / 2;
	return sum_by_rule(lo, mid, table, i) + sum_by_rule(mid, hi, table, i);
}

static void any_number_of_ranks_gives_the_same(void **state)
{
	static const size_t count[TABLES] = {LARGE + SMALL, SMALL};
	(void)state;
	for (int64_t parts = 1; parts <= MOST; parts += parts < 8 ? 1 : 5) {
		struct result alone = {.parts = parts};
		double norm = 0;
		run_ranks(1, step_together, &alone);
		for (int t = 0; t < TABLES; t++)
			for (size_t i = 0; i < count[t]; i++)
				norm += pow(sum_by_rule(0, parts, t, i), 2);
		assert_true(alone.finite && fabs(alone.norm - norm) <= 1e-12 * norm);
		for (int size = 2; size <= 8; size++) {
			struct result together = {.parts = parts};
			run_ranks(size, step_together, &together);
			for (int t = 0; t < TABLES; t++)
				if (memcmp(together.value[t], alone.value[t], count[t] * sizeof(float)) ||
				    memcmp(together.moment[t], alone.moment[t], count[t] * sizeof(float)))
					fail_msg("%d parts, %d ranks: table %d differs", (int)parts, size, t);
			assert_true(together.norm == alone.norm && together.finite);
			free_result(&together);
		}
		free_result(&alone);
	}
}

/* ---- one rank's gradient is infinite */

static void clip_infinite(struct hm_ranks *ranks, void *ctx)
{
	struct rank r;
	struct hm_err e = {0};
	struct hm_optim o;
	const struct hm_optim_config c = {.kind = HM_ADAM, .lr = .01, .clip_norm = 1, .total = 10};
	bool finite = true;
	(void)ctx;
	open_rank(&r);
	struct hm_params *tables[] = {&r.table[0], &r.table[1]};
	if (hm_optim_init(&o, &c, tables, NULL, TABLES, r.d, ranks, &e))
		abort();
	r.table[0].grad[LARGE] = ranks->rank == ranks->size - 1 ? INFINITY : 0; /* of the last slice */
	if (hm_optim_clip_shared(&o, &finite, &e) || finite)
		abort();
	close_rank(&r, &o);
}

static void all_ranks_see_an_infinite_norm(void **state)
{
	(void)state;
	for (int size = 1; size <= 4; size++)
		run_ranks(size, clip_infinite, NULL);
}

/* ---- a slice's moments, to and fro */

static void restore_moments(struct hm_ranks *ranks, void *ctx)
{
	struct rank r;
	struct hm_err e = {0};
	struct hm_optim o;
	const struct hm_optim_config c = {.kind = HM_ADAM, .lr = .01, .total = 10};
	size_t n = LARGE + SMALL;
	float *in = malloc(n * sizeof *in), *out = ranks->rank ? NULL : calloc(n, sizeof *out);
	(void)ctx;
	open_rank(&r);
	struct hm_params *tables[] = {&r.table[0], &r.table[1]};
	for (size_t i = 0; i < n; i++)
		in[i] = (float)i;
	if (hm_optim_init(&o, &c, tables, NULL, TABLES, r.d, ranks, &e))
		abort();
	hm_optim_restore(&o, 0, 0, in);
	if (hm_optim_collect(&o, 0, 0, out, &e) || (out && memcmp(in, out, n * sizeof *in)))
		abort();
	free(in);
	free(out);
	close_rank(&r, &o);
}

static void moments_are_collected_and_restored(void **state)
{
	(void)state;
	for (int size = 1; size <= 6; size++)
		run_ranks(size, restore_moments, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(runs_cover_all_parts),
					   cmocka_unit_test(parts_are_counted),
					   cmocka_unit_test(ranks_gather_and_agree),
					   cmocka_unit_test(long_messages_go_in_pieces),
					   cmocka_unit_test(any_number_of_ranks_gives_the_same),
					   cmocka_unit_test(all_ranks_see_an_infinite_norm),
					   cmocka_unit_test(moments_are_collected_and_restored)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
