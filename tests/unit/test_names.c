/* The tower inside a weight file: its family and prefix by the names that every such file has, and its
 * tensors under their published names, whatever spelling, numbering and heads the file has. */
#include "model/names.h"
#include "nn/bert.h"
#include "nn/resnet.h"
#include "../support/scalarfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct file {
	struct scalar_file scalars;
	struct hm_weights *w;
	struct hm_arena arena;
};

/* Adds prefix + name for each of the names, ended by NULL. */
static void add_names(struct file *f, const char *prefix, const char *const *name)
{
	scalar_file_add(&f->scalars, prefix, name, SIZE_MAX);
}

/* The file is whole. */
static struct hm_weights *finish_file(struct file *f)
{
	struct hm_err e = {0};
	scalar_file_finish(&f->scalars);
	if (hm_weights_parse(&f->w, f->scalars.bytes.data, f->scalars.bytes.len, NULL, &e))
		fail_msg("%s", e.text);
	return f->w;
}

static void drop_file(struct file *f)
{
	hm_weights_close(f->w);
	hm_arena_clear(&f->arena);
	scalar_file_clear(&f->scalars);
	*f = (struct file){0};
}

static const char *const torchvision[] = {"conv1.weight", "bn1.running_mean", "bn1.weight",
					  "layer1.0.conv1.weight", NULL};
static const char *const numbered[] = {"0.weight", "1.running_mean", "1.weight", "4.0.conv1.weight", NULL};
static const char *const bert[] = {"embeddings.word_embeddings.weight",
				   "embeddings.token_type_embeddings.weight",
				   "encoder.layer.0.intermediate.dense.weight", NULL};
static const struct {
	const char *const *name;
	enum hm_side side;
	const struct hm_tower_kind *kind;
} form[] = {{torchvision, HM_IMAGE, &hm_resnet_tower},
	    {numbered, HM_IMAGE, &hm_resnet_tower},
	    {bert, HM_TEXT, &hm_bert_tower}};
enum { FORMS = sizeof form / sizeof *form };

static void the_family_is_found_below_any_prefix(void **state)
{
	(void)state;
	static const char *const prefix[] = {"",
					     "bert.",
					     "module.",
					     "image_encoder.",
					     "text_encoder.",
					     "transformer.",
					     "module._orig_mod.model.backbone.",
					     "any.thing.7.",
					     "0.",
					     "layer1.0.",
					     "embeddings.",
					     "é."};
	for (size_t p = 0; p < sizeof prefix / sizeof *prefix; p++)
		for (int k = 0; k < FORMS; k++)
			for (int said = 0; said < 2; said++) {
				struct file f = {0};
				struct hm_err e = {0};
				struct hm_names_place at = {0};
				add_names(&f, prefix[p], form[k].name);
				finish_file(&f);
				if (hm_names_find(f.w, form[k].side,
						  said ? form[k].kind->config.model_types[0] : NULL, NULL,
						  &at, &e))
					fail_msg("\"%s\", form %d: %s", prefix[p], k, e.text);
				assert_ptr_equal(at.kind, form[k].kind);
				assert_string_equal(at.prefix, prefix[p]);
				at = (struct hm_names_place){0};
				assert_int_equal(hm_names_family(f.w, form[k].side, prefix[p], NULL, &at, &e),
						 0);
				assert_ptr_equal(at.kind, form[k].kind);
				drop_file(&f);
			}
}

static void both_towers_of_a_model_are_found(void **state)
{
	(void)state;
	for (int k = 0; k < 2; k++) {
		static const char *const head[] = {"classifier.weight", "classifier.bias", NULL};
		struct file f = {0};
		struct hm_err e = {0};
		struct hm_names_place at;
		add_names(&f, "", head);
		add_names(&f, "image_encoder.", form[k].name);
		add_names(&f, "transformer.", bert);
		finish_file(&f);
		assert_int_equal(hm_names_find(f.w, HM_IMAGE, NULL, NULL, &at, &e), 0);
		assert_true(at.kind == &hm_resnet_tower && !strcmp(at.prefix, "image_encoder."));
		assert_int_equal(hm_names_find(f.w, HM_TEXT, NULL, NULL, &at, &e), 0);
		assert_true(at.kind == &hm_bert_tower && !strcmp(at.prefix, "transformer."));
		assert_true(hm_names_holds(f.w, "image_encoder.") && hm_names_holds(f.w, "classifier."));
		assert_true(hm_names_holds(f.w, "") && !hm_names_holds(f.w, "text_encoder."));
		drop_file(&f);
	}
}

