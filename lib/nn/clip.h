/* CLIP's towers: their rows of tower.h. See clipimage.c and cliptext.c. */
#ifndef HM_CLIP_H
#define HM_CLIP_H

#include "nn/tower.h"

extern const struct hm_tower_kind hm_clip_image_tower, hm_clip_text_tower;

#endif
