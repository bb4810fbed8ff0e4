/* A caption, a byte 0, and a picture's file of any bytes, answered by a small model before a pair that is
 * sound: what is wrong with the one is its own failure, and the other has the answer that it always has.
 */
#include "fuzzinput.h"
#include "nn/late.h"
#include "score/classify.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDE = 16 };

static const char *const spec[HM_SIDES] = {"init:resnet-tiny:1", "init:bert-tiny:2"};
static struct hm_rawmodel model;
static struct hm_classify *x;
static struct hm_imageroot root;
static float usual[2]; /* the answer to the sound pair */

/* The head of these encoders, with a weight for each of their numbers. */
static void make_model(void)
{
	static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nx\n##x\n,\n";
	static const char said[] = "{\"fit\":\"squash\",\"size\":\"16x16\"}";
	struct hm_modelfile m = {.fusion = &hm_late_fusion, .classes = 2};
	struct hm_err e = {0};
	char path[2][192];
	for (int k = 0; k < HM_SIDES; k++) {
		struct hm_encoder enc;
		must(!hm_encoder_open(&enc, (enum hm_side)k, spec[k], &(struct hm_encoder_options){0}, &e));
		snprintf(m.encoder[k], sizeof m.encoder[k], "%s", enc.digest);
		snprintf(m.output[k], sizeof m.output[k], "%s", enc.kind->output(enc.tower, HM_POOLED));
		snprintf(m.precision[k], sizeof m.precision[k], "f32");
		m.inputs += m.dim[k] = enc.shape.width;
		hm_encoder_clear(&enc);
	}
	m.prepared[HM_IMAGE] = hm_json_parse(said, sizeof said - 1, 2, NULL, &e);
	m.weight = calloc(2 * (size_t)m.inputs, sizeof(float));
	m.bias = calloc(2, sizeof(float));
	must(m.weight && m.bias && m.prepared[HM_IMAGE]);
	for (int64_t i = 0; i < 2 * m.inputs; i++)
		m.weight[i] = (float)(i * 37 % 11 - 5) / 16;
	snprintf(path[0], sizeof path[0], "%s", put_file("vocab.txt", vocab, sizeof vocab - 1));
	snprintf(path[1], sizeof path[1], "%s", put_file("model", NULL, 0));
	must(!hm_modelfile_write(path[1], &m, NULL, 0, &e));
	hm_modelfile_clear(&m);
	const struct hm_rawmodel_options o = {
		.spec = {spec[0], spec[1]}, .vocab = path[0], .allow_mismatch = true};
	if (hm_rawmodel_open(&model, path[1], &o, &e)) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
}

static void answer_pair(struct hm_classify_pair *p)
{
	struct hm_err e = {0};
	must(!hm_classify_begin(x, 0, p, 1, &e) && !hm_classify_end(x, 0, &e));
	if (p->failure.code)
		must_say(&p->failure, NULL);
	else
		must(p->prob[0] >= 0 && p->prob[1] >= 0 && fabsf(p->prob[0] + p->prob[1] - 1) < 1e-5F);
}

static void make_all(void)
{
	static const char grey[] =
		"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\2\0\0\0\1\b\0\0\0\0\xd1I V\0\0\0\vIDATx\x9c"
		"c\xf8\xdf\0\0\2\x81\1\x80Y\xe9/\xfc\0\0\0\0IEND\xae"
		"B`\x82";
	const struct hm_image_limits limits = {1 << 16, 1000};
	struct hm_err e = {0};
	make_model();
	put_file("sound", grey, sizeof grey - 1);
	must(!hm_imageroot_open(&root, fuzz_folder, false, &e));
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	struct hm_workers *w = hm_workers_new(1, &e);
	must(d && w && (x = hm_classify_new(&model, &limits, true, d, w, &e)));
	struct hm_classify_pair pair = {.root = &root, .img = "sound", .text = "the x"};
	answer_pair(&pair);
	must(!pair.failure.code);
	memcpy(usual, pair.prob, sizeof usual);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (make_fuzz_folder())
		make_all();
	struct fuzz_part caption = next_part(&data, &size, 0);
	char *text = malloc(caption.n + 1);
	must(text != NULL);
	memcpy(text, caption.p, caption.n);
	text[caption.n] = 0;
	put_file("given", size ? data : (const uint8_t *)"", size);
	if (hm_utf8_check(text, caption.n) == caption.n) { /* the readers of lines let nothing else through */
		struct hm_classify_pair pair[] = {{.root = &root, .img = "given", .text = text},
						  {.root = &root, .img = "sound", .text = "the x"},
						  {.root = &root, .img = "sound", .text = text}};
		answer_pair(&pair[0]);
		if (size % 8 == 0) { /* not always: an answer takes longer than a refusal */
			answer_pair(&pair[1]);
			must(!pair[1].failure.code && !memcmp(pair[1].prob, usual, sizeof usual));
			answer_pair(&pair[2]);
			must(!pair[2].failure.code || pair[0].failure.code);
		}
	}
	free(text);
	return 0;
}
