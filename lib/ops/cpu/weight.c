/* This file chooses how a convolution or a linear layer of inference is computed: see weight.h. */
#if HM_ONEDNN
#include "ops/cpu/weight.h"
#include "ops/cpu/dnnl.h"
#include "ops/cpu/dnnlweight.h"
#include "ops/cpu/panels.h"
#include "ops/cpu/winograd.h"

/* Transforming ResNet18's filters takes three times as long as convolving one image directly. */
struct hm_weight *hm_cpu_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				   const float *b)
{
	const struct hm_dnnl_shared *s = ((struct hm_cpu *)d->ctx)->dnnl->shared;
	if (s->winograd && !d->once && hm_winograd_takes(c, s->block))
		return hm_winograd_pack(c, s->block, w, b, &d->err);
	return hm_dnnl_conv_pack(d, c, w, b);
}

struct hm_weight *hm_cpu_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				     const float *b)
{
	if (((struct hm_cpu *)d->ctx)->dnnl->shared->panels && !d->once)
		return hm_panels_pack(l, w, b, &d->err);
	if (d->act == HM_BF16 && !hm_dnnl_bf16_pays())
		return hm_dnnl_widened_pack(d, l, w, b);
	return hm_dnnl_linear_pack(d, l, w, b);
}

void hm_cpu_conv(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int i, int h, int w)
{
	wt->kind->conv(d, y, x, wt, i, h, w);
}

void hm_cpu_matmul(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int m)
{
	wt->kind->matmul(d, y, x, wt, m);
}

void hm_cpu_weight_free(struct hm_device *d, struct hm_weight *wt)
{
	(void)d;
	if (wt)
		wt->kind->free(wt);
}

#endif
