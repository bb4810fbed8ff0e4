/* This file has the CUDA device's table, and how a context is opened, forked and closed. */
#include "ops/backend.h"
#include "ops/cuda/context.h"

#include <stdio.h>
#include <stdlib.h>

static const struct hm_ops cuda_ops = {
	.alloc = hm_cuda_alloc,
	.free = hm_cuda_free,
	.upload = hm_cuda_upload,
	.prefetch = hm_cuda_prefetch,
	.download = hm_cuda_download,
	.copy = hm_cuda_copy,
	.zero = hm_cuda_zero,
	.submit = hm_cuda_submit,
	.image_bytes = hm_cuda_image_bytes,
	.normalise = hm_cuda_normalise,
	.patches = hm_cuda_patches,
	.conv_pack = hm_cuda_conv_pack,
	.conv = hm_cuda_conv,
	.max_pool = hm_cuda_max_pool,
	.avg_pool = hm_cuda_avg_pool,
	.grid = hm_cuda_grid,
	.image_put = hm_cuda_image_put,
	.linear_pack = hm_cuda_linear_pack,
	.matmul = hm_cuda_matmul,
	.rows_round = hm_cuda_rows_round,
	.weight_free = hm_cuda_weight_free,
	.embed = hm_cuda_embed,
	.layer_norm = hm_cuda_layer_norm,
	.attention = hm_cuda_attention,
	.gather = hm_cuda_gather,
	.linear_forward = hm_cuda_linear_forward,
	.linear_backward = hm_cuda_linear_backward,
	.linears_forward = hm_cuda_linears_forward,
	.linears_backward = hm_cuda_linears_backward,
	.softmax = hm_cuda_softmax,
	.cross_entropy = hm_cuda_cross_entropy,
	.row_norm = hm_cuda_row_norm,
	.row_norm_backward = hm_cuda_row_norm_backward,
	.mul_add = hm_cuda_mul_add,
	.outer = hm_cuda_outer,
	.outer_backward = hm_cuda_outer_backward,
	.relu_drop = hm_cuda_relu_drop,
	.relu_drop_backward = hm_cuda_relu_drop_backward,
	.copy_columns = hm_cuda_copy_columns,
	.widen = hm_cuda_widen,
	.narrow = hm_cuda_narrow,
	.conv_forward = hm_cuda_conv_forward,
	.conv_backward = hm_cuda_conv_backward,
	.batch_norm = hm_cuda_batch_norm,
	.batch_norm_backward = hm_cuda_batch_norm_backward,
	.max_pool_backward = hm_cuda_max_pool_backward,
	.avg_pool_backward = hm_cuda_avg_pool_backward,
	.dense_forward = hm_cuda_dense_forward,
	.dense_backward = hm_cuda_dense_backward,
	.activate = hm_cuda_activate,
	.activate_backward = hm_cuda_activate_backward,
	.tanh = hm_cuda_tanh,
	.tanh_backward = hm_cuda_tanh_backward,
	.dropout = hm_cuda_dropout,
	.add_norm = hm_cuda_add_norm,
	.add_norm_backward = hm_cuda_add_norm_backward,
	.attention_forward = hm_cuda_attention_forward,
	.attention_backward = hm_cuda_attention_backward,
	.add_rows = hm_cuda_add_rows,
	.add_rows_backward = hm_cuda_add_rows_backward,
	.gather_backward = hm_cuda_gather_backward,
	.sgd = hm_cuda_sgd,
	.adam = hm_cuda_adam,
	.sum_squares = hm_cuda_sum_squares,
	.clip = hm_cuda_clip,
	.scale_rows = hm_cuda_scale_rows,
	.scale_rows_backward = hm_cuda_scale_rows_backward,
};

static void cuda_close(struct hm_device *d)
{
	struct hm_cuda *c = hm_cuda_of(d);
	cudaSetDevice(c->index);
	if (c->stream)
		hm_cuda_sync(d);
	hm_cuda_forget(c);
	hm_cuda_product_close(c);
	cudaFree(c->scratch);
	cudaFree(c->vary);
	if (c->sent)
		cudaEventSynchronize(c->sent), cudaEventDestroy(c->sent);
	if (c->beside)
		cudaStreamDestroy(c->beside);
	cudaFreeHost(c->ahead);
	cudaFreeHost(c->stage);
	free(c->varied);
	if (c->stream)
		cudaStreamDestroy(c->stream);
	free(c);
	d->ctx = NULL;
}

