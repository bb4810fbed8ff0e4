/* What kernels are written in where there is no GPU: included by lib/ops/cuda/kernel.h in place of nvcc's own
 * words. Every CUDA thread is a fibre of the executor (cudasim.cpp); barriers and warp operations carry their
 * line, so that one that not all threads reach is reported by name. */
#ifndef CUDASIM_H
#define CUDASIM_H

#include <math.h>
#include <string.h>

/* Vectors, aligned as on the device. */
#define CUDASIM_VECTOR(name, type, n, align, fields, params, values)                                         \
	struct alignas(align) name {                                                                         \
		type fields;                                                                                 \
	};                                                                                                   \
	static inline name make_##name params                                                                \
	{                                                                                                    \
		return name values;                                                                          \
	}
#define CUDASIM_ARGS(...) __VA_ARGS__
#define CUDASIM_VECTOR2(name, type, align)                                                                   \
	CUDASIM_VECTOR(name, type, 2, align, CUDASIM_ARGS(x, y), (type x, type y), CUDASIM_ARGS({x, y}))
#define CUDASIM_VECTOR4(name, type, align)                                                                   \
	CUDASIM_VECTOR(name, type, 4, align, CUDASIM_ARGS(x, y, z, w), (type x, type y, type z, type w),     \
		       CUDASIM_ARGS({x, y, z, w}))
CUDASIM_VECTOR2(float2, float, 8)
CUDASIM_VECTOR2(int2, int, 8)
CUDASIM_VECTOR2(uint2, unsigned, 8)
CUDASIM_VECTOR2(double2, double, 16)
CUDASIM_VECTOR4(float4, float, 16)
CUDASIM_VECTOR4(int4, int, 16)
CUDASIM_VECTOR4(uint4, unsigned, 16)
CUDASIM_VECTOR4(ushort4, unsigned short, 8)
CUDASIM_VECTOR4(uchar4, unsigned char, 4)

/* The running thread and its launch. */
struct cudasim_index {
	unsigned x, y, z;
};
struct cudasim_thread {
	cudasim_index index;
	unsigned lane;
};
extern cudasim_thread *cudasim_now;
extern cudasim_index cudasim_block, cudasim_threads, cudasim_blocks;
#define threadIdx (cudasim_now->index)
#define blockIdx cudasim_block
#define blockDim cudasim_threads
#define gridDim cudasim_blocks

/* The executor's side; `what` is the operation's name, for messages. */
void cudasim_barrier(const char *file, int line);
void cudasim_warp_barrier(unsigned mask, const char *file, int line);
uint64_t cudasim_shuffle(const char *what, unsigned mask, uint64_t v, unsigned from, const char *file,
			 int line);
unsigned cudasim_vote(const char *what, unsigned mask, bool v, const char *file, int line);
void *cudasim_shared(const void *site, size_t bytes);
void *cudasim_shared_dynamic(void);

/* A kernel made known to the launcher. */
struct cudasim_kernel {
	void (*body)(const void *args);
	const char *name;
	size_t bytes;
	unsigned most; /* threads of a block */
	cudasim_kernel *next;
	cudasim_kernel(void (*body)(const void *), const char *name, size_t bytes, unsigned most);
};

#define HM_DEVICE static inline
#define CUDASIM_KERNEL(name, args, most)                                                                     \
	static void name##_body(const args &a);                                                              \
	extern "C" void name(const void *p)                                                                  \
	{                                                                                                    \
		name##_body(*(const args *)p);                                                               \
	}                                                                                                    \
	static cudasim_kernel name##_known(name, #name, sizeof(args), most);                                 \
	static void name##_body(const args &a)
