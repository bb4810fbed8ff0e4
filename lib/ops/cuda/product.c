/* This file computes matrix products with cuBLASLt; no other file calls it. cuBLASLt stores matrices by
 * columns: our row-major y = a . b is its y' = b' . a', the same bytes. A plan holds what it needs for one
 * kind of product (types, shape, alignment, epilogue) and the algorithm that it chose. All products of a
 * kind use one plan, so that the same bytes come again. Where it has no epilogue for a bias or a bias's
 * gradient, kernels of ours follow the product. */
#include "ops/cuda/context.h"
#include "ops/cuda/productargs.h"

#include <stdlib.h>
#include <string.h>

enum { PLANS = 4096, WORKSPACE = 32 << 20, MOST_ALIGN = 256, BIAS_ALIGN = 16 };

struct kind {
	struct hm_gemm g;
	int32_t bias, sums;
	uint32_t align[3]; /* alignment of y, a, b in bytes */
	uint32_t bias_align;
};

struct hm_cuda_plan {
	struct kind kind;
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t first, second, out;
	cublasLtMatmulAlgo_t algo;
	bool bias, sums, relu; /* what cuBLASLt does itself */
	struct hm_cuda_plan *next;
};

int hm_cuda_product_open(struct hm_device *d, struct hm_cuda *parent, struct hm_err *e)
{
	struct hm_cuda *c = hm_cuda_of(d);
	c->blas_shared = parent;
	if (parent)
		c->blas = parent->blas;
	else if (cublasLtCreate(&c->blas) != CUBLAS_STATUS_SUCCESS)
		return hm_err_set(e, HM_EDEVICE, "device cuda: cuBLASLt does not start");
	if (cudaMalloc(&c->workspace, WORKSPACE) != cudaSuccess ||
	    cudaMalloc((void **)&c->sums, HM_CUDA_SUMS * sizeof *c->sums) != cudaSuccess)
		return hm_err_set(e, HM_EDATA, "device cuda: no memory for its workspace of 32 MiB");
	return 0;
}

static void free_plan(struct hm_cuda_plan *p)
{
	if (p->desc)
		cublasLtMatmulDescDestroy(p->desc);
	if (p->first)
		cublasLtMatrixLayoutDestroy(p->first);
	if (p->second)
		cublasLtMatrixLayoutDestroy(p->second);
	if (p->out)
		cublasLtMatrixLayoutDestroy(p->out);
	free(p);
}

static void free_plans(struct hm_cuda *c)
{
	for (struct hm_cuda_plan *p = c->plan, *next; p; p = next) {
		next = p->next;
		free_plan(p);
	}
	c->plan = NULL;
	c->plans = 0;
}

void hm_cuda_product_close(struct hm_cuda *c)
{
	free_plans(c);
	cudaFree(c->workspace);
	cudaFree(c->sums);
	if (c->blas && !c->blas_shared)
		cublasLtDestroy(c->blas);
}

/* ---- plans */

static bool set_attribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t what, const void *p,
			  size_t bytes)
{
	return cublasLtMatmulDescSetAttribute(desc, what, p, bytes) == CUBLAS_STATUS_SUCCESS;
}

/* Describes a row-major matrix, rows x columns, to cuBLASLt. */
static bool make_layout(cublasLtMatrixLayout_t *out, enum hm_dtype t, int rows, int columns, int ld)
{
	return cublasLtMatrixLayoutCreate(out, t == HM_BF16 ? CUDA_R_16BF : CUDA_R_32F, (uint64_t)columns,
					  (uint64_t)rows, ld ? ld : columns) == CUBLAS_STATUS_SUCCESS;
}