/* Opens a context on the GPU of that index, in d->ctx. */
static int open_context(struct hm_device *d, int index, struct hm_cuda *parent, struct hm_err *e)
{
	struct hm_cuda *c = d->ctx = hm_alloc(1, sizeof *c, e);
	if (!c)
		return HM_EDATA;
	c->index = index;
	c->careful = getenv("HM_CUDA_SYNC") != NULL;
	cudaError_t rc = cudaSetDevice(index);
	if (rc == cudaSuccess)
		rc = cudaDeviceGetAttribute(&c->units, cudaDevAttrMultiProcessorCount, index);
	if (rc == cudaSuccess)
		rc = cudaStreamCreateWithFlags(&c->stream, cudaStreamNonBlocking);
	if (rc == cudaSuccess)
		rc = cudaStreamCreateWithFlags(&c->beside, cudaStreamNonBlocking);
	if (rc == cudaSuccess)
		rc = cudaEventCreateWithFlags(&c->sent, cudaEventDisableTiming);
	if (rc == cudaSuccess)
		rc = cudaMalloc((void **)&c->vary, HM_CUDA_VARY);
	if (rc != cudaSuccess)
		hm_err_set(e, HM_EDEVICE, "device cuda:%d does not start: %s", index, cudaGetErrorString(rc));
	c->varied = hm_alloc(HM_CUDA_VARY, 1, e);
	if (rc == cudaSuccess && c->varied && !hm_cuda_product_open(d, parent, e) &&
	    hm_cuda_stage_room(d, HM_CUDA_STAGE))
		return 0;
	if (d->err.code)
		hm_err_set(e, HM_EDEVICE, "%s", d->err.text);
	cuda_close(d);
	return HM_EDEVICE;
}

static int cuda_open(struct hm_device *d, int index, struct hm_err *e)
{
	int n = 0, major = 0;
	cudaError_t rc = cudaGetDeviceCount(&n);
	if (rc != cudaSuccess || !n)
		return hm_err_set(e, HM_EDEVICE, "device cuda is absent: %s",
				  rc == cudaSuccess ? "no GPU" : cudaGetErrorString(rc));
	if (index >= n)
		return hm_err_set(e, HM_EDEVICE, "device cuda:%d is absent: there %s %d", index,
				  n == 1 ? "is" : "are", n);
	cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index);
	if (major < 8)
		return hm_err_set(e, HM_EDEVICE, "device cuda:%d is of compute capability %d, 8.0 is needed",
				  index, major);
	d->op = &cuda_ops;
	d->name = "cuda";
	d->act = d->precision == HM_PREC_BF16 ? HM_BF16 : HM_F32;
	return open_context(d, index, NULL, e);
}

/* Waits until what the first context has begun (packed weights) is there for the second one, which has
 * another stream. */
static int cuda_fork(struct hm_device *d, const struct hm_device *from, struct hm_err *e)
{
	struct hm_device parent = *from;
	hm_cuda_sync(&parent);
	return parent.err.code ? hm_err_set(e, HM_EDEVICE, "%s", parent.err.text)
			       : open_context(d, hm_cuda_of(from)->index, parent.ctx, e);
}

static void cuda_describe(char *out, size_t cap)
{
	int n = 0, version = 0;
	struct cudaDeviceProp p;
	cudaRuntimeGetVersion(&version);
	int used = snprintf(out, cap, "runtime %d.%d, ", version / 1000, version % 1000 / 10);
	if (cudaGetDeviceCount(&n) != cudaSuccess || !n || cudaGetDeviceProperties(&p, 0) != cudaSuccess)
		snprintf(out + used, cap - (size_t)used, "no GPU");
	else
		snprintf(out + used, cap - (size_t)used, "%s%s", p.name, n > 1 ? " and others" : "");
}

/* The plug-in's symbol, HM_PLUGIN_SYMBOL. */
extern const struct hm_backend hm_cuda_backend;
__attribute__((visibility("default"))) const struct hm_backend hm_cuda_backend = {
	HM_VERSION, sizeof(struct hm_ops), cuda_open, cuda_fork, cuda_close, cuda_describe, NULL};
