/* Checkpoint files: a run comes back as it was written, whatever its networks and its optimizer; any damage
 * is an error before anything is loaded; a run that differs in data, options or model is refused by name. */
#include "train/checkpoint.h"
#include "base/file.h"
#include "nn/bert.h"
#include "nn/late.h"
#include "nn/resnet.h"
#include "weights/weights.h"
#include "../support/ok.h"
#include "../support/scratch.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char file_name[TEST_PATH];

/* A late fusion with its optimizer: a head on features of 3 and `text` numbers, or on two tiny encoders of
 * which the text one is trained. */
struct run {
	struct hm_device *d;
	struct hm_resnet *resnet;
	struct hm_bert *bert;
	struct hm_fusion *f;
	struct hm_optim optim;
	struct hm_checkpoint c;
	cJSON *identity;
};

static void start_run(struct run *r, bool encoders, int text, struct hm_optim_config config, bool keep)
{
	struct hm_params *trained[3];
	struct hm_fusion_table t[3];
	int n = 0;
	*r = (struct run){.d = hm_device_open("ref", HM_PREC_F32, &e)};
	if (encoders) {
		r->resnet = hm_resnet_new(
			&(struct hm_resnet_config){
				false, {1, 1, 1, 1}, 2, {2, 2, 2, 2}, {2, 2, 2, 2}, hm_imagenet_colours},
			&e);
		r->bert = hm_bert_new(
			&(struct hm_bert_config){1, text, 4, 5, 4, 2, 1, 1e-12, .style = &hm_bert_style}, &e);
		OK(!r->resnet || !r->bert);
		OK(hm_params_init(hm_resnet_params(r->resnet), 1, 0, &e));
		OK(hm_params_init(hm_bert_params(r->bert), 2, 0, &e));
	}
	struct hm_fusion_config c = {.kind = &hm_late_fusion, .classes = 2};
	c.side[HM_IMAGE] = (struct hm_fusion_side){encoders ? HM_USE_FROZEN : HM_USE_FEATURE,
						   encoders ? 2 : 3, (struct hm_tower *)r->resnet};
	c.side[HM_TEXT] = (struct hm_fusion_side){encoders ? HM_USE_TRAINED : HM_USE_FEATURE, text,
						  (struct hm_tower *)r->bert};
	OK(hm_fusion_new(&r->f, &c, r->d, &e));
	OK(hm_params_init(hm_fusion_params(r->f), 3, 0, &e));
	OK(hm_fusion_place(r->f, &e));
	for (int i = 0, all = hm_fusion_tables(r->f, t); i < all; i++)
		if (t[i].trained)
			trained[n++] = t[i].params;
	config.total = 10;
	OK(hm_optim_init(&r->optim, &config, trained, NULL, n, r->d, NULL, &e));
	r->identity =
		cJSON_Parse("{\"data\":\"0123456789abcdef\",\"lr\":0.001,\"shuffle\":true,\"threads\":2,"
			    "\"seed\":9007199254740991,\"class-weight\":\"\"}");
	r->c = (struct hm_checkpoint){.path = file_name,
				      .identity = r->identity,
				      .fusion = r->f,
				      .optim = &r->optim,
				      .kept = keep ? calloc(hm_checkpoint_count(r->f), sizeof(float)) : NULL};
}

static const struct hm_optim_config adam = {.kind = HM_ADAM, .lr = 0.1};

static void stop_run(struct run *r)
{
	free(r->c.kept);
	cJSON_Delete(r->identity);
	hm_optim_clear(&r->optim);
	hm_fusion_free(r->f);
	hm_resnet_free(r->resnet);
	hm_bert_free(r->bert);
	hm_device_close(r->d);
	unlink(file_name);
}

/* Every number of the run := a value of its own, from `from` on; or they must be that. */
static void fill_run(struct run *r, float from, bool check)
{
	struct hm_fusion_table t[3];
	size_t count = hm_checkpoint_count(r->f), n = 0;
	float *all = malloc(count * sizeof *all), x = from;
	hm_checkpoint_copy(r->f, all, false);
	for (size_t i = 0; i < count; i++, x++)
		check ? assert_true(all[i] == x) : (void)(all[i] = x);
	hm_checkpoint_copy(r->f, all, true);
	for (int i = 0, tables = hm_fusion_tables(r->f, t); i < tables; i++)
		n += t[i].params->count;
	assert_int_equal(n, count);
	for (int j = 0; j < r->optim.tables; j++)
		for (int k = 0; k < HM_OPTIM_MOMENTS; k++)
			for (size_t i = 0; r->optim.moment[j][k] && i < r->optim.params[j]->count; i++, x++)
				check ? assert_true(r->optim.moment[j][k][i] == x)
				      : (void)(r->optim.moment[j][k][i] = x);
	for (size_t i = 0; r->c.kept && i < count; i++, x++)
		check ? assert_true(r->c.kept[i] == x) : (void)(r->c.kept[i] = x);
	free(all);
}

