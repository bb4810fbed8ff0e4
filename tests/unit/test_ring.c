/* lib/base's ring: slots come back in order, whatever the threads do; failures in their turn; cancelling. */
#include "base/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

struct item {
	int number, square;
	int held; /* bytes */
};

/* What fills the slots: numbers 0 .. n-1; call `fails_at` (-1: none) fails. */
struct numbers {
	int n, fails_at, next, bytes;
	int taken, most_ahead; /* by the caller; filled and not yet taken, at most */
	int last_ahead;	       /* the same when the last one was filled */
	atomic_int worked;
};

static int fill_number(void *ctx, void *slot, size_t *bytes, struct hm_err *e)
{
	struct numbers *s = ctx;
	struct item *i = slot;
	if (s->next == s->fails_at)
		return hm_err_set(e, HM_EDEVICE, "number %d cannot be had", s->next);
	if (s->next == s->n)
		return 0;
	*i = (struct item){.number = s->next++, .held = s->bytes};
	*bytes = (size_t)i->held;
	s->last_ahead = s->next - s->taken;
	if (s->last_ahead > s->most_ahead)
		s->most_ahead = s->last_ahead;
	return 1;
}

static void square_number(void *ctx, void *slot, int worker)
{
	struct numbers *s = ctx;
	struct item *i = slot;
	(void)worker;
	usleep((unsigned)(i->number * 7919 % 13) * 20); /* later ones overtake */
	i->square = i->number * i->number;
	atomic_fetch_add(&s->worked, 1);
}

static struct hm_ring *make_ring(struct numbers *s, struct hm_workers *w, int slots, size_t max_bytes)
{
	const struct hm_ring_config c = {.workers = w,
					 .slots = slots,
					 .slot_size = sizeof(struct item),
					 .max_bytes = max_bytes,
					 .ctx = s,
					 .work = square_number,
					 .fill = fill_number};
	struct hm_ring *r = hm_ring_new(&c, NULL);
	assert_non_null(r);
	return r;
}

/* Takes all slots and looks at each; how many, and what hm_ring_next said then. */
static int pull_all(struct hm_ring *r, struct numbers *s, int *rc, struct hm_err *e)
{
	void *slot;
	while ((*rc = hm_ring_next(r, &slot, e)) == 1) {
		const struct item *i = slot;
		assert_int_equal(i->number, s->taken);
		assert_int_equal(i->square, s->taken * s->taken);
		s->taken++;
	}
	assert_null(slot);
	return s->taken;
}

/* Worker pools to try: none, one without a thread, several. */
enum { POOLS = 5 };
static struct hm_workers *pool[POOLS];

static void pulled_slots_come_in_order(void **state)
{
	(void)state;
	static const int many[] = {0, 1, 2, 5, 60};
	for (int p = 0; p < POOLS; p++)
		for (int slots = 1; slots <= 7; slots += 2)
			for (int k = 0; k < 5; k++) {
				struct numbers s = {.n = many[k], .fails_at = -1};
				struct hm_ring *r = make_ring(&s, pool[p], slots, 0);
				struct hm_err e = {0};
				int rc;
				assert_int_equal(pull_all(r, &s, &rc, &e), many[k]);
				assert_int_equal(rc, 0);
				assert_int_equal(pull_all(r, &s, &rc, &e), many[k]); /* and stays so */
				assert_int_equal(rc, 0);
				assert_int_equal(s.worked, many[k]);
				hm_ring_free(r, NULL);
			}
}

static void pushed_slots_come_in_order(void **state)
{
	(void)state;
	for (int p = 0; p < POOLS; p++)
		for (int slots = 1; slots <= 4; slots++) {
			struct numbers s = {.n = 40, .fails_at = -1};
			struct hm_ring *r = make_ring(&s, pool[p], slots, 0);
			struct item *i;
			assert_null(hm_ring_oldest(r));
			for (int k = 0; k < s.n; k++) {
				i = hm_ring_vacant(r);
				assert_ptr_equal(i, hm_ring_vacant(r));
				*i = (struct item){.number = k};
				hm_ring_submit(r, 0);
				if (hm_ring_vacant(r))
					continue;
				i = hm_ring_oldest(r);
				assert_ptr_equal(i, hm_ring_oldest(r));
				assert_int_equal(i->number, s.taken++);
				assert_int_equal(i->square, i->number * i->number);
				hm_ring_release(r);
			}
			for (; (i = hm_ring_oldest(r)); hm_ring_release(r))
				assert_int_equal(i->number, s.taken++);
			assert_int_equal(s.taken, s.n);
			hm_ring_free(r, NULL);
		}
}

