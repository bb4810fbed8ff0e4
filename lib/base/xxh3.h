/* Includes xxHash for XXH3. On x86 it takes the library's functions that choose among SSE2, AVX2 and AVX-512
 * at run time, up to ten times as fast as those for the compiler's default. The digests are the same. */
#ifndef HM_XXH3_H
#define HM_XXH3_H

#if defined(__x86_64__) && defined(__has_include)
#if __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#undef XXH3_128bits /* version 0.8.1 takes its own definition back */
#define XXH3_128bits XXH3_128bits_dispatch
#endif
#endif

#include <xxhash.h>

#endif