static const struct hm_train_state state_1 = {.epoch = 3,
					      .done = INT64_C(1) << 61,
					      .step = 12345,
					      .sum = 0.1,
					      .seen = 77,
					      .epoch_sum = DBL_MAX,
					      .best_value = -INFINITY,
					      .seconds = 1234.5,
					      .stale = 2,
					      .best = {2, DBL_TRUE_MIN, 1 / 3., NAN, 500},
					      .log_bytes = 98765,
					      .reason = "patience"};

static void assert_state(const struct hm_train_state *a, const struct hm_train_state *b)
{
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->done, b->done);
	assert_int_equal(a->step, b->step);
	assert_int_equal(a->stale, b->stale);
	assert_int_equal(a->best.epoch, b->best.epoch);
	assert_int_equal(a->best.n, b->best.n);
	assert_int_equal(a->log_bytes, b->log_bytes);
	assert_true(a->sum == b->sum && a->seen == b->seen && a->epoch_sum == b->epoch_sum);
	assert_true(a->best_value == b->best_value && a->best.loss == b->best.loss);
	assert_true(a->seconds == b->seconds);
	assert_true(a->best.accuracy == b->best.accuracy);
	assert_true(a->best.auroc == b->best.auroc || (isnan(a->best.auroc) && isnan(b->best.auroc)));
	assert_string_equal(a->reason, b->reason);
}

static void refused(const struct run *r, const char *says)
{
	struct hm_train_state s;
	size_t n = strlen(file_name);
	e = (struct hm_err){0};
	assert_int_equal(hm_checkpoint_read(&r->c, &s, &e), HM_EDATA);
	if (strncmp(e.text, file_name, n) || strncmp(e.text + n, ": ", 2) || !strstr(e.text, says))
		fail_msg("\"%s\"; expected \"%s\"", e.text, says);
}

static void a_run_comes_back_as_it_was(void **unused)
{
	static const struct hm_optim_config config[] = {{.kind = HM_SGD, .lr = 1},
							{.kind = HM_SGD, .lr = 1, .momentum = .9},
							{.kind = HM_ADAM, .lr = 1},
							{.kind = HM_ADAMW, .lr = 1, .weight_decay = .1}};
	(void)unused;
	for (int k = 0; k < 8; k++) {
		struct run a, b;
		struct hm_train_state s = {0};
		start_run(&a, k & 1, 2, config[k / 2], (k + k / 2) & 1);
		start_run(&b, k & 1, 2, config[k / 2], (k + k / 2) & 1);
		fill_run(&a, 1, false);
		OK(hm_checkpoint_write(&a.c, &state_1, &e));
		fill_run(&a, 1, true); /* writing changes nothing */
		OK(hm_checkpoint_read(&b.c, &s, &e));
		fill_run(&b, 1, true);
		assert_state(&s, &state_1);
		stop_run(&b);
		stop_run(&a);
	}
}

/* `kept` holds another epoch's parameters: taken out, put back. */
static void parameters_are_copied_out_and_back(void **unused)
{
	struct run r;
	(void)unused;
	start_run(&r, true, 2, adam, true);
	fill_run(&r, 1, false);
	hm_checkpoint_copy(r.f, r.c.kept, false);
	fill_run(&r, 1000, false);
	r.c.kept[0] = 5;
	hm_checkpoint_copy(r.f, r.c.kept, true);
	assert_true(hm_fusion_params(r.f)->data[0] == 5);
	stop_run(&r);
}

