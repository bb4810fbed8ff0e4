/* Runs example.cu's kernel as the host files of lib/ops/cuda do, and compares: exit status 1 if it differs.
 */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include "example.h"

enum { M = 37, N = 301 };

int main(void)
{
	static float x[M * N], y[M];
	struct example_args a = {.m = M, .n = N};
	void *args[] = {&a}, *dx, *dy;
	cudaStream_t s;
	int bad = 0;
	for (int i = 0; i < M * N; i++)
		x[i] = (float)(i % 97);
	bad |= cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking);
	bad |= cudaMalloc(&dx, sizeof x);
	bad |= cudaMalloc(&dy, sizeof y);
	a.x = dx;
	a.y = dy;
	bad |= cudaMemcpyAsync(dx, x, sizeof x, cudaMemcpyHostToDevice, s);
	bad |= cudaLaunchKernel((const void *)example_row_sums, (dim3){M, 1, 1}, (dim3){128, 1, 1}, args, 0,
				s);
	bad |= cudaMemcpyAsync(y, dy, sizeof y, cudaMemcpyDeviceToHost, s);
	bad |= cudaStreamSynchronize(s);
	for (int i = 0; i < M; i++) {
		float want = 0;
		for (int j = 0; j < N; j++)
			want += x[i * N + j];
		bad |= y[i] != want;
	}
	bad |= cudaFree(dx);
	bad |= cudaFree(dy);
	bad |= cudaStreamDestroy(s);
	if (bad)
		printf("wrong, or %s\n", cudaGetErrorString(cudaGetLastError()));
	return bad != 0;
}
