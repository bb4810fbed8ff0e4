/* This file brings work to the GPU. A training step asks for hundreds of launches, and when shapes repeat
 * it asks for the same ones as the step before. So the work between two waits is recorded in a list. While
 * the list is the beginning of an earlier one, nothing is launched; when it ends like the earlier one, all
 * of it is launched as one CUDA graph. At the first difference the work held back is launched, and later
 * work is launched at once. Lists are compared as bytes: kernel, grid, arguments. Numbers that change from
 * step to step are not part of them (hm_cuda_vary, staged uploads). */
#include "ops/cuda/context.h"

#include <stdlib.h>
#include <string.h>

enum kind { KERNEL, PUT, ZERO, COPY, PRODUCT };
/* `bytes` bytes of arguments follow, rounded up to a multiple of 8. */
struct entry {
	const char *name;
	hm_kernel *kernel;
	struct hm_grid grid;
	uint32_t kind, bytes;
};
struct move {
	void *dst;
	const void *src;
	size_t bytes;
};

bool hm_cuda_ok(struct hm_device *d, const char *operation, cudaError_t rc)
{
	if (rc != cudaSuccess)
		hm_err_set(&d->err, HM_EDATA, "device cuda: %s: %s", operation, cudaGetErrorString(rc));
	return rc == cudaSuccess;
}

static size_t entry_size(const struct entry *t)
{
	return sizeof *t + (t->bytes + 7) / 8 * 8;
}

/* ---- starting recorded work */

/* cuBLASLt's status as an error of the runtime, for messages. */
static cudaError_t as_error(cublasStatus_t s)
{
	switch (s) {
	case CUBLAS_STATUS_SUCCESS:
		return cudaSuccess;
	case CUBLAS_STATUS_NOT_SUPPORTED:
		return cudaErrorNotSupported;
	case CUBLAS_STATUS_INVALID_VALUE:
		return cudaErrorInvalidValue;
	case CUBLAS_STATUS_EXECUTION_FAILED:
		return cudaErrorLaunchFailure;
	default:
		return cudaErrorUnknown;
	}
}

static cudaError_t start_entry(struct hm_cuda *c, const struct entry *t)
{
	const void *at = t + 1;
	const struct move *m = at;
	void *args[] = {(void *)(uintptr_t)at};
	dim3 grid = {t->grid.x, t->grid.y, 1}, block = {t->grid.threads, 1, 1};
	switch (t->kind) {
	case KERNEL:
		return cudaLaunchKernel((const void *)t->kernel, grid, block, args, t->grid.shared,
					c->stream);
	case PUT:
		return cudaMemcpyAsync(m->dst, m->src, m->bytes, cudaMemcpyHostToDevice, c->stream);
	case COPY:
		return cudaMemcpyAsync(m->dst, m->src, m->bytes, cudaMemcpyDeviceToDevice, c->stream);
	case ZERO:
		return cudaMemsetAsync(m->dst, 0, m->bytes, c->stream);
	default:
		return as_error(hm_cuda_product_run(c, at));
	}
}

static void start_one(struct hm_device *d, const struct entry *t)
{
	struct hm_cuda *c = hm_cuda_of(d);
	if (!d->err.code && hm_cuda_ok(d, t->name, start_entry(c, t)) && c->careful)
		hm_cuda_ok(d, t->name, cudaStreamSynchronize(c->stream));
}

static void start_all(struct hm_device *d, const struct hm_cuda_list *l)
{
	for (size_t at = 0; at < l->len;) {
		const struct entry *t = (const void *)(l->data + at);
		start_one(d, t);
		at += entry_size(t);
	}
}

/* Makes a graph of the list. False: it cannot be one, now or later; this is no failure. */
static bool capture_list(struct hm_cuda *c, struct hm_cuda_list *l)
{
	cudaGraph_t graph = NULL;
	cudaError_t rc = cudaStreamBeginCapture(c->stream, cudaStreamCaptureModeThreadLocal), ended;
	if (rc == cudaSuccess) {
		for (size_t at = 0; at < l->len && rc == cudaSuccess;) {
			const struct entry *t = (const void *)(l->data + at);
			rc = start_entry(c, t);
			at += entry_size(t);
		}
		ended = cudaStreamEndCapture(c->stream, &graph);
		rc = rc == cudaSuccess ? ended : rc;
	}
	if (rc == cudaSuccess)
		rc = cudaGraphInstantiate(&l->graph, graph, 0);
	if (graph)
		cudaGraphDestroy(graph);
	if (rc == cudaSuccess)
		return true;
	cudaGetLastError(); /* clears the runtime's last error */
	l->graph = NULL;
	l->plain = true;
	return false;
}

static void drop_list(struct hm_cuda_list *l)
{
	if (l->graph)
		cudaGraphExecDestroy(l->graph);
	free(l->data);
	*l = (struct hm_cuda_list){0};
}

void hm_cuda_forget(struct hm_cuda *c)
{
	for (int k = 0; k < HM_LISTS; k++)
		drop_list(&c->list[k]);
	free(c->now.data);
	c->now = (struct hm_cuda_list){0};
	c->following = 0;
}

/* Keeps the new list that has just ended, in place of the one used longest ago. */
static void keep_list(struct hm_cuda *c)
{
	int oldest = 0;
	for (int k = 1; k < HM_LISTS; k++)
		if (c->list[k].used < c->list[oldest].used)
			oldest = k;
	struct hm_cuda_list was = c->list[oldest];
	if (was.graph) /* it may be running: CUDA frees it when it has ended (cuGraphExecDestroy) */
		cudaGraphExecDestroy(was.graph);
	c->list[oldest] = c->now;
	c->list[oldest].used = ++c->runs;
	c->now = (struct hm_cuda_list){.data = was.data, .cap = was.cap};
}

