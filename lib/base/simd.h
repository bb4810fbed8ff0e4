/* Vector loops are compiled for several instruction sets; the program chooses one when it starts. The
 * compiler fuses no multiply-adds in any of them, so all give the same bits. HM_SIMD_FMA is for loops that
 * call fmaf: on processors without the instruction libm computes it. */
#ifndef HM_SIMD_H
#define HM_SIMD_H

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HM_SIMD __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#define HM_SIMD_FMA __attribute__((target_clones("arch=x86-64-v4", "fma", "default")))
#else
#define HM_SIMD
#define HM_SIMD_FMA
#endif
/* A part of such functions, compiled with each of them. */
#define HM_INLINE static inline __attribute__((always_inline))

#endif