static bool describe_product(const struct hm_device *d, struct hm_cuda_plan *p)
{
	const struct hm_gemm *g = &p->kind.g;
	cublasOperation_t n = CUBLAS_OP_N, t = CUBLAS_OP_T;
	cublasComputeType_t compute = d->precision == HM_PREC_TF32 && g->in == HM_F32
					      ? CUBLAS_COMPUTE_32F_FAST_TF32
					      : CUBLAS_COMPUTE_32F;
	return cublasLtMatmulDescCreate(&p->desc, compute, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
	       set_attribute(p->desc, CUBLASLT_MATMUL_DESC_TRANSA, g->tb ? &t : &n, sizeof n) &&
	       set_attribute(p->desc, CUBLASLT_MATMUL_DESC_TRANSB, g->ta ? &t : &n, sizeof n) &&
	       make_layout(&p->first, g->in, g->tb ? g->n : g->k, g->tb ? g->k : g->n, g->ldb) &&
	       make_layout(&p->second, g->in, g->ta ? g->k : g->m, g->ta ? g->m : g->k, g->lda) &&
	       make_layout(&p->out, g->out, g->m, g->n, g->ldy);
}

/* Asks for an algorithm with this epilogue; false when cuBLASLt has none. */
static bool choose_algorithm(struct hm_cuda *c, struct hm_cuda_plan *p, cublasLtEpilogue_t epilogue,
			     const void *vector)
{
	static const cublasLtMatmulPreferenceAttributes_t aligned[3] = {
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES};
	uint64_t workspace = WORKSPACE;
	/* Partial sums in f32, added in one order: the same bytes each time. */
	uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
	cublasLtMatmulPreference_t pref;
	cublasLtMatmulHeuristicResult_t found;
	int n = 0;
	if (cublasLtMatmulPreferenceCreate(&pref) != CUBLAS_STATUS_SUCCESS)
		return false;
	bool good =
		cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
						     &workspace, sizeof workspace) == CUBLAS_STATUS_SUCCESS &&
		cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
						     &reduction, sizeof reduction) == CUBLAS_STATUS_SUCCESS &&
		cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
						     &p->kind.align[0],
						     sizeof(uint32_t)) == CUBLAS_STATUS_SUCCESS;
	for (int k = 0; k < 3 && good; k++)
		good = cublasLtMatmulPreferenceSetAttribute(pref, aligned[k], &p->kind.align[k],
							    sizeof(uint32_t)) == CUBLAS_STATUS_SUCCESS;
	good = good && set_attribute(p->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue) &&
	       set_attribute(p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &vector, sizeof vector) &&
	       cublasLtMatmulAlgoGetHeuristic(c->blas, p->desc, p->first, p->second, p->out, p->out, pref, 1,
					      &found, &n) == CUBLAS_STATUS_SUCCESS &&
	       n == 1 && found.state == CUBLAS_STATUS_SUCCESS;
	if (good)
		p->algo = found.algo;
	cublasLtMatmulPreferenceDestroy(pref);
	return good;
}

static struct hm_cuda_plan *new_plan(struct hm_device *d, const struct kind *kind, const void *bias)
{
	struct hm_cuda *c = hm_cuda_of(d);
	struct hm_cuda_plan *p = hm_alloc(1, sizeof *p, &d->err);
	const struct hm_gemm *g = &kind->g;
	if (!p)
		return NULL;
	p->kind = *kind;
	bool good = describe_product(d, p);
	if (good && kind->sums && g->m <= HM_CUDA_SUMS)
		p->sums = choose_algorithm(c, p, CUBLASLT_EPILOGUE_BGRADB, c->sums);
	else if (good && kind->bias && kind->bias_align >= BIAS_ALIGN) /* cuBLASLt assumes it */
		p->bias = p->relu = choose_algorithm(
			c, p, g->relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS, bias);
	else if (good && g->relu && !kind->bias)
		p->relu = choose_algorithm(c, p, CUBLASLT_EPILOGUE_RELU, NULL);
	if (!p->sums && !p->relu)
		good = good && choose_algorithm(c, p, CUBLASLT_EPILOGUE_DEFAULT, NULL);
	if (good)
		return p;
	hm_err_set(&d->err, HM_EDATA, "device cuda: cuBLASLt has no product of %dx%d and %dx%d", g->m, g->k,
		   g->k, g->n);
	free_plan(p);
	return NULL;
}

static uint32_t align_of(const void *p)
{
	uintptr_t low = (uintptr_t)p & -(uintptr_t)p;
	return low > MOST_ALIGN || !low ? MOST_ALIGN : (uint32_t)low;
}

/* The plan for this kind of product; made at the first call. */
static const struct hm_cuda_plan *plan_of(struct hm_device *d, const struct kind *kind, const void *bias)
{
	struct hm_cuda *c = hm_cuda_of(d);
	for (struct hm_cuda_plan **at = &c->plan, *p; (p = *at); at = &p->next)
		if (!memcmp(&p->kind, kind, sizeof *kind)) {
			*at = p->next; /* move it to the front: the next product is likely one of the last few
					  kinds */
			p->next = c->plan;
			return c->plan = p;
		}
	if (c->plans == PLANS) {
		hm_cuda_sync(d);
		hm_cuda_forget(c);
		free_plans(c);
	}
	struct hm_cuda_plan *p = new_plan(d, kind, bias);
	if (p) {
		p->next = c->plan;
		c->plan = p;
		c->plans++;
	}
	return p;
}

