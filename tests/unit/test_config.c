/* What config.json says of an encoder: its family, quoted where it is unknown or of the other side; what
 * cannot be computed; heads and eps, which hm.model in the weight file says first. */
#include "json/json.h"
#include "model/config.h"
#include "nn/bert.h"
#include "nn/clip.h"
#include "nn/resnet.h"
#include "../support/scratch.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[TEST_PATH], config[128], weights[128];
static struct hm_err e;

static int make_folder(void **state)
{
	(void)state;
	test_scratch_folder(folder);
	snprintf(config, sizeof config, "%s/config.json", folder);
	snprintf(weights, sizeof weights, "%s/any.safetensors", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(config);
	unlink(weights);
	return rmdir(folder);
}

/* config.json := text; NULL: there is none. */
static void put_config(const char *text)
{
	unlink(config);
	e = (struct hm_err){0};
	if (!text)
		return;
	FILE *f = fopen(config, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* A weight file whose hm.model is this text; NULL: it has no metadata. */
static struct hm_weights *open_weights(const char *model)
{
	struct hm_weights *w;
	float x = 0;
	cJSON *meta = model ? cJSON_CreateObject() : NULL;
	if (model) {
		cJSON_AddStringToObject(meta, "hm.digest", "");
		cJSON_AddStringToObject(meta, "hm.model", model);
	}
	if (hm_weights_save(weights, &(struct hm_tensor){"x", HM_F32, 0, {0}, &x}, 1, meta, &e) ||
	    hm_weights_open(&w, weights, NULL, &e))
		fail_msg("%s", e.text);
	cJSON_Delete(meta);
	return w;
}

/* ---- the family */

static void a_family_of_the_side_is_taken(void **state)
{
	(void)state;
	static const struct {
		enum hm_side side;
		const char *text, *model_type;
	} good[] = {
		{HM_TEXT, "{\"model_type\":\"bert\"}", "bert"},
		{HM_IMAGE, "{\"model_type\":\"resnet\",\"x\":[1]}", "resnet"},
		{HM_TEXT, "{\"model_type\":null}", NULL},
		{HM_TEXT, "{\"Model_Type\":\"vit\"}", NULL},
		{HM_IMAGE, "{}", NULL},
	};
	struct hm_config c;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		for (int beside = 0; beside < 2;
		     beside++) { /* in the folder; in the folder of a file, there or not */
			put_config(good[i].text);
			if (hm_config_open(&c, good[i].side, beside ? weights : folder, &e))
				fail_msg("row %zu: %s", i, e.text);
			assert_non_null(c.tree);
			if (good[i].model_type)
				assert_string_equal(c.model_type, good[i].model_type);
			else
				assert_null(c.model_type);
			hm_config_close(&c);
			assert_true(!c.tree && !c.model_type);
		}
	put_config(NULL);
	for (int side = 0; side < HM_SIDES; side++) {
		assert_int_equal(hm_config_open(&c, (enum hm_side)side, folder, &e), 0);
		assert_true(!c.tree && !c.model_type);
		hm_config_close(&c);
	}
}

static void a_class_name_may_stand_for_the_family(void **state)
{
	(void)state;
	static const char *const fine[] = {"[\"BertForMaskedLM\"]",
					   "[\"BertLMHeadModel\"]",
					   "[\"Classifier\"]",
					   "[]",
					   "[7]",
					   "\"RobertaModel\"",
					   "null"};
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		struct hm_config c;
		char text[80];
		snprintf(text, sizeof text, "{\"architectures\":%s}", fine[i]);
		put_config(text);
		if (hm_config_open(&c, HM_TEXT, folder, &e))
			fail_msg("%s: %s", fine[i], e.text);
		assert_null(c.model_type);
		hm_config_close(&c);
	}
}

static void another_family_is_quoted(void **state)
{
	(void)state;
	static const struct {
		enum hm_side side;
		const char *text, *says;
	} bad[] = {
		{HM_TEXT, "{\"model_type\":\"electra\"}",
		 "config.json: \"model_type\" is \"electra\"; text encoders that can be read: \"clip\" "
		 "(CLIP's "
		 "text transformer), \"roberta\" (transformers' RobertaModel), "},
		{HM_TEXT, "{\"model_type\":\"electra\"}", ", \"bert\" (transformers' BertModel)"},
		{HM_TEXT, "{\"architectures\":[\"ElectraForMaskedLM\"]}",
		 "config.json: the family in \"architectures\" is \"electra\"; text encoders"},
		{HM_TEXT, "{\"architectures\":[\"XLNetModel\"],\"model_type\":null}", "is \"xlnet\";"},
		{HM_IMAGE, "{\"architectures\":[\"BertLMHeadModel\"]}",
		 "is \"bert\", which is of the text side"},
		{HM_IMAGE, "{\"model_type\":\"swin\"}",
		 "config.json: \"model_type\" is \"swin\"; image encoders that can be read: "},
		{HM_IMAGE, "{\"model_type\":\"swin\"}", ", \"resnet\" (torchvision's ResNet)"},
		{HM_IMAGE, "{\"model_type\":\"bert\"}",
		 "config.json: \"model_type\" is \"bert\", which is of the text side (--text)"},
		{HM_TEXT, "{\"model_type\":\"resnet\"}",
		 "config.json: \"model_type\" is \"resnet\", which is of the image side (--image)"},
		{HM_TEXT, "{\"model_type\":\"BERT\"}", "\"model_type\" is \"BERT\""},
		{HM_TEXT, "{\"model_type\":\"\"}", "\"model_type\" is \"\""},
		{HM_TEXT, "{\"model_type\":7}", "\"model_type\" is "},
		{HM_TEXT, "{\"model_type\":[\"bert\"]}", "\"model_type\" is "},
		{HM_TEXT,
		 "{\"model_type\":\"0123456789012345678901234567890123456789012345678901234567890123bert\"}",
		 "\"model_type\" is \"0123456789012345678901234567890123456789012345678901234567890123\""},
		{HM_TEXT, "{\"model_type\":", "config.json: "},
		{HM_TEXT, "[\"bert\"]", "config.json: "},
		{HM_TEXT, "", "config.json: "},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hm_config c;
		put_config(bad[i].text);
		assert_int_equal(hm_config_open(&c, bad[i].side, folder, &e), HM_EDATA);
		if (!strstr(e.text, bad[i].says))
			fail_msg("row %zu: \"%s\"", i, e.text);
		hm_config_close(&c);
		assert_true(!c.tree && !c.model_type);
	}
}

/* ---- what tensors do not tell */

/* The hints of a file with this hm.model and this config.json, NULL: without. */
static int ask_hints(const struct hm_tower_kind *kind, const char *model, const char *text,
		     struct hm_tower_hints *hints)
{
	struct hm_config c;
	*hints = (struct hm_tower_hints){0};
	put_config(text);
	struct hm_weights *w = open_weights(model);
	assert_int_equal(hm_config_open(&c, kind->side, weights, &e), 0);
	int rc = hm_config_hints(&c, kind, w, hints, &e);
	hm_config_close(&c);
	hm_weights_close(w);
	return rc;
}

static void hm_model_is_asked_before_config_json(void **state)
{
	(void)state;
#define BOTH "{\"num_attention_heads\":12,\"layer_norm_eps\":1e-5}"
	static const struct {
		const char *model, *config;
		int heads;
		double eps;
	} row[] = {
		{NULL, NULL, 0, 0},
		{NULL, "{}", 0, 0},
		{NULL, BOTH, 12, 1e-5},
		{"{}", BOTH, 12, 1e-5},
		{"{\"heads\":3,\"eps\":1e-7}", BOTH, 3, 1e-7},
		{"{\"heads\":3}", BOTH, 3, 1e-5},
		{"{\"eps\":0.5}", BOTH, 12, .5},
		{"{\"heads\":3,\"eps\":1e-7}", NULL, 3, 1e-7},
		{"{\"num_attention_heads\":3}", NULL, 0, 0},
		{NULL, "{\"num_attention_heads\":2147483647}", INT_MAX, 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct hm_tower_hints h;
		if (ask_hints(&hm_bert_tower, row[i].model, row[i].config, &h))
			fail_msg("row %zu: %s", i, e.text);
		if (h.heads != row[i].heads || h.eps != row[i].eps || h.guessed || h.vocab)
			fail_msg("row %zu: %d heads, eps %g", i, h.heads, h.eps);
	}
}

static void numbers_out_of_range_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *model, *config, *says;
	} bad[] = {
		{NULL, "{\"num_attention_heads\":0}", "config.json: \"num_attention_heads\" is out of range"},
		{NULL, "{\"num_attention_heads\":-4}", "\"num_attention_heads\" is out of range"},
		{NULL, "{\"num_attention_heads\":2147483648}", "\"num_attention_heads\" is out of range"},
		{NULL, "{\"num_attention_heads\":2.5}", "\"num_attention_heads\""},
		{NULL, "{\"num_attention_heads\":\"12\"}", "\"num_attention_heads\""},
		{NULL, "{\"layer_norm_eps\":0}",
		 "config.json: \"layer_norm_eps\" is not a number between 0 and 1"},
		{NULL, "{\"layer_norm_eps\":1}", "\"layer_norm_eps\" is not a number between 0 and 1"},
		{NULL, "{\"layer_norm_eps\":-1e-12}", "\"layer_norm_eps\" is not a number between 0 and 1"},
		{NULL, "{\"layer_norm_eps\":\"1e-12\"}",
		 "\"layer_norm_eps\" is not a number between 0 and 1"},
		{"{\"heads\":0}", NULL, "hm.model: \"heads\" is out of range"},
		{"{\"heads\":\"3\"}", NULL, "hm.model: "},
		{"{\"eps\":2}", NULL, "hm.model: \"eps\" is not a number between 0 and 1"},
		{"{\"heads\":3", BOTH, "hm.model: "},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hm_tower_hints h;
		if (ask_hints(&hm_bert_tower, bad[i].model, bad[i].config, &h) != HM_EDATA ||
		    !strstr(e.text, bad[i].says))
			fail_msg("row %zu: \"%s\"", i, e.text);
	}
}

/* Each demand of each family: the value itself, null and silence are fine, all else is quoted. */
static void what_is_not_computed_is_refused(void **state)
{
	(void)state;
	int demands = 0;
	struct hm_tower_hints h;
	for (const struct hm_tower_kind *const *k = hm_tower_kinds(); *k; k++)
		for (const char *const(*d)[2] = (*k)->config.demand; d && (*d)[0]; d++, demands++) {
			bool no = !strcmp((*d)[1], "false");
			const char *quote = no || strspn((*d)[1], "0123456789") ? "" : "\"";
			char text[128], says[128];
			snprintf(text, sizeof text, "{\"%s\":%s%s%s}", (*d)[0], quote, (*d)[1], quote);
			if (ask_hints(*k, NULL, text, &h))
				fail_msg("%s: %s", text, e.text);
			snprintf(text, sizeof text, "{\"%s\":null}", (*d)[0]);
			if (ask_hints(*k, NULL, text, &h))
				fail_msg("%s: %s", text, e.text);
			for (int i = 0; i < 3; i++) {
				const char *const other[] = {no ? "true" : "\"other\"", "7", "[]"};
				snprintf(text, sizeof text, "{\"%s\":%s}", (*d)[0], other[i]);
				/* hm.model says the rest, and changes nothing about it */
				if (ask_hints(*k, i ? NULL : "{\"heads\":3,\"eps\":1e-7}", text, &h) !=
				    HM_EDATA)
					fail_msg("%s is taken", text);
				snprintf(says, sizeof says, "config.json: \"%s\" is %s", (*d)[0],
					 i    ? ""
					 : no ? "true, only false can be computed"
					      : "other, only ");
				if (!strstr(e.text, says) || !strstr(e.text, (*d)[1]))
					fail_msg("\"%s\" does not say %s", e.text, says);
			}
		}
	assert_true(demands >= 4);
	/* BertModel's, by name */
	static const char *const bert[] = {"{\"hidden_act\":\"gelu_new\"}",
					   "{\"position_embedding_type\":\"relative_key\"}",
					   "{\"is_decoder\":true}", "{\"add_cross_attention\":true}"};
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask_hints(&hm_bert_tower, NULL, bert[i], &h), HM_EDATA);
	/* which are nothing to a ResNet, as are heads and eps */
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask_hints(&hm_resnet_tower, NULL, bert[i], &h), 0);
	assert_int_equal(
		ask_hints(&hm_resnet_tower, NULL, "{\"num_attention_heads\":0,\"layer_norm_eps\":7}", &h), 0);
	assert_true(!h.heads && h.eps == 0);
}

