/* cuBLASLt for the host executor: products by columns, accumulated in double, queued like a kernel. What the
 * stand-in does not imitate is CUBLAS_STATUS_NOT_SUPPORTED, from the heuristic and from the product; with
 * HM_SIM_NO_EPILOGUE=1 so is every epilogue, for the sake of the fallbacks. The workspace that a heuristic
 * asks for is overwritten with NaN, so that what lies there by mistake is missed. */
#include <string.h>
#include <algorithm>
#include <vector>
#include "executor.h"
#include "cublasLt.h"

struct cublasLtContext {
	char unused;
};

struct cudasim_matmul {
	cublasComputeType_t compute;
	cudaDataType_t scale;
	int32_t ta, tb, bias_type;
	uint32_t epilogue;
	void *bias;
};

struct cudasim_layout {
	uint32_t type;
	int32_t order;
	uint64_t rows, cols;
	int64_t ld;
};

struct cudasim_preference {
	uint64_t workspace;
	uint32_t reduction;
	uint32_t align[4]; /* of a, b, c, d */
};

static const size_t WORKSPACE = 4096; /* asked for where so much is allowed */

/* ---- descriptors ---- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *h)
{
	*h = NULL;
	if (cudasim_env("HM_SIM_NO_DEVICE", 0))
		return CUBLAS_STATUS_NOT_INITIALIZED;
	*h = new cublasLtContext();
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t h)
{
	delete h;
	return h ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t compute,
					cudaDataType_t scale)
{
	*d = new cudasim_matmul{compute, scale, CUBLAS_OP_N, CUBLAS_OP_N, -1, CUBLASLT_EPILOGUE_DEFAULT,
				NULL};
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d)
{
	delete d;
	return CUBLAS_STATUS_SUCCESS;
}

template <class T> static cublasStatus_t set(T *field, const void *value, size_t bytes)
{
	if (!value || bytes != sizeof *field)
		return CUBLAS_STATUS_INVALID_VALUE;
	memcpy(field, value, bytes);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t attr,
					      const void *value, size_t bytes)
{
	switch (attr) {
	case CUBLASLT_MATMUL_DESC_TRANSA:
		return set(&d->ta, value, bytes);
	case CUBLASLT_MATMUL_DESC_TRANSB:
		return set(&d->tb, value, bytes);
	case CUBLASLT_MATMUL_DESC_EPILOGUE:
		return set(&d->epilogue, value, bytes);
	case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
		return set(&d->bias, value, bytes);
	case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
		return set(&d->bias_type, value, bytes);
	}
	return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *l, cudaDataType type, uint64_t rows,
					  uint64_t cols, int64_t ld)
{
	*l = new cudasim_layout{(uint32_t)type, CUBLASLT_ORDER_COL, rows, cols, ld};
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l)
{
	delete l;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l,
						cublasLtMatrixLayoutAttribute_t attr, const void *value,
						size_t bytes)
{
	switch (attr) {
	case CUBLASLT_MATRIX_LAYOUT_TYPE:
		return set(&l->type, value, bytes);
	case CUBLASLT_MATRIX_LAYOUT_ORDER:
		return set(&l->order, value, bytes);
	case CUBLASLT_MATRIX_LAYOUT_ROWS:
		return set(&l->rows, value, bytes);
	case CUBLASLT_MATRIX_LAYOUT_COLS:
		return set(&l->cols, value, bytes);
	case CUBLASLT_MATRIX_LAYOUT_LD:
		return set(&l->ld, value, bytes);
	}
	return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *p)
{
	*p = new cudasim_preference{0, CUBLASLT_REDUCTION_SCHEME_MASK, {256, 256, 256, 256}};
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
	delete p;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
						    cublasLtMatmulPreferenceAttributes_t attr,
						    const void *value, size_t bytes)
{
	switch (attr) {
	case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
		return set(&p->workspace, value, bytes);
	case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
		return set(&p->reduction, value, bytes);
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
		return set(&p->align[attr - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value, bytes);
	}
	return CUBLAS_STATUS_INVALID_VALUE;
}

/* ---- what is imitated ---- */

struct product {
	cudasim_matmul d;
	cudasim_layout a, b, c, y;
	uint64_t m, n, k;
};

static bool fits(const cudasim_layout &l, uint64_t rows, uint64_t cols)
{
	return l.rows == rows && l.cols == cols && l.ld >= 0 && (uint64_t)l.ld >= rows;
}

