/* This file opens oneDNN for the cpu device: its engine, its streams, and how a primitive is run. Each
 * context has one stream, and work runs on the calling thread. Inference is in dnnlsteps.c, training in
 * densetrain.c and convtrain.c. */
#if HM_ONEDNN
#include "ops/cpu/dnnl.h"
#include "ops/cpu/panels.h"

#include <dnnl_version.h>
#include <stdio.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* ---- contexts */

static const char *runtime_name(unsigned runtime)
{
	return runtime == DNNL_RUNTIME_OMP ? "OpenMP" : runtime == DNNL_RUNTIME_SEQ ? "sequential" : NULL;
}

void hm_dnnl_describe(char *out, size_t cap)
{
	const dnnl_version_t *v = dnnl_version();
	const char *runtime = runtime_name(v->cpu_runtime);
	snprintf(out, cap, "oneDNN %d.%d.%d, %s", v->major, v->minor, v->patch,
		 runtime ? runtime : "unusable runtime");
}

/* oneDNN chooses kernels by instruction set and block sizes by the caches of the model. */
uint64_t hm_dnnl_processor(void)
{
	unsigned model = 0;
#if defined(__x86_64__)
	unsigned b, c, d;
	__get_cpuid(1, &model, &b, &c, &d);
#endif
	return (uint64_t)dnnl_get_effective_cpu_isa() << 32 | model;
}

dnnl_engine_t hm_dnnl_engine(const struct hm_device *d)
{
	return ((struct hm_cpu *)d->ctx)->dnnl->shared->engine;
}

dnnl_stream_t hm_dnnl_stream(const struct hm_device *d)
{
	return ((struct hm_cpu *)d->ctx)->dnnl->stream;
}

static bool has_isa(dnnl_cpu_isa_t isa)
{
	return (dnnl_get_effective_cpu_isa() & isa) == (unsigned)isa;
}

bool hm_dnnl_tiles(void)
{
	return has_isa(dnnl_cpu_isa_avx512_core_amx);
}

bool hm_dnnl_bf16_pays(void)
{
#if defined(__x86_64__)
	return hm_dnnl_tiles() || __builtin_cpu_is("amd");
#else
	return true;
#endif
}

static struct hm_dnnl *open_context(struct hm_dnnl_shared *s, bool owner, struct hm_err *e)
{
	struct hm_dnnl *n = hm_alloc(1, sizeof *n, e);
	if (!n)
		return NULL;
	n->shared = s;
	if (dnnl_stream_create(&n->stream, s->engine, dnnl_stream_default_flags)) {
		hm_err_set(e, HM_EDEVICE, "oneDNN cannot make a stream");
		free(n);
		return NULL;
	}
	n->owner = owner;
	return n;
}

struct hm_dnnl *hm_dnnl_open(enum hm_precision precision, size_t *block, struct hm_err *e)
{
	struct hm_dnnl *n = NULL;
	/* Else it looks for the library of a profiler, in dozens of folders, when it makes its first kernel.
	 */
	if (!getenv("DNNL_JIT_PROFILE"))
		dnnl_set_jit_profiling_flags(DNNL_JIT_PROFILE_NONE);
	if (!runtime_name(dnnl_version()->cpu_runtime)) {
		hm_err_set(e, HM_EDEVICE,
			   "this oneDNN runs its threads by neither OpenMP nor the caller's (runtime %u)",
			   dnnl_version()->cpu_runtime);
		return NULL;
	}
	if (precision == HM_PREC_BF16 && !has_isa(dnnl_cpu_isa_avx512_core_bf16)) {
		hm_err_set(e, HM_EDEVICE, "this processor has no bf16 arithmetic (avx512_bf16)");
		return NULL;
	}
	struct hm_dnnl_shared *s = hm_alloc(1, sizeof *s, e);
	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->block = precision == HM_PREC_BF16	       ? 1
		   : has_isa(dnnl_cpu_isa_avx512_core) ? 16
		   : has_isa(dnnl_cpu_isa_avx2)	       ? 8
						       : 1;
	/* In bf16 too: without AMX, bf16 products are at most twice as fast as those of f32, of which
	 * Winograd's transform leaves a quarter. */
	s->winograd = has_isa(dnnl_cpu_isa_avx2) && (precision == HM_PREC_F32 || !hm_dnnl_tiles());
	s->panels = s->block == 8 && hm_panels_take();
	if (dnnl_engine_create(&s->engine, dnnl_cpu, 0))
		hm_err_set(e, HM_EDEVICE, "oneDNN cannot make a CPU engine");
	else
		n = open_context(s, true, e);
	if (n) {
		*block = s->block;
		return n;
	}
	if (s->engine)
		dnnl_engine_destroy(s->engine);
	free(s);
	return NULL;
}

struct hm_dnnl *hm_dnnl_fork(const struct hm_dnnl *from, struct hm_err *e)
{
	return open_context(from->shared, false, e);
}

void hm_dnnl_close(struct hm_dnnl *n)
{
	hm_dnnl_steps_clear(n);
	dnnl_stream_destroy(n->stream);
	if (n->owner) {
		dnnl_engine_destroy(n->shared->engine);
		pthread_mutex_destroy(&n->shared->lock);
		free(n->shared);
	}
	free(n);
}

/* ---- for all operations */

dnnl_format_tag_t hm_dnnl_image_tag(const struct hm_device *d, int c)
{
	size_t block = ((const struct hm_cpu *)d->ctx)->block;
	if (block == 1)
		return dnnl_nhwc;
	return c == 3 ? dnnl_nchw : block == 16 ? dnnl_nChw16c : dnnl_nChw8c;
}

dnnl_status_t hm_dnnl_execute(struct hm_device *d, dnnl_primitive_desc_t pd, int n, const int *what,
			      void *const *data)
{
	dnnl_exec_arg_t arg[HM_DNNL_ARGS];
	dnnl_primitive_t prim = NULL;
	dnnl_status_t st = dnnl_primitive_create(&prim, pd);
	int there = 0;
	for (int j = 0; j < n && !st; j++)
		if (data[j]) {
			arg[there].arg = what[j];
			st = hm_dnnl_memory(&arg[there].memory,
					    hm_dnnl_query_md(pd, dnnl_query_exec_arg_md, what[j]),
					    hm_dnnl_engine(d), data[j]);
			there += !st;
		}
	if (!st)
		st = dnnl_primitive_execute(prim, hm_dnnl_stream(d), there, arg);
	if (!st)
		st = dnnl_stream_wait(hm_dnnl_stream(d));
	while (there--)
		dnnl_memory_destroy(arg[there].memory);
	dnnl_primitive_destroy(prim);
	return st;
}

#endif
