/* Programs with one planted bug each, and the same without: `selftest NAME` has the bug, `selftest sound`
 * runs all without. A wrong result is said and is exit status 3; selftest.sh knows which bug shows how in
 * which mode. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>
#include "cuda_runtime_api.h"
#include "cublasLt.h"
#include "planted.h"

enum { BLOCKS = 5, THREADS = 64, N = BLOCKS * THREADS };

static int failures;

static void want(bool good, const char *what)
{
	if (good)
		return;
	printf("wrong result: %s\n", what);
	failures++;
}

static void must(cudaError_t e)
{
	if (!e)
		return;
	printf("error: %s (%s)\n", cudaGetErrorString(e), cudaGetErrorName(e));
	failures++;
}

#define KERNELS(X)                                                                                           \
	X(missing_barrier)                                                                                   \
	X(second_barrier)                                                                                    \
	X(helper)                                                                                            \
	X(warp)                                                                                              \
	X(shuffle_order)                                                                                     \
	X(block_race)                                                                                        \
	X(same_write)                                                                                        \
	X(global_bounds)                                                                                     \
	X(shared_bounds)                                                                                     \
	X(dynamic_bounds)                                                                                    \
	X(misaligned)                                                                                        \
	X(unwritten_shared)                                                                                  \
	X(unwritten_global)                                                                                  \
	X(stale_shared)                                                                                      \
	X(divergent)                                                                                         \
	X(return )                                                                                           \
	X(dead_lanes)                                                                                        \
	X(mask)                                                                                              \
	X(deadlock)                                                                                          \
	X(operations)
#define DECLARE(name) extern "C" void planted_##name(const void *);
KERNELS(DECLARE)
DECLARE(much_shared)
DECLARE(add)
DECLARE(fit)

/* ---- kernels ---- */

/* y[i] of a kernel over x[i] = i. */
static double expected(const char *name, int i)
{
	int block = i / THREADS * THREADS, turned = block + THREADS - 1 - i % THREADS;
	if (!strcmp(name, "missing_barrier"))
		return turned;
	if (!strcmp(name, "second_barrier"))
		return 3.0 * turned + 3;
	if (!strcmp(name, "helper"))
		return 3.0 * (block * THREADS + THREADS * (THREADS - 1) / 2);
	if (!strcmp(name, "warp"))
		return i / 32 * 32 * 32 + 496;
	if (!strcmp(name, "shuffle_order"))
		return 2.0 * (i ^ 1);
	if (!strcmp(name, "misaligned"))
		return i;
	if (!strncmp(name, "unwritten", 9))
		return 0;
	return !strcmp(name, "shared_bounds") ? 2 : 1;
}

static void launch(void (*kernel)(const void *), planted_args a, unsigned shared, cudaStream_t s)
{
	void *args[] = {&a};
	must(cudaLaunchKernel((const void *)kernel, dim3{BLOCKS, 1, 1}, dim3{THREADS, 1, 1}, args, shared,
			      s));
}

static void run_kernel(const char *name, void (*kernel)(const void *), bool bug)
{
	float x[N], y[N];
	void *dx, *dy;
	int many = !strcmp(name, "misaligned") ? N - 4 : !strcmp(name, "same_write") ? BLOCKS : N;
	for (int i = 0; i < N; i++)
		x[i] = (float)i;
	must(cudaMalloc(&dx, sizeof x));
	must(cudaMalloc(&dy, sizeof y));
	must(cudaMemcpy(dx, x, sizeof x, cudaMemcpyHostToDevice));
	if (!strcmp(name, "block_race"))
		must(cudaMemset(dy, 0, sizeof y));
	launch(kernel, planted_args{(float *)dy, (const float *)dx, N, bug}, THREADS * sizeof(float), NULL);
	must(cudaMemcpy(y, dy, sizeof y, cudaMemcpyDeviceToHost));
	if (!strcmp(name, "block_race")) {
		unsigned counts[2];
		memcpy(counts, y, sizeof counts);
		want(counts[0] + counts[1] == BLOCKS, name);
		many = 0;
	}
	for (int i = 0; i < many; i++)
		if (!(y[i] == (float)expected(name, i))) {
			want(false, name);
			break;
		}
	must(cudaFree(dx));
	must(cudaFree(dy));
}

/* ---- hosts ---- */