static bool supported(const product &p)
{
	bool f32 = p.a.type == CUDA_R_32F, out_f32 = p.y.type == CUDA_R_32F;
	if ((!f32 && p.a.type != CUDA_R_16BF) || p.a.type != p.b.type || p.c.type != p.y.type)
		return false;
	if ((!out_f32 && p.y.type != CUDA_R_16BF) || (f32 && !out_f32) || p.d.scale != CUDA_R_32F)
		return false;
	if (p.d.compute != CUBLAS_COMPUTE_32F && !(f32 && p.d.compute == CUBLAS_COMPUTE_32F_FAST_TF32))
		return false;
	if (p.a.order || p.b.order || p.c.order || p.y.order)
		return false;
	if (p.d.bias_type != -1 && (uint32_t)p.d.bias_type != p.y.type)
		return false;
	switch (p.d.epilogue) {
	case CUBLASLT_EPILOGUE_DEFAULT:
		return true;
	case CUBLASLT_EPILOGUE_RELU:
	case CUBLASLT_EPILOGUE_BIAS:
	case CUBLASLT_EPILOGUE_RELU_BIAS:
		return !cudasim_env("HM_SIM_NO_EPILOGUE", 0);
	case CUBLASLT_EPILOGUE_BGRADA:
	case CUBLASLT_EPILOGUE_BGRADB:
		return out_f32 && !cudasim_env("HM_SIM_NO_EPILOGUE", 0);
	}
	return false;
}

