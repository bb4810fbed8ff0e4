/* How pixels are normalised. See colours.h. */
#include "nn/colours.h"

const struct hm_colours hm_imagenet_colours = {{.485f, .456f, .406f}, {.229f, .224f, .225f}};

struct hm_colours hm_colours_of(const struct hm_colours *known, const struct hm_colours *own)
{
	return known->std[0] > 0 ? *known : *own;
}

struct hm_colours hm_colours_unlike(const struct hm_colours *c, const struct hm_colours *own)
{
	bool same = true;
	for (int j = 0; j < 3; j++)
		same = same && !(c->mean[j] < own->mean[j] || c->mean[j] > own->mean[j]) &&
		       !(c->std[j] < own->std[j] || c->std[j] > own->std[j]);
	return same ? (struct hm_colours){0} : *c;
}

float *hm_pixel_table(struct hm_device *d, const struct hm_colours *c)
{
	float host[3 * 256];
	float *t = d->op->alloc(d, sizeof host);
	for (int j = 0; j < 3 * 256; j++)
		host[j] = ((float)(j % 256) / 255.f - c->mean[j / 256]) / c->std[j / 256];
	if (t)
		d->op->upload(d, t, host, sizeof host);
	return t;
}
