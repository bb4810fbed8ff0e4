/* An optimizer over a model's parameter tables: SGD, Adam or AdamW, with a schedule, warm-up, clipping by the
 * global norm, and exemption of biases or normalisation weights from decay. The device does the arithmetic
 * (ops.h: sgd, adam). Held parameters (running statistics, hm_params_hold) are left alone.
 *
 *   hm_params_place(table, dev, true, e) for each;  hm_optim_init(&o, &config, tables, n, dev, e);
 *   hm_optim_zero(&o);  (backward)  hm_optim_clip(&o);
 *   hm_optim_read(&o, device's loss, &loss, &finite, e);  hm_optim_step(&o, &lr, e); ... */
#ifndef HM_OPTIM_H
#define HM_OPTIM_H

#include "nn/param.h"
#include "ops/ops.h"
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

struct hm_optim {
	struct hm_optim_config c;
	struct hm_device *dev; /* borrowed, as are the tables */
	int tables;
	struct hm_params *params[HM_OPTIM_TABLES];
	double rate[HM_OPTIM_TABLES]; /* the learning rate before its schedule */
	/* [count] of each table, device memory; 0: Adam's m or SGD's velocity, 1: Adam's v. NULL: not used */
	float *moment[HM_OPTIM_TABLES][HM_OPTIM_MOMENTS];
	double *norm; /* [2], device memory: the square of the global norm; the value that is read with it */
	int64_t t;    /* steps done */
	struct hm_optim_run *run; /* [runs]: neighbours in a table that get the same treatment */
	size_t runs;
};

/* tables [n]: placed on `dev` with gradients; n is at most HM_OPTIM_TABLES. encoder [n]: which are encoders';
 * NULL: none. 0 or HM_EDATA. Caller clears, also after a failure. */
int hm_optim_init(struct hm_optim *o, const struct hm_optim_config *c, struct hm_params *const *tables,
		  const bool *encoder, int n, struct hm_device *dev, struct hm_err *e);
void hm_optim_clear(struct hm_optim *o);
/* Gradients := 0. */
void hm_optim_zero(struct hm_optim *o);
/* The learning rate of the next step, that of what is no encoder. */
double hm_optim_lr(const struct hm_optim *o);
/* Starts the computation of the gradients' global norm and the clipping by it. Does nothing without
 * clip_norm. */
void hm_optim_clip(struct hm_optim *o);
/* Waits for the device, once per step. *loss := from[0] (f32, device memory). *finite := whether the norm of
 * the last clip is finite; true without clip_norm. If the norm is not finite, do not take the step. 0, or
 * HM_EDATA if the device failed. */
int hm_optim_read(struct hm_optim *o, const float *from, float *loss, bool *finite, struct hm_err *e);
/* Takes one step with the present gradients; *lr := the rate used. 0 or HM_EDATA. */
int hm_optim_step(struct hm_optim *o, double *lr, struct hm_err *e);
/* *finite := whether all parameters are finite, by their sum of squares. 0 or HM_EDATA. */
int hm_optim_finite(struct hm_optim *o, bool *finite, struct hm_err *e);

#endif