static cublasStatus_t prepare_product(product *p, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a,
				      cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
				      cublasLtMatrixLayout_t y)
{
	if (!d || !a || !b || !c || !y)
		return CUBLAS_STATUS_INVALID_VALUE;
	*p = product{*d, *a, *b, *c, *y, y->rows, y->cols, d->ta ? a->rows : a->cols};
	if (!p->m || !p->n || !p->k || !fits(*c, p->m, p->n) || !fits(*y, p->m, p->n) ||
	    !fits(*a, d->ta ? p->k : p->m, d->ta ? p->m : p->k) ||
	    !fits(*b, d->tb ? p->n : p->k, d->tb ? p->k : p->n))
		return CUBLAS_STATUS_INVALID_VALUE;
	return supported(*p) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

/* What an algorithm was found for, but for the sizes. */
static uint64_t kind(const product &p)
{
	return 1 + (p.a.type | p.y.type << 8 | (uint64_t)p.d.epilogue << 16 | (uint64_t)p.d.ta << 32 |
		    (uint64_t)p.d.tb << 33 | (uint64_t)p.d.compute << 40);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t h, cublasLtMatmulDesc_t d,
					      cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
					      cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t y,
					      cublasLtMatmulPreference_t pref, int most,
					      cublasLtMatmulHeuristicResult_t results[], int *count)
{
	product p;
	*count = 0;
	if (!h || !pref || most < 1)
		return CUBLAS_STATUS_INVALID_VALUE;
	cublasStatus_t e = prepare_product(&p, d, a, b, c, y);
	if (e)
		return e;
	memset(results, 0, sizeof *results);
	results[0].workspaceSize = pref->workspace < WORKSPACE ? 0 : WORKSPACE;
	results[0].algo.data[0] = kind(p);
	results[0].algo.data[1] = results[0].workspaceSize;
	for (int i = 0; i < 4; i++)
		results[0].algo.data[2 + i] = pref->align[i];
	results[0].wavesCount = 1;
	*count = 1;
	return CUBLAS_STATUS_SUCCESS;
}

/* ---- the product ---- */

static float load_number(const void *p, uint32_t type, size_t i)
{
	return type == CUDA_R_32F ? ((const float *)p)[i] : hm_get((const hm_bf16 *)p + i);
}

static void store_number(void *p, uint32_t type, size_t i, float v)
{
	if (type == CUDA_R_32F)
		((float *)p)[i] = v;
	else
		hm_put((hm_bf16 *)p + i, v);
}

/* op(x) by columns without gaps, [rows,cols]. */
static std::vector<float> dense(const void *x, const cudasim_layout &l, bool transposed, size_t rows,
				size_t cols)
{
	std::vector<float> out(rows * cols);
	for (size_t j = 0; j < cols; j++)
		for (size_t i = 0; i < rows; i++)
			out[j * rows + i] = load_number(x, l.type, transposed ? i * l.ld + j : j * l.ld + i);
	return out;
}

/* BGRADA [m], BGRADB [n]: sums of op(a)'s rows, of op(b)'s columns, over k. */
static void gradient(const product &p, const std::vector<float> &a, const std::vector<float> &b)
{
	if (p.d.epilogue == CUBLASLT_EPILOGUE_BGRADA)
		for (size_t i = 0; i < p.m; i++) {
			double sum = 0;
			for (size_t j = 0; j < p.k; j++)
				sum += a[j * p.m + i];
			store_number(p.d.bias, p.y.type, i, (float)sum);
		}
	if (p.d.epilogue == CUBLASLT_EPILOGUE_BGRADB)
		for (size_t j = 0; j < p.n; j++) {
			double sum = 0;
			for (size_t i = 0; i < p.k; i++)
				sum += b[j * p.k + i];
			store_number(p.d.bias, p.y.type, j, (float)sum);
		}
}

static void multiply(const product &p, float alpha, const void *pa, const void *pb, float beta, const void *c,
		     void *y)
{
	std::vector<float> a = dense(pa, p.a, p.d.ta, p.m, p.k), b = dense(pb, p.b, p.d.tb, p.k, p.n);
	std::vector<double> sum(p.m);
	bool bias = p.d.epilogue == CUBLASLT_EPILOGUE_BIAS || p.d.epilogue == CUBLASLT_EPILOGUE_RELU_BIAS;
	bool relu = p.d.epilogue == CUBLASLT_EPILOGUE_RELU || p.d.epilogue == CUBLASLT_EPILOGUE_RELU_BIAS;
	for (size_t j = 0; j < p.n; j++) {
		std::fill(sum.begin(), sum.end(), 0.0);
		for (size_t k = 0; k < p.k; k++) {
			const float *column = &a[k * p.m];
			double f = b[j * p.k + k], *to = sum.data();
			for (size_t i = 0; i < p.m; i++)
				to[i] += column[i] * f;
		}
		for (size_t i = 0; i < p.m; i++) {
			float v = alpha * (float)sum[i];
			if (beta != 0)
				v += beta * load_number(c, p.c.type, j * p.c.ld + i);
			if (bias)
				v += load_number(p.d.bias, p.y.type, i);
			if (relu)
				v = v < 0 ? 0 : v;
			store_number(y, p.y.type, j * p.y.ld + i, v);
		}
	}
	gradient(p, a, b);
}

static size_t width(uint32_t type)
{
	return type == CUDA_R_32F ? 4 : 2;
}

static bool on_device(const char *name, const void *x, size_t bytes)
{
	if (cudasim_is_device(x, bytes))
		return true;
	cudasim_say("cublasLtMatmul: %s is not device memory of %zu bytes (%p)", name, bytes, x);
	return false;
}

/* On the device, and aligned as the algorithm was promised. */
static bool matrix_on_device(const char *name, const void *x, const cudasim_layout &l, uint64_t align)
{
	if (!on_device(name, x, ((l.cols - 1) * l.ld + l.rows) * width(l.type)))
		return false;
	if (!align || (uintptr_t)x % align == 0)
		return true;
	cudasim_say("cublasLtMatmul: %s is not aligned to the %d bytes that its algorithm relies on (%p)",
		    name, (int)align, x);
	return false;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t h, cublasLtMatmulDesc_t d, const void *alpha, const void *a,
			      cublasLtMatrixLayout_t la, const void *b, cublasLtMatrixLayout_t lb,
			      const void *beta, const void *c, cublasLtMatrixLayout_t lc, void *y,
			      cublasLtMatrixLayout_t ly, const cublasLtMatmulAlgo_t *algo, void *workspace,
			      size_t workspace_bytes, cudaStream_t s)
{
	product p;
	if (!h)
		return CUBLAS_STATUS_NOT_INITIALIZED;
	if (!alpha || !beta)
		return CUBLAS_STATUS_INVALID_VALUE;
	cublasStatus_t e = prepare_product(&p, d, la, lb, lc, ly);
	if (e)
		return e;
	float by = *(const float *)alpha, plus = *(const float *)beta;
	size_t scratch = algo ? algo->data[1] : 0;
	if (algo && (algo->data[0] != kind(p) || workspace_bytes < scratch)) {
		cudasim_say("cublasLtMatmul: the algorithm was found for another product or more workspace");
		return CUBLAS_STATUS_INVALID_VALUE;
	}
	const uint64_t none[8] = {0}, *align = algo ? algo->data : none;
	if (!matrix_on_device("a", a, p.a, align[2]) || !matrix_on_device("b", b, p.b, align[3]) ||
	    !matrix_on_device("d", y, p.y, align[5]) ||
	    (plus != 0 && !matrix_on_device("c", c, p.c, align[4])) ||
	    (scratch && !on_device("the workspace", workspace, scratch)))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (p.d.epilogue & ~(uint32_t)(CUBLASLT_EPILOGUE_DEFAULT | CUBLASLT_EPILOGUE_RELU) &&
	    !on_device("the bias", p.d.bias,
		       (p.d.epilogue == CUBLASLT_EPILOGUE_BGRADB ? p.n : p.m) * width(p.y.type)))
		return CUBLAS_STATUS_INVALID_VALUE;
	cudaError_t failed = cudasim_submit(s, [=] {
		if (scratch)
			memset(workspace, 0xff, scratch);
		multiply(p, by, a, b, plus, c, y);
	});
	return failed ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}
