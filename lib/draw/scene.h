/* The pictures of hm-synth: a scene of three things and a caption on it. `level` of the things are built
 * (houses, towers), the others are grown (trees, bushes, balloons). Colours, sizes and places tell nothing
 * about the level. */
#ifndef HM_SCENE_H
#define HM_SCENE_H

#include "base/rng.h"
#include "draw/canvas.h"

#define HM_SCENE_THINGS 3

/* Fills the whole canvas; level in 0..HM_SCENE_THINGS. */
void hm_scene_draw(struct hm_canvas *c, int level, struct hm_rng *r);
/* Draws the caption in capitals, white with a dark edge: the first half at the top, the rest at the bottom.
 */
int hm_scene_letter(struct hm_canvas *c, const char *caption, struct hm_err *e);

#endif
