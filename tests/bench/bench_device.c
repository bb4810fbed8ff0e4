/* Times whole networks on one device, in one process and without files: encoders over resident pixels and
 * packed captions, training steps in the trainer's order, a head. Inputs are made, with the real data's
 * shapes; a line of JSON a work goes to stdout: time of a call, rates, and what has to be computed and moved
 * at the least, counted from the shapes. tests/bench/bench_cuda.py runs it and PyTorch in turn. It asserts
 * nothing. */
#include "device.h"
#include "base/rng.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 512 }; /* captions of hm-encode */

static const char usage[] =
	"usage: bench_device [--device NAME] [--precision f32|bf16|tf32] [--batch N] [--repeat N]\n"
	"                    [--captions N] [--threads N] [--tiny] [--grid-cached] WORK...\n"
	"WORK: resnet18 (encode a batch of images), bert-base (encode all captions),\n"
	"      late, early (a training step), head (5 epochs over features of as many records as captions),\n"
	"      lengths (print the captions' lengths)\n"
	"--tiny: resnet-tiny and bert-tiny on 64x64 pixels; --grid-cached: early fusion without its trunk as "
	"well\n";

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void *bench_need(size_t n, size_t size)
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
	b->len = bench_need((size_t)b->captions, sizeof *b->len);
	b->at = bench_need((size_t)b->captions, sizeof *b->at);
	hm_rng_init(&r, 1, HM_RNG_SYNTH, 0, 0);
	for (int j = 0; j < b->captions; total += b->len[j++]) {
		b->len[j] = caption_length(&r);
		b->at[j] = total;
	}
	b->ids = bench_need((size_t)total, sizeof *b->ids);
	for (int32_t j = 0; j < total; j++)
		b->ids[j] = 5 + (int32_t)hm_rng_below(&r, (uint32_t)b->vocab - 5);
	for (int j = 0; j < b->captions; j++) {
		b->ids[b->at[j]] = 2;
		b->ids[b->at[j] + b->len[j] - 1] = 3;
	}
}

static void make_pixels(struct bench *b)
{
	size_t n = (size_t)BENCH_IMAGES * 3 * (size_t)b->side * (size_t)b->side;
	struct hm_rng r;
	b->pixels = bench_need(n, 1);
	hm_rng_init(&r, 2, HM_RNG_SYNTH, 0, 0);
	for (size_t j = 0; j + 4 <= n; j += 4) {
		uint32_t v = hm_rng_u32(&r);
		memcpy(b->pixels + j, &v, 4);
	}
}

/* ---- timing */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* `repeat` timed calls after `warm` ones; prints the line. */
int bench_measure(struct bench *b, int warm, int repeat, bench_call *call, void *ctx)
{
	static double ms[BENCH_MOST_REPEATS];
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
	{"resnet18", "resnet18", 128, bench_resnet, true, false, false},
	{"bert-base", "bert-base", WINDOW, bench_bert, false, true, false},
	{"late", "late", 128, bench_training, true, true, false},
	{"early", "early", 128, bench_training, true, true, false},
	{"early", "early, grid cached", 128, bench_training, false, true, true},
	{"head", "head", 64, bench_training, false, false, false},
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
		*first = bench_need(p->count, sizeof **first);
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

/* All of that name, also when one fails; the first failure. HM_EUSAGE for an unknown word. */
static int run_named(struct bench *b, const char *name, int batch, bool grid_cached)
{
	bool known = false;
	int rc = 0;
	if (!strcmp(name, "lengths"))
		return print_lengths(b);
	for (size_t k = 0; k < sizeof works / sizeof *works && rc != HM_EDEVICE; k++)
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
			good &= number(&b.repeat, optarg, BENCH_MOST_REPEATS);
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
	for (; optind < argc && rc != HM_EUSAGE && rc != HM_EDEVICE; optind++) {
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
