/* Whole models: both fusions come back from their files as they went in, an encoder is taken out of them, and
 * what is missing, left over, misshapen or contradicts itself is refused by name. */
#include "model/fusionfile.h"
#include "base/file.h"
#include "nn/early.h"
#include "nn/late.h"
#include "../support/ok.h"
#include "../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char file_name[TEST_PATH], again[TEST_PATH];

enum { CLASSES = 3, CELLS = 4 };

static const struct hm_encoder_options words = {.vocab = 20};

/* A network of tiny encoders: those that run, and what it is saved with. */
struct model {
	struct hm_device *d;
	struct hm_encoder side[HM_SIDES];
	struct hm_fusion *f;
	struct hm_fusionfile_parts parts;
};

static void make_model(struct model *m, const struct hm_fusion_kind *kind, enum hm_use image)
{
	*m = (struct model){0};
	m->d = hm_device_open("ref", HM_PREC_F32, &e);
	OK(hm_encoder_open(&m->side[HM_IMAGE], HM_IMAGE, "init:resnet-tiny:1", &words, &e));
	OK(hm_encoder_open(&m->side[HM_TEXT], HM_TEXT, "init:bert-tiny:2", &words, &e));
	struct hm_fusion_config c = {
		.kind = kind, .classes = CLASSES, .cells = kind == &hm_early_fusion ? CELLS : 0};
	c.side[HM_IMAGE] = (struct hm_fusion_side){image, m->side[HM_IMAGE].shape.width,
						   image == HM_USE_FEATURE ? NULL : m->side[HM_IMAGE].tower};
	c.side[HM_TEXT] =
		(struct hm_fusion_side){HM_USE_TRAINED, m->side[HM_TEXT].shape.width, m->side[HM_TEXT].tower};
	OK(hm_fusion_new(&m->f, &c, m->d, &e));
	OK(hm_params_init(hm_fusion_params(m->f), 3, 0, &e));
	OK(hm_fusion_place(m->f, &e));
	m->parts = (struct hm_fusionfile_parts){.encoder = {&m->side[HM_IMAGE], &m->side[HM_TEXT]},
						.batches = 7,
						.selected_on = "auroc, epoch 3"};
}

static void drop_model(struct model *m)
{
	hm_fusion_free(m->f);
	for (int k = 0; k < HM_SIDES; k++)
		hm_encoder_clear(&m->side[k]);
	hm_device_close(m->d);
	unlink(file_name);
	unlink(again);
}

static int64_t tracked(const struct hm_fusionfile *m, const char *name)
{
	const struct hm_tensor *t = hm_weights_find(m->head.file, name);
	int64_t n = -1;
	if (t && t->dtype == HM_I64 && !t->ndim)
		memcpy(&n, t->data, sizeof n);
	return n;
}

static void assert_same_file(const char *a, const char *b)
{
	struct hm_buf x = {0}, y = {0};
	OK(hm_file_read(a, (size_t)1 << 26, &x, &e));
	OK(hm_file_read(b, (size_t)1 << 26, &y, &e));
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	hm_buf_clear(&x);
	hm_buf_clear(&y);
}

/* Saved, opened, loaded into a second network and saved again: the same bytes, also with the image encoder as
 * it is in the file instead of live. */
