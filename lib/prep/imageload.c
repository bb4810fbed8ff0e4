/* From a path in a record to pixels: see imageload.h. */
#include "prep/imageload.h"

#include <stdlib.h>

struct hm_imageload {
	struct hm_image_decoder *decoder;
	struct hm_resizer resizer;
	struct hm_buf file;
	const char *damage; /* of the last picture */
};

struct hm_imageload *hm_imageload_new(struct hm_err *e)
{
	struct hm_imageload *l = hm_alloc(1, sizeof *l, e);
	if (l && !(l->decoder = hm_image_decoder_new(e))) {
		free(l);
		return NULL;
	}
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

int hm_imageload_run(struct hm_imageload *l, const struct hm_imageroot *root, const char *path, size_t len,
		     const struct hm_imageload_options *o, uint8_t *pixels, struct hm_err *e)
{
	const struct hm_image_options want = {o->limits, o->damaged};
	struct hm_image im;
	struct hm_resize plan;
	l->damage = NULL;
	int rc = hm_imagefile_read(root, path, len, &l->file, e);
	if (!rc)
		rc = hm_image_decode(l->decoder, l->file.data, l->file.len, &want, &im, e);
	if (!rc) {
		l->damage = im.damage;
		plan = hm_square_plan(&o->square, im.w, im.h);
		rc = hm_resize_run(&l->resizer, &im, &plan, &im, e);
	}
	if (!rc)
		hm_image_planes(&im, &plan, pixels);
	return rc;
}

const char *hm_imageload_damage(const struct hm_imageload *l)
{
	return l->damage;
}
