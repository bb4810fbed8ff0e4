/* Whole models: both fusions come back from their files as they went in, an encoder is taken out of them, and
 * what is missing, left over, misshapen or contradicts itself is refused by name. */
#include "model/fusionfile.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_NAME "build/test_fusionfile.tmp"
#define AGAIN FILE_NAME ".2"

enum { CLASSES = 3, GRID = 4 };

static const struct hm_encoder_options words = {.vocab = 20};

static struct hm_err e;

#define OK(call)                                                                                             \
	do {                                                                                                 \
		if (call)                                                                                    \
			fail_msg("%s", e.text);                                                              \
	} while (0)

/* A network of tiny encoders: those that run, and what it is saved with. */
struct model {
	struct hm_device *d;
	struct hm_encoder image, text;
	struct hm_fusion *f;
	struct hm_fusionfile_parts parts;
};

static void make(struct model *m, enum hm_fusion_kind kind, enum hm_side image)
{
	bool runs = image != HM_SIDE_FEATURE;
	*m = (struct model){0};
	m->d = hm_device_open("ref", HM_PREC_F32, &e);
	OK(hm_encoder_open(&m->image, HM_IMAGE_ENCODER, "init:resnet-tiny:1", &words, &e));
	OK(hm_encoder_open(&m->text, HM_TEXT_ENCODER, "init:bert-tiny:2", &words, &e));
	struct hm_fusion_config c = {.kind = kind,
				     .classes = CLASSES,
				     .image = image,
				     .text = HM_SIDE_TRAINED,
				     .image_dim = m->image.width,
				     .text_dim = m->text.width,
				     .grid = kind == HM_FUSION_EARLY ? GRID : 0,
				     .resnet = runs ? m->image.resnet : NULL,
				     .bert = m->text.bert};
	OK(hm_fusion_new(&m->f, &c, m->d, &e));
	OK(hm_params_init(hm_fusion_params(m->f), 3, 0, &e));
	OK(hm_fusion_place(m->f, &e));
	m->parts = (struct hm_fusionfile_parts){
		.image = &m->image, .text = &m->text, .batches = 7, .selected_on = "auroc, epoch 3"};
}

static void drop(struct model *m)
{
	hm_fusion_free(m->f);
	hm_encoder_clear(&m->image);
	hm_encoder_clear(&m->text);
	hm_device_close(m->d);
	unlink(FILE_NAME);
	unlink(AGAIN);
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
static void round_trip(enum hm_fusion_kind kind, const char *batches)
{
	struct model m, n;
	struct hm_fusionfile r;
	make(&m, kind, HM_SIDE_FROZEN);
	OK(hm_fusionfile_save(FILE_NAME, m.f, &m.parts, &e));
	OK(hm_fusionfile_open(&r, FILE_NAME, &words, &e));
	assert_int_equal(r.head.fusion, kind);
	assert_int_equal(r.head.classes, CLASSES);
	assert_int_equal(r.head.image_dim, m.image.width);
	assert_int_equal(r.head.text_dim, m.text.width);
	assert_int_equal(r.grid, kind == HM_FUSION_EARLY ? GRID : 0);
	assert_int_equal(r.text.heads, m.text.heads);
	assert_string_equal(r.notice, "");
	assert_string_equal(r.head.selected_on, "auroc, epoch 3");
	assert_string_equal(r.image.digest, m.image.digest);
	assert_string_equal(r.head.image_digest, m.image.digest);
	assert_string_equal(r.head.text_digest, m.text.digest);
	assert_int_equal(tracked(&r, batches), 7);
	assert_non_null(hm_weights_find(r.head.file, kind == HM_FUSION_EARLY
							     ? "image_encoder.4.0.conv1.weight"
							     : "image_encoder.layer1.0.conv1.weight"));

	make(&n, kind, HM_SIDE_FEATURE);
	struct hm_params *own = hm_fusion_params(n.f);
	float *now = malloc(own->count * sizeof *now);
	hm_params_read(own, now);
	memset(now, 0, own->count * sizeof *now);
	hm_params_write(own, now);
	OK(hm_fusionfile_load(&r, own, &e));
	free(now);
	n.parts.image = &r.image;
	OK(hm_fusionfile_save(AGAIN, n.f, &n.parts, &e));
	assert_same_file(FILE_NAME, AGAIN);
	hm_fusionfile_close(&r);
	drop(&n);
	drop(&m);
}

static void test_late(void **state)
{
	(void)state;
	round_trip(HM_FUSION_LATE, "image_encoder.layer4.0.bn2.num_batches_tracked");
}

static void test_early(void **state)
{
	(void)state;
	round_trip(HM_FUSION_EARLY, "image_encoder.7.0.bn2.num_batches_tracked");
}

/* --image and --text take an encoder of our files of either fusion. */
static void test_encoder_out_of_it(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct model m;
		struct hm_encoder x;
		make(&m, kind, HM_SIDE_FROZEN);
		OK(hm_fusionfile_save(FILE_NAME, m.f, &m.parts, &e));
		OK(hm_encoder_open(&x, HM_IMAGE_ENCODER, FILE_NAME, &words, &e));
		assert_string_equal(x.digest, m.image.digest);
		assert_int_equal(x.n_tracked, 12);
		hm_encoder_clear(&x);
		OK(hm_encoder_open(&x, HM_TEXT_ENCODER, FILE_NAME, &words, &e));
		assert_string_equal(x.digest, m.text.digest);
		assert_int_equal(x.heads, m.text.heads);
		hm_encoder_clear(&x);
		drop(&m);
	}
}

