/* hm-classify: answers memes with a trained model, as soon as they come: JSON lines in, JSON lines out, or
 * one picture and its caption. This file has the options and opens the model. */
#include "base/fd.h"
#include "base/filekind.h"
#include "classifyrun.h"
#include "opendevice.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_BYTES (INT64_C(64) << 20) /* of the pixels of a batch */

static const struct options defaults = {
	.root = ".",
	.form = {.id = "id", .img = "img", .text = "text", .img_prefix = "img/", .needs_both = true},
	.null_text = NULL_ERROR,
	.threshold = .5,
	.batch_size = 64,
	.max_pixels = HM_IMAGE_PIXELS,
	.max_side = HM_IMAGE_SIDE,
	.tower = TOWER_WORDS};

static const struct hm_opt table[] = {
	{.group = "Lines"},
	{"root", 0, HM_STR(root), "DIR", "folder that img paths are relative to, and may not leave",
	 .file = HM_FILE_BELOW},
	{"id-field", 0, HM_STR(form.id), "NAME", "field of the id, a string or an integer"},
	{"img-field", 0, HM_STR(form.img), "NAME", "field of the image's path"},
	{"text-field", 0, HM_STR(form.text), "NAME", "field of the caption"},
	{"img-prefix", 0, HM_STR(form.img_prefix), "STR", "folder to cut off the front of paths"},
	{"null-text", 0, HM_CHOICE(null_text), "empty|error", "what a caption that is null or absent is"},
	{"on-error", 0, HM_CHOICE(on_error), "fail|skip",
	 "answer what is bad with its error and exit with 1 in the end, or leave it out"},
	{.group = "Answers"},
	{"threshold", 0, HM_DOUBLE(threshold), "P", "class 1 when its probability is above P", .dmin = 0,
	 .dmax = 1, .given = HM_GIVEN(threshold_given)},
	{.group = "What the model file lacks"},
	{"image", 0, HM_STR(spec[HM_IMAGE]), "SPEC", "image encoder of a head, as it was trained on",
	 .preset = hm_image_preset, .file = HM_FILE_IN},
	{"text", 0, HM_STR(spec[HM_TEXT]), "SPEC", "text encoder of a head", .preset = hm_text_preset,
	 .file = HM_FILE_IN},
	{"vocab", 0, HM_STR(vocab), "FILE|DIR", "vocabulary of its training captions", .file = HM_FILE_IN},
	{"key", 0, HM_STR(tower.spec.key), "NAME", "the part of a training checkpoint that holds an encoder"},
	TOWER_ROWS,
	{"vocab-size", 0, HM_INT(tower.spec.vocab), "N", "rows of the word table of an init: text encoder",
	 .min = 1, .max = 4194304},
	{"allow-mismatch", 0, HM_FLAG(mismatch), NULL,
	 "answer although inputs are prepared otherwise than the model's (size, fit, vocabulary, casing)"},
	{.group = "Running the model"},
	{"batch-size", 0, HM_INT(batch_size), "N", "lines answered together, if so many have come", .min = 1,
	 .max = 4096},
	{"max-pixels", 0, HM_SIZE(max_pixels), "N", "refuse images with more pixels", .min = 1,
	 .max = HM_IMAGE_PIXELS_MOST},
	{"max-side", 0, HM_INT(max_side), "N", "refuse images that are wider or higher", .min = 1,
	 .max = HM_IMAGE_SIDE_MOST},
	{"follow-symlinks", 0, HM_FLAG(follow_symlinks), NULL, "let symbolic links lead out of the root",
	 .anywhere = true},
	{0}};

/* Whether the file begins as a picture does, of whatever kind. */
static bool is_picture(const char *path)
{
	unsigned char first[HM_FILEKIND_BYTES];
	int fd = strcmp(path, "-") ? hm_fd_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) : -1;
	ssize_t n = fd < 0 ? -1 : hm_fd_read_at(fd, first, sizeof first, 0);
	if (fd >= 0)
		hm_fd_close(fd);
	const struct hm_filekind *k = n > 0 ? hm_filekind_find(first, (size_t)n) : NULL;
	return k && k->group == HM_FILEKIND_PICTURE;
}