struct buffers {
	cudaStream_t s;
	void *x, *y;   /* N floats, 0 */
	float *pinned; /* N floats */
	planted_args a;
};

static buffers make_buffers(void)
{
	buffers b;
	void *p;
	must(cudaStreamCreateWithFlags(&b.s, cudaStreamNonBlocking));
	must(cudaMalloc(&b.x, N * sizeof(float)));
	must(cudaMalloc(&b.y, N * sizeof(float)));
	must(cudaHostAlloc(&p, N * sizeof(float), cudaHostAllocDefault));
	must(cudaMemset(b.x, 0, N * sizeof(float)));
	must(cudaMemset(b.y, 0, N * sizeof(float)));
	b.pinned = (float *)p;
	b.a = planted_args{(float *)b.y, (const float *)b.x, N, 0};
	return b;
}

static void free_buffers(buffers *b)
{
	must(cudaStreamDestroy(b->s));
	must(cudaFree(b->x));
	must(cudaFree(b->y));
	must(cudaFreeHost(b->pinned));
}

static void fill_floats(float *p, float v)
{
	for (int i = 0; i < N; i++)
		p[i] = v;
}

static void want_y(const buffers *b, float v, const char *what)
{
	float y[N];
	must(cudaMemcpyAsync(y, b->y, sizeof y, cudaMemcpyDeviceToHost, b->s));
	want(y[0] == v && y[N - 1] == v, what);
}

static void staging(bool bug)
{
	buffers b = make_buffers();
	fill_floats(b.pinned, 1);
	must(cudaMemcpyAsync(b.x, b.pinned, N * sizeof(float), cudaMemcpyHostToDevice, b.s));
	if (!bug)
		must(cudaStreamSynchronize(b.s));
	fill_floats(b.pinned, 2);
	launch(planted_add, b.a, 0, b.s);
	want_y(&b, 1, "staging");
	free_buffers(&b);
}

/* A copy from memory that is not pinned is read at once: no bug. */
static void pageable(bool)
{
	buffers b = make_buffers();
	std::vector<float> x(N, 1.0f);
	must(cudaMemcpyAsync(b.x, x.data(), N * sizeof(float), cudaMemcpyHostToDevice, b.s));
	x.assign(N, 2.0f);
	launch(planted_add, b.a, 0, b.s);
	want_y(&b, 1, "pageable");
	free_buffers(&b);
}

static void early_read(bool bug)
{
	buffers b = make_buffers();
	must(cudaMemcpyAsync(b.pinned, b.y, N * sizeof(float), cudaMemcpyDeviceToHost, b.s));
	if (!bug)
		must(cudaStreamSynchronize(b.s));
	want(b.pinned[0] == 0, "early_read");
	free_buffers(&b);
}

static void two_streams(bool bug)
{
	buffers b = make_buffers();
	cudaStream_t copies;
	cudaEvent_t copied, begun;
	must(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking));
	must(cudaEventCreateWithFlags(&copied, cudaEventDisableTiming));
	must(cudaEventCreateWithFlags(&begun, cudaEventDefault));
	fill_floats(b.pinned, 1);
	must(cudaEventRecord(begun, b.s));
	must(cudaMemcpyAsync(b.x, b.pinned, N * sizeof(float), cudaMemcpyHostToDevice, copies));
	must(cudaEventRecord(copied, copies));
	if (!bug)
		must(cudaStreamWaitEvent(b.s, copied, 0));
	launch(planted_add, b.a, 0, b.s);
	want_y(&b, 1, "two_streams");
	must(cudaEventSynchronize(copied));
	want(cudaEventQuery(copied) == cudaSuccess, "a finished event");
	float ms;
	want(cudaEventElapsedTime(&ms, begun, copied) == cudaErrorInvalidResourceHandle,
	     "an event without time");
	cudaGetLastError();
	must(cudaEventRecord(begun, b.s));
	while (cudaEventQuery(begun) == cudaErrorNotReady)
		;
	must(cudaEventElapsedTime(&ms, begun, begun));
	must(cudaEventDestroy(copied));
	must(cudaEventDestroy(begun));
	must(cudaStreamDestroy(copies));
	free_buffers(&b);
}