/* A cached side without an encoder: its digest alone, from the feature's provenance. */
static void test_digest_alone(void **state)
{
	(void)state;
	struct model m;
	struct hm_fusionfile r;
	make(&m, HM_FUSION_EARLY, HM_SIDE_FEATURE);
	m.parts.image = NULL;
	m.parts.image_feature =
		(struct hm_fusionfile_feature){"0123456789abcdef0123456789abcdef", "grid", "bf16"};
	OK(hm_fusionfile_save(FILE_NAME, m.f, &m.parts, &e));
	OK(hm_fusionfile_open(&r, FILE_NAME, &words, &e));
	assert_int_equal(r.image.width, 0);
	assert_string_equal(r.head.image_digest, "0123456789abcdef0123456789abcdef");
	assert_string_equal(r.head.image_output, "grid");
	assert_string_equal(r.head.image_precision, "bf16");
	hm_fusionfile_close(&r);
	drop(&m);
}

/* The model as PyTorch would save it (no metadata), with tensor `name` replaced by `with` (NULL: left out),
 * or `with` added when `name` is NULL; why it is refused. */
static void refused(enum hm_fusion_kind kind, const char *name, const struct hm_tensor *with,
		    const char *meta, const char *why)
{
	struct model m;
	struct hm_fusionfile r;
	struct hm_err why_not = {0};
	make(&m, kind, HM_SIDE_FROZEN);
	OK(hm_fusionfile_save(FILE_NAME, m.f, &m.parts, &e));
	OK(hm_fusionfile_open(&r, FILE_NAME, &words, &e));
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
	OK(hm_weights_save(AGAIN, t, n, o, &e));
	hm_fusionfile_close(&r);
	int rc = hm_fusionfile_open(&r, AGAIN, &words, &why_not);
	if (why ? rc != HM_EDATA || !strstr(why_not.text, why) || strncmp(why_not.text, AGAIN, strlen(AGAIN))
		: rc)
		fail_msg("\"%s\" does not say \"%s\"", why_not.text, why ? why : "yes");
	hm_fusionfile_close(&r);
	cJSON_Delete(o);
	free(t);
	drop(&m);
}

static void test_refuses(void **state)
{
	(void)state;
	static float x[4 * 128];
	struct hm_tensor extra = {"classifier.extra", HM_F32, 1, {2}, x};
	refused(HM_FUSION_LATE, NULL, NULL, NULL, NULL);
	refused(HM_FUSION_EARLY, NULL, NULL, NULL, NULL);
	refused(HM_FUSION_LATE, NULL, &extra, NULL, "\"classifier.extra\" is left over");
	extra.name = "image_modality_embeddings";
	refused(HM_FUSION_LATE, NULL, &extra, NULL, "\"image_modality_embeddings\" is left over");
	refused(HM_FUSION_EARLY, "image_modality_embeddings", &extra, NULL,
		"tensor image_modality_embeddings is 2, the network needs 128");
	refused(HM_FUSION_EARLY, "word_modality_embeddings", NULL, NULL,
		"tensor word_modality_embeddings is missing");
	refused(HM_FUSION_EARLY, "transformer.pooler.dense.bias", NULL, NULL,
		"text encoder: tensor pooler.dense.bias is missing");
	refused(HM_FUSION_LATE, "image_encoder.layer2.0.bn1.bias", NULL, NULL,
		"image encoder: tensor layer2.0.bn1.bias is missing");
	extra.name = "text_encoder.more";
	refused(HM_FUSION_LATE, NULL, &extra, NULL, "\"more\" first");
	struct hm_tensor head = {"classifier.weight", HM_F32, 2, {CLASSES, 130}, x};
	refused(HM_FUSION_LATE, "classifier.weight", &head, NULL,
		"classifier.weight has 130 inputs; the image encoder gives 128, the text encoder 128");
	refused(HM_FUSION_EARLY, "classifier.weight", &head, NULL,
		"classifier.weight has 130 inputs, the transformer gives 128");
}

static void test_contradictions(void **state)
{
	(void)state;
	refused(HM_FUSION_EARLY, NULL, NULL, "{\"fusion\":\"late\"}", "says late fusion, the tensors are");
	refused(HM_FUSION_LATE, NULL, NULL, "{\"image_dim\":100,\"text_dim\":156}",
		"the image encoder gives 128, the text encoder 128");
	refused(HM_FUSION_EARLY, NULL, NULL, "{\"image_dim\":64,\"text_dim\":128}",
		"says 64 image and 128 text numbers, the tensors have 128 and 128");
	refused(HM_FUSION_LATE, NULL, NULL, "{\"heads\":3}", "cannot have 3 heads");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late),	     cmocka_unit_test(test_early),
		cmocka_unit_test(test_digest_alone), cmocka_unit_test(test_encoder_out_of_it),
		cmocka_unit_test(test_refuses),	     cmocka_unit_test(test_contradictions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
