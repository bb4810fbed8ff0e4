/* An optimizer over a model's parameter tables: SGD, Adam or AdamW, with a schedule, warm-up, clipping by the
 * global norm, and exemption of biases or normalisation weights from decay. The device does the arithmetic
 * (ops.h: sgd, adam). Held parameters (running statistics, hm_params_hold) are left alone.
 *
 *   hm_params_place(table, dev, true, e) for each;  hm_optim_init(&o, &config, tables, n, dev, NULL, e);
 *   hm_optim_zero(&o);  (backward)  hm_optim_clip(&o);
 *   hm_optim_read(&o, device's loss, &loss, &finite, e);  hm_optim_step(&o, &lr, e); ...
 *
 * Of several ranks, each has a slice of every table: it holds the moments of its slice, steps over it, and
 * gets the other slices' parameters from the other ranks (hm_optim_share). A slice consists of whole blocks
 * of HM_OPTIM_BLOCK elements, the last one perhaps shorter.
 *
 *   hm_optim_zero(&o);  (backward, each rank gets the gradients of its slices)
 *   hm_optim_clip_shared(&o, &finite, e);  hm_optim_step(&o, &lr, e);  hm_optim_share(&o, e); */
#ifndef HM_OPTIM_H
#define HM_OPTIM_H

#include "nn/param.h"
#include "ops/ops.h"
#include "ranks/ranks.h"
#include "train/schedule.h"

enum hm_optim_kind { HM_SGD, HM_ADAM, HM_ADAMW };

struct hm_optim_config {
	enum hm_optim_kind kind;
	double lr, momentum, weight_decay; /* momentum: SGD only; Adam's betas are .9 .999, its eps 1e-8 */
	double encoder_lr;		   /* the rate of encoders; 0: lr */
	double clip_norm;		   /* 0: no clipping */
	bool decay_spares_norm, decay_spares_bias;
	enum hm_schedule schedule;
	int64_t warmup, total; /* steps of warm-up, steps in all */
};

#define HM_OPTIM_TABLES 3
#define HM_OPTIM_MOMENTS 2
enum { HM_OPTIM_BLOCK = 65536 };

/* Where the slice of rank `rank` begins in a table of `count` elements; that of rank `size`: where all end.
 */
size_t hm_slice_begin(size_t count, int rank, int size);

struct hm_optim {
	struct hm_optim_config c;
	struct hm_device *dev; /* borrowed, as are the tables */
	int tables;
	struct hm_params *params[HM_OPTIM_TABLES];
	double rate[HM_OPTIM_TABLES]; /* the learning rate before its schedule */
	struct hm_ranks *ranks;	      /* borrowed; NULL: a process alone */
	/* This rank's slice of each table: elements [from,to). */
	size_t from[HM_OPTIM_TABLES], to[HM_OPTIM_TABLES];
	/* Of the slice of each table, device memory; 0: Adam's m or SGD's velocity, 1: Adam's v. NULL: not
	 * used */
	float *moment[HM_OPTIM_TABLES][HM_OPTIM_MOMENTS];
	double *norm; /* [2], device memory: the square of the global norm; the value that is read with it */
	int64_t t;    /* steps done */
	struct hm_optim_run *run; /* [runs]: neighbours in a table that get the same treatment */
	size_t runs;
	double *squares, *all; /* f64, one of each block of all tables: device memory, host memory */
	float *stage;	       /* the largest table in host memory, where the device's is not */
};

/* tables [n]: placed on `dev` with gradients; n is at most HM_OPTIM_TABLES. encoder [n]: which are encoders';
 * NULL: none. ranks: borrowed, or NULL. 0 or HM_EDATA. Caller clears, also after a failure. */
int hm_optim_init(struct hm_optim *o, const struct hm_optim_config *c, struct hm_params *const *tables,
		  const bool *encoder, int n, struct hm_device *dev, struct hm_ranks *ranks,
		  struct hm_err *e);
void hm_optim_clear(struct hm_optim *o);
/* Gradients := 0. */
void hm_optim_zero(struct hm_optim *o);
/* The learning rate of the next step, that of what is no encoder. */
double hm_optim_lr(const struct hm_optim *o);
/* Starts the computation of the gradients' global norm and the clipping by it. Does nothing without
 * clip_norm. */
void hm_optim_clip(struct hm_optim *o);
/* The same in blocks, whose sums of squares are added in their order, so that the result does not depend on
 * the number of ranks. Each rank has the gradients of its slices. *finite: as below. 0 or HM_EDATA. */
int hm_optim_clip_shared(struct hm_optim *o, bool *finite, struct hm_err *e);
/* Waits for the device, once per step. *loss := from[0] (f32, device memory). *finite := whether the norm of
 * the last clip is finite; true without clip_norm. If the norm is not finite, do not take the step. 0, or
 * HM_EDATA if the device failed. */
int hm_optim_read(struct hm_optim *o, const float *from, float *loss, bool *finite, struct hm_err *e);
/* Takes one step with the present gradients, on this rank's slices; *lr := the rate used. 0 or HM_EDATA. */
int hm_optim_step(struct hm_optim *o, double *lr, struct hm_err *e);
/* Each rank gets the parameters of the other ranks' slices. 0 or HM_EDATA. */
int hm_optim_share(struct hm_optim *o, struct hm_err *e);
/* out [count], host memory, on rank 0 := moment k of a table, from all ranks; on other ranks `out` is not
 * used. 0 or HM_EDATA. */
int hm_optim_collect(struct hm_optim *o, int table, int k, float *out, struct hm_err *e);
/* Moment k of a table := in [count], host memory; each rank takes its slice. Failures stick to the device. */
void hm_optim_restore(struct hm_optim *o, int table, int k, const float *in);
/* *finite := whether all parameters are finite, by their sum of squares. 0 or HM_EDATA. */
int hm_optim_finite(struct hm_optim *o, bool *finite, struct hm_err *e);

#endif