static void says(struct file *f, enum hm_side side, const char *model_type, const char *a, const char *b)
{
	struct hm_err e = {0};
	struct hm_names_place at;
	finish_file(f);
	assert_int_equal(hm_names_find(f->w, side, model_type, NULL, &at, &e), HM_EDATA);
	if (!strstr(e.text, a) || !strstr(e.text, b) || strchr(e.text, '\n'))
		fail_msg("\"%s\" does not say \"%s\" and \"%s\"", e.text, a, b);
	drop_file(f);
}

static void what_fits_nothing_is_told_by_its_names(void **state)
{
	(void)state;
	static const char *const foreign[] = {"patch_embed.proj.weight", "blocks.0.attn.qkv.weight", NULL};
	struct file f = {0};
	add_names(&f, "visual.", foreign);
	says(&f, HM_IMAGE, NULL, "transformers' Dinov2Model, torchvision's ResNet)",
	     "\"visual.blocks.0.attn.qkv.weight\", \"visual.patch_embed.proj.weight\"");
	add_names(&f, "", torchvision); /* of the other side */
	says(&f, HM_TEXT, NULL, "transformers' DistilBertModel, transformers' BertModel)",
	     "\"bn1.running_mean\"");
	add_names(&f, "", bert);
	says(&f, HM_TEXT, "another", "holds no text encoder", "\"embeddings.word_embeddings.weight\"");
	for (int k = 0; k < FORMS; k++) /* each mark is needed, and below one prefix */
		for (int i = 0; form[k].name[i]; i++) {
			const char *mark[8] = {0}, *rest[] = {form[k].name[i], NULL};
			int n = 0;
			if (strstr(rest[0], "1.weight") == rest[0] || !strcmp(rest[0], "bn1.weight"))
				continue; /* no mark */
			for (int j = 0; form[k].name[j]; j++)
				if (j != i)
					mark[n++] = form[k].name[j];
			add_names(&f, "", mark);
			add_names(&f, "elsewhere.", rest);
			says(&f, form[k].side, NULL, "holds no ", " encoder that can be read");
		}
}

static void another_network_with_the_same_names_is_refused(void **state)
{
	(void)state;
	static const char *const below[] = {"data2vec_text.", "module.xlm_roberta.", "camembert.encoder."};
	struct file f = {0};
	struct hm_err e = {0};
	struct hm_names_place at;
	for (int i = 0; i < 3; i++) {
		add_names(&f, below[i], bert);
		says(&f, HM_TEXT, NULL, "its tensors are those of \"", "computes something else than");
	}
	assert_int_equal(hm_names_check_unlike(&hm_bert_tower, "module.roberta", &e), HM_EDATA);
	e = (struct hm_err){0};
	assert_int_equal(hm_names_check_unlike(&hm_bert_tower, "robertas.my_roberta", &e), 0);
	add_names(&f, "roberta.", bert); /* config.json says that it is a BERT */
	finish_file(&f);
	assert_int_equal(hm_names_find(f.w, HM_TEXT, "bert", NULL, &at, &e), 0);
	assert_ptr_equal(at.kind, &hm_bert_tower);
	assert_int_equal(hm_names_find(f.w, HM_TEXT, NULL, NULL, &at, &e), 0);
	assert_ptr_equal(at.kind, &hm_roberta_tower);
	drop_file(&f);
	add_names(&f, "", bert);
	finish_file(&f);
	assert_int_equal(hm_names_find(f.w, HM_TEXT, NULL, "roberta", &at, &e), 0); /* --key says it */
	assert_ptr_equal(at.kind, &hm_roberta_tower);
	assert_int_equal(hm_names_find(f.w, HM_TEXT, "roberta", NULL, &at, &e), 0);
	assert_ptr_equal(at.kind, &hm_roberta_tower);
	assert_int_equal(hm_names_find(f.w, HM_TEXT, NULL, NULL, &at, &e), 0);
	assert_ptr_equal(at.kind, &hm_bert_tower);
	assert_int_equal(hm_names_family(f.w, HM_TEXT, "", "roberta", &at, &e), 0);
	assert_ptr_equal(at.kind, &hm_roberta_tower);
	assert_int_equal(hm_names_family(f.w, HM_TEXT, "", "no", &at, &e), HM_EDATA);
	e = (struct hm_err){0};
	drop_file(&f);
	add_names(&f, "my_robertas.", bert);
	finish_file(&f);
	assert_int_equal(hm_names_find(f.w, HM_TEXT, NULL, NULL, &at, &e), 0);
	drop_file(&f);
}

