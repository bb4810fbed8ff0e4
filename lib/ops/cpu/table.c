/* This file has the cpu device's table and its contexts. Slots that are worth no fast version have ref's
 * loop. */
#include "ops/backend.h"
#include "ops/cpu/cpu.h"
#include "ops/ref/ref.h"

#include <stdio.h>
#include <stdlib.h>

static const struct hm_ops cpu_ops = {
	.alloc = hm_ref_alloc,
	.free = hm_ref_free,
	.upload = hm_ref_upload,
	.prefetch = hm_ref_upload,
	.download = hm_ref_download,
	.copy = hm_ref_copy,
	.image_bytes = hm_cpu_image_bytes,
	.normalise = hm_cpu_normalise,
	.patches = hm_cpu_patches,
	.max_pool = hm_cpu_max_pool,
	.avg_pool = hm_cpu_avg_pool,
	.grid = hm_cpu_grid,
	.image_put = hm_cpu_image_put,
#if HM_ONEDNN
	.conv_pack = hm_cpu_conv_pack,
	.conv = hm_cpu_conv,
	.linear_pack = hm_cpu_linear_pack,
	.matmul = hm_cpu_matmul,
	.rows_round = hm_dnnl_rows_round,
	.weight_free = hm_cpu_weight_free,
	.dense_forward = hm_dnnl_dense_forward,
	.dense_backward = hm_dnnl_dense_backward,
	.conv_forward = hm_dnnl_conv_forward,
	.conv_backward = hm_dnnl_conv_backward,
#else
	.conv_pack = hm_ref_conv_pack,
	.conv = hm_ref_conv,
	.linear_pack = hm_ref_linear_pack,
	.matmul = hm_ref_matmul,
	.rows_round = hm_ref_rows_round,
	.weight_free = hm_ref_weight_free,
	.dense_forward = hm_ref_dense_forward,
	.dense_backward = hm_ref_dense_backward,
	.conv_forward = hm_ref_conv_forward,
	.conv_backward = hm_ref_conv_backward,
#endif
	.batch_norm = hm_cpu_batch_norm,
	.batch_norm_backward = hm_cpu_batch_norm_backward,
	.max_pool_backward = hm_cpu_max_pool_backward,
	.avg_pool_backward = hm_cpu_avg_pool_backward,
	.embed = hm_cpu_embed,
	.layer_norm = hm_cpu_layer_norm,
	.attention = hm_cpu_attention,
	.gather = hm_ref_gather,
	.linear_forward = hm_cpu_linear_forward,
	.linear_backward = hm_cpu_linear_backward,
	.linears_forward = hm_cpu_linears_forward,
	.linears_backward = hm_cpu_linears_backward,
	.softmax = hm_ref_softmax,
	.cross_entropy = hm_cpu_cross_entropy,
	.sgd = hm_cpu_sgd,
	.adam = hm_cpu_adam,
	.sum_squares = hm_cpu_sum_squares,
	.clip = hm_cpu_clip,
	.scale_rows = hm_cpu_scale_rows,
	.scale_rows_backward = hm_cpu_scale_rows_backward,
	.row_norm = hm_cpu_row_norm,
	.row_norm_backward = hm_cpu_row_norm_backward,
	.mul_add = hm_cpu_mul_add,
	.outer = hm_cpu_outer,
	.outer_backward = hm_cpu_outer_backward,
	.relu_drop = hm_cpu_relu_drop,
	.relu_drop_backward = hm_cpu_relu_drop_backward,
	.copy_columns = hm_cpu_copy_columns,
	.widen = hm_cpu_widen,
	.narrow = hm_cpu_narrow,
	.activate = hm_cpu_activate,
	.activate_backward = hm_cpu_activate_backward,
	.tanh = hm_cpu_tanh,
	.tanh_backward = hm_cpu_tanh_backward,
	.dropout = hm_cpu_dropout,
	.add_norm = hm_cpu_add_norm,
	.add_norm_backward = hm_cpu_add_norm_backward,
	.attention_forward = hm_cpu_attention_forward,
	.attention_backward = hm_cpu_attention_backward,
	.add_rows = hm_cpu_add_rows,
	.add_rows_backward = hm_cpu_add_rows_backward,
	.gather_backward = hm_cpu_gather_backward,
	.zero = hm_cpu_zero,
	.submit = hm_ref_submit,
};

static int cpu_open(struct hm_device *d, int index, struct hm_err *e)
{
	struct hm_cpu *c = hm_alloc(1, sizeof *c, e);
	(void)index;
	if (!c)
		return HM_EDATA;
	c->block = 1;
	d->op = &cpu_ops;
	d->name = "cpu";
	d->host = true;
	d->ctx = c;
	d->act = d->precision == HM_PREC_BF16 ? HM_BF16 : HM_F32;
#if HM_ONEDNN
	d->tiles = hm_dnnl_tiles();
	if (d->precision != HM_PREC_TF32 && (c->dnnl = hm_dnnl_open(d->precision, &c->block, e)))
		return 0;
#else
	if (d->precision == HM_PREC_F32)
		return 0;
#endif
	free(c);
	d->ctx = NULL;
	return hm_err_set(e, HM_EDEVICE, "device cpu has no precision %s", hm_precision_name(d->precision));
}

static int cpu_fork(struct hm_device *d, const struct hm_device *from, struct hm_err *e)
{
	const struct hm_cpu *f = from->ctx;
	struct hm_cpu *c = hm_alloc(1, sizeof *c, e);
	if (!c)
		return HM_EDATA;
	c->block = f->block;
#if HM_ONEDNN
	c->dnnl = hm_dnnl_fork(f->dnnl, e);
	if (!c->dnnl) {
		free(c);
		return HM_EDEVICE;
	}
#endif
	d->ctx = c;
	return 0;
}

static void cpu_close(struct hm_device *d)
{
	struct hm_cpu *c = d->ctx;
#if HM_ONEDNN
	hm_dnnl_close(c->dnnl);
#endif
	hm_buf_clear(&c->scratch);
	hm_buf_clear(&c->gathered);
	hm_buf_clear(&c->widened);
	free(c);
}

static void cpu_describe(char *out, size_t cap)
{
#if HM_ONEDNN
	hm_dnnl_describe(out, cap);
#else
	snprintf(out, cap, "plain loops");
#endif
}

static uint64_t cpu_processor(void)
{
#if HM_ONEDNN
	return hm_dnnl_processor();
#else
	return 0;
#endif
}

const struct hm_backend hm_cpu_backend = {HM_VERSION, sizeof(struct hm_ops), cpu_open,	   cpu_fork,
					  cpu_close,  cpu_describe,	     cpu_processor};

void *hm_cpu_scratch(struct hm_device *d, size_t n)
{
	struct hm_cpu *c = d->ctx;
	c->scratch.len = 0;
	return d->err.code || hm_buf_reserve(&c->scratch, n ? n : 1, &d->err) ? NULL : c->scratch.data;
}
