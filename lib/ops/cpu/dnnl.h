/* This file is shared by the files that call oneDNN: contexts, layouts of images, how a primitive is run. */
#ifndef HM_DNNL_H
#define HM_DNNL_H

#include "base/strmap.h"
#include "ops/cpu/cpu.h"
#include "ops/cpu/dnnl_compat.h"

#include <pthread.h>

/* What all contexts of a device share. */
struct hm_dnnl_shared {
	dnnl_engine_t engine;
	uint64_t next_id;     /* of a weight */
	pthread_mutex_t lock; /* of next_id */
	size_t block;	      /* channels that lie together in f32 images */
	bool winograd;	      /* winograd.h computes what it takes */
	bool panels;	      /* panels.h computes linear layers of inference */
};
struct hm_dnnl {
	struct hm_dnnl_shared *shared;
	bool owner; /* of `shared` */
	dnnl_stream_t stream;
	struct hm_strmap index; /* of steps, by weight and shape */
	struct hm_buf steps;	/* primitives of inference: dnnlsteps.c */
};

/* The device's engine and the context's stream, both borrowed. */
dnnl_engine_t hm_dnnl_engine(const struct hm_device *d);
dnnl_stream_t hm_dnnl_stream(const struct hm_device *d);
/* Are products of bf16 faster than of f32 on this processor? With AMX they are, and on AMD's. Intel's without
 * AMX add two bf16 products at a quarter of the rate at which they add one of f32: half the speed. A fixed
 * rule, since a measured one would change bytes from run to run. */
bool hm_dnnl_bf16_pays(void);
/* How images of c channels lie in memory. */
dnnl_format_tag_t hm_dnnl_image_tag(const struct hm_device *d, int c);

/* Makes pd's primitive, runs it on n <= HM_DNNL_ARGS arguments and waits. Argument what[j] (DNNL_ARG_SRC ...)
 * is data[j]; where that is NULL the argument is left out. */
enum { HM_DNNL_ARGS = 8 };
dnnl_status_t hm_dnnl_execute(struct hm_device *d, dnnl_primitive_desc_t pd, int n, const int *what,
			      void *const *data);
/* Frees the primitives that inference has kept. */
void hm_dnnl_steps_clear(struct hm_dnnl *n);

#endif
