/* ViT and DINOv2: their rows of tower.h. See vitfamily.c. */
#ifndef HM_VITFAMILY_H
#define HM_VITFAMILY_H

#include "nn/tower.h"

extern const struct hm_tower_kind hm_vit_tower, hm_dinov2_tower;

#endif