static void two_towers_of_a_side_are_no_choice(void **state)
{
	(void)state;
	for (int k = 0; k < FORMS; k++) {
		struct file f = {0};
		add_names(&f, "student.", form[k].name);
		add_names(&f, "teacher.", form[k].name);
		says(&f, form[k].side, NULL, "\"student.\"", "\"teacher.\"");
	}
}

/* The tensors of that role are exactly these, `want` {published, as in the file} pairs in bytewise order. */
static void collects(struct file *f, const struct hm_tower_kind *kind, const char *prefix,
		     enum hm_tensor_role role, const char *const (*want)[2], size_t wants)
{
	struct hm_err e = {0};
	const struct hm_names_place at = {kind, kind->layouts, prefix};
	struct hm_names_list list;
	if (hm_names_collect(f->w, &at, role, &f->arena, &list, &e))
		fail_msg("%s", e.text);
	for (size_t i = 0; i < list.n && i < wants; i++) {
		char name[256];
		assert_string_equal(list.tensor[i].name, want[i][0]);
		snprintf(name, sizeof name, "%s%s", prefix, want[i][1]);
		assert_ptr_equal(list.tensor[i].data, hm_weights_find(f->w, name)->data);
	}
	assert_int_equal(list.n, wants);
}
#define LEN(x) (sizeof x / sizeof *x)

/* Old spellings, buffers that count up, heads on top. */
static void bert_gets_its_published_names(void **state)
{
	(void)state;
	static const char *const file[] = {"pooler.dense.weight",
					   "embeddings.position_ids",
					   "embeddings.token_type_ids",
					   "embeddings.LayerNorm.gamma",
					   "embeddings.LayerNorm.beta",
					   "encoder.layer.10.output.LayerNorm.gamma",
					   "encoder.layer.2.output.LayerNorm.weight",
					   "encoder.layer.2.output.alphabeta",
					   "cls.predictions.transform.LayerNorm.gamma",
					   "classifier.weight",
					   "qa_outputs.bias",
					   NULL};
	static const char *const want[][2] = {
		{"embeddings.LayerNorm.bias", "embeddings.LayerNorm.beta"},
		{"embeddings.LayerNorm.weight", "embeddings.LayerNorm.gamma"},
		{"embeddings.token_type_embeddings.weight", "embeddings.token_type_embeddings.weight"},
		{"embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"},
		{"encoder.layer.0.intermediate.dense.weight", "encoder.layer.0.intermediate.dense.weight"},
		{"encoder.layer.10.output.LayerNorm.weight", "encoder.layer.10.output.LayerNorm.gamma"},
		{"encoder.layer.2.output.LayerNorm.weight", "encoder.layer.2.output.LayerNorm.weight"},
		{"encoder.layer.2.output.alphabeta", "encoder.layer.2.output.alphabeta"},
		{"pooler.dense.weight", "pooler.dense.weight"}};
	static const char *const prefix[] = {"", "bert.", "module.text."};
	for (size_t p = 0; p < LEN(prefix); p++) {
		struct file f = {0};
		add_names(&f, prefix[p], bert);
		add_names(&f, prefix[p], file);
		if (*prefix[p]) /* a head that stands outside, as transformers saves it */
			add_names(&f, "",
				  (const char *const[]){"cls.predictions.bias", "classifier.bias", NULL});
		finish_file(&f);
		collects(&f, &hm_bert_tower, prefix[p], HM_TENSOR_PARAM, want, LEN(want));
		collects(&f, &hm_bert_tower, prefix[p], HM_TENSOR_COUNTER, NULL, 0);
		drop_file(&f);
	}
}