/* What a folder says that is computed, and what differs in one point from it. */
static void the_rest_of_config_json(void **state)
{
	(void)state;
	struct hm_tower_hints h;
	static const struct {
		const struct hm_tower_kind *kind;
		const char *good, *bad, *says;
	} row[] = {
		{&hm_resnet_tower, "{\"architecture\":\"resnet50\",\"model_args\":{}}",
		 "{\"architecture\":\"resnetblur50\"}",
		 "\"architecture\" is resnetblur50, of which it is not known"},
		{&hm_resnet_tower, "{\"architecture\":\"wide_resnet50_2\"}",
		 "{\"architecture\":\"resnet50\",\"model_args\":{\"aa_layer\":\"avg\"}}",
		 "\"model_args\" asks for"},
		{&hm_clip_text_tower, "{\"text_config\":{\"eos_token_id\":2}}",
		 "{\"text_config\":{\"eos_token_id\":49406}}",
		 "\"eos_token_id\" is 49406, only 2 and the last of \"vocab_size\", 49407, can be computed"},
		{&hm_clip_text_tower, "{\"text_config\":{\"eos_token_id\":99,\"vocab_size\":100}}",
		 "{\"text_config\":{\"eos_token_id\":49407,\"vocab_size\":100}}",
		 "\"eos_token_id\" is 49407"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		if (ask_hints(row[i].kind, NULL, row[i].good, &h))
			fail_msg("%s: %s", row[i].good, e.text);
		assert_true(h.named);
		assert_int_equal(ask_hints(row[i].kind, NULL, row[i].bad, &h), HM_EDATA);
		if (!strstr(e.text, row[i].says))
			fail_msg("%s: \"%s\"", row[i].bad, e.text);
	}
	assert_int_equal(ask_hints(&hm_clip_image_tower, NULL,
				   "{\"vision_config\":{\"num_attention_heads\":4,\"hidden_act\":\"gelu\"},"
				   "\"vision_config_dict\":{\"num_attention_heads\":8}}",
				   &h),
			 0);
	assert_true(h.heads == 8 && h.act == HM_ACT_QUICK_GELU);
	assert_int_equal(ask_hints(&hm_bert_tower, NULL, NULL, &h), 0);
	assert_false(h.named);
	assert_int_equal(ask_hints(&hm_bert_tower, "{}", NULL, &h), 0);
	assert_true(h.named);
}

/* Members of open_clip's sections: those that change what is computed are refused by name. */
static void open_clip_config(void **state)
{
	(void)state;
	static const char *const good[] = {
		"\"width\":64,\"layers\":2,\"pool_type\":\"tok\",\"no_ln_pre\":false,\"norm_kwargs\":{}",
		"\"width\":64,\"heads\":1,\"pool_type\":\"argmax\",\"no_causal_mask\":false,\"act_kwargs\":"
		"null"};
	static const char *const bad[][2] = {{"vision_cfg", "\"pool_type\":\"avg\""},
					     {"vision_cfg", "\"final_ln_after_pool\":true"},
					     {"vision_cfg", "\"norm_kwargs\":{\"eps\":0.1}"},
					     {"vision_cfg", "\"timm_model_name\":\"vit\""},
					     {"text_cfg", "\"no_causal_mask\":true"},
					     {"text_cfg", "\"pool_type\":\"last\""},
					     {"text_cfg", "\"act_kwargs\":{\"approximate\":\"tanh\"}"},
					     {"text_cfg", "\"what_comes_next\":1"}};
	for (size_t i = 0; i < 2 + sizeof bad / sizeof *bad; i++) {
		const char *section = i < 2 ? i ? "text_cfg" : "vision_cfg" : bad[i - 2][0],
			   *members = i < 2 ? good[i] : bad[i - 2][1];
		const struct hm_tower_kind *kind =
			section[0] == 't' ? &hm_clip_text_tower : &hm_clip_image_tower;
		char text[256], says[64];
		struct hm_tower_hints h = {0};
		snprintf(text, sizeof text, "{\"model_cfg\":{\"%s\":{%s}}}", section, members);
		put_config(NULL);
		struct hm_config c = {.open_clip = hm_json_parse(text, strlen(text), 8, NULL, &e)};
		struct hm_weights *w = open_weights(NULL);
		assert_non_null(c.open_clip);
		int rc = hm_config_hints(&c, kind, w, &h, &e);
		snprintf(says, sizeof says, "open_clip_config.json: %.*s of \"%s\" asks for what",
			 (int)strcspn(members, ":"), members, section);
		if (i < 2 ? rc : !rc || !strstr(e.text, says))
			fail_msg("%s: \"%s\"", text, e.text);
		hm_config_close(&c);
		hm_weights_close(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_of_the_side_is_taken),
		cmocka_unit_test(a_class_name_may_stand_for_the_family),
		cmocka_unit_test(another_family_is_quoted),
		cmocka_unit_test(hm_model_is_asked_before_config_json),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(what_is_not_computed_is_refused),
		cmocka_unit_test(the_rest_of_config_json),
		cmocka_unit_test(open_clip_config),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
