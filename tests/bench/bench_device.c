/* Times whole networks on one device, in one process and without files: encoders over resident pixels and
 * packed captions, training steps in the trainer's order, a head. Inputs are made, with the real data's
 * shapes; a line of JSON a work goes to stdout: time of a call, rates, and what has to be computed and moved
 * at the least, counted from the shapes. tests/bench/bench_cuda.py runs it beside PyTorch. It asserts
 * nothing. */
#include "cost.h"
#include "base/rng.h"
#include "nn/fusion.h"
#include "train/optim.h"
#include "train/order.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { IMAGES = 256, WINDOW = 512, CLASSES = 2, HEAD_EPOCHS = 5, MOST_REPEATS = 1000 };

static const char usage[] =
	"usage: bench_device [--device NAME] [--precision f32|bf16|tf32] [--batch N] [--repeat N]\n"
	"                    [--captions N] [--threads N] [--tiny] [--grid-cached] WORK...\n"
	"WORK: resnet18 (encode a batch of images), bert-base (encode all captions),\n"
	"      late, early (a training step), head (5 epochs over features of as many records as captions),\n"
	"      lengths (print the captions' lengths)\n"
	"--tiny: resnet-tiny and bert-tiny on 64x64 pixels; --grid-cached: early fusion without its trunk as "
	"well\n";