static void round_trip(const struct hm_fusion_kind *kind, const char *batches)
{
	struct model m, n;
	struct hm_fusionfile r;
	make_model(&m, kind, HM_USE_FROZEN);
	OK(hm_fusionfile_save(file_name, m.f, &m.parts, &e));
	OK(hm_fusionfile_open(&r, file_name, &words, &e));
	assert_ptr_equal(r.head.fusion, kind);
	assert_int_equal(r.head.classes, CLASSES);
	assert_int_equal(r.cells, kind == &hm_early_fusion ? CELLS : 0);
	assert_int_equal(r.side[HM_TEXT].hints.heads, m.side[HM_TEXT].hints.heads);
	assert_string_equal(r.notice, "");
	assert_string_equal(r.head.selected_on, "auroc, epoch 3");
	for (int k = 0; k < HM_SIDES; k++) {
		assert_int_equal(r.head.dim[k], m.side[k].shape.width);
		assert_string_equal(r.side[k].digest, m.side[k].digest);
		assert_string_equal(r.head.encoder[k], m.side[k].digest);
	}
	assert_int_equal(tracked(&r, batches), 7);
	assert_non_null(hm_weights_find(r.head.file, kind == &hm_early_fusion
							     ? "image_encoder.4.0.conv1.weight"
							     : "image_encoder.layer1.0.conv1.weight"));

	make_model(&n, kind, HM_USE_FEATURE);
	struct hm_params *own = hm_fusion_params(n.f);
	float *now = malloc(own->count * sizeof *now);
	hm_params_read(own, now);
	memset(now, 0, own->count * sizeof *now);
	hm_params_write(own, now);
	OK(hm_fusionfile_load(&r, own, &e));
	free(now);
	n.parts.encoder[HM_IMAGE] = &r.side[HM_IMAGE];
	OK(hm_fusionfile_save(again, n.f, &n.parts, &e));
	assert_same_file(file_name, again);
	hm_fusionfile_close(&r);
	drop_model(&n);
	drop_model(&m);
}

static void test_late(void **state)
{
	(void)state;
	round_trip(&hm_late_fusion, "image_encoder.layer4.0.bn2.num_batches_tracked");
}

static void test_early(void **state)
{
	(void)state;
	round_trip(&hm_early_fusion, "image_encoder.7.0.bn2.num_batches_tracked");
}

/* --image and --text take an encoder of our files of either fusion. */
static void test_encoder_out_of_it(void **state)
{
	(void)state;
	for (const struct hm_fusion_kind *const *kind = hm_fusion_kinds(); *kind; kind++) {
		struct model m;
		struct hm_encoder x;
		make_model(&m, *kind, HM_USE_FROZEN);
		OK(hm_fusionfile_save(file_name, m.f, &m.parts, &e));
		OK(hm_encoder_open(&x, HM_IMAGE, file_name, &words, &e));
		assert_string_equal(x.digest, m.side[HM_IMAGE].digest);
		assert_int_equal(x.n_counter, 12);
		hm_encoder_clear(&x);
		OK(hm_encoder_open(&x, HM_TEXT, file_name, &words, &e));
		assert_string_equal(x.digest, m.side[HM_TEXT].digest);
		assert_int_equal(x.n_counter, 0);
		assert_int_equal(x.hints.heads, m.side[HM_TEXT].hints.heads);
		hm_encoder_clear(&x);
		drop_model(&m);
	}
}

/* A cached side without an encoder: its digest alone, from the feature's provenance. */
static void test_digest_alone(void **state)
{
	(void)state;
	struct model m;
	struct hm_fusionfile r;
	make_model(&m, &hm_early_fusion, HM_USE_FEATURE);
	m.parts.encoder[HM_IMAGE] = NULL;
	m.parts.feature[HM_IMAGE] =
		(struct hm_fusionfile_feature){"0123456789abcdef0123456789abcdef", "grid", "bf16"};
	OK(hm_fusionfile_save(file_name, m.f, &m.parts, &e));
	OK(hm_fusionfile_open(&r, file_name, &words, &e));
	assert_null(r.side[HM_IMAGE].kind);
	assert_int_equal(r.side[HM_IMAGE].shape.width, 0);
	assert_string_equal(r.head.encoder[HM_IMAGE], "0123456789abcdef0123456789abcdef");
	assert_string_equal(r.head.output[HM_IMAGE], "grid");
	assert_string_equal(r.head.precision[HM_IMAGE], "bf16");
	hm_fusionfile_close(&r);
	drop_model(&m);
}

/* The model as PyTorch would save it (no metadata), with tensor `name` replaced by `with` (NULL: left out),
 * or `with` added when `name` is NULL; why it is refused. */
