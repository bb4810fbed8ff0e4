/* What an optimizer does around its steps: which parameters decay, the rate of each step, clipping by the
 * norm of all gradients together, and a norm that is not finite. The steps themselves: tests/ops,
 * tests/model/test_trainer.c. */
#include "train/optim.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct model {
	struct hm_params params;
	float *weight, *bias, *norm; /* [2,2], [2], [2]; all ones */
	struct hm_device *dev;
	struct hm_optim optim;
};

static void model_init(struct model *m, struct hm_optim_config c)
{
	struct hm_err e = {0};
	*m = (struct model){0};
	hm_params_add(&m->params, &m->weight, HM_INIT_ONE, HM_DIMS(2, 2), "classifier.weight");
	hm_params_add(&m->params, &m->bias, HM_INIT_ONE, HM_DIMS(2), "classifier.bias");
	hm_params_add(&m->params, &m->norm, HM_INIT_ONE, HM_DIMS(2), "LayerNorm.weight");
	assert_int_equal(hm_params_init(&m->params, 1, 0, &e), 0);
	m->dev = hm_device_open("cpu", HM_PREC_F32, &e);
	assert_non_null(m->dev);
	assert_int_equal(hm_params_place(&m->params, m->dev, true, &e), 0);
	assert_int_equal(hm_optim_init(&m->optim, &c, (struct hm_params *const[]){&m->params}, NULL, 1,
				       m->dev, NULL, &e),
			 0);
	hm_optim_zero(&m->optim);
}

static void model_clear(struct model *m)
{
	hm_optim_clear(&m->optim);
	hm_params_clear(&m->params);
	hm_device_close(m->dev);
}

static void decay_spares_what_it_is_told(void **state)
{
	(void)state;
	for (int k = 0; k < 4; k++) {
		struct hm_optim_config c = {.kind = HM_ADAMW,
					    .lr = 0.5,
					    .weight_decay = 0.5,
					    .decay_spares_bias = k & 1,
					    .decay_spares_norm = k & 2,
					    .total = 1};
		struct hm_err e = {0};
		struct model m;
		double lr;
		model_init(&m, c);
		assert_int_equal(hm_optim_step(&m.optim, &lr, &e),
				 0); /* gradients 0: only decay moves anything */
		assert_true(m.weight[0] == 0.75f && m.weight[3] == 0.75f);
		assert_true(m.bias[0] == (k & 1 ? 1 : 0.75f));
		assert_true(m.norm[1] == (k & 2 ? 1 : 0.75f));
		model_clear(&m);
	}
}

/* A step of plain SGD shows the rate: gradients are 1. */
static void encoders_have_a_rate_of_their_own(void **state)
{
	(void)state;
	for (int own = 0; own < 2; own++) {
		const struct hm_optim_config c = {.kind = HM_SGD,
						  .lr = 0.25,
						  .encoder_lr = own ? 0.125 : 0,
						  .schedule = HM_LINEAR,
						  .total = 2};
		struct hm_err e = {0};
		struct model head, tower;
		struct hm_optim both;
		double lr;
		model_init(&head, c);
		model_init(&tower, c);
		struct hm_params *const tables[] = {&head.params, &tower.params};
		assert_int_equal(
			hm_optim_init(&both, &c, tables, (bool[]){false, true}, 2, head.dev, NULL, &e), 0);
		for (int step = 0; step < 2; step++) {
			for (size_t j = 0; j < head.params.count; j++)
				head.params.grad[j] = tower.params.grad[j] = 1;
			assert_int_equal(hm_optim_step(&both, &lr, &e), 0);
			assert_true(lr == (step ? 0.125 : 0.25));
		}
		assert_true(head.weight[1] == 1 - 0.25f - 0.125f && head.bias[0] == head.weight[1]);
		assert_true(tower.weight[1] == (own ? 1 - 0.125f - 0.0625f : head.weight[1]));
		hm_optim_clear(&both);
		model_clear(&head);
		model_clear(&tower);
	}
}

static void rates_follow_the_schedule(void **state)
{
	static const double want[5] = {0, 0.5, 1, 2 / 3., 1 / 3.};
	struct hm_err e = {0};
	struct model m;
	(void)state;
	model_init(&m, (struct hm_optim_config){
			       .kind = HM_SGD, .lr = 4, .schedule = HM_LINEAR, .warmup = 2, .total = 5});
	for (int k = 0; k < 5; k++) {
		double lr;
		assert_int_equal(hm_optim_step(&m.optim, &lr, &e), 0);
		assert_true(fabs(lr - 4 * want[k]) < 1e-12);
	}
	assert_int_equal(m.optim.t, 5);
	model_clear(&m);
}

/* Gradients of norm 5 over two parameters (torch.nn.utils.clip_grad_norm_: factor c/(norm + 1e-6), at most
 * 1). */
static void clipping_takes_the_norm_of_all(void **state)
{
	static const double limit[3] = {1, 10, 0};
	(void)state;
	for (int k = 0; k < 3; k++) {
		struct hm_err e = {0};
		struct model m;
		double lr, f = k ? 1 : 1 / (5 + 1e-6);
		model_init(&m, (struct hm_optim_config){
				       .kind = HM_SGD, .lr = 1, .clip_norm = limit[k], .total = 1});
		hm_params_grad(&m.params, m.weight)[1] = 3;
		hm_params_grad(&m.params, m.bias)[0] = -4;
		hm_optim_clip(&m.optim);
		assert_int_equal(hm_optim_step(&m.optim, &lr, &e), 0);
		assert_true(fabs(m.weight[1] - (1 - 3 * f)) < 1e-6 && fabs(m.bias[0] - (1 + 4 * f)) < 1e-6);
		assert_true(m.weight[0] == 1 && m.norm[0] == 1);
		model_clear(&m);
	}
}

static void the_loss_and_whether_the_norm_is_finite_are_read_together(void **state)
{
	struct hm_err e = {0};
	struct model m;
	(void)state;
	for (int k = 0; k < 3; k++) {
		const float loss = 7;
		float read = 0;
		bool finite = k == 0;
		model_init(&m, (struct hm_optim_config){.kind = HM_ADAM, .clip_norm = k < 2, .total = 1});
		hm_params_grad(&m.params, m.weight)[0] = k ? NAN : 3;
		hm_params_grad(&m.params, m.norm)[0] = 1;
		hm_optim_clip(&m.optim);
		assert_int_equal(hm_optim_read(&m.optim, &loss, &read, &finite, &e), 0);
		assert_true(read == 7 && finite == (k != 1)); /* a norm that nobody asked for is no failure */
		model_clear(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decay_spares_what_it_is_told),
		cmocka_unit_test(encoders_have_a_rate_of_their_own),
		cmocka_unit_test(rates_follow_the_schedule),
		cmocka_unit_test(clipping_takes_the_norm_of_all),
		cmocka_unit_test(the_loss_and_whether_the_norm_is_finite_are_read_together),
	};
	return cmocka_run_group_tests_name("optim", tests, NULL, NULL);
}