/* The last of MODEL PICTURE CAPTION. */
static bool is_caption(const struct hm_cli *c, int i)
{
	return i == 2 && is_picture(c->operands[1]);
}

static const struct hm_tool tool = {.name = "hm-classify",
				    .summary = "answer memes with a trained model, as they come",
				    .operands = "MODEL [PICTURE [CAPTION] | FILE.jsonl ...]",
				    .table = table,
				    .common = HM_CLI_JOBS | HM_CLI_DEVICE,
				    .min_operands = 1,
				    .max_operands = -1,
				    .backends = hm_device_backends,
				    .sandbox = HM_CLI_COMPUTE,
				    .is_words = is_caption};

static int open_model(struct classify_run *r, struct hm_err *e)
{
	const char *path = r->cli.operands[0];
	struct hm_encoder_options encoder = r->o.tower.spec;
	encoder.borrow = true;
	encoder.workers = r->cli.workers;
	const struct hm_rawmodel_options o = {.spec = {r->o.spec[HM_IMAGE], r->o.spec[HM_TEXT]},
					      .vocab = r->o.vocab,
					      .vocab_of_text = true,
					      .allow_mismatch = r->o.mismatch,
					      .encoder = encoder};
	struct hm_rawmodel *c = &r->model;
	char precision[HM_PREDICT_PRECISION];
	int rc = hm_rawmodel_open(c, path, &o, e);
	if (rc)
		return rc;
	if (*c->model.notice)
		hm_cli_notice(&r->cli, "%s: %s", path, c->model.notice);
	for (int k = 0; k < HM_SIDES; k++)
		if (*c->warning[k])
			hm_cli_warn(&r->cli, "%s: %s", path, c->warning[k]);
	for (int k = 0; k < HM_SIDES; k++)
		if (c->used[k] && *hm_predict_precision(&c->model.head, k, r->device, precision))
			hm_cli_notice(&r->cli, "%s: %s", path, precision);
	if (r->o.threshold_given && c->model.head.classes != 2)
		return hm_err_set(e, HM_EUSAGE, "--threshold is for two classes, %s has %lld", path,
				  (long long)c->model.head.classes);
	if (!c->used[HM_IMAGE])
		r->o.form.img = NULL;
	if (!c->used[HM_TEXT])
		r->o.form.text = NULL;
	return 0;
}

/* --batch-size, or less where so many pictures would take more than BATCH_BYTES. */
static size_t batch_size(struct classify_run *r)
{
	int64_t side = r->model.used[HM_IMAGE] ? r->model.square.size : 0, bytes = 3 * side * side,
		most = bytes && BATCH_BYTES / bytes > 0 ? BATCH_BYTES / bytes
		       : bytes				? 1
							: r->o.batch_size;
	r->o.batch_size = r->o.batch_size < most ? r->o.batch_size : most;
	return (size_t)r->o.batch_size;
}

static int open_all(struct classify_run *r, struct hm_err *e)
{
	const struct hm_image_limits limits = {(uint64_t)r->o.max_pixels, (uint32_t)r->o.max_side};
	size_t n;
	r->device = open_asked_device(&r->cli, e);
	if (!r->device || hm_device_use_threads(r->device, (int)r->cli.jobs, e))
		return e->code;
	r->picture = r->cli.n_operands > 1 && is_picture(r->cli.operands[1]);
	r->device->once = r->picture;
	if (r->picture)
		r->o.batch_size = 1;
	int rc = open_model(r, e);
	if (rc)
		return rc;
	n = batch_size(r);
	for (int i = 0; i < HM_CLASSIFY_BATCHES; i++) {
		struct hand *h = &r->hand[i];
		h->question = hm_alloc(n, sizeof *h->question, e);
		h->pair = hm_alloc(n, sizeof *h->pair, e);
		if (!h->question || !h->pair)
			return HM_EDATA;
	}
	r->classify = hm_classify_new(&r->model, &limits, r->o.batch_size == 1, r->device, r->cli.workers, e);
	return r->classify ? 0 : e->code;
}

