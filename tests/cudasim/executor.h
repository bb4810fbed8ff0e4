/* What the parts of the host executor know of each other: fibres (cudasim.cpp), memory (memory.cpp), streams
 * (streams.cpp), the rest of the runtime (runtime.cpp) and products (blas.cpp). Not for kernels and not for
 * hosts. */
#ifndef CUDASIM_EXECUTOR_H
#define CUDASIM_EXECUTOR_H

#include <functional>
#include <mutex>
#include "ops/cuda/kernel.h"
#include "cuda_runtime_api.h"

enum { CUDASIM_MOST_THREADS = 1024, CUDASIM_MOST_SHARED = 48 * 1024 };

/* One line on stderr, "cudasim: ..."; die() aborts after it. */
void cudasim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cudasim_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* An environment variable's number, or `otherwise`. */
unsigned long long cudasim_env(const char *name, unsigned long long otherwise);

/* The kernel whose host address this is, or NULL. */
const cudasim_kernel *cudasim_find(const void *address);
/* All that are known, the first of a list. */
const cudasim_kernel *cudasim_kernels(void);
/* Runs all blocks of a launch; sizes are checked by the caller. */
void cudasim_run(const cudasim_kernel *k, dim3 grid, dim3 block, size_t shared, const void *args);
/* Who is running now, for messages: "kernel NAME, block (x,y,z), thread N", or NULL on the host. */
const char *cudasim_where(char *buf, size_t size);

/* Device memory, filled with NaN. Closed to the host from one wait for the device to the next work. */
void *cudasim_alloc(size_t bytes);
bool cudasim_free(void *p);
bool cudasim_is_device(const void *p, size_t bytes);
void cudasim_open(void);
void cudasim_close(void);
size_t cudasim_memory_total(void);
size_t cudasim_memory_used(void);
/* Pinned host memory. */
void *cudasim_pin(size_t bytes);
bool cudasim_unpin(void *p);
bool cudasim_is_pinned(const void *p, size_t bytes);

/* Queues work of the device in a stream: run at once, at a wait (HM_SIM_DEFER), or kept by a capture. */
cudaError_t cudasim_submit(cudaStream_t s, std::function<void()> work);
/* Runs what is queued in a stream; in all of them, or in those that the null stream waits for. */
void cudasim_finish(cudaStream_t s);
void cudasim_finish_all(bool also_nonblocking);
/* A call that would wait for a stream, or (NULL) is unsafe while one is capturing: spoils the capture; true
 * then. */
bool cudasim_spoils(cudaStream_t s);

/* Held by every call of the runtime. */
extern std::recursive_mutex cudasim_mutex;
#define LOCK std::lock_guard<std::recursive_mutex> lock(cudasim_mutex)
/* What a call returns, remembered as the last error: e, or what the device has failed with. */
cudaError_t cudasim_result(cudaError_t e);
/* The same after a wait, which closes the device's memory. */
cudaError_t cudasim_waited(void);
/* HM_SIM_CALLS: says on stderr that this call has come; of so many bytes, 0: of none. */
void cudasim_call(const char *name, size_t bytes);
/* Counts a work of the device; false: it has failed, and does no more. */
bool cudasim_works(void);

#endif