/* The second stream's copy must not come before the first has read what it writes over. */
static void copy_ahead(bool bug)
{
	buffers b = make_buffers();
	cudaStream_t copies;
	cudaEvent_t read;
	must(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking));
	must(cudaEventCreateWithFlags(&read, cudaEventDisableTiming));
	fill_floats(b.pinned, 1);
	launch(planted_add, b.a, 0, b.s);
	must(cudaEventRecord(read, b.s));
	if (!bug)
		must(cudaStreamWaitEvent(copies, read, 0));
	must(cudaMemcpyAsync(b.x, b.pinned, N * sizeof(float), cudaMemcpyHostToDevice, copies));
	want_y(&b, 0, "copy_ahead");
	must(cudaStreamSynchronize(copies));
	must(cudaEventDestroy(read));
	must(cudaStreamDestroy(copies));
	free_buffers(&b);
}

static void graph(bool bug)
{
	buffers b = make_buffers();
	cudaGraph_t g;
	cudaGraphExec_t x;
	fill_floats(b.pinned, 1);
	must(cudaStreamBeginCapture(b.s, cudaStreamCaptureModeThreadLocal));
	must(cudaMemcpyAsync(b.x, b.pinned, N * sizeof(float), cudaMemcpyHostToDevice, b.s));
	launch(planted_add, b.a, 0, b.s);
	if (bug)
		must(cudaStreamSynchronize(b.s));
	cudaError_t e = cudaStreamEndCapture(b.s, &g);
	must(e);
	if (!e) {
		must(cudaGraphInstantiate(&x, g, 0));
		must(cudaGraphDestroy(g));
		want_y(&b, 0, "a capture that has run");
		must(cudaGraphLaunch(x, b.s));
		must(cudaStreamSynchronize(b.s));
		fill_floats(b.pinned, 2);
		must(cudaGraphLaunch(x, b.s));
		must(cudaGraphExecDestroy(x));
		want_y(&b, 3, "graph");
	}
	free_buffers(&b);
}

static void host_pointer(bool bug)
{
	buffers b = make_buffers();
	std::vector<float> x(N);
	must(cudaMemcpy(bug ? x.data() : b.x, x.data(), N * sizeof(float), cudaMemcpyHostToDevice));
	free_buffers(&b);
}

static void long_copy(bool bug)
{
	buffers b = make_buffers();
	std::vector<float> x(N + 1);
	must(cudaMemcpy(b.x, x.data(), (N + bug) * sizeof(float), cudaMemcpyHostToDevice));
	free_buffers(&b);
}

static void host_read(bool bug)
{
	buffers b = make_buffers();
	must(cudaDeviceSynchronize());
	want(((volatile float *)(bug ? b.y : b.pinned))[1] != 0, "host_read");
	free_buffers(&b);
}

/* A kernel reads what was freed. */
static void freed(bool bug)
{
	buffers b = make_buffers();
	void *more;
	must(cudaMalloc(&more, N * sizeof(float)));
	b.a.x = (const float *)more;
	must(cudaMemset(more, 0, N * sizeof(float)));
	if (bug)
		must(cudaFree(more));
	launch(planted_add, b.a, 0, b.s);
	must(cudaStreamSynchronize(b.s));
	if (!bug)
		must(cudaFree(more));
	free_buffers(&b);
}

static void leak(bool bug)
{
	void *p;
	must(cudaMalloc(&p, 100));
	if (!bug)
		must(cudaFree(p));
}

static void memory(bool bug)
{
	size_t left, total;
	void *p;
	must(cudaMemGetInfo(&left, &total));
	must(cudaMalloc(&p, bug ? left + 1 : 1000));
	must(cudaFree(p));
	size_t now;
	must(cudaMemGetInfo(&now, &total));
	want(now == left, "memory that is free again");
}

static void zero_grid(bool bug)
{
	buffers b = make_buffers();
	void *args[] = {&b.a};
	cudaError_t e = cudaLaunchKernel((const void *)planted_add, dim3{!bug, 1, 1}, dim3{THREADS, 1, 1},
					 args, 0, b.s);
	want(cudaPeekAtLastError() == e && cudaGetLastError() == e && cudaGetLastError() == cudaSuccess,
	     "the last error");
	must(e);
	free_buffers(&b);
}

