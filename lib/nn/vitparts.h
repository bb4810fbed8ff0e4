/* The parts of a vision transformer, for the files that compute with it: vit.c (parameters), vitinfer.c,
 * vittrain.c. */
#ifndef HM_VITPARTS_H
#define HM_VITPARTS_H

#include "nn/vit.h"

struct hm_vit {
	struct hm_tower tower; /* first member: a pointer to one is a pointer to the other */
	struct hm_vit_config c;
	float *klass, *position, *registers; /* [h], [side*side+1,h], [registers,h] */
	float *patch_w, *patch_b;	     /* [h,3,patch,patch], [h] */
	float *first_w, *first_b;	     /* [h] */
	struct hm_layers layers;
	float *pooler_w, *pooler_b; /* [h,h], [h] */
	float *projection;	    /* [projection,h] */
};

/* How the rows of n images of h x w lie: image after image, each with a class row, the registers, the patches
 * by rows. */
struct hm_vit_rows {
	int across, down; /* patches */
	int cells;	  /* across*down */
	int rows;	  /* of an image */
};
/* 0, or HM_EDATA: the network does not take images of this size. */
int hm_vit_rows_of(const struct hm_vit_config *c, int h, int w, struct hm_vit_rows *r, struct hm_err *e);
/* out [cells,hidden] := the positions of the patches, from the table [side*side+1,hidden], interpolated where
 * the image has another number of them. All is host memory. 0 or HM_EDATA. */
int hm_vit_positions(const struct hm_vit_config *c, const float *table, const struct hm_vit_rows *r,
		     float *out, struct hm_err *e);

/* Numbers of a patch. */
static inline int hm_vit_patch(const struct hm_vit_config *c)
{
	return 3 * c->patch * c->patch;
}

#endif