/* Without the waits for the disk of hm_file_write. */
static void write_bytes(const void *data, size_t n)
{
	FILE *f = fopen(file_name, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void every_flipped_bit_and_every_cut_is_an_error(void **unused)
{
	struct run r;
	struct hm_buf whole = {0};
	(void)unused;
	start_run(&r, false, 2, adam, true);
	fill_run(&r, 1, false);
	OK(hm_checkpoint_write(&r.c, &state_1, &e));
	OK(hm_file_read(file_name, 1 << 20, &whole, &e));
	fill_run(&r, 1000, false);
	for (size_t i = 0; i < 8 * whole.len; i += 3) { /* every third: each byte, each place in a byte */
		whole.data[i / 8] ^= (unsigned char)(1 << i % 8);
		write_bytes(whole.data, whole.len);
		whole.data[i / 8] ^= (unsigned char)(1 << i % 8);
		refused(&r, "");
	}
	for (size_t n = 0; n < whole.len; n++) {
		write_bytes(whole.data, n);
		refused(&r, "");
	}
	OK(hm_buf_add(&whole, "x", 1, &e));
	write_bytes(whole.data, whole.len);
	refused(&r, "");
	fill_run(&r, 1000, true); /* nothing of it was loaded */
	hm_buf_clear(&whole);
	stop_run(&r);
}

/* What differs is named, with both values, whichever side has it. */
static void another_run_is_refused_by_name(void **unused)
{
	static const struct {
		const char *key, *is, *says;
	} other[] = {
		{"data", "\"fedcba9876543210\"",
		 "data was 0123456789abcdef there and is fedcba9876543210 here"},
		{"lr", "0.0010000000000000002", "lr was 0.001 there and is 0.0010000000000000002 here"},
		{"lr", "\"0.001\"", "lr was 0.001 there and is 0.001 here"},
		{"seed", "9007199254740990",
		 "seed was 9007199254740991 there and is 9.00719925474099e+15 here"},
		{"shuffle", "false", "shuffle was yes there and is no here"},
		{"threads", NULL, "threads was 2 there and is absent here"},
		{"class-weight", NULL, "class-weight was nothing there and is absent here"},
		{"class-weight", "\"1,2\"", "class-weight was nothing there and is 1,2 here"},
		{"encoder", "\"ab\"", "encoder was absent there and is ab here"},
	};
	(void)unused;
	struct run r;
	start_run(&r, false, 2, adam, false);
	fill_run(&r, 1, false);
	OK(hm_checkpoint_write(&r.c, &state_1, &e));
	fill_run(&r, 1000, false);
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		cJSON *identity = cJSON_Duplicate(r.identity, true);
		cJSON_DeleteItemFromObjectCaseSensitive(identity, other[i].key);
		if (other[i].is)
			cJSON_AddItemToObject(identity, other[i].key, cJSON_Parse(other[i].is));
		r.c.identity = identity;
		refused(&r, "the checkpoint is of another run: ");
		refused(&r, other[i].says);
		cJSON_Delete(identity);
	}
	fill_run(&r, 1000, true);
	stop_run(&r);
}

/* Two texts that differ past what a sentence shows. */
static void long_values_are_compared_whole(void **unused)
{
	struct run r;
	char text[401];
	(void)unused;
	start_run(&r, false, 2, adam, false);
	memset(text, '1', 400);
	text[400] = 0;
	cJSON_ReplaceItemInObjectCaseSensitive(r.identity, "class-weight", cJSON_CreateString(text));
	OK(hm_checkpoint_write(&r.c, &state_1, &e));
	text[399] = '2';
	cJSON_ReplaceItemInObjectCaseSensitive(r.identity, "class-weight", cJSON_CreateString(text));
	refused(&r, "class-weight was 111");
	stop_run(&r);
}

/* The identity the same, the networks not: more or fewer numbers, other moments, an epoch kept or not. */
static void another_model_is_refused(void **unused)
{
	static const struct hm_optim_config momentum = {.kind = HM_SGD, .lr = 1, .momentum = .9};
	struct run r, wide, sgd, keeps, whole;
	(void)unused;
	start_run(&wide, false, 3, adam, false);
	start_run(&sgd, false, 2, momentum, false);
	start_run(&keeps, false, 2, adam, true);
	start_run(&whole, true, 2, adam, false);
	start_run(&r, false, 2, adam, false);
	OK(hm_checkpoint_write(&r.c, &state_1, &e));
	refused(&wide, "it has no fusion.value of 14 numbers");
	refused(&sgd, "it holds 3 blocks, this run needs 2");
	refused(&keeps, "it holds 3 blocks, this run needs 4");
	refused(&whole, "blocks, this run needs ");
	stop_run(&whole);
	stop_run(&keeps);
	stop_run(&sgd);
	stop_run(&wide);
	stop_run(&r);
}

/* Files with a good digest whose texts are not a checkpoint's. */
static void lies_with_a_good_digest_are_refused(void **unused)
{
	static const struct {
		const char *key, *from, *to, *says;
	} lie[] = {
		{"hm.state", NULL, NULL, "no valid hm.state"},
		{"hm.identity", NULL, NULL, "no valid hm.identity"},
		{"hm.state", "{", "[", "invalid JSON"},
		{"hm.identity", "{\"class", "{\"data\":1,\"class", "invalid JSON"},
		{"hm.state", "\"epoch\":\"3\"", "\"epoch\":\"-3\"", "no valid \"epoch\""},
		{"hm.state", "\"epoch\":\"3\"", "\"epoch\":3", "no valid \"epoch\""},
		{"hm.state", "\"epoch\":\"3\"", "\"epoch\":\"\"", "no valid \"epoch\""},
		{"hm.state", "\"step\":\"12345\"", "\"step\":\"12345x\"", "no valid \"step\""},
		{"hm.state", "\"step\":\"12345\"", "\"step\":\"12345678901234567890\"", "no valid \"step\""},
		{"hm.state", "\"step\":\"12345\"", "\"stop\":\"12345\"", "no valid \"step\""},
		{"hm.state", "\"sum\":\"0x1", "\"sum\":\"zero 0x1", "no valid \"sum\""},
		{"hm.state", "\"reason\":\"patience\"", "\"reason\":\"a reason of its own\"",
		 "no valid \"reason\""},
		{"hm.state", "\"reason\":\"patience\"", "\"reason\":7", "no valid \"reason\""},
	};
	struct run r;
	struct hm_weights *w; /* of the first file, which lives on under no name */
	(void)unused;
	start_run(&r, false, 2, adam, false);
	OK(hm_checkpoint_write(&r.c, &state_1, &e));
	OK(hm_weights_open(&w, file_name, NULL, &e));
	for (size_t i = 0; i < sizeof lie / sizeof *lie; i++) {
		cJSON *meta = cJSON_Duplicate(w->meta, true);
		const char *was = hm_weights_meta(w, lie[i].key);
		if (!lie[i].from) {
			cJSON_DeleteItemFromObjectCaseSensitive(meta, lie[i].key);
		} else {
			const char *at = strstr(was, lie[i].from);
			struct hm_buf b = {0};
			if (!at)
				fail_msg("%s is not in %s", lie[i].from, was);
			OK(hm_buf_printf(&b, &e, "%.*s%s%s", (int)(at - was), was, lie[i].to,
					 at + strlen(lie[i].from)));
			cJSON_ReplaceItemInObjectCaseSensitive(meta, lie[i].key,
							       cJSON_CreateString((char *)b.data));
			hm_buf_clear(&b);
		}
		OK(hm_weights_save(file_name, w->tensor, w->n, meta, &e));
		cJSON_Delete(meta);
		refused(&r, lie[i].says);
	}
	hm_weights_close(w);
	stop_run(&r);
}

static void a_number_of_the_identity_is_seen_before(void **unused)
{
	struct run r;
	double v = -1;
	char want[128];
	(void)unused;
	start_run(&r, false, 2, adam, false);
	assert_int_equal(hm_checkpoint_peek(file_name, "threads", &v, &e), 1);
	OK(hm_checkpoint_write(&r.c, &state_1, &e));
	OK(hm_checkpoint_peek(file_name, "threads", &v, &e));
	assert_true(v == 2);
	assert_int_equal(hm_checkpoint_peek(file_name, "data", &v, &e), HM_EDATA);
	snprintf(want, sizeof want, "%s: its identity has no \"data\"", file_name);
	assert_string_equal(e.text, want);
	assert_int_equal(hm_checkpoint_peek(file_name, "none", &v, &e), HM_EDATA);
	write_bytes("{}", 2);
	assert_int_equal(hm_checkpoint_peek(file_name, "threads", &v, &e), HM_EDATA);
	stop_run(&r);
}

static void what_cannot_be_written_leaves_nothing(void **unused)
{
	struct run r;
	(void)unused;
	start_run(&r, false, 2, adam, false);
	r.c.path = "build/no-such-folder/x.checkpoint";
	assert_int_equal(hm_checkpoint_write(&r.c, &state_1, &e), HM_EDATA);
	assert_non_null(strstr(e.text, r.c.path));
	r.c.path = "/dev/full";
	assert_int_equal(hm_checkpoint_write(&r.c, &state_1, &e), HM_EDATA);
	stop_run(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_comes_back_as_it_was),
		cmocka_unit_test(parameters_are_copied_out_and_back),
		cmocka_unit_test(every_flipped_bit_and_every_cut_is_an_error),
		cmocka_unit_test(another_run_is_refused_by_name),
		cmocka_unit_test(long_values_are_compared_whole),
		cmocka_unit_test(another_model_is_refused),
		cmocka_unit_test(lies_with_a_good_digest_are_refused),
		cmocka_unit_test(a_number_of_the_identity_is_seen_before),
		cmocka_unit_test(what_cannot_be_written_leaves_nothing),
	};
	test_scratch(file_name);
	unlink(file_name); /* a name that no file has */
	return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
