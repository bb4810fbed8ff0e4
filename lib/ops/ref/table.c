/* This file has the reference device's table, its memory, and how it is opened. */
#include "ops/backend.h"
#include "ops/ref/ref.h"

#include <stdlib.h>
#include <string.h>

const struct hm_ops hm_ref_ops = {
	.alloc = hm_ref_alloc,
	.free = hm_ref_free,
	.upload = hm_ref_upload,
	.prefetch = hm_ref_upload,
	.download = hm_ref_download,
	.copy = hm_ref_copy,
	.image_bytes = hm_ref_image_bytes,
	.normalise = hm_ref_normalise,
	.patches = hm_ref_patches,
	.conv_pack = hm_ref_conv_pack,
	.conv = hm_ref_conv,
	.max_pool = hm_ref_max_pool,
	.avg_pool = hm_ref_avg_pool,
	.grid = hm_ref_grid,
	.image_put = hm_ref_image_put,
	.linear_pack = hm_ref_linear_pack,
	.matmul = hm_ref_matmul,
	.rows_round = hm_ref_rows_round,
	.weight_free = hm_ref_weight_free,
	.embed = hm_ref_embed,
	.layer_norm = hm_ref_layer_norm,
	.attention = hm_ref_attention,
	.gather = hm_ref_gather,
	.linear_forward = hm_ref_linear_forward,
	.linear_backward = hm_ref_linear_backward,
	.linears_forward = hm_ref_linears_forward,
	.linears_backward = hm_ref_linears_backward,
	.softmax = hm_ref_softmax,
	.cross_entropy = hm_ref_cross_entropy,
	.sgd = hm_ref_sgd,
	.adam = hm_ref_adam,
	.sum_squares = hm_ref_sum_squares,
	.clip = hm_ref_clip,
	.scale_rows = hm_ref_scale_rows,
	.scale_rows_backward = hm_ref_scale_rows_backward,
	.row_norm = hm_ref_row_norm,
	.row_norm_backward = hm_ref_row_norm_backward,
	.mul_add = hm_ref_mul_add,
	.outer = hm_ref_outer,
	.outer_backward = hm_ref_outer_backward,
	.relu_drop = hm_ref_relu_drop,
	.relu_drop_backward = hm_ref_relu_drop_backward,
	.copy_columns = hm_ref_copy_columns,
	.widen = hm_ref_widen,
	.narrow = hm_ref_narrow,
	.conv_forward = hm_ref_conv_forward,
	.conv_backward = hm_ref_conv_backward,
	.batch_norm = hm_ref_batch_norm,
	.batch_norm_backward = hm_ref_batch_norm_backward,
	.max_pool_backward = hm_ref_max_pool_backward,
	.avg_pool_backward = hm_ref_avg_pool_backward,
	.dense_forward = hm_ref_dense_forward,
	.dense_backward = hm_ref_dense_backward,
	.activate = hm_ref_activate,
	.activate_backward = hm_ref_activate_backward,
	.tanh = hm_ref_tanh,
	.tanh_backward = hm_ref_tanh_backward,
	.dropout = hm_ref_dropout,
	.add_norm = hm_ref_add_norm,
	.add_norm_backward = hm_ref_add_norm_backward,
	.attention_forward = hm_ref_attention_forward,
	.attention_backward = hm_ref_attention_backward,
	.add_rows = hm_ref_add_rows,
	.add_rows_backward = hm_ref_add_rows_backward,
	.gather_backward = hm_ref_gather_backward,
	.zero = hm_ref_zero,
	.submit = hm_ref_submit,
};

static int ref_open(struct hm_device *d, int index, struct hm_err *e)
{
	(void)index;
	if (d->precision == HM_PREC_TF32)
		return hm_err_set(e, HM_EDEVICE, "device ref has no precision tf32");
	d->op = &hm_ref_ops;
	d->name = "ref";
	d->host = true;
	d->act = d->precision == HM_PREC_BF16 ? HM_BF16 : HM_F32;
	return 0;
}

const struct hm_backend hm_ref_backend = {HM_VERSION, sizeof(struct hm_ops), ref_open, NULL, NULL, NULL,
					  NULL};

void *hm_ref_alloc(struct hm_device *d, size_t bytes)
{
	return hm_alloc(bytes, 1, &d->err);
}

void hm_ref_free(struct hm_device *d, void *p)
{
	(void)d;
	free(p);
}

void hm_ref_upload(struct hm_device *d, void *dst, const void *host, size_t bytes)
{
	(void)d;
	memcpy(dst, host, bytes);
}

void hm_ref_download(struct hm_device *d, void *host, const void *src, size_t bytes)
{
	(void)d;
	memcpy(host, src, bytes);
}

void hm_ref_copy(struct hm_device *d, void *dst, const void *src, size_t bytes)
{
	(void)d;
	memcpy(dst, src, bytes);
}

void hm_ref_zero(struct hm_device *d, void *dst, size_t bytes)
{
	(void)d;
	memset(dst, 0, bytes);
}

/* Nothing to do: every operation has finished when it returns. */
void hm_ref_submit(struct hm_device *d)
{
	(void)d;
}