/* Whether the work recorded so far is the beginning of list k. */
static bool goes_like(const struct hm_cuda *c, int k)
{
	return c->list[k].len >= c->now.len && !memcmp(c->list[k].data, c->now.data, c->now.len);
}

void hm_cuda_submit(struct hm_device *d)
{
	struct hm_cuda *c = hm_cuda_of(d);
	cudaSetDevice(c->index);
	if (!c->now.len)
		return;
	struct hm_cuda_list *l = NULL;
	for (int k = 0; k < HM_LISTS && c->following >= 0 && !l; k++)
		if (c->list[k].len == c->now.len && goes_like(c, k))
			l = &c->list[k];
	bool held = c->following >= 0;
	if (l && !d->err.code && !c->careful && (l->graph || (!l->plain && capture_list(c, l)))) {
		hm_cuda_ok(d, c->last, cudaGraphLaunch(l->graph, c->stream));
		held = false;
	}
	if (held)
		start_all(d, &c->now);
	if (l) {
		l->used = ++c->runs;
		c->now.len = 0;
	} else {
		keep_list(c);
	}
	c->following = 0;
}

void hm_cuda_sync(struct hm_device *d)
{
	struct hm_cuda *c = hm_cuda_of(d);
	hm_cuda_submit(d);
	cudaError_t rc = cudaStreamSynchronize(c->stream);
	if (rc != cudaSuccess)
		hm_err_set(&d->err, HM_EDATA,
			   "device cuda: %s, in one of the operations from %s to %s (HM_CUDA_SYNC=1 in the "
			   "environment "
			   "has each waited for and named)",
			   cudaGetErrorString(rc), c->first ? c->first : "none", c->last ? c->last : "none");
	c->first = NULL;
	c->waited = true;
	c->stage_used = c->vary_used = 0;
}

/* ---- recording work */

static bool make_room(struct hm_device *d, size_t more)
{
	struct hm_cuda_list *l = &hm_cuda_of(d)->now;
	if (l->len + more <= l->cap)
		return true;
	size_t cap = 2 * (l->len + more);
	unsigned char *data = realloc(l->data, cap);
	if (!data) {
		hm_err_set(&d->err, HM_EDATA, "out of memory: %zu bytes for what is to be launched", cap);
		return false;
	}
	l->data = data;
	l->cap = cap;
	return true;
}

/* The work recorded so far no longer follows its list: returns another list that it is the beginning of, or
 * -1. */
static int find_other_list(const struct hm_cuda *c)
{
	for (int k = 0; k < HM_LISTS; k++)
		if (goes_like(c, k))
			return k;
	return -1;
}

static void record_entry(struct hm_device *d, const struct entry *t, const void *args)
{
	struct hm_cuda *c = hm_cuda_of(d);
	size_t at = c->now.len, size = entry_size(t);
	if (d->err.code || !make_room(d, size))
		return;
	struct entry *to = (void *)(c->now.data + at);
	memset(to, 0, size);
	*to = *t;
	memcpy(to + 1, args, t->bytes);
	c->now.len += size;
	c->last = t->name;
	if (!c->first)
		c->first = t->name;
	if (c->following < 0) {
		cudaSetDevice(c->index); /* another thread may use the context now */
		start_one(d, to);
		return;
	}
	const struct hm_cuda_list *l = &c->list[c->following];
	if (l->len >= c->now.len && !memcmp(l->data + at, to, size))
		return;
	c->following = find_other_list(c);
	if (c->following < 0) {
		cudaSetDevice(c->index);
		start_all(d, &c->now);
	}
}

void hm_cuda_launch(struct hm_device *d, const char *name, hm_kernel *kernel, struct hm_grid g,
		    const void *args, size_t bytes)
{
	struct entry t = {name, kernel, g, KERNEL, (uint32_t)bytes};
	if (g.x && g.y)
		record_entry(d, &t, args);
}

static void record_move(struct hm_device *d, enum kind kind, const char *name, void *dst, const void *src,
			size_t bytes)
{
	struct move m = {dst, src, bytes};
	struct entry t = {.name = name, .kind = kind, .bytes = sizeof m};
	if (bytes)
		record_entry(d, &t, &m);
}

void hm_cuda_put(struct hm_device *d, void *dst, const void *pinned, size_t bytes)
{
	record_move(d, PUT, "upload", dst, pinned, bytes);
}

void hm_cuda_copy(struct hm_device *d, void *dst, const void *src, size_t bytes)
{
	record_move(d, COPY, "copy", dst, src, bytes);
}

void hm_cuda_zero(struct hm_device *d, void *dst, size_t bytes)
{
	record_move(d, ZERO, "zero", dst, NULL, bytes);
}

void hm_cuda_multiply(struct hm_device *d, const struct hm_cuda_product *p)
{
	struct entry t = {.name = "matrix product", .kind = PRODUCT, .bytes = sizeof *p};
	record_entry(d, &t, p);
}

/* ---- grids */

struct hm_grid hm_cuda_loop(struct hm_device *d, size_t n)
{
	enum { THREADS = 256, WAVES = 8 };
	size_t blocks = (n + THREADS - 1) / THREADS, most = (size_t)hm_cuda_of(d)->units * WAVES;
	return (struct hm_grid){(unsigned)(blocks < most ? blocks : most), 1, THREADS, 0};
}

struct hm_grid hm_cuda_each(size_t n, unsigned threads)
{
	return (struct hm_grid){(unsigned)n, 1, threads, 0};
}