/* The numbers of a Sequential, the classifier, the batch norms' counters. */
static void resnet_gets_its_published_names(void **state)
{
	(void)state;
	static const char *const file[] = {"0.weight",
					   "1.running_mean",
					   "1.num_batches_tracked",
					   "4.0.conv1.weight",
					   "5.1.bn2.num_batches_tracked",
					   "6.0.downsample.1.running_var",
					   "7.2.conv3.weight",
					   "2.x", /* the relu has none: stays, and is left over */
					   "8.weight",
					   "44.weight",
					   "fc.weight",
					   "fc.bias",
					   "fc.num_batches_tracked",
					   NULL};
	static const char *const want[][2] = {{"2.x", "2.x"},
					      {"44.weight", "44.weight"},
					      {"8.weight", "8.weight"},
					      {"bn1.running_mean", "1.running_mean"},
					      {"conv1.weight", "0.weight"},
					      {"layer1.0.conv1.weight", "4.0.conv1.weight"},
					      {"layer3.0.downsample.1.running_var",
					       "6.0.downsample.1.running_var"},
					      {"layer4.2.conv3.weight", "7.2.conv3.weight"}},
				 *const counters[][2] = {
					 {"bn1.num_batches_tracked", "1.num_batches_tracked"},
					 {"layer2.1.bn2.num_batches_tracked", "5.1.bn2.num_batches_tracked"}};
	static const char *const plain[] = {"conv1.weight", "bn1.num_batches_tracked", "layer4.0.bn1.bias",
					    "fc.weight", NULL};
	static const char *const plain_want[][2] = {{"conv1.weight", "conv1.weight"},
						    {"layer4.0.bn1.bias", "layer4.0.bn1.bias"}},
				 *const plain_counters[][2] = {
					 {"bn1.num_batches_tracked", "bn1.num_batches_tracked"}};
	static const char *const prefix[] = {"", "0.", "image_encoder."};
	for (size_t p = 0; p < LEN(prefix); p++) {
		struct file f = {0};
		add_names(&f, prefix[p], file);
		finish_file(&f);
		collects(&f, &hm_resnet_tower, prefix[p], HM_TENSOR_PARAM, want, LEN(want));
		collects(&f, &hm_resnet_tower, prefix[p], HM_TENSOR_COUNTER, counters, LEN(counters));
		drop_file(&f);
		add_names(&f, prefix[p], plain);
		finish_file(&f);
		collects(&f, &hm_resnet_tower, prefix[p], HM_TENSOR_PARAM, plain_want, LEN(plain_want));
		collects(&f, &hm_resnet_tower, prefix[p], HM_TENSOR_COUNTER, plain_counters,
			 LEN(plain_counters));
		drop_file(&f);
	}
}

/* The family's first layout gives the file's tensor this published name, and leaves it whole. */
static void assert_published(const struct hm_tower_kind *k, const char *from, const char *name)
{
	struct hm_tensor_name out = {.parts = 1};
	snprintf(out.name, sizeof out.name, "%s", from);
	assert_int_equal(k->layouts->publish(from, 0, &out), HM_TENSOR_PARAM);
	assert_string_equal(out.name, name);
	assert_true(out.parts == 1 && !out.transposed);
}

/* What a family's networks are saved under is read back, in both forms. */
static void every_parameter_comes_back_from_its_number(void **state)
{
	(void)state;
	for (const struct hm_tower_kind *const *k = hm_tower_kinds(); *k; k++)
		for (int i = 0; (*k)->preset(i); i++) {
			struct hm_err e = {0};
			struct hm_tower *t = (*k)->make(i, &(struct hm_tower_hints){.vocab = 30}, &e);
			assert_non_null(t);
			for (size_t j = 0; j < t->params.n; j++) {
				const char *name = t->params.item[j].t.name;
				char number[256];
				assert_published(*k, name, name);
				if (!(*k)->sequential)
					continue;
				(*k)->sequential(name, number, sizeof number);
				assert_string_not_equal(number, name);
				assert_published(*k, number, name);
			}
			hm_tower_free(t);
		}
}

