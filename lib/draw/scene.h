/* hm-synth's pictures: a scene of three things, `level` of them built (houses, towers), the others grown
 * (trees, bushes, balloons), in colours, sizes and places that say nothing about the level; and a caption on
 * top of it. */
#ifndef HM_SCENE_H
#define HM_SCENE_H

#include "base/rng.h"
#include "draw/canvas.h"

#define HM_SCENE_THINGS 3

/* Draws over the whole canvas; level in 0..HM_SCENE_THINGS. */
void hm_scene_draw(struct hm_canvas *c, int level, struct hm_rng *r);
/* The caption, upper-case, white with a dark edge: the first half at the top, the rest at the bottom. */
int hm_scene_letter(struct hm_canvas *c, const char *caption, struct hm_err *e);

#endif