static void refused(const struct hm_fusion_kind *kind, const char *name, const struct hm_tensor *with,
		    const char *meta, const char *why)
{
	struct model m;
	struct hm_fusionfile r;
	struct hm_err why_not = {0};
	make_model(&m, kind, HM_USE_FROZEN);
	OK(hm_fusionfile_save(file_name, m.f, &m.parts, &e));
	OK(hm_fusionfile_open(&r, file_name, &words, &e));
	struct hm_tensor *t = calloc(r.head.file->n + 1, sizeof *t);
	size_t n = 0;
	for (size_t i = 0; i < r.head.file->n; i++)
		if (!name || strcmp(r.head.file->tensor[i].name, name))
			t[n++] = r.head.file->tensor[i];
	if (with)
		t[n++] = *with;
	cJSON *o = meta ? cJSON_CreateObject() : NULL;
	if (meta) {
		cJSON_AddStringToObject(o, "hm.digest", "");
		cJSON_AddStringToObject(o, "hm.model", meta);
	}
	OK(hm_weights_save(again, t, n, o, &e));
	hm_fusionfile_close(&r);
	int rc = hm_fusionfile_open(&r, again, &words, &why_not);
	if (why ? rc != HM_EDATA || !strstr(why_not.text, why) || strncmp(why_not.text, again, strlen(again))
		: rc)
		fail_msg("\"%s\" does not say \"%s\"", why_not.text, why ? why : "yes");
	hm_fusionfile_close(&r);
	cJSON_Delete(o);
	free(t);
	drop_model(&m);
}

static void test_refuses(void **state)
{
	(void)state;
	static float x[4 * 128];
	struct hm_tensor extra = {"classifier.extra", HM_F32, 1, {2}, x};
	refused(&hm_late_fusion, NULL, NULL, NULL, NULL);
	refused(&hm_early_fusion, NULL, NULL, NULL, NULL);
	refused(&hm_late_fusion, NULL, &extra, NULL, "\"classifier.extra\" is left over");
	extra.name = "image_modality_embeddings";
	refused(&hm_late_fusion, NULL, &extra, NULL,
		"two fusions, \"image_modality_embeddings\" and \"text_encoder.\"");
	refused(&hm_early_fusion, "image_modality_embeddings", &extra, NULL,
		"tensor image_modality_embeddings is 2, the network needs 128");
	refused(&hm_early_fusion, "word_modality_embeddings", NULL, NULL,
		"tensor word_modality_embeddings is missing");
	refused(&hm_early_fusion, "transformer.pooler.dense.bias", NULL, NULL,
		"text encoder: tensor pooler.dense.bias is missing");
	refused(&hm_late_fusion, "image_encoder.layer2.0.bn1.bias", NULL, NULL,
		"image encoder: tensor layer2.0.bn1.bias is missing");
	extra.name = "text_encoder.more";
	refused(&hm_late_fusion, NULL, &extra, NULL, "\"more\" first");
	struct hm_tensor head = {"classifier.weight", HM_F32, 2, {CLASSES, 130}, x};
	refused(&hm_late_fusion, "classifier.weight", &head, NULL,
		"the fusion takes 2 numbers from the text, the text encoder gives 128");
	refused(&hm_early_fusion, "classifier.weight", &head, NULL,
		"classifier.weight has 130 inputs, the transformer gives 128");
}

static void test_contradictions(void **state)
{
	(void)state;
	refused(&hm_early_fusion, NULL, NULL, "{\"fusion\":\"late\"}", "says late fusion, the tensors are");
	refused(&hm_late_fusion, NULL, NULL, "{\"image_dim\":100,\"text_dim\":156}",
		"the fusion takes 100 numbers from the image, the image encoder gives 128");
	refused(&hm_early_fusion, NULL, NULL, "{\"image_dim\":64,\"text_dim\":128}",
		"says 64 image numbers, the tensors have 128");
	refused(&hm_late_fusion, NULL, NULL, "{\"heads\":3}", "cannot have 3 heads");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late),	     cmocka_unit_test(test_early),
		cmocka_unit_test(test_digest_alone), cmocka_unit_test(test_encoder_out_of_it),
		cmocka_unit_test(test_refuses),	     cmocka_unit_test(test_contradictions),
	};
	test_scratch(file_name);
	test_scratch(again);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
