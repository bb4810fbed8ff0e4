/* From a path in a record to pixels: see imageload.h. */
#include "prep/imageload.h"

#include <stdio.h>
#include <stdlib.h>

struct hm_imageload {
	struct hm_imagebudget *budget;
	struct hm_image_decoder *decoder;
	struct hm_resizer resizer;
	struct hm_buf file;
	char damage[HM_IMAGE_DAMAGE]; /* of the last picture; "": none */
};

void hm_imagebudget_init(struct hm_imagebudget *b)
{
	hm_budget_init(&b->files, HM_IMAGEFILE_MAX);
	hm_budget_init(&b->pictures, HM_IMAGE_BUDGET);
}

void hm_imagebudget_clear(struct hm_imagebudget *b)
{
	hm_budget_clear(&b->files);
	hm_budget_clear(&b->pictures);
}

struct hm_imageload *hm_imageload_new(struct hm_imagebudget *b, struct hm_err *e)
{
	struct hm_imageload *l = hm_alloc(1, sizeof *l, e);
	if (l && !(l->decoder = hm_image_decoder_new(e))) {
		free(l);
		return NULL;
	}
	if (l)
		l->budget = b;
	return l;
}

void hm_imageload_free(struct hm_imageload *l)
{
	if (!l)
		return;
	hm_image_decoder_free(l->decoder);
	hm_resizer_clear(&l->resizer);
	hm_buf_clear(&l->file);
	free(l);
}

/* The file that was read becomes pixels. What the picture took of the budget is free again afterwards. */
static int decode_file(struct hm_imageload *l, const struct hm_imageload_options *o, uint8_t *pixels,
		       struct hm_err *e)
{
	struct hm_image_claim claim = {.budget = &l->budget->pictures,
				       .per_side = 3 * (size_t)o->square.size};
	const struct hm_image_options want = {o->limits, o->damaged, &claim};
	struct hm_image im;
	struct hm_resize plan;
	int rc = hm_image_decode(l->decoder, l->file.data, l->file.len, &want, &im, e);
	if (!rc) {
		snprintf(l->damage, sizeof l->damage, "%s", im.damage ? im.damage : "");
		plan = hm_square_plan(&o->square, im.w, im.h);
		rc = hm_resize_run(&l->resizer, &im, &plan, &im, e);
	}
	if (!rc)
		hm_image_planes(&im, &plan, pixels);
	if (claim.held) {
		hm_image_decoder_clear(l->decoder);
		hm_resizer_clear(&l->resizer);
		hm_budget_give(claim.budget, claim.held);
	}
	return rc;
}

int hm_imageload_run(struct hm_imageload *l, const struct hm_imageroot *root, const char *path, size_t len,
		     const struct hm_imageload_options *o, uint8_t *pixels, struct hm_err *e)
{
	size_t held;
	*l->damage = 0;
	int rc = hm_imagefile_read(root, path, len, &l->budget->files, &held, &l->file, e);
	if (!rc)
		rc = decode_file(l, o, pixels, e);
	if (held) {
		hm_buf_clear(&l->file);
		hm_budget_give(&l->budget->files, held);
	}
	return rc;
}

const char *hm_imageload_damage(const struct hm_imageload *l)
{
	return *l->damage ? l->damage : NULL;
}
