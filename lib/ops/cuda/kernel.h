/* This file is what kernel files (.cu) are written in, the only header of ours that is for kernels. Under
 * nvcc its macros become CUDA's own words; under the host executor of tests/cudasim threads become fibres,
 * so that every kernel runs without a GPU. Rules for kernels that run on both (the lint checks what it
 * can):
 *
 * - No `<<<`, `__shared__`, `__global__` or `asm` except here. A kernel has one argument, a struct by
 *   value.
 * - Blocks have a multiple of 32 threads, at most HM_MOST_THREADS, in x alone, and at most 48 KiB of shared
 *   memory.
 * - Lanes exchange values through the _sync operations with all 32 lanes of the warp, or through shared
 *   memory with __syncwarp() or __syncthreads(). No lane returns before the last of them, none is in a
 *   branch that not all lanes take, and a line has one barrier at most. A helper with shared arrays begins
 *   with a barrier.
 * - No spinning, nothing that depends on the order of blocks, no atomics on floats: every run gives the
 *   same bytes.
 * - Arithmetic is float (double where it is rare and worth it); bf16 is a storage format. Multiply-adds
 *   that are to be fused call fmaf: nvcc runs with -fmad=false, so that host and device round alike. */
#ifndef HM_KERNEL_H
#define HM_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum { HM_WARP = 32, HM_MOST_THREADS = 256 };
#define HM_FULL 0xffffffffu /* all lanes of a warp */

/* bfloat16 as it lies in memory. */
struct hm_bf16 {
	uint16_t bits;
};

#ifdef __CUDACC__

#include <cuda_bf16.h>

/* A function that kernels call. */
#define HM_DEVICE static __device__ __forceinline__
/* HM_KERNEL(name, struct name_args) { ... a.field ... } defines a kernel. HM_KERNEL_FIT limits its
 * registers so that `blocks` blocks of `threads` threads, the largest size then, run on a multiprocessor at
 * once. */
#define HM_KERNEL(name, args) extern "C" __global__ void __launch_bounds__(HM_MOST_THREADS) name(const args a)
#define HM_KERNEL_FIT(name, args, threads, blocks)                                                           \
	extern "C" __global__ void __launch_bounds__(threads, blocks) name(const args a)
/* A shared array of the block; the shared array whose size the launch gives. Uninitialised. */
#define HM_SHARED(type, name, count) __shared__ type name[count]
#define HM_SHARED_DYNAMIC(type, name)                                                                        \
	extern __shared__ __align__(16) unsigned char hm_dynamic_shared[];                                   \
	type *name = (type *)hm_dynamic_shared

HM_DEVICE float hm_get(const struct hm_bf16 *p)
{
	return __uint_as_float((uint32_t)p->bits << 16);
}
HM_DEVICE void hm_put(struct hm_bf16 *p, float v)
{
	p->bits = __bfloat16_as_ushort(__float2bfloat16_rn(v));
}

#else

#include "cudasim.h"

#endif

/* Activations of either type, as floats; rounded to nearest even. */
HM_DEVICE float hm_get(const float *p)
{
	return *p;
}
HM_DEVICE void hm_put(float *p, float v)
{
	*p = v;
}

/* HM_KERNEL_ACT(name, struct name_args) { ... hm_get((const act *)a.x + j) ... } defines a kernel over
 * activations: NAME_f32 and NAME_bf16 from one body, in which `act` is the type. */
#define HM_KERNEL_ACT(name, args) HM_KERNEL_ACT_BY(HM_KERNEL, name, args)
#define HM_KERNEL_ACT_FIT(name, args, threads, blocks)                                                       \
	HM_KERNEL_ACT_BY(HM_KERNEL_FIT, name, args, threads, blocks)
#define HM_KERNEL_ACT_BY(kernel, name, args, ...)                                                            \
	template <class act> HM_DEVICE void name##_of(const args &a);                                        \
	kernel(name##_f32, args __VA_OPT__(, ) __VA_ARGS__)                                                  \
	{                                                                                                    \
		name##_of<float>(a);                                                                         \
	}                                                                                                    \
	kernel(name##_bf16, args __VA_OPT__(, ) __VA_ARGS__)                                                 \
	{                                                                                                    \
		name##_of<struct hm_bf16>(a);                                                                \
	}                                                                                                    \
	template <class act> HM_DEVICE void name##_of(const args &a)

/* This thread's number in the launch, and the number of all threads: for loops over elements. */
HM_DEVICE size_t hm_first(void)
{
	return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}
HM_DEVICE size_t hm_stride(void)
{
	return (size_t)gridDim.x * blockDim.x;
}

/* Sums and maxima over a warp, in every lane; all lanes call. */
HM_DEVICE float hm_warp_sum(float v)
{
	for (int k = HM_WARP / 2; k; k /= 2)
		v += __shfl_xor_sync(HM_FULL, v, k);
	return v;
}
HM_DEVICE double hm_warp_sum(double v)
{
	for (int k = HM_WARP / 2; k; k /= 2)
		v += __shfl_xor_sync(HM_FULL, v, k);
	return v;
}
HM_DEVICE float hm_warp_max(float v)
{
	for (int k = HM_WARP / 2; k; k /= 2)
		v = fmaxf(v, __shfl_xor_sync(HM_FULL, v, k));
	return v;
}

/* Sum over the block, in every thread, in a fixed order; all threads call. */
template <class real> HM_DEVICE real hm_block_sum(real v)
{
	HM_SHARED(real, part, HM_MOST_THREADS / HM_WARP);
	real sum = 0;
	v = hm_warp_sum(v);
	__syncthreads();
	if (threadIdx.x % HM_WARP == 0)
		part[threadIdx.x / HM_WARP] = v;
	__syncthreads();
	for (unsigned w = 0; w < blockDim.x / HM_WARP; w++)
		sum += part[w];
	return sum;
}

#endif
