/* Ablation: who gets whose side, and the words that ask for it. */
#include "score/ablate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

static struct hm_err e;

/* A cycle through all: nobody keeps his own, everybody is somebody's, other seeds and sides shuffle
 * otherwise. */
static void donors(void **state)
{
	(void)state;
	int order[3][64];
	struct hm_donors one = {0};
	assert_int_equal(hm_donors_add(&one, "x", 1, &e), 0);
	assert_int_equal(hm_donors_shuffle(&one, 42, 1, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "one record only, and no other whose text"));
	hm_donors_clear(&one);
	e = (struct hm_err){0};
	for (int n = 2; n <= 64; n++)
		for (int k = 0; k < 3; k++) {
			struct hm_donors d = {0};
			bool used[64] = {0};
			size_t bytes;
			for (int i = 0; i < n; i++)
				assert_int_equal(hm_donors_add(&d, &i, sizeof i, &e), 0);
			assert_int_equal(hm_donors_shuffle(&d, k == 2, k == 1, &e), 0);
			for (int i = 0; i < n; i++) {
				int *got = &order[k][i];
				assert_int_equal(hm_donors_size(&d, &bytes, &e), 0);
				assert_int_equal(bytes, sizeof *got);
				assert_int_equal(hm_donors_take(&d, got, &e), 0);
				assert_true(*got >= 0 && *got < n && !used[*got] && *got != i);
				used[*got] = true;
			}
			hm_donors_clear(&d);
		}
	assert_memory_not_equal(order[0], order[1], sizeof *order);
	assert_memory_not_equal(order[0], order[2], sizeof *order);
}

static void ablation_words(void **state)
{
	(void)state;
	static const char *const wrong[] = {"image", "image=", "image=none", "video=zero", "text=zeros",
					    "=zero", ""};
	enum hm_ablation side[2] = {0};
	assert_int_equal(hm_ablation_parse(side, "text=shuffle", &e), 0);
	assert_true(!side[0] && side[1] == HM_ABLATE_SHUFFLE);
	assert_int_equal(hm_ablation_parse(side, "image=zero", &e), 0);
	assert_true(side[0] == HM_ABLATE_ZERO && side[1] == HM_ABLATE_SHUFFLE);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(hm_ablation_parse(side, wrong[i], &e), HM_EUSAGE);
	e = (struct hm_err){0};
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(donors), cmocka_unit_test(ablation_words)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