/* ---- products */

cublasStatus_t hm_cuda_product_run(struct hm_cuda *c, const struct hm_cuda_product *q)
{
	const struct hm_cuda_plan *p = q->plan;
	float one = 1, beta = p->kind.g.add;
	const void *vector = p->sums ? c->sums : q->bias;
	if ((p->sums || p->bias) &&
	    !set_attribute(p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &vector, sizeof vector))
		return CUBLAS_STATUS_INVALID_VALUE;
	return cublasLtMatmul(c->blas, p->desc, &one, q->b, p->first, q->a, p->second, &beta, q->y, p->out,
			      q->y, p->out, &p->algo, c->workspace, WORKSPACE, c->stream);
}

/* sums [m] += sums of a over k; a is stored as [k,m]. */
static void sum_columns(struct hm_device *d, const struct hm_gemm *g, const void *a, float *sums)
{
	enum { ROWS = 64, THREADS = 128, MOST = 65535 }; /* blocks of a grid in y */
	size_t m = (size_t)g->k, n = (size_t)g->m, most = HM_CUDA_SUMS / n, parts = (m + ROWS - 1) / ROWS;
	if (!most) {
		hm_err_set(&d->err, HM_EDATA,
			   "device cuda: a bias of %zu elements is too long, %d are allowed", n,
			   HM_CUDA_SUMS);
		return;
	}
	most = most < MOST ? most : MOST;
	parts = parts < most ? parts : most;
	struct column_parts_args first = {hm_cuda_of(d)->sums,	  a, m, n, g->lda ? (size_t)g->lda : n,
					  (m + parts - 1) / parts};
	struct hm_grid grid = {(unsigned)((n + THREADS - 1) / THREADS), (unsigned)parts, THREADS, 0};
	HM_LAUNCH(d, g->in == HM_BF16 ? column_parts_bf16 : column_parts_f32, grid, first);
	struct column_sums_args second = {sums, first.part, n, parts};
	HM_LAUNCH(d, column_sums, hm_cuda_loop(d, n), second);
}

void hm_cuda_gemm(struct hm_device *d, const struct hm_gemm *g, void *y, const void *a, const void *b,
		  const void *bias, float *sums)
{
	struct hm_cuda *c = hm_cuda_of(d);
	struct kind kind;
	if (d->err.code)
		return;
	memset(&kind, 0, sizeof kind); /* padding is compared too */
	kind.g.m = g->m, kind.g.n = g->n, kind.g.k = g->k;
	kind.g.ta = g->ta, kind.g.tb = g->tb, kind.g.add = g->add, kind.g.relu = g->relu;
	kind.g.lda = g->lda, kind.g.ldb = g->ldb, kind.g.ldy = g->ldy;
	kind.g.in = g->in, kind.g.out = g->out;
	kind.bias = bias != NULL, kind.sums = sums != NULL;
	kind.align[0] = align_of(y), kind.align[1] = align_of(a), kind.align[2] = align_of(b);
	kind.bias_align = align_of(bias);
	const struct hm_cuda_plan *p = plan_of(d, &kind, bias);
	if (!p)
		return;
	struct hm_cuda_product q = {y, a, b, bias, p};
	hm_cuda_multiply(d, &q);
	if (sums && p->sums) {
		struct add_sums_args more = {sums, c->sums, (size_t)g->m};
		HM_LAUNCH(d, add_sums, hm_cuda_loop(d, (size_t)g->m), more);
	} else if (sums) {
		sum_columns(d, g, a, sums);
	}
	if ((bias || g->relu) && !p->relu) {
		struct add_bias_args more = {
			y, bias, (size_t)g->m, (size_t)g->n, (size_t)(g->ldy ? g->ldy : g->n), g->relu};
		HM_LAUNCH(d, g->out == HM_BF16 ? add_bias_bf16 : add_bias_f32,
			  hm_cuda_loop(d, (size_t)g->m * (size_t)g->n), more);
	}
}
