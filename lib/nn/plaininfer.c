/* Inference of the fusions that run no tower. See hm_plain_infer in fusionkind.h. */
#include "nn/fusionkind.h"

#include <stdlib.h>

struct work {
	const struct hm_fusion_kind *kind;
	void *tape;
};

/* What is prepared is the net itself, on the device. */
static void *prepare_net(struct hm_fusion_net *net, const struct hm_tower *text, struct hm_device *d,
			 struct hm_err *e)
{
	(void)text;
	return hm_params_place(&net->params, d, false, e) ? NULL : net;
}

static void free_net(void *net)
{
	(void)net;
}

static void free_work(void *work)
{
	struct work *w = work;
	if (w)
		w->kind->tape_free(w->tape);
	free(w);
}

static void *new_work(const void *net, struct hm_device *d, int n, int rows, struct hm_err *e)
{
	(void)rows;
	struct hm_fusion_net *of = (struct hm_fusion_net *)(uintptr_t)net; /* only read */
	struct work *w = hm_alloc(1, sizeof *w, e);
	if (!w)
		return NULL;
	w->kind = of->kind;
	w->tape = w->kind->tape_new(of, NULL, d, false, e);
	if (w->tape)
		w->kind->reserve(w->tape, n, 0, false);
	if (w->tape && !hm_device_error(d, e))
		return w;
	free_work(w);
	return NULL;
}

static void run_work(void *work, const struct hm_fusion_input *in, float *logits)
{
	struct work *w = work;
	w->kind->forward(w->tape, in, NULL, logits);
}

const struct hm_fusion_infer hm_plain_infer = {prepare_net, free_net, new_work, free_work, run_work};