static void two_tensors_of_one_name_are_refused(void **state)
{
	(void)state;
	static const struct {
		const struct hm_tower_kind *kind;
		enum hm_tensor_role role;
		const char *const name[3], *says;
	} twice[] = {
		{&hm_resnet_tower, HM_TENSOR_PARAM, {"0.weight", "conv1.weight"}, "\"conv1.weight\""},
		{&hm_resnet_tower,
		 HM_TENSOR_COUNTER,
		 {"1.num_batches_tracked", "bn1.num_batches_tracked"},
		 "\"bn1.num_batches_tracked\""},
		{&hm_bert_tower,
		 HM_TENSOR_PARAM,
		 {"embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"},
		 "\"embeddings.LayerNorm.weight\""},
	};
	for (size_t i = 0; i < LEN(twice); i++) {
		struct file f = {0};
		struct hm_err e = {0};
		const struct hm_names_place at = {twice[i].kind, twice[i].kind->layouts, "x."};
		struct hm_names_list list;
		add_names(&f, "x.", twice[i].name);
		finish_file(&f);
		assert_int_equal(hm_names_collect(f.w, &at, twice[i].role, &f.arena, &list, &e), HM_EDATA);
		assert_non_null(strstr(e.text, "two tensors stand for "));
		assert_non_null(strstr(e.text, twice[i].says));
		drop_file(&f);
	}
}

/* A name that its published form might not fit is refused, the longest that fits is taken. */
static void names_too_long_are_refused(void **state)
{
	(void)state;
	for (size_t len = HM_TENSOR_NAME - 65; len < HM_TENSOR_NAME; len++) {
		struct file f = {0};
		struct hm_err e = {0};
		const struct hm_names_place at = {&hm_resnet_tower, hm_resnet_tower.layouts,
						  "image_encoder."};
		struct hm_names_list list;
		char name[HM_TENSOR_NAME] = "4.";
		memset(name + 2, 'x', len - 2);
		add_names(&f, "image_encoder.", (const char *const[]){name, NULL});
		finish_file(&f);
		int rc = hm_names_collect(f.w, &at, HM_TENSOR_PARAM, &f.arena, &list, &e);
		assert_int_equal(rc, len + 64 > HM_TENSOR_NAME ? HM_EDATA : 0);
		if (rc)
			assert_non_null(strstr(e.text, " bytes"));
		else
			assert_true(list.n == 1 && strlen(list.tensor[0].name) == len + 5);
		drop_file(&f);
	}
}

/* Below a prefix that is known there need not be all of the tower: its reading says what is missing. */
static void a_known_prefix_gives_the_sides_first_family(void **state)
{
	(void)state;
	struct file f = {0};
	struct hm_err e = {0};
	struct hm_names_place at = {0};
	add_names(&f, "image_encoder.", (const char *const[]){"conv1.weight", NULL});
	add_names(&f, "elsewhere.", torchvision);
	add_names(&f, "text_encoder.", (const char *const[]){"pooler.dense.bias", NULL});
	finish_file(&f);
	assert_int_equal(hm_names_family(f.w, HM_IMAGE, "image_encoder.", NULL, &at, &e), 0);
	assert_int_equal(at.kind->side, HM_IMAGE);
	assert_int_equal(hm_names_family(f.w, HM_TEXT, "text_encoder.", NULL, &at, &e), 0);
	assert_int_equal(at.kind->side, HM_TEXT);
	drop_file(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_family_is_found_below_any_prefix),
		cmocka_unit_test(both_towers_of_a_model_are_found),
		cmocka_unit_test(what_fits_nothing_is_told_by_its_names),
		cmocka_unit_test(another_network_with_the_same_names_is_refused),
		cmocka_unit_test(two_towers_of_a_side_are_no_choice),
		cmocka_unit_test(bert_gets_its_published_names),
		cmocka_unit_test(resnet_gets_its_published_names),
		cmocka_unit_test(every_parameter_comes_back_from_its_number),
		cmocka_unit_test(two_tensors_of_one_name_are_refused),
		cmocka_unit_test(names_too_long_are_refused),
		cmocka_unit_test(a_known_prefix_gives_the_sides_first_family),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