static void a_failure_comes_after_all_before_it(void **state)
{
	(void)state;
	for (int p = 0; p < POOLS; p++)
		for (int at = 0; at < 12; at++) {
			struct numbers s = {.n = 12, .fails_at = at};
			struct hm_ring *r = make_ring(&s, pool[p], 4, 0);
			char want[64];
			int rc;
			snprintf(want, sizeof want, "number %d cannot be had", at);
			for (int again = 0; again < 2; again++) {
				struct hm_err e = {0};
				assert_int_equal(pull_all(r, &s, &rc, &e), at);
				assert_int_equal(rc, HM_EDEVICE);
				assert_int_equal(e.code, HM_EDEVICE);
				assert_string_equal(e.text, want);
			}
			hm_ring_free(r, NULL);
		}
}

static int fail_silently(void *ctx, void *slot, size_t *bytes, struct hm_err *e)
{
	(void)ctx, (void)slot, (void)bytes, (void)e;
	return HM_EDATA;
}

static void a_failure_without_a_sentence_is_no_end(void **state)
{
	(void)state;
	const struct hm_ring_config c = {.slots = 2, .slot_size = 1, .fill = fail_silently};
	struct hm_ring *r = hm_ring_new(&c, NULL);
	struct hm_err e = {0};
	void *slot;
	assert_int_equal(hm_ring_next(r, &slot, &e), HM_EDATA);
	assert_int_equal(e.code, HM_EDATA);
	hm_ring_free(r, NULL);
}

static void no_more_is_held_than_allowed(void **state)
{
	(void)state;
	struct hm_err e = {0};
	int rc;
	for (int p = 2; p < POOLS; p++) {
		struct numbers s = {.n = 30, .fails_at = -1, .bytes = 10};
		struct hm_ring *r = make_ring(&s, pool[p], 8, 25); /* a third begins below 25 */
		assert_int_equal(pull_all(r, &s, &rc, &e), 30);
		assert_int_equal(s.most_ahead, 3);
		assert_int_equal(s.last_ahead, 3);
		hm_ring_free(r, NULL);
		s = (struct numbers){.n = 30, .fails_at = -1, .bytes = 1000};
		r = make_ring(&s, pool[p], 8, 25); /* one alone may be larger */
		assert_int_equal(pull_all(r, &s, &rc, &e), 30);
		assert_int_equal(s.most_ahead, 1);
		hm_ring_free(r, NULL);
		s = (struct numbers){.n = 30, .fails_at = -1, .bytes = 1000};
		r = make_ring(&s, pool[p], 8, 0);
		assert_int_equal(pull_all(r, &s, &rc, &e), 30);
		assert_int_equal(s.most_ahead, 8);
		hm_ring_free(r, NULL);
	}
}

static void without_threads_there_is_one_slot(void **state)
{
	(void)state;
	struct numbers s = {.n = 1, .fails_at = -1};
	for (int p = 0; p < POOLS; p++) {
		struct hm_ring *r = make_ring(&s, pool[p], 6, 0);
		int n = 0;
		while (hm_ring_slot(r, n))
			n++;
		assert_int_equal(n, p < 2 ? 1 : 6);
		hm_ring_free(r, NULL);
	}
	const struct hm_ring_config c = {.slots = 2, .slot_size = 1}; /* the caller's own means of working */
	struct hm_ring *r = hm_ring_new(&c, NULL);
	assert_non_null(hm_ring_slot(r, 1));
	assert_null(hm_ring_slot(r, 2));
	hm_ring_free(r, NULL);
}

