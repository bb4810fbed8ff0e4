/* The byte-shuffle filter: sorts the bytes of n numbers by significance, because zstd compresses similar
 * bytes better when they are neighbours. */
#include "rec/format.h"

#include <string.h>

/* Plain loops with a constant size, which compilers turn into vector code. */
#define PLANES(SIZE)                                                                                         \
	static void shuffle##SIZE(const unsigned char *restrict in, unsigned char *restrict out, size_t n)   \
	{                                                                                                    \
		for (size_t k = 0; k < SIZE; k++)                                                            \
			for (size_t i = 0; i < n; i++)                                                       \
				out[k * n + i] = in[i * SIZE + k];                                           \
	}                                                                                                    \
	static void unshuffle##SIZE(const unsigned char *restrict in, unsigned char *restrict out, size_t n) \
	{                                                                                                    \
		for (size_t i = 0; i < n; i++)                                                               \
			for (size_t k = 0; k < SIZE; k++)                                                    \
				out[i * SIZE + k] = in[k * n + i];                                           \
	}
PLANES(2)
PLANES(4)
PLANES(8)

void hm_shuffle(const unsigned char *in, unsigned char *out, size_t n, size_t size)
{
	switch (size) {
	case 2:
		shuffle2(in, out, n);
		break;
	case 4:
		shuffle4(in, out, n);
		break;
	case 8:
		shuffle8(in, out, n);
		break;
	default:
		memcpy(out, in, n * size);
	}
}

void hm_unshuffle(const unsigned char *in, unsigned char *out, size_t n, size_t size)
{
	switch (size) {
	case 2:
		unshuffle2(in, out, n);
		break;
	case 4:
		unshuffle4(in, out, n);
		break;
	case 8:
		unshuffle8(in, out, n);
		break;
	default:
		memcpy(out, in, n * size);
	}
}
