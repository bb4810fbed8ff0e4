/* This file allocates device memory and copies between it and the host. See cuda.h and context.h. */
#include "ops/cuda/context.h"

#include <string.h>

static const double GIB = 1 << 30;

/* Sticks an error that says how much is needed and how much there is. */
static void short_of(struct hm_device *d, size_t bytes)
{
	size_t left = 0, all = 0;
	cudaGetLastError(); /* the error says it here */
	cudaMemGetInfo(&left, &all);
	hm_err_set(
		&d->err, HM_EDATA,
		"device cuda: out of memory: %.2f GiB more are needed, %.2f of %.2f GiB are free; a smaller "
		"--batch-size needs less",
		(double)bytes / GIB, (double)left / GIB, (double)all / GIB);
}

static void *allocate(struct hm_device *d, size_t bytes)
{
	void *p = NULL;
	if (d->err.code)
		return NULL;
	cudaSetDevice(hm_cuda_of(d)->index);
	cudaError_t rc = cudaMalloc(&p, bytes ? bytes : 1);
	if (rc == cudaErrorMemoryAllocation)
		return short_of(d, bytes), NULL;
	return hm_cuda_ok(d, "memory", rc) ? p : NULL;
}

/* The memory is zero when this returns: another stream (prefetch, a fork) may be the first to write there. */
void *hm_cuda_alloc(struct hm_device *d, size_t bytes)
{
	void *p = allocate(d, bytes);
	if (p) {
		hm_cuda_zero(d, p, bytes);
		hm_cuda_sync(d);
	}
	return p;
}

void hm_cuda_free(struct hm_device *d, void *p)
{
	if (!p)
		return;
	hm_cuda_sync(d);
	hm_cuda_forget(hm_cuda_of(d)); /* graphs still contain the address */
	cudaFree(p);
}

/* LEAST bytes are enough for the partial sums of any reduction and loss. */
void *hm_cuda_scratch(struct hm_device *d, size_t bytes)
{
	enum { LEAST = 64 << 10 };
	struct hm_cuda *c = hm_cuda_of(d);
	size_t size = bytes + bytes / 4 < LEAST ? LEAST : bytes + bytes / 4;
	if (bytes <= c->scratch_size)
		return d->err.code ? NULL : c->scratch;
	hm_cuda_free(d, c->scratch);
	c->scratch_size = 0;
	c->scratch = allocate(d, size);
	if (c->scratch)
		c->scratch_size = size;
	return c->scratch;
}

/* ---- from the host */

bool hm_cuda_stage_room(struct hm_device *d, size_t n)
{
	struct hm_cuda *c = hm_cuda_of(d);
	if (n <= c->stage_size)
		return true;
	hm_cuda_sync(d);
	cudaFreeHost(c->stage);
	c->stage = NULL;
	c->stage_size = 0;
	if (!hm_cuda_ok(d, "pinned memory", cudaMallocHost((void **)&c->stage, n)))
		return false;
	c->stage_size = n;
	return true;
}

void *hm_cuda_stage(struct hm_device *d, const void *p, size_t n)
{
	struct hm_cuda *c = hm_cuda_of(d);
	size_t at = (c->stage_used + 63) / 64 * 64;
	if (d->err.code)
		return NULL;
	if (at + n > c->stage_size) { /* allocate more once rather than wait each time it is full */
		size_t want = n > HM_CUDA_STAGE_MOST ? n : HM_CUDA_STAGE_MOST;
		if (want <= c->stage_size)
			hm_cuda_sync(d);
		else if (!hm_cuda_stage_room(d, want))
			return NULL;
		at = 0;
	}
	c->stage_used = at + n;
	memcpy(c->stage + at, p, n);
	return c->stage + at;
}

/* Large copies start at once, so that they run while the host goes on. */
void hm_cuda_upload(struct hm_device *d, void *dst, const void *host, size_t bytes)
{
	enum { PIECE = 4 << 20, SMALL = 64 << 10 };
	if (bytes > SMALL && hm_cuda_stage_room(d, HM_CUDA_STAGE_MOST))
		hm_cuda_submit(d);
	for (size_t at = 0, n; at < bytes; at += n) {
		n = bytes - at < PIECE ? bytes - at : PIECE;
		void *pinned = hm_cuda_stage(d, (const char *)host + at, n);
		if (!pinned)
			return;
		if (bytes > SMALL)
			hm_cuda_ok(d, "upload",
				   cudaMemcpyAsync((char *)dst + at, pinned, n, cudaMemcpyHostToDevice,
						   hm_cuda_of(d)->stream));
		else
			hm_cuda_put(d, dst, pinned, n);
	}
}

/* Another stream copies, from pinned memory of its own. That memory is filled again when its copies have
 * ended: they have after a wait, because the main stream waits for them. It holds everything between two
 * waits. */
void hm_cuda_prefetch(struct hm_device *d, void *dst, const void *host, size_t bytes)
{
	enum { PIECE = 4 << 20 };
	struct hm_cuda *c = hm_cuda_of(d);
	hm_cuda_submit(d);
	if (c->waited)
		c->ahead_used = 0;
	c->waited = false;
	if (c->ahead_used + bytes > c->ahead_size) {
		size_t size = c->ahead_used + bytes;
		hm_cuda_ok(d, "prefetch", cudaEventSynchronize(c->sent));
		cudaFreeHost(c->ahead);
		c->ahead = NULL;
		c->ahead_used = c->ahead_size = 0;
		if (!hm_cuda_ok(d, "pinned memory", cudaMallocHost((void **)&c->ahead, size)))
			return;
		c->ahead_size = size;
	}
	for (size_t at = 0, n; at < bytes && !d->err.code; at += n, c->ahead_used += n) {
		n = bytes - at < PIECE ? bytes - at : PIECE;
		memcpy(c->ahead + c->ahead_used, (const char *)host + at, n);
		hm_cuda_ok(d, "prefetch",
			   cudaMemcpyAsync((char *)dst + at, c->ahead + c->ahead_used, n,
					   cudaMemcpyHostToDevice, c->beside));
	}
	if (!d->err.code && hm_cuda_ok(d, "prefetch", cudaEventRecord(c->sent, c->beside)))
		hm_cuda_ok(d, "prefetch", cudaStreamWaitEvent(c->stream, c->sent, 0));
}

const void *hm_cuda_vary(struct hm_device *d, const void *p, size_t bytes)
{
	struct hm_cuda *c = hm_cuda_of(d);
	unsigned char line[HM_CUDA_LINE] = {0};
	memcpy(line, p, bytes);
	for (size_t at = 0; at < c->vary_used; at += sizeof line)
		if (!memcmp(c->varied + at, line, sizeof line))
			return c->vary + at;
	if (c->vary_used == HM_CUDA_VARY)
		hm_cuda_sync(d);
	void *pinned = hm_cuda_stage(
		d, line, sizeof line); /* may wait, and resets vary_used: so count lines after it */
	if (!pinned)
		return NULL;
	void *at = c->vary + c->vary_used;
	memcpy(c->varied + c->vary_used, line, sizeof line);
	c->vary_used += sizeof line;
	hm_cuda_put(d, at, pinned, sizeof line);
	return at;
}

/* ---- to the host */

void hm_cuda_download(struct hm_device *d, void *host, const void *src, size_t bytes)
{
	struct hm_cuda *c = hm_cuda_of(d);
	hm_cuda_submit(d);
	if (!d->err.code)
		hm_cuda_ok(d, "download",
			   cudaMemcpyAsync(host, src, bytes, cudaMemcpyDeviceToHost, c->stream));
	hm_cuda_sync(d);
}