/* Work that waits for a gate. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int begun, cleared;

static void wait_at_gate(void *ctx, void *slot, int worker)
{
	(void)ctx, (void)slot, (void)worker;
	atomic_fetch_add(&begun, 1);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
}

static void count_clear(void *slot)
{
	*(int *)slot = -1;
	atomic_fetch_add(&cleared, 1);
}

static int fill_two(void *ctx, void *slot, size_t *bytes, struct hm_err *e)
{
	int *filled = ctx;
	(void)bytes;
	if (*filled == 2)
		return hm_err_set(e, HM_EDATA, "there are two");
	*(int *)slot = (*filled)++;
	return 1;
}

/* Each ahead takes the slot back and fills it, though the work on it cannot end before the gate opens. */
static void ahead_fills_and_does_not_wait(void **state)
{
	(void)state;
	int filled = 0;
	struct hm_err e = {0};
	void *slot;
	const struct hm_ring_config c = {.workers = pool[2],
					 .slots = 1,
					 .slot_size = sizeof(int),
					 .ctx = &filled,
					 .work = wait_at_gate,
					 .fill = fill_two};
	struct hm_ring *r = hm_ring_new(&c, NULL);
	for (int i = 0; i < 2; i++) {
		pthread_mutex_lock(&gate);
		hm_ring_ahead(r);
		hm_ring_ahead(r); /* what it filled stays */
		assert_int_equal(filled, i + 1);
		pthread_mutex_unlock(&gate);
		assert_int_equal(hm_ring_next(r, &slot, &e), 1);
		assert_int_equal(*(int *)slot, i);
	}
	hm_ring_ahead(r);
	assert_int_equal(e.code, 0);
	assert_int_equal(hm_ring_next(r, &slot, &e), HM_EDATA);
	assert_string_equal(e.text, "there are two");
	hm_ring_free(r, NULL);
}

static void cancelled_work_does_not_begin(void **state)
{
	(void)state;
	const struct hm_ring_config c = {
		.workers = pool[2], .slots = 9, .slot_size = sizeof(int), .work = wait_at_gate};
	struct hm_ring *r = hm_ring_new(&c, NULL);
	begun = cleared = 0;
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 8; i++)
		hm_ring_submit(r, 0);
	while (begun < 2) /* pool[2] has two threads: both stand at the gate */
		usleep(100);
	hm_ring_cancel(r);
	pthread_mutex_unlock(&gate);
	hm_ring_free(r, count_clear);
	assert_int_equal(begun, 2);
	assert_int_equal(cleared, 9);
	hm_ring_free(NULL, count_clear);
}

static void a_ring_may_be_left_at_any_place(void **state)
{
	(void)state;
	for (int p = 0; p < POOLS; p++)
		for (int taken = 0; taken < 6; taken++) {
			struct numbers s = {.n = 20, .fails_at = -1};
			struct hm_ring *r = make_ring(&s, pool[p], 3, 0);
			void *slot;
			for (int i = 0; i < taken; i++)
				assert_int_equal(hm_ring_next(r, &slot, NULL), 1);
			hm_ring_free(r, NULL); /* the sanitizers look for what still runs */
		}
}

int main(void)
{
	static const int threads[POOLS] = {0, 1, 2, 3, 5};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pulled_slots_come_in_order),
		cmocka_unit_test(pushed_slots_come_in_order),
		cmocka_unit_test(a_failure_comes_after_all_before_it),
		cmocka_unit_test(a_failure_without_a_sentence_is_no_end),
		cmocka_unit_test(no_more_is_held_than_allowed),
		cmocka_unit_test(without_threads_there_is_one_slot),
		cmocka_unit_test(ahead_fills_and_does_not_wait),
		cmocka_unit_test(cancelled_work_does_not_begin),
		cmocka_unit_test(a_ring_may_be_left_at_any_place),
	};
	for (int p = 1; p < POOLS; p++)
		pool[p] = hm_workers_new(threads[p], NULL);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (int p = 0; p < POOLS; p++)
		hm_workers_free(pool[p]);
	return failed;
}
