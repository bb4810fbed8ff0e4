/* Arguments and names of planted.cu's kernels, for selftest.cpp. */
#ifndef CUDASIM_PLANTED_H
#define CUDASIM_PLANTED_H

#include <stdint.h>

struct planted_args {
	float *y;	/* [blocks * threads], or as the kernel says */
	const float *x; /* [blocks * threads] */
	int n;		/* elements of x */
	int bug;	/* 1: with the planted bug; 0: as it should be */
};

#endif
