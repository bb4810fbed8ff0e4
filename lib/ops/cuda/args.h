/* This file says how a kernel is named to the host. The families' headers of arguments (imageargs.h,
 * textargs.h, trainargs.h, productargs.h) include it; .c and .cu files share them. */
#ifndef HM_CUDA_ARGS_H
#define HM_CUDA_ARGS_H

#include <stddef.h>
#include <stdint.h>

/* A kernel as the host sees it: an address. HM_KERNELS(gelu) declares a kernel over activations, of which
 * there are two; HM_KERNEL_ONE(adam) declares a kernel that exists once. A .cu file sees neither. */
#ifdef __cplusplus
#define HM_KERNEL_ONE(name) struct hm_no_declaration
#define HM_KERNELS(name) struct hm_no_declaration
#else
typedef void hm_kernel(void);
#define HM_KERNEL_ONE(name) hm_kernel name
#define HM_KERNELS(name) hm_kernel name##_f32, name##_bf16
#endif

#endif