/* Whether two operands are a caption and, before it, a file that should have been its picture. */
static bool lacks_picture(char *const *file, int n)
{
	return n == 2 && strcmp(file[0], "-") != 0 && !access(file[0], F_OK) && strcmp(file[1], "-") != 0 &&
	       access(file[1], F_OK) != 0;
}

/* Lines of files, or of standard input. */
static int answer_lines(struct classify_run *r, struct hm_err *e)
{
	char *input = "-", **file = r->cli.operands + 1;
	int n = r->cli.n_operands - 1, rc = 0;
	if (!n) {
		file = &input;
		n = 1;
	}
	if (lacks_picture(file, n))
		return hm_err_set(e, HM_EDATA,
				  "%s: no picture, and what follows names no file: MODEL PICTURE CAPTION, or "
				  "MODEL and files of JSON lines",
				  file[0]);
	if (r->model.used[HM_IMAGE])
		rc = hm_imageroot_open(&r->root, r->o.root, r->o.follow_symlinks, e);
	for (int i = 0; !rc && i < n && !classify_stopped(); i++)
		rc = classify_file(r, file[i], e);
	if (!rc && !r->done && !classify_stopped())
		hm_cli_warn(&r->cli, "no lines, so no answers: has their producer failed?");
	if (!rc && r->bad && r->o.on_error == HM_SKIP)
		hm_cli_notice(&r->cli, "%" PRIu64 " of %" PRIu64 " lines left out", r->bad, r->done);
	else if (!rc && r->bad)
		rc = hm_err_set(e, HM_EDATA, "%" PRIu64 " of %" PRIu64 " lines have an error for an answer",
				r->bad, r->done);
	return rc;
}

static int answer_picture(struct classify_run *r, struct hm_err *e)
{
	struct hm_cli *c = &r->cli;
	const struct hm_rawmodel *m = &r->model;
	if (!m->used[HM_IMAGE])
		hm_cli_usage(c, "%s answers captions alone: give it JSON lines", c->operands[0]);
	if (m->used[HM_TEXT] && c->n_operands < 3)
		hm_cli_usage(c, "%s needs the picture's caption behind it (\"\" for none)", c->operands[0]);
	if (c->n_operands > 3)
		hm_cli_usage(c, "one picture and one caption; more of them as JSON lines");
	return classify_picture(r, c->operands[1], c->n_operands > 2 ? c->operands[2] : "", e);
}

int main(int argc, char **argv)
{
	struct classify_run r = {.o = defaults, .root.fd = -1};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	tower_words_take(&r.o.tower);
	if (r.o.tower.spec.vocab && (!r.o.spec[HM_TEXT] || strncmp(r.o.spec[HM_TEXT], "init:", 5)))
		hm_cli_usage(&r.cli, "--vocab-size needs --text init:NAME");
	r.o.form.null_text = r.o.null_text == NULL_EMPTY;
	int rc = open_all(&r, &e);
	if (!rc)
		rc = r.picture ? answer_picture(&r, &e) : answer_lines(&r, &e);
	hm_classify_free(r.classify);
	hm_rawmodel_close(&r.model);
	hm_device_close(r.device);
	hm_imageroot_close(&r.root);
	hm_buf_clear(&r.out);
	for (int i = 0; i < HM_CLASSIFY_BATCHES; i++) {
		free(r.hand[i].question);
		free(r.hand[i].pair);
	}
	return hm_cli_end(&r.cli, rc, &e);
}