#define HM_KERNEL(name, args) CUDASIM_KERNEL(name, args, HM_MOST_THREADS)
#define HM_KERNEL_FIT(name, args, threads, blocks) CUDASIM_KERNEL(name, args, threads)
/* One array a block and place in the text; templates have one for each instance. */
#define HM_SHARED(type, name, count)                                                                         \
	static char name##_site;                                                                             \
	type(&name)[count] = *(type(*)[count])cudasim_shared(&name##_site, sizeof(type[count]))
#define HM_SHARED_DYNAMIC(type, name) type *name = (type *)cudasim_shared_dynamic()
/* Words of CUDA that only kernel.h may say. */
#define __shared__ hm_use_HM_SHARED_instead
#define __global__ hm_use_HM_KERNEL_instead
#define __device__ hm_use_HM_DEVICE_instead

#define CUDASIM_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

static inline void __syncthreads(CUDASIM_HERE)
{
	cudasim_barrier(file, line);
}
static inline void __syncwarp(unsigned mask = 0xffffffffu, CUDASIM_HERE)
{
	cudasim_warp_barrier(mask, file, line);
}

template <class T>
static inline T cudasim_exchange(const char *what, unsigned mask, T v, unsigned from, const char *file,
				 int line)
{
	static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
	uint64_t bits = 0;
	memcpy(&bits, &v, sizeof v);
	bits = cudasim_shuffle(what, mask, bits, from, file, line);
	memcpy(&v, &bits, sizeof v);
	return v;
}
/* Lanes outside a segment of `width` lanes are not read: the lane keeps its own value. */
template <class T> static inline T __shfl_sync(unsigned mask, T v, int from, int width = 32, CUDASIM_HERE)
{
	unsigned first = cudasim_now->lane & ~(width - 1u);
	return cudasim_exchange("__shfl_sync", mask, v, first | (from & (width - 1u)), file, line);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32, CUDASIM_HERE)
{
	unsigned lane = cudasim_now->lane, place = lane & (width - 1u);
	return cudasim_exchange("__shfl_up_sync", mask, v, place < delta ? lane : lane - delta, file, line);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32, CUDASIM_HERE)
{
	unsigned lane = cudasim_now->lane, left = width - 1u - (lane & (width - 1u));
	return cudasim_exchange("__shfl_down_sync", mask, v, delta > left ? lane : lane + delta, file, line);
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T v, int other, int width = 32, CUDASIM_HERE)
{
	unsigned lane = cudasim_now->lane, from = lane ^ (unsigned)other, last = lane | (width - 1u);
	return cudasim_exchange("__shfl_xor_sync", mask, v, from > last ? lane : from, file, line);
}
static inline unsigned __ballot_sync(unsigned mask, int v, CUDASIM_HERE)
{
	return cudasim_vote("__ballot_sync", mask, v != 0, file, line);
}
static inline int __any_sync(unsigned mask, int v, CUDASIM_HERE)
{
	return cudasim_vote("__any_sync", mask, v != 0, file, line) != 0;
}
static inline int __all_sync(unsigned mask, int v, CUDASIM_HERE)
{
	return cudasim_vote("__all_sync", mask, v != 0, file, line) == mask;
}

/* Atomics on integers alone: sums of floats would depend on the order. */
static inline int atomicAdd(int *p, int v)
{
	return __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
}
static inline unsigned atomicAdd(unsigned *p, unsigned v)
{
	return __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
}
static inline unsigned long long atomicAdd(unsigned long long *p, unsigned long long v)
{
	return __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
}

template <class T> static inline T __ldg(const T *p)
{
	return *p;
}
static inline uint32_t __float_as_uint(float v)
{
	uint32_t bits;
	memcpy(&bits, &v, sizeof bits);
	return bits;
}
static inline float __uint_as_float(uint32_t bits)
{
	float v;
	memcpy(&v, &bits, sizeof v);
	return v;
}
static inline unsigned __umulhi(unsigned a, unsigned b)
{
	return (unsigned)((uint64_t)a * b >> 32);
}
static inline int __popc(unsigned v)
{
	return __builtin_popcount(v);
}
static inline float rsqrtf(float v)
{
	return 1.0f / sqrtf(v);
}

HM_DEVICE float hm_get(const struct hm_bf16 *p)
{
	return __uint_as_float((uint32_t)p->bits << 16);
}
/* To nearest, halves to even; NaN becomes the device's NaN. */
HM_DEVICE void hm_put(struct hm_bf16 *p, float v)
{
	uint32_t bits = __float_as_uint(v);
	p->bits = v != v ? 0x7fff : (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