/* More than CUDA has; more than kernels are bound to; not whole warps. */
static void launch_block(unsigned threads)
{
	buffers b = make_buffers();
	void *args[] = {&b.a};
	must(cudaLaunchKernel((const void *)planted_add, dim3{1, 1, 1}, dim3{threads, 1, 1}, args, 0, b.s));
	free_buffers(&b);
}

static void huge_block(bool bug)
{
	launch_block(bug ? 1056 : 256);
}

static void wide_block(bool bug)
{
	launch_block(bug ? 512 : 256);
}

/* A kernel with a bound of its own, 32. */
static void fit_block(bool bug)
{
	buffers b = make_buffers();
	void *args[] = {&b.a};
	must(cudaLaunchKernel((const void *)planted_fit, dim3{1, 1, 1}, dim3{bug ? 64u : 32u, 1, 1}, args, 0,
			      b.s));
	free_buffers(&b);
}

static void ragged_block(bool bug)
{
	launch_block(bug ? 40 : 32);
}

static void null_argument(bool bug)
{
	buffers b = make_buffers();
	if (bug)
		b.a.x = NULL;
	launch(planted_add, b.a, 0, b.s);
	free_buffers(&b);
}

static void much_shared(bool bug)
{
	buffers b = make_buffers();
	launch(planted_much_shared, b.a, bug ? 20000 : 1000, b.s);
	free_buffers(&b);
}

static void much_dynamic(bool bug)
{
	buffers b = make_buffers();
	launch(planted_add, b.a, 48 * 1024 + bug, b.s);
	free_buffers(&b);
}

static void no_kernel(bool bug)
{
	buffers b = make_buffers();
	void *args[] = {&b.a};
	const void *f = bug ? (const void *)no_kernel : (const void *)planted_add;
	must(cudaLaunchKernel(f, dim3{1, 1, 1}, dim3{32, 1, 1}, args, 0, b.s));
	free_buffers(&b);
}

/* With HM_SIM_FAIL the device fails, and stays so. */
static void failing(bool)
{
	void *p, *q;
	must(cudaMalloc(&p, 100));
	must(cudaMemset(p, 0, 100));
	must(cudaMemset(p, 0, 100));
	want(cudaPeekAtLastError() == cudaGetLastError(), "an error that sticks");
	must(cudaMalloc(&q, 100));
	cudaFree(q);
	cudaFree(p);
}

static void no_device(bool)
{
	int count;
	must(cudaGetDeviceCount(&count));
	want(count == 1, "no_device");
}

/* ---- products ---- */

struct gemm {
	int m, n, k, ta, tb;
	bool half, half_out;
	float alpha, beta;
	cublasLtEpilogue_t epilogue;
};

static float rounded(float v, bool half)
{
	uint32_t bits;
	memcpy(&bits, &v, sizeof bits);
	if (half)
		bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
	memcpy(&v, &bits, sizeof v);
	return v;
}

/* Device memory with the values, as floats or their upper halves. */
static void *up(std::vector<float> *v, bool half, int seed)
{
	std::vector<uint16_t> h(v->size());
	void *p;
	for (size_t i = 0; i < v->size(); i++) {
		float x = rounded(sinf((float)(i * 7 + seed)), half);
		uint32_t bits;
		memcpy(&bits, &x, sizeof bits);
		h[i] = bits >> 16;
		(*v)[i] = x;
	}
	must(cudaMalloc(&p, v->size() * (half ? 2 : 4)));
	must(cudaMemcpy(p, half ? (void *)h.data() : v->data(), v->size() * (half ? 2 : 4),
			cudaMemcpyHostToDevice));
	return p;
}

static std::vector<float> down(void *p, size_t n, bool half)
{
	std::vector<float> v(n);
	std::vector<uint16_t> h(n);
	must(cudaMemcpy(half ? (void *)h.data() : v.data(), p, n * (half ? 2 : 4), cudaMemcpyDeviceToHost));
	for (size_t i = 0; i < n && half; i++) {
		uint32_t bits = (uint32_t)h[i] << 16;
		memcpy(&v[i], &bits, sizeof bits);
	}
	return v;
}

