/* What the parts of bench_device share: what is asked for, inputs that are made, and the timing of a work. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include "cost.h"
#include "nn/fusion.h"

enum { BENCH_IMAGES = 256, BENCH_MOST_REPEATS = 1000 };

struct bench {
	const char *device, *work;
	enum hm_precision precision;
	int batch, repeat, captions, threads; /* batch, repeat 0: the work's own */
	bool cached;			      /* early fusion without its trunk */
	int side;			      /* of an image */
	int vocab;
	struct hm_device *d;
	uint8_t *pixels;	 /* [BENCH_IMAGES,3,side,side] */
	int32_t *ids, *len, *at; /* all captions end to end; their lengths and starts [captions] */
	struct hm_resnet_config image;
	struct hm_bert_config text;
	struct hm_resnet *resnet; /* of the present work, as is bert */
	struct hm_bert *bert;
	float *first[2]; /* their initial weights, made once */
	struct hm_err e;
};

/* n*size zero bytes, or the end of the program. Caller frees. */
void *bench_need(size_t n, size_t size);

static inline size_t bench_image_bytes(const struct bench *b)
{
	return 3 * (size_t)b->side * (size_t)b->side;
}

/* Bytes of an activation. */
static inline double bench_act_size(const struct bench *b)
{
	return (double)hm_dtype_size(b->d->act);
}

/* The call of that number, the first is 0; adds to what has to be computed and moved. 0 or HM_EDATA. */
typedef int bench_call(void *ctx, int number, struct cost *t, struct hm_err *e);
/* `repeat` timed calls after `warm` ones; prints the line. 0 or HM_EDATA, with b->e set. */
int bench_measure(struct bench *b, int warm, int repeat, bench_call *call, void *ctx);

/* The works; networks are open, b->work and b->batch set. As bench_measure. */
int bench_resnet(struct bench *b);
int bench_bert(struct bench *b);
int bench_training(struct bench *b); /* "late", "early", "early, grid cached", "head" */

#endif