struct bench {
	const char *device, *work;
	enum hm_precision precision;
	int batch, repeat, captions, threads; /* batch, repeat 0: the work's own */
	bool cached;			      /* early fusion without its trunk */
	int side;			      /* of an image */
	int vocab;
	struct hm_device *d;
	uint8_t *pixels;	 /* [IMAGES,3,side,side] */
	int32_t *ids, *len, *at; /* all captions end to end; their lengths and starts [captions] */
	struct hm_resnet_config image;
	struct hm_bert_config text;
	struct hm_resnet *resnet; /* of the present work, as is bert */
	struct hm_bert *bert;
	float *first[2]; /* their initial weights, made once */
	struct hm_err e;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *need(size_t n, size_t size)
{
	struct hm_err e = {0};
	void *p = hm_alloc(n, size, &e);
	if (!p) {
		fprintf(stderr, "bench_device: %s\n", e.text);
		exit(1);
	}
	return p;
}

/* ---- made data */

/* Tokens of a caption as in the real data set: log-normal, median 14 and 99th percentile 45, at most 88,
 * which is where its longest ends. */
static int caption_length(struct hm_rng *r)
{
	double v = 14 * exp(log(45.0 / 14) / 2.326 * hm_rng_normal(r));
	return v < 3 ? 3 : v > 88 ? 88 : (int)lround(v);
}

static void make_captions(struct bench *b)
{
	struct hm_rng r;
	int32_t total = 0;
	b->len = need((size_t)b->captions, sizeof *b->len);
	b->at = need((size_t)b->captions, sizeof *b->at);
	hm_rng_init(&r, 1, HM_RNG_SYNTH, 0, 0);
	for (int j = 0; j < b->captions; total += b->len[j++]) {
		b->len[j] = caption_length(&r);
		b->at[j] = total;
	}
	b->ids = need((size_t)total, sizeof *b->ids);
	for (int32_t j = 0; j < total; j++)
		b->ids[j] = 5 + (int32_t)hm_rng_below(&r, (uint32_t)b->vocab - 5);
	for (int j = 0; j < b->captions; j++) {
		b->ids[b->at[j]] = 2;
		b->ids[b->at[j] + b->len[j] - 1] = 3;
	}
}

static void make_pixels(struct bench *b)
{
	size_t n = (size_t)IMAGES * 3 * (size_t)b->side * (size_t)b->side;
	struct hm_rng r;
	b->pixels = need(n, 1);
	hm_rng_init(&r, 2, HM_RNG_SYNTH, 0, 0);
	for (size_t j = 0; j + 4 <= n; j += 4) {
		uint32_t v = hm_rng_u32(&r);
		memcpy(b->pixels + j, &v, 4);
	}
}

static size_t image_bytes(const struct bench *b)
{
	return 3 * (size_t)b->side * (size_t)b->side;
}

static double act_size(const struct bench *b)
{
	return (double)hm_dtype_size(b->d->act);
}

/* ---- timing */

typedef int call_fn(void *ctx, int number, struct cost *t, struct hm_err *e);

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* `repeat` timed calls after `warm` ones; prints the line. */
static int measure(struct bench *b, int warm, int repeat, call_fn *call, void *ctx)
{
	static double ms[MOST_REPEATS];
	struct cost t = {0};
	char made_of[256];
	double sum = 0;
	for (int r = -warm; r < repeat; r++) {
		if (!r)
			t = (struct cost){0};
		double start = now();
		if (call(ctx, r + warm, &t, &b->e))
			return HM_EDATA;
		if (r >= 0)
			sum += ms[r] = 1e3 * (now() - start);
	}
	qsort(ms, (size_t)repeat, sizeof *ms, by_value);
	double median = (ms[(repeat - 1) / 2] + ms[repeat / 2]) / 2, n = repeat;
	printf("{\"work\":\"%s\",\"device\":\"%s\",\"made_of\":\"%s\",\"precision\":\"%s\",\"batch\":%d,"
	       "\"calls\":%d,"
	       "\"median_ms\":%.4f,\"mean_ms\":%.4f,\"best_ms\":%.4f,\"items\":%.0f,\"items_per_s\":%.1f,"
	       "\"tokens\":%.1f,"
	       "\"gflop\":%.3f,\"gbyte\":%.4f,\"tflop_per_s\":%.3f}\n",
	       b->work, b->d->name, hm_device_describe(b->d, made_of, sizeof made_of),
	       hm_precision_name(b->precision), b->batch, repeat, median, sum / n, ms[0], t.items / n,
	       1e3 * t.items / n / median, t.tokens / n, t.flop / n / 1e9, t.bytes / n / 1e9,
	       t.flop / n / median / 1e9);
	fflush(stdout);
	return 0;
}

/* ---- encoders */

struct encode {
	struct bench *b;
	struct hm_resnet_net *resnet;
	struct hm_resnet_work *resnet_work;
	struct hm_bert_net *bert;
	struct hm_bert_work *bert_work;
	uint8_t *pixels;      /* device [batch,3,side,side] */
	float *pooled, *host; /* device and host [batch, features] */
};

/* One batch of images. */
static int encode_images(void *ctx, int number, struct cost *t, struct hm_err *e)
{
	struct encode *x = ctx;
	struct bench *b = x->b;
	(void)number;
	hm_resnet_encode(x->resnet, x->resnet_work, x->pixels, b->batch, x->pooled, NULL);
	b->d->op->download(b->d, x->host, x->pooled,
			   (size_t)b->batch * (size_t)hm_resnet_features(&b->image) * sizeof *x->host);
	cost_resnet(t, b->resnet, INFER, act_size(b), b->batch, b->side);
	t->items += b->batch;
	return hm_device_error(b->d, e);
}

static int run_resnet(struct bench *b)
{
	struct encode x = {.b = b};
	int rc = HM_EDATA;
	if (!(x.resnet = hm_resnet_prepare(b->resnet, b->d, &b->e)) ||
	    !(x.resnet_work = hm_resnet_work_new(x.resnet, b->d, b->batch, b->side, b->side, &b->e)))
		goto done;
	size_t out = (size_t)b->batch * (size_t)hm_resnet_features(&b->image);
	x.pixels = b->d->op->alloc(b->d, (size_t)b->batch * image_bytes(b));
	x.pooled = b->d->op->alloc(b->d, out * sizeof *x.pooled);
	x.host = need(out, sizeof *x.host);
	for (int i = 0; i < b->batch && !b->d->err.code; i++)
		b->d->op->upload(b->d, x.pixels + (size_t)i * image_bytes(b),
				 b->pixels + (size_t)(i % IMAGES) * image_bytes(b), image_bytes(b));
	if (!hm_device_error(b->d, &b->e))
		rc = measure(b, 5, b->repeat ? b->repeat : 30, encode_images, &x);
done:
	hm_resnet_work_free(x.resnet_work);
	hm_resnet_net_free(x.resnet);
	b->d->op->free(b->d, x.pixels);
	b->d->op->free(b->d, x.pooled);
	free(x.host);
	return rc;
}

/* All captions, in batches as hm-encode makes them of the records as they come. */
static int encode_captions(void *ctx, int number, struct cost *t, struct hm_err *e)
{
	struct encode *x = ctx;
	struct bench *b = x->b;
	(void)number;
	for (int i = 0, n; i < b->captions; i += n) {
		double m = 0, q = 0;
		n = b->captions - i < b->batch ? b->captions - i : b->batch;
		hm_bert_encode(x->bert, x->bert_work, b->ids + b->at[i], b->len + i, n, x->pooled);
		b->d->op->download(b->d, x->host, x->pooled,
				   (size_t)n * (size_t)b->text.hidden * sizeof *x->host);
		for (int j = i; j < i + n; j++) {
			m += b->len[j];
			q += (double)b->len[j] * b->len[j];
		}
		cost_bert(t, &b->text, INFER, act_size(b), n, m, q, true);
		t->items += n;
	}
	return hm_device_error(b->d, e);
}

static int run_bert(struct bench *b)
{
	struct encode x = {.b = b};
	int rc = HM_EDATA;
	if (!(x.bert = hm_bert_prepare(b->bert, b->d, &b->e)) ||
	    !(x.bert_work = hm_bert_work_new(x.bert, b->d, b->batch, 88 * b->batch, &b->e)))
		goto done;
	size_t out = (size_t)b->batch * (size_t)b->text.hidden;
	x.pooled = b->d->op->alloc(b->d, out * sizeof *x.pooled);
	x.host = need(out, sizeof *x.host);
	if (!hm_device_error(b->d, &b->e))
		rc = measure(b, 1, b->repeat ? b->repeat : 10, encode_captions, &x);
done:
	hm_bert_work_free(x.bert_work);
	hm_bert_net_free(x.bert);
	b->d->op->free(b->d, x.pooled);
	free(x.host);
	return rc;
}

/* ---- training, as lib/train/trainer.c does it */

struct train {
	struct bench *b;
	struct hm_fusion *f;
	struct hm_fusion_config c;
	struct hm_optim optim;
	struct hm_minibatch batch; /* the next step's, once it was put together */
	int n;			   /* examples; of one batch */
	uint8_t *pixels;	   /* [batch,3,side,side] */
	int32_t *ids, *len, *label;
	float *rows;	 /* features or grids of a batch [batch, width] */
	float *features; /* made ones to take them from [records, width] */
	int records;
	size_t width; /* of one of them; 0: none */
	uint32_t *order;
	int epoch, at; /* where the next batch begins */
};

/* The next batch's examples, gathered into its arrays as examples.c does. */
static void gather(struct train *x)
{
	const struct bench *b = x->b;
	int32_t *to = x->ids;
	if (x->at >= b->captions) {
		hm_order_epoch(x->order, (uint32_t)b->captions, 42, ++x->epoch, true);
		x->at = 0;
	}
	x->n = b->captions - x->at < b->batch ? b->captions - x->at : b->batch;
	for (int i = 0; i < x->n; i++) {
		uint32_t k = x->order[x->at + i];
		if (x->pixels)
			memcpy(x->pixels + (size_t)i * image_bytes(b),
			       b->pixels + (k % IMAGES) * image_bytes(b), image_bytes(b));
		if (x->width)
			memcpy(x->rows + (size_t)i * x->width,
			       x->features + (k % (uint32_t)x->records) * x->width,
			       x->width * sizeof *x->rows);
		x->label[i] = (int32_t)(k % CLASSES);
		x->len[i] = b->len[k];
		memcpy(to, b->ids + b->at[k], (size_t)b->len[k] * sizeof *to);
		to += b->len[k];
	}
	x->at += x->n;
	bool head = x->c.text == HM_SIDE_FEATURE;
	x->batch = (struct hm_minibatch){.n = x->n,
					 .pixels = x->pixels,
					 .h = b->side,
					 .w = b->side,
					 .image = head ? NULL : x->rows,
					 .features = head ? x->rows : NULL,
					 .ids = x->ids,
					 .len = x->len,
					 .label = x->label};
}

static void add_step(const struct train *x, struct cost *t)
{
	const struct bench *b = x->b;
	const struct hm_fusion_config *c = &x->c;
	bool early = c->kind == HM_FUSION_EARLY;
	double m = 0, q = 0, n = x->n, grid = early ? c->grid : 0, act = act_size(b);
	struct hm_fusion_table table[3];
	int tables = hm_fusion_tables(x->f, table);
	for (int i = 0; i < x->n; i++) {
		double rows = grid + x->len[i];
		m += rows;
		q += rows * rows;
	}
	if (c->image >= HM_SIDE_FROZEN)
		cost_resnet(t, b->resnet, c->image == HM_SIDE_TRAINED ? TRAINED : FROZEN, act, n, b->side);
	if (c->text >= HM_SIDE_FROZEN)
		cost_bert(t, &b->text, TRAINED, act, n, m, q, !early);
	if (early)
		cost_product(t, 2, act, n * grid, c->text_dim, c->image_dim);
	else
		cost_product(t, 2, 4, n, c->classes, c->image_dim + c->text_dim);
	for (int k = 0; k < tables; k++)
		if (table[k].trained)
			cost_adam(t, table[k].params);
	t->items += n;
}

static int train_step(void *ctx, int number, struct cost *t, struct hm_err *e)
{
	struct train *x = ctx;
	struct hm_dropout drop = {
		.p = x->c.text == HM_SIDE_TRAINED ? .1 : 0, .seed = 42, .step = (uint32_t)number};
	float loss;
	double lr;
	bool finite;
	add_step(x, t);
	hm_optim_zero(&x->optim);
	hm_fusion_begin(x->f, &x->batch, &drop, NULL);
	gather(x);
	hm_fusion_ahead(x->f, &x->batch);
	hm_optim_clip(&x->optim);
	if (hm_optim_read(&x->optim, hm_fusion_loss(x->f), &loss, &finite, e) ||
	    hm_optim_step(&x->optim, &lr, e))
		return HM_EDATA;
	return isfinite(loss) && finite ? 0 : hm_err_set(e, HM_EDATA, "the loss is not finite");
}

/* All steps of HEAD_EPOCHS epochs. */
static int train_head(void *ctx, int number, struct cost *t, struct hm_err *e)
{
	struct train *x = ctx;
	int steps = (x->b->captions + x->b->batch - 1) / x->b->batch * HEAD_EPOCHS, rc = 0;
	for (int i = 0; i < steps && !rc; i++)
		rc = train_step(x, number * steps + i, t, e);
	return rc;
}

static int open_train(struct train *x)
{
	struct bench *b = x->b;
	struct hm_fusion_table t[3];
	struct hm_params *trained[3];
	bool early = x->c.kind == HM_FUSION_EARLY, head = x->c.text == HM_SIDE_FEATURE;
	struct hm_optim_config o = {
		.kind = HM_ADAMW, .lr = head ? 1e-3 : 5e-6, .clip_norm = early ? 1 : 0, .total = 1 << 20};
	struct hm_rng r;
	size_t n = (size_t)b->batch;
	int count = 0, tables;
	if (hm_fusion_new(&x->f, &x->c, b->d, &b->e) || hm_params_init(hm_fusion_params(x->f), 3, 0, &b->e) ||
	    hm_fusion_place(x->f, &b->e))
		return HM_EDATA;
	tables = hm_fusion_tables(x->f, t);
	for (int i = 0; i < tables; i++)
		if (t[i].trained)
			trained[count++] = t[i].params;
	if (hm_optim_init(&x->optim, &o, trained, count, b->d, &b->e))
		return HM_EDATA;
	if (x->c.image == HM_SIDE_FEATURE) {
		x->width = early ? (size_t)x->c.grid * (size_t)x->c.image_dim
				 : (size_t)(x->c.image_dim + x->c.text_dim);
		x->records = early ? IMAGES : b->captions;
		x->rows = need(n * x->width, sizeof *x->rows);
		x->features = need((size_t)x->records * x->width, sizeof *x->features);
		hm_rng_init(&r, 4, HM_RNG_SYNTH, 0, 0);
		for (size_t j = 0; j < (size_t)x->records * x->width; j++)
			x->features[j] = (float)hm_rng_uniform(&r);
	} else {
		x->pixels = need(n * image_bytes(b), 1);
	}
	x->ids = need(88 * n, sizeof *x->ids);
	x->len = need(n, sizeof *x->len);
	x->label = need(n, sizeof *x->label);
	x->order = need((size_t)b->captions, sizeof *x->order);
	x->at = b->captions;
	gather(x);
	return 0;
}

static int run_training(struct bench *b)
{
	bool early = !strncmp(b->work, "early", 5), head = !strcmp(b->work, "head");
	int grid = hm_resnet_grid_side(b->side) * hm_resnet_grid_side(b->side);
	struct train x = {.b = b};
	x.c = (struct hm_fusion_config){.kind = early ? HM_FUSION_EARLY : HM_FUSION_LATE,
					.classes = CLASSES,
					.image = head || (early && b->cached) ? HM_SIDE_FEATURE
						 : early		      ? HM_SIDE_FROZEN
									      : HM_SIDE_TRAINED,
					.text = head ? HM_SIDE_FEATURE : HM_SIDE_TRAINED,
					.image_dim = hm_resnet_features(&b->image),
					.text_dim = b->text.hidden,
					.grid = grid,
					.resnet = b->resnet,
					.bert = b->bert};
	int rc = open_train(&x);
	if (!rc)
		rc = head ? measure(b, 1, b->repeat ? b->repeat : 3, train_head, &x)
			  : measure(b, 5, b->repeat ? b->repeat : 20, train_step, &x);
	hm_optim_clear(&x.optim);
	hm_fusion_free(x.f);
	void *all[] = {x.pixels, x.ids, x.len, x.label, x.rows, x.features, x.order};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	return rc;
}

/* ---- works */

static int print_lengths(struct bench *b)
{
	for (int j = 0; j < b->captions; j++)
		printf("%s%d", j ? "," : "[", (int)b->len[j]);
	return puts("]") < 0 ? HM_EDATA : 0;
}

static const struct work {
	const char *name, *shown;
	int batch;
	int (*run)(struct bench *b);
	bool image, text, cached; /* networks that it needs; with --grid-cached alone */
} works[] = {
	{"resnet18", "resnet18", 128, run_resnet, true, false, false},
	{"bert-base", "bert-base", WINDOW, run_bert, false, true, false},
	{"late", "late", 128, run_training, true, true, false},
	{"early", "early", 128, run_training, true, true, false},
	{"early", "early, grid cached", 128, run_training, false, true, true},
	{"head", "head", 64, run_training, false, false, false},
};

/* The table's first values, drawn for the first work that needs them. */
static int start_params(struct bench *b, struct hm_params *p, float **first)
{
	if (*first) {
		if (hm_params_alloc(p, &b->e))
			return HM_EDATA;
		hm_params_write(p, *first);
	} else {
		if (hm_params_init(p, 5, 0, &b->e))
			return HM_EDATA;
		*first = need(p->count, sizeof **first);
		hm_params_read(p, *first);
	}
	return 0;
}

static int open_networks(struct bench *b, const struct work *w)
{
	if (w->image && (!(b->resnet = hm_resnet_new(&b->image, &b->e)) ||
			 start_params(b, hm_resnet_params(b->resnet), &b->first[0])))
		return HM_EDATA;
	if (w->text && (!(b->bert = hm_bert_new(&b->text, &b->e)) ||
			start_params(b, hm_bert_params(b->bert), &b->first[1])))
		return HM_EDATA;
	return 0;
}

static int run_work(struct bench *b, const struct work *w, int batch)
{
	b->work = w->shown;
	b->batch = batch ? batch : w->batch;
	b->cached = w->cached;
	b->e = (struct hm_err){0};
	b->d = hm_device_open(b->device, b->precision, &b->e);
	int rc = b->d ? open_networks(b, w) : b->e.code;
	if (!rc) {
		b->d->threads = b->threads;
		rc = w->run(b);
	}
	hm_resnet_free(b->resnet);
	hm_bert_free(b->bert);
	hm_device_close(b->d);
	b->resnet = NULL;
	b->bert = NULL;
	b->d = NULL;
	if (b->e.code)
		fprintf(stderr, "bench_device: error: %s: %s\n", b->work, b->e.text);
	return rc ? rc : b->e.code;
}

/* All of that name, also when one fails; the first failure. HM_EUSAGE for a word that is none. */
static int run_named(struct bench *b, const char *name, int batch, bool grid_cached)
{
	bool known = false;
	int rc = 0;
	if (!strcmp(name, "lengths"))
		return print_lengths(b);
	for (size_t k = 0; k < sizeof works / sizeof *works; k++)
		if (!strcmp(works[k].name, name)) {
			known = true;
			int one = works[k].cached && !grid_cached ? 0 : run_work(b, &works[k], batch);
			rc = rc ? rc : one;
		}
	return known ? rc : HM_EUSAGE;
}

static bool number(int *to, const char *s, long most)
{
	char *end;
	long v = strtol(s, &end, 10);
	*to = (int)v;
	return end != s && !*end && v > 0 && v <= most;
}

static bool precision(enum hm_precision *to, const char *s)
{
	for (enum hm_precision p = HM_PREC_F32; p <= HM_PREC_TF32; p++)
		if (!strcmp(s, hm_precision_name(*to = p)))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{"device", 1, NULL, 'd'}, {"precision", 1, NULL, 'p'},	 {"batch", 1, NULL, 'b'},
		{"repeat", 1, NULL, 'r'}, {"captions", 1, NULL, 'c'},	 {"threads", 1, NULL, 'j'},
		{"tiny", 0, NULL, 't'},	  {"grid-cached", 0, NULL, 'g'}, {0}};
	struct bench b = {
		.device = "cuda", .precision = HM_PREC_BF16, .captions = 8500, .side = 224, .vocab = 30522};
	int batch = 0, c, rc = 0;
	bool good = true, tiny = false, grid_cached = false;
	b.threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1)
		switch (c) {
		case 'd':
			b.device = optarg;
			break;
		case 'p':
			good &= precision(&b.precision, optarg);
			break;
		case 'b':
			good &= number(&batch, optarg, 4096);
			break;
		case 'r':
			good &= number(&b.repeat, optarg, MOST_REPEATS);
			break;
		case 'c':
			good &= number(&b.captions, optarg, 1 << 20);
			break;
		case 'j':
			good &= number(&b.threads, optarg, 1024);
			break;
		case 't':
			tiny = true;
			break;
		case 'g':
			grid_cached = true;
			break;
		default:
			good = false;
		}
	if (!good || optind == argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (tiny) {
		b.side = 64;
		b.vocab = 1000;
	}
	hm_resnet_config_preset(&b.image, tiny ? "resnet-tiny" : "resnet18");
	hm_bert_config_preset(&b.text, tiny ? "bert-tiny" : "bert-base", b.vocab);
	make_captions(&b);
	make_pixels(&b);
	for (; optind < argc && rc != HM_EUSAGE; optind++) {
		int one = run_named(&b, argv[optind], batch, grid_cached);
		rc = rc && one != HM_EUSAGE ? rc : one;
	}
	if (rc == HM_EUSAGE)
		fputs(usage, stderr);
	void *all[] = {b.pixels, b.ids, b.len, b.at, b.first[0], b.first[1]};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	return -rc;
}