/* One product against plain loops; the leading dimensions have gaps. Returns the status. */
static cublasStatus_t run_gemm(const gemm &g, bool bug)
{
	int lda = (g.ta ? g.k : g.m) + 3, ldb = (g.tb ? g.n : g.k) + 1, ldc = g.m + 2, got = 0;
	bool grad_a = g.epilogue == CUBLASLT_EPILOGUE_BGRADA, grad_b = g.epilogue == CUBLASLT_EPILOGUE_BGRADB;
	std::vector<float> a(lda * (g.ta ? g.m : g.k)), b(ldb * (g.tb ? g.k : g.n)), c(ldc * g.n);
	std::vector<float> bias(grad_b ? g.n : g.m);
	void *da = up(&a, g.half, 1), *db = up(&b, g.half, 2), *dc = up(&c, g.half_out, 3);
	void *dbias = up(&bias, g.half_out, 4), *ws;
	cudaDataType_t in = g.half ? CUDA_R_16BF : CUDA_R_32F, out = g.half_out ? CUDA_R_16BF : CUDA_R_32F;
	cublasLtHandle_t h;
	cublasLtMatmulDesc_t d;
	cublasLtMatrixLayout_t la, lb, lc;
	cublasLtMatmulPreference_t pref;
	cublasLtMatmulHeuristicResult_t algo;
	uint64_t most = 1 << 20;
	uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, epilogue = g.epilogue;
	int32_t bias_type = -1;
	must(cudaMalloc(&ws, most));
	int bad = cublasLtCreate(&h) | cublasLtMatmulPreferenceCreate(&pref);
	bad |= cublasLtMatmulDescCreate(&d, g.half ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_32F_FAST_TF32,
					CUDA_R_32F);
	bad |= cublasLtMatmulDescSetAttribute(d, CUBLASLT_MATMUL_DESC_TRANSA, &g.ta, sizeof g.ta);
	bad |= cublasLtMatmulDescSetAttribute(d, CUBLASLT_MATMUL_DESC_TRANSB, &g.tb, sizeof g.tb);
	bad |= cublasLtMatmulDescSetAttribute(d, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
	bad |= cublasLtMatmulDescSetAttribute(d, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &dbias, sizeof dbias);
	bad |= cublasLtMatmulDescSetAttribute(d, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &bias_type,
					      sizeof bias_type);
	bad |= cublasLtMatrixLayoutCreate(&la, in, g.ta ? g.k : g.m, g.ta ? g.m : g.k, lda);
	bad |= cublasLtMatrixLayoutCreate(&lb, in, g.tb ? g.n : g.k, g.tb ? g.k : g.n, ldb);
	bad |= cublasLtMatrixLayoutCreate(&lc, out, g.m, g.n, ldc);
	bad |= cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most,
						    sizeof most);
	bad |= cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &scheme,
						    sizeof scheme);
	want(!bad, "descriptors");
	cublasStatus_t e = cublasLtMatmulAlgoGetHeuristic(h, d, la, lb, lc, lc, pref, 1, &algo, &got);
	want((e == CUBLAS_STATUS_SUCCESS) == (got == 1), "heuristic");
	if (!e)
		e = cublasLtMatmul(h, d, &g.alpha, bug ? a.data() : da, la, db, lb, &g.beta, dc, lc, dc, lc,
				   &algo.algo, ws, most, NULL);
	std::vector<float> y = down(dc, c.size(), g.half_out), sums = down(dbias, bias.size(), g.half_out);
	bool good = true;
	for (int j = 0; j < g.n && !e; j++)
		for (int i = 0; i < g.m; i++) {
			double sum = 0;
			for (int k = 0; k < g.k; k++)
				sum += (double)a[g.ta ? i * lda + k : k * lda + i] *
				       b[g.tb ? k * ldb + j : j * ldb + k];
			sum = sum * g.alpha + (double)g.beta * c[j * ldc + i];
			if (epilogue == CUBLASLT_EPILOGUE_BIAS || epilogue == CUBLASLT_EPILOGUE_RELU_BIAS)
				sum += bias[i];
			if ((epilogue == CUBLASLT_EPILOGUE_RELU || epilogue == CUBLASLT_EPILOGUE_RELU_BIAS) &&
			    sum < 0)
				sum = 0;
			good &= fabs(y[j * ldc + i] - sum) <= (g.half_out ? 4e-3 : 1e-6) * (fabs(sum) + 1);
			good &= i || y[j * ldc + g.m] == c[j * ldc + g.m];
		}
	for (size_t i = 0; i < bias.size() && !e; i++) {
		double sum = grad_a || grad_b ? 0 : bias[i];
		for (int k = 0; k < g.k && grad_a; k++)
			sum += a[g.ta ? i * lda + k : k * lda + i];
		for (int k = 0; k < g.k && grad_b; k++)
			sum += b[g.tb ? k * ldb + i : i * ldb + k];
		good &= fabs(sums[i] - sum) <= 1e-5;
	}
	want(good, "product");
	bad = cublasLtMatrixLayoutDestroy(la) | cublasLtMatrixLayoutDestroy(lb) |
	      cublasLtMatrixLayoutDestroy(lc);
	bad |= cublasLtMatmulDescDestroy(d) | cublasLtMatmulPreferenceDestroy(pref) | cublasLtDestroy(h);
	want(!bad, "destroying");
	must(cudaFree(da));
	must(cudaFree(db));
	must(cudaFree(dc));
	must(cudaFree(dbias));
	must(cudaFree(ws));
	return e;
}

