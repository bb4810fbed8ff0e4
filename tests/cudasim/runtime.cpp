/* The rest of CUDA's runtime library for the host executor: errors, the device, memory, copies and launches.
 * Copies from pinned memory read it when they run. HM_SIM_NO_DEVICE=1: there is no GPU. HM_SIM_FAIL=n: the
 * n-th work of the device fails, and all that follows, as after an illegal address. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <map>
#include <memory>
#include <vector>
#include "executor.h"

std::recursive_mutex cudasim_mutex;
static cudaError_t broken; /* sticks once the device has failed */
static unsigned long long works;
static thread_local cudaError_t last_error;

/* ---- errors ---- */

static const struct {
	cudaError_t code;
	const char *name, *text;
} errors[] = {
	{cudaSuccess, "cudaSuccess", "no error"},
	{cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
	{cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
	{cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
	{cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection",
	 "invalid copy direction for memcpy"},
	{cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
	 "CUDA driver version is insufficient for CUDA runtime version"},
	{cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
	{cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
	{cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
	{cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
	{cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
	{cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
	{cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
	{cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
	{cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
	 "operation not permitted when stream is capturing"},
	{cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
	 "operation failed due to a previous error during capture"},
	{cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
	 "capture was not ended in the same stream as it began"},
	{cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

cudaError_t cudasim_result(cudaError_t e)
{
	if (broken)
		e = broken;
	if (cudasim_env("HM_SIM_NO_DEVICE", 0))
		e = cudaErrorNoDevice;
	if (e && e != cudaErrorNotReady)
		last_error = e;
	return e;
}

cudaError_t cudaGetLastError(void)
{
	cudaError_t e = last_error;
	last_error = broken;
	return e;
}

cudaError_t cudaPeekAtLastError(void)
{
	return last_error;
}

const char *cudaGetErrorName(cudaError_t e)
{
	for (auto &x : errors)
		if (x.code == e)
			return x.name;
	return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t e)
{
	for (auto &x : errors)
		if (x.code == e)
			return x.text;
	return "unrecognized error code";
}

bool cudasim_works(void)
{
	if (!broken && ++works == cudasim_env("HM_SIM_FAIL", 0))
		broken = cudaErrorIllegalAddress;
	return !broken;
}

cudaError_t cudasim_waited(void)
{
	cudasim_close();
	return cudasim_result(cudaSuccess);
}

void cudasim_call(const char *name, size_t bytes)
{
	static const bool say = cudasim_env("HM_SIM_CALLS", 0);
	if (say && bytes)
		cudasim_say("%s of %zu bytes", name, bytes);
	else if (say)
		cudasim_say("%s", name);
}

/* ---- the device ---- */

cudaError_t cudaRuntimeGetVersion(int *version)
{
	*version = CUDART_VERSION;
	return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version)
{
	*version = cudasim_env("HM_SIM_NO_DEVICE", 0) ? 0 : CUDART_VERSION;
	return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count)
{
	LOCK;
	cudaError_t e = cudasim_result(cudaSuccess);
	*count = !e;
	return e;
}

cudaError_t cudaSetDevice(int device)
{
	LOCK;
	return cudasim_result(device ? cudaErrorInvalidDevice : cudaSuccess);
}

cudaError_t cudaGetDevice(int *device)
{
	LOCK;
	*device = 0;
	return cudasim_result(cudaSuccess);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device)
{
	LOCK;
	if (device)
		return cudasim_result(cudaErrorInvalidDevice);
	memset(p, 0, sizeof *p);
	snprintf(p->name, sizeof p->name, "cudasim");
	p->totalGlobalMem = cudasim_memory_total();
	p->sharedMemPerBlock = CUDASIM_MOST_SHARED;
	p->major = 9;
	p->multiProcessorCount = 4;
	p->maxThreadsPerBlock = CUDASIM_MOST_THREADS;
	p->warpSize = 32;
	return cudasim_result(cudaSuccess);
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device)
{
	LOCK;
	static const struct {
		enum cudaDeviceAttr attr;
		int value;
	} all[] = {
		{cudaDevAttrMaxThreadsPerBlock, CUDASIM_MOST_THREADS},
		{cudaDevAttrMaxGridDimX, 0x7fffffff},
		{cudaDevAttrMaxGridDimY, 65535},
		{cudaDevAttrMaxGridDimZ, 65535},
		{cudaDevAttrMaxSharedMemoryPerBlock, CUDASIM_MOST_SHARED},
		{cudaDevAttrWarpSize, 32},
		{cudaDevAttrMultiProcessorCount, 4},
		{cudaDevAttrComputeCapabilityMajor, 9},
		{cudaDevAttrComputeCapabilityMinor, 0},
	};
	if (device)
		return cudasim_result(cudaErrorInvalidDevice);
	for (auto &a : all)
		if (a.attr == attr) {
			*value = a.value;
			return cudasim_result(cudaSuccess);
		}
	return cudasim_result(cudaErrorInvalidValue);
}

cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute attr, int value)
{
	LOCK;
	if (!cudasim_find(kernel))
		return cudasim_result(cudaErrorInvalidDeviceFunction);
	if (attr == cudaFuncAttributeMaxDynamicSharedMemorySize && (value < 0 || value > CUDASIM_MOST_SHARED))
		return cudasim_result(cudaErrorInvalidValue);
	return cudasim_result(cudaSuccess);
}

/* ---- memory ---- */

cudaError_t cudaMalloc(void **p, size_t bytes)
{
	LOCK;
	cudasim_call("cudaMalloc", bytes);
	*p = NULL;
	if (cudasim_spoils(NULL))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	if (!bytes || cudasim_result(cudaSuccess))
		return cudasim_result(cudaSuccess);
	*p = cudasim_alloc(bytes);
	return cudasim_result(*p ? cudaSuccess : cudaErrorMemoryAllocation);
}

/* Waits for the device, as CUDA's does. */
cudaError_t cudaFree(void *p)
{
	LOCK;
	if (cudasim_spoils(NULL))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	if (!p)
		return cudasim_result(cudaSuccess);
	cudasim_call("cudaFree", 0);
	cudasim_finish_all(true);
	if (cudasim_free(p))
		return cudasim_waited();
	cudasim_say("cudaFree: %p is not what cudaMalloc gave", p);
	return cudasim_result(cudaErrorInvalidValue);
}

cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned)
{
	LOCK;
	cudasim_call("cudaHostAlloc", bytes);
	*p = NULL;
	if (cudasim_spoils(NULL))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	if (!bytes || cudasim_result(cudaSuccess))
		return cudasim_result(cudaSuccess);
	*p = cudasim_pin(bytes);
	return cudasim_result(*p ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaMallocHost(void **p, size_t bytes)
{
	return cudaHostAlloc(p, bytes, cudaHostAllocDefault);
}

cudaError_t cudaFreeHost(void *p)
{
	LOCK;
	if (cudasim_spoils(NULL))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	if (!p)
		return cudasim_result(cudaSuccess);
	cudasim_call("cudaFreeHost", 0);
	cudasim_finish_all(true);
	if (cudasim_unpin(p))
		return cudasim_result(cudaSuccess);
	cudasim_say("cudaFreeHost: %p is not what cudaHostAlloc gave", p);
	return cudasim_result(cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo(size_t *left, size_t *total)
{
	LOCK;
	*total = cudasim_memory_total();
	*left = *total > cudasim_memory_used() ? *total - cudasim_memory_used() : 0;
	return cudasim_result(cudaSuccess);
}

/* Whether both sides are what `kind` says. */
static bool copy_fits(const char *who, void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind)
{
	bool to = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
	bool from = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
	static const char *const words[] = {"host memory", "device memory of so many bytes"};
	if (kind == cudaMemcpyDefault || (unsigned)kind > 4) {
		cudasim_say("%s: say what kind of copy it is", who);
		return false;
	}
	if (cudasim_is_device(dst, to ? bytes : 0) != to) {
		cudasim_say("%s: the destination is not %s (%zu bytes at %p)", who, words[to], bytes, dst);
		return false;
	}
	if (cudasim_is_device(src, from ? bytes : 0) != from) {
		cudasim_say("%s: the source is not %s (%zu bytes at %p)", who, words[from], bytes, src);
		return false;
	}
	return true;
}

cudaError_t cudaMemcpy(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind)
{
	LOCK;
	if (cudasim_spoils(NULL))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	if (!bytes)
		return cudasim_result(cudaSuccess);
	if (!copy_fits("cudaMemcpy", dst, src, bytes, kind))
		return cudasim_result(cudaErrorInvalidValue);
	cudasim_submit(NULL, [=] { memcpy(dst, src, bytes); });
	return cudasim_waited();
}

/* Host memory that is not pinned is read before the call returns, and written before it returns. */
cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind,
			    cudaStream_t s)
{
	LOCK;
	if (!bytes)
		return cudasim_result(cudaSuccess);
	if (!copy_fits("cudaMemcpyAsync", dst, src, bytes, kind))
		return cudasim_result(cudaErrorInvalidValue);
	bool read = kind == cudaMemcpyHostToDevice && !cudasim_is_pinned(src, bytes);
	bool write = kind == cudaMemcpyDeviceToHost && !cudasim_is_pinned(dst, bytes);
	if ((read || write) && s && cudasim_spoils(s))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	if (read) {
		auto kept = std::make_shared<std::vector<char>>((const char *)src, (const char *)src + bytes);
		return cudasim_submit(s, [=] { memcpy(dst, kept->data(), bytes); });
	}
	cudaError_t e = cudasim_submit(s, [=] { memcpy(dst, src, bytes); });
	if (e || !write)
		return e;
	if (s)
		cudasim_finish(s);
	return cudasim_waited();
}

cudaError_t cudaMemsetAsync(void *dst, int value, size_t bytes, cudaStream_t s)
{
	LOCK;
	if (!bytes)
		return cudasim_result(cudaSuccess);
	if (!cudasim_is_device(dst, bytes)) {
		cudasim_say("cudaMemset: no device memory of %zu bytes at %p", bytes, dst);
		return cudasim_result(cudaErrorInvalidValue);
	}
	return cudasim_submit(s, [=] { memset(dst, value, bytes); });
}

cudaError_t cudaMemset(void *dst, int value, size_t bytes)
{
	LOCK;
	if (cudasim_spoils(NULL))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	return cudaMemsetAsync(dst, value, bytes, NULL);
}

/* ---- launches ---- */

/* HM_SIM_KERNELS: how often each kernel was launched is added to the file at the end, a line each. */
static struct launches {
	std::map<const cudasim_kernel *, size_t> of;
	~launches()
	{
		const char *name = getenv("HM_SIM_KERNELS");
		FILE *f = name ? fopen(name, "a") : NULL;
		if (!f)
			return;
		for (const cudasim_kernel *k = cudasim_kernels(); k; k = k->next)
			fprintf(f, "%zu %s\n", of[k], k->name);
		fclose(f);
	}
} launches;

cudaError_t cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **args, size_t shared,
			     cudaStream_t s)
{
	LOCK;
	const cudasim_kernel *k = cudasim_find(kernel);
	size_t threads = (size_t)block.x * block.y * block.z;
	if (!k)
		return cudasim_result(cudaErrorInvalidDeviceFunction);
	if (!grid.x || !grid.y || !grid.z || !threads || threads > CUDASIM_MOST_THREADS || block.z > 64 ||
	    grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535)
		return cudasim_result(cudaErrorInvalidConfiguration);
	if (shared > CUDASIM_MOST_SHARED)
		return cudasim_result(cudaErrorInvalidValue);
	if (threads % 32 || threads > k->most) {
		cudasim_say("kernel %s: blocks of %zu threads, not a multiple of 32 up to %u", k->name,
			    threads, k->most);
		return cudasim_result(cudaErrorInvalidConfiguration);
	}
	launches.of[k]++;
	auto copy =
		std::make_shared<std::vector<char>>((const char *)args[0], (const char *)args[0] + k->bytes);
	return cudasim_submit(s, [=] { cudasim_run(k, grid, block, shared, copy->data()); });
}