static void product(bool bug)
{
	static const cublasLtEpilogue_t all[] = {CUBLASLT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_RELU,
						 CUBLASLT_EPILOGUE_BIAS,    CUBLASLT_EPILOGUE_RELU_BIAS,
						 CUBLASLT_EPILOGUE_BGRADA,  CUBLASLT_EPILOGUE_BGRADB};
	if (bug) {
		want(!run_gemm(gemm{5, 6, 7, 0, 0, false, false, 1, 0, CUBLASLT_EPILOGUE_DEFAULT}, true),
		     "product");
		return;
	}
	for (int v = 0; v < 4 * 3 * 6; v++) {
		int types = v / 4 % 3;
		gemm g = {13,
			  7,
			  9,
			  v & 1,
			  v >> 1 & 1,
			  types > 0,
			  types > 1,
			  v % 5 ? 1.0f : 0.5f,
			  v % 7 ? 0.0f : 1.0f,
			  all[v / 12]};
		bool ours = types < 2 || g.epilogue < CUBLASLT_EPILOGUE_BGRADA;
		if (getenv("HM_SIM_NO_EPILOGUE") && g.epilogue != CUBLASLT_EPILOGUE_DEFAULT)
			ours = false;
		want(run_gemm(g, false) == (ours ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED),
		     "status");
	}
	want(run_gemm(gemm{5, 6, 7, 0, 0, true, true, 1, 0, CUBLASLT_EPILOGUE_GELU}, false) ==
		     CUBLAS_STATUS_NOT_SUPPORTED,
	     "an epilogue that is not imitated");
}

#define HOSTS(X)                                                                                             \
	X(staging)                                                                                           \
	X(pageable)                                                                                          \
	X(early_read)                                                                                        \
	X(two_streams)                                                                                       \
	X(copy_ahead)                                                                                        \
	X(graph)                                                                                             \
	X(host_pointer)                                                                                      \
	X(long_copy)                                                                                         \
	X(host_read)                                                                                         \
	X(freed)                                                                                             \
	X(leak)                                                                                              \
	X(memory)                                                                                            \
	X(zero_grid)                                                                                         \
	X(huge_block)                                                                                        \
	X(wide_block)                                                                                        \
	X(fit_block)                                                                                         \
	X(ragged_block)                                                                                      \
	X(null_argument)                                                                                     \
	X(much_shared)                                                                                       \
	X(much_dynamic)                                                                                      \
	X(no_kernel)                                                                                         \
	X(failing)                                                                                           \
	X(no_device)                                                                                         \
	X(product)

int main(int argc, char **argv)
{
	const char *name = argc == 2 ? argv[1] : "";
	bool sound = !strcmp(name, "sound"), ran = false;
#define RUN(k)                                                                                               \
	if (sound || !strcmp(name, #k)) {                                                                    \
		run_kernel(#k, planted_##k, !sound);                                                         \
		ran = true;                                                                                  \
	}
	KERNELS(RUN)
#define RUN_HOST(h)                                                                                          \
	if (sound || !strcmp(name, #h)) {                                                                    \
		h(!sound);                                                                                   \
		ran = true;                                                                                  \
	}
	HOSTS(RUN_HOST)
	if (!ran) {
		printf("no such bug: '%s'\n", name);
		return 2;
	}
	return failures ? 3 : 0;
}
